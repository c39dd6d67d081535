"""SMSC (smsc.kz, smsc.ru): Kazakhstan, Russia and nearly everywhere else (protocols.md 6.2).

Everything goes by POST, so login, phone and text are in the body. Errors come with HTTP 200 too: `error_code` decides.
The message's number is our own, made of the send's id, so after a doubt its status can be asked for before anything is
sent again; and within a minute SMSC itself refuses the same text to the same phone with error 9.
"""

from typing import Final, Literal

from flows.errors import FlowError, Refused, Unavailable, Unexpected
from flows.upstream.answer import Told
from flows.upstream.code_gateway import CodeMessage, Country, GatewayOptions, Reason, in_countries
from flows.upstream.web import BaseUrl, Web

_REPEATED = 9
_UNKNOWN = -3
_NO_SUCH_MESSAGE = 3
"""What error 3 means when a status is asked; when sending it means no funds."""
_REASONS: Final[dict[int, Reason]] = {
    1: "request",
    2: "credentials",
    3: "funds",
    4: "network",
    5: "request",
    6: "content",
    7: "destination",
    8: "unreachable",
}


class SMSCOptions(GatewayOptions):
    """`[upstream.smsc]`. `secret_env` holds the password, or the key when `auth` is "apikey".

    `reserve` is asked when the first host is away, else the first one again; each time may take half of `seconds`.
    """

    url: BaseUrl = "https://smsc.kz"
    reserve: BaseUrl | None = "https://www2.smsc.kz"
    login: str = ""
    secret_env: str = "SMSC_PASSWORD"
    auth: Literal["password", "apikey"] = "password"
    sender: str | None = None
    countries: tuple[Country, ...] = ("*",)
    seconds: float = 2.8


class _Said(Told):
    """Any answer: an error, a number of a message, a status or a balance."""

    error_code: int | None = None
    id: int | None = None
    status: int | None = None
    balance: float | None = None


class SMSC:
    name = "smsc"

    def __init__(self, options: SMSCOptions, secret: str) -> None:
        self._options = options
        self._first = Web(options.url, total=options.seconds / 2)
        self._reserve = Web(options.reserve, total=options.seconds / 2) if options.reserve else self._first
        self._sender = {"sender": options.sender} if options.sender else {}
        self._account = {"fmt": "3", "charset": "utf-8"} | (
            {"apikey": secret} if options.auth == "apikey" else {"login": options.login, "psw": secret}
        )

    def serves(self, message: CodeMessage) -> bool:
        return in_countries(message.phone, self._options.countries)

    async def send(self, message: CodeMessage) -> None:
        """By the first host, else by the reserve, which is asked first whether the message is there already."""
        try:
            await self._send(self._first, message, doubtful=message.resubmitted)
        except Unavailable:
            away = True
        else:
            away = False
        if away:
            await self._send(self._reserve, message, doubtful=True)

    async def _send(self, host: Web, message: CodeMessage, *, doubtful: bool) -> None:
        if doubtful and await self._knows(host, message):
            return
        form = {"phones": message.phone or "", "mes": message.text, "id": _number(message.send_id)} | self._sender
        told = await self._ask(host, "sys/send.php", form)
        if told.error_code not in {None, _REPEATED}:
            raise _refusal(told.error_code)
        if told.error_code is None and told.id is None:
            raise Unexpected

    async def _knows(self, host: Web, message: CodeMessage) -> bool:
        form = {"phone": message.phone or "", "id": _number(message.send_id)}
        told = await self._ask(host, "sys/status.php", form)
        if told.error_code == _NO_SUCH_MESSAGE:
            return False
        if told.error_code is not None:
            raise _refusal(told.error_code)
        if told.status is None:
            raise Unexpected
        return told.status != _UNKNOWN

    async def ping(self) -> None:
        told = await self._ask(self._first, "sys/balance.php", {})
        if told.error_code is not None:
            raise _refusal(told.error_code)
        if told.balance is None:
            raise Unexpected
        if told.balance <= 0:
            raise Refused("funds")

    async def close(self) -> None:
        await self._first.close()
        await self._reserve.close()

    async def _ask(self, host: Web, path: str, form: dict[str, str]) -> _Said:
        return (await host.call("POST", path, data=self._account | form)).read(_Said)


def _number(send_id: str) -> str:
    """1 to 2^31 - 1. Two sends meet in it once in two thousand million, and the phone is compared as well."""
    return str(int(send_id[:16], 16) % (2**31 - 1) + 1)


def _refusal(code: int | None) -> FlowError:
    if code == _REPEATED:  # of a question, not of a message: they want fewer
        return Unavailable()
    reason = _REASONS.get(code or 0)
    return Refused(reason) if reason else Unexpected()
