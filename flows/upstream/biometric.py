"""biometric.kz (Biometric.Vision): opens a Flow session for somebody and says what came of it (protocols.md 3).

The key of the flow is in the body of one call and in the query of the other; `web.py` lets neither out.
"""

from typing import Annotated, Final

from pydantic import Field

from flows.papers import LivenessSession, Technology, Verdict
from flows.upstream.code_gateway import GatewayOptions
from flows.upstream.web import BaseUrl, Web

Origin = Annotated[str, Field(pattern=r"^(https?|wss?)://[A-Za-z0-9*.-]+(:[0-9]{1,5})?$", max_length=256)]
Share = Annotated[float, Field(ge=0, le=1)]

_REQUIRED: Final[dict[Technology, float]] = {"liveness": 0.0}


class BiometricOptions(GatewayOptions):
    """`[upstream.biometric]`. `pages` is the host of their own pages, `script` the widget's.

    `hosts`: what else the widget may talk to, for the page's Content-Security-Policy. `require`: the technologies that
    must pass, each with the least prediction that will do.
    """

    url: BaseUrl = "https://kyc.biometric.kz"
    key_env: str
    pages: BaseUrl = "https://remote.biometric.kz"
    script: BaseUrl = "https://remote.biometric.kz/widget/flow-widget.umd.js"
    hosts: tuple[Origin, ...] = ()
    require: dict[Technology, Share] = Field(default_factory=lambda: dict(_REQUIRED))
    seconds: float = Field(default=10, gt=0, le=60)


class Biometric:
    """All calls raise `Unavailable`, `Refused` or `Unexpected`.

    Reasons of a refusal: credentials · request · too_large · unknown_session (or expired).
    """

    name = "biometric"

    def __init__(self, options: BiometricOptions, key: str) -> None:
        self.options = options
        self._key = key
        self._web = Web(options.url, total=options.seconds)

    async def create(
        self,
        *,
        photo: bytes | None = None,
        iin: str | None = None,
        phone: str | None = None,
        changeable: bool = True,
        skip_input: bool = False,
        interchangeable: tuple[str, ...] = (),
    ) -> LivenessSession:
        """A new one-time session. `photo` (JPEG) is what the face is compared with."""
        raise NotImplementedError

    async def result(self, session_id: str) -> Verdict:
        """How it stands; may be asked at any time."""
        raise NotImplementedError

    def hosted(self, session_id: str, locale: str) -> str:
        """The address of their own page; `locale` is a language of ours."""
        raise NotImplementedError

    async def ping(self) -> None:
        """Asks for a session that nobody has."""
        raise NotImplementedError

    async def close(self) -> None:
        await self._web.close()
