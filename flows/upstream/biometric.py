"""biometric.kz (Biometric.Vision): opens a Flow session for somebody, and says what came of it (protocols.md 3).

The key of the flow stands in the body of one call and in the query of the other; `web.py` lets neither out. Slashes at
the end belong to the paths. What a refusal says of itself is not passed on.
"""

import json
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field

from flows.errors import Refused, Unexpected
from flows.papers import LivenessSession, Technology, Verdict
from flows.upstream.answer import Answer, Told
from flows.upstream.biometric_result import verdict_of
from flows.upstream.breaker import Breaker
from flows.upstream.code_gateway import GatewayOptions, secret
from flows.upstream.web import BaseUrl, Web

LARGEST_RESULT = 15 * 2**20
"""Bytes: photos travel in it."""
_UPLOAD = 30.0
"""Seconds at least for a session that is made with a photo."""
_PART = 48 * 2**10
"""Bytes of a photo that are sent at a time; a multiple of 3, so that their base64 can be joined."""
_NOBODYS = "00000000-0000-4000-8000-000000000000"
_SESSION = re.compile(r"^[A-Za-z0-9_-]{1,64}$")
_GLANCE = 2048
"""Bytes of a refusal that are looked at."""
_JSON: Final = {"Content-Type": "application/json"}
_REFUSALS: Final = {400: "request", 401: "credentials", 403: "credentials", 413: "too_large", 422: "request"}
_LOCALES: Final = {"ru": "ru", "en": "en", "kk": "kz", "kz": "kz"}

Origin = Annotated[str, Field(pattern=r"^(https?|wss?)://[A-Za-z0-9*.-]+(:[0-9]{1,5})?$", max_length=256)]
Share = Annotated[float, Field(ge=0, le=1)]
_REQUIRED: Final[dict[Technology, float]] = {"liveness": 0.0}


class BiometricOptions(GatewayOptions):
    """`[upstream.biometric]`. `pages` is where their own pages are, `script` the widget's address.

    `hosts`: where else the widget calls. `require`: the technologies that must pass, each with the least prediction
    that will do.
    """

    url: BaseUrl = "https://kyc.biometric.kz"
    key_env: str
    pages: BaseUrl = "https://remote.biometric.kz"
    script: BaseUrl = "https://remote.biometric.kz/widget/flow-widget.umd.js"
    hosts: tuple[Origin, ...] = ()
    require: dict[Technology, Share] = Field(default_factory=lambda: dict(_REQUIRED), min_length=1)
    seconds: float = Field(default=10, gt=0, le=60)

    @property
    def origins(self) -> tuple[str, ...]:
        """Where the widget comes from and calls, as a Content-Security-Policy names it."""
        parts = (urlsplit(address) for address in (self.script, self.pages, self.url))
        return tuple(dict.fromkeys([*(f"{part.scheme}://{part.netloc}" for part in parts), *self.hosts]))


def _names(value: object) -> object:
    """Texts here; in a result they are objects with a name."""
    listed = value[:20] if isinstance(value, list) else []
    return tuple(str(one.get("name") if isinstance(one, dict) else one)[:128] for one in listed)


class _Made(Told):
    session_id: str = Field(pattern=_SESSION.pattern)
    technologies: Annotated[tuple[str, ...], BeforeValidator(_names)] = ()


class Biometric:
    """All calls raise `Unavailable`, `Refused` or `Unexpected`.

    Reasons of a refusal: credentials · request · too_large · unknown_session (expired ones too).
    """

    name = "biometric"

    def __init__(self, options: BiometricOptions, key: str, *, breaker: Breaker | None = None) -> None:
        self.options = options
        self._key = key
        self._web = Web(options.url, total=options.seconds, breaker=breaker)

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
        """A new session, which serves once. `photo`: what the face is compared with.

        `iin` (12 digits) and `phone` (`77…`, a plus may stand before it) fill the form of the e-document in;
        `skip_input` leaves it out, and needs both, not `changeable`. What breaks their rules is refused unsent.
        """
        metadata = _metadata(iin, phone, changeable=changeable, skip_input=skip_input, interchangeable=interchangeable)
        if photo == b"":
            raise Refused("request")
        if photo:
            metadata["face2face"] = {"photo1": ""}
        body = json.dumps({"api_key": self._key} | ({"metadata": metadata} if metadata else {})).encode()
        answer = await self._web.call(
            "POST",
            "api/v1/flows/session/create/",
            content=_with_photo(body, photo) if photo else body,
            headers=_JSON | {"Content-Length": str(len(body) + (len(photo or b"") + 2) // 3 * 4)},
            total=max(_UPLOAD, self.options.seconds) if photo else None,
        )
        made = _checked(answer).read(_Made)
        return LivenessSession(id=made.session_id, technologies=made.technologies)

    async def result(self, session_id: str) -> Verdict:
        """How it stands; may be asked at any time."""
        told = await self._ask(session_id)
        if isinstance(told, dict) and _plain(told.get("id") or session_id) != _plain(session_id):
            raise Unexpected
        return verdict_of(told, self.options.require)

    def hosted(self, session_id: str, locale: str) -> str:
        """The address of their own page for it; `locale` is a language of ours."""
        return f"{self.options.pages}/flow/{session_id}?locale={locale_of(locale)}"

    async def ping(self) -> None:
        """Asks for a session that nobody has."""
        try:
            await self._ask(_NOBODYS)
        except Refused as refused:
            if refused.reason != "unknown_session":
                raise

    async def close(self) -> None:
        await self._web.close()

    async def _ask(self, session_id: str) -> object:
        if not _SESSION.fullmatch(session_id):
            raise Refused("unknown_session")
        params = {"session_id": session_id, "flow_api_key": self._key}
        answer = await self._web.call(
            "GET",
            "api/v1/flows/session/result/",
            params=params,
            headers=_JSON,
            retry=True,
            largest=LARGEST_RESULT,
        )
        told = _checked(answer).json()
        if answer.status in (404, 410):
            raise Refused("unknown_session")
        return told


def biometric(options: BiometricOptions, environ: Mapping[str, str], *, breaker: Breaker | None = None) -> Biometric:
    """`SecretUnset` names the variable that is missing."""
    return Biometric(options, secret(environ, options.key_env), breaker=breaker)


def locale_of(language: str) -> str:
    """What biometric.kz calls it; one that it lacks falls back to Russian."""
    return _LOCALES.get(language, "ru")


def _metadata(
    iin: str | None, phone: str | None, *, changeable: bool, skip_input: bool, interchangeable: tuple[str, ...]
) -> dict[str, object]:
    phone = phone.removeprefix("+") if phone else None
    wrong = (iin and not re.fullmatch("[0-9]{12}", iin)) or (phone and not re.fullmatch("77[0-9]{9}", phone))
    if wrong or (skip_input and (changeable or not iin or not phone)):
        raise Refused("request")
    given = {"iin": iin, "phone": phone}
    edocument: dict[str, object] = {
        name: {"value": value, "changeable": changeable} for name, value in given.items() if value
    }
    if skip_input:
        edocument["skip_input"] = True
    found: dict[str, object] = {"edocument": edocument} if edocument else {}
    return found | ({"general": {"interchangeable_tech": list(interchangeable)}} if interchangeable else {})


async def _with_photo(body: bytes, photo: bytes) -> AsyncIterator[bytes]:
    """The photo is turned into base64 only while it is sent."""
    # Within a text of JSON a quote has a backslash before it, so this is the key and nothing else.
    before, key, after = body.partition(b'"photo1": "')
    yield before + key
    whole = memoryview(photo)
    for start in range(0, len(photo), _PART):
        yield b64encode(whole[start : start + _PART])
    yield after


def _checked(answer: Answer) -> Answer:
    if answer.status == 400 and re.search(rb"api[ _-]?key", answer.body[:_GLANCE], re.IGNORECASE):
        raise Refused("credentials")
    if reason := _REFUSALS.get(answer.status):
        raise Refused(reason)
    if answer.status >= 300 and answer.status not in (404, 410):
        raise Unexpected
    return answer


def _plain(session_id: object) -> str:
    return str(session_id).replace("-", "").casefold()
