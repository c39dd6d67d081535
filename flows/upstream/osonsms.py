"""OsonSMS, which reaches Tajikistan (protocols.md 6.1, "API 2.0.2").

`txn_id` is the send's own id, so a repeat is answered with HTTP 409, code 108, and that means: accepted already. The
text, code and phone travel in the query string, as the vendor wants it; `web.py` never logs a URL.
"""

import hashlib
from secrets import token_hex
from typing import Final, Literal

from flows.errors import FlowError, Refused, Unavailable, Unexpected
from flows.upstream.answer import Answer, Told
from flows.upstream.code_gateway import CodeMessage, Country, GatewayOptions, Reason, in_countries
from flows.upstream.web import BaseUrl, Web

_DUPLICATE = 108
_PASSING: Final = frozenset({109, 112, 113})
"""Saving failed, sending failed, their SMS centre is away."""
_REASONS: Final[dict[int, Reason]] = {
    100: "request",
    105: "account",
    106: "credentials",
    107: "sender",
    114: "network",
    119: "funds",
}


class OsonSMSOptions(GatewayOptions):
    """`[upstream.osonsms]`. `auth`: which way the account was given; `token_env` holds the token or hash."""

    url: BaseUrl = "https://api.osonsms.com"
    login: str
    sender: str
    token_env: str = "OSONSMS_TOKEN"
    auth: Literal["bearer", "hash"] = "bearer"
    countries: tuple[Country, ...] = ("TJ",)
    seconds: float = 2.8


class _Fault(Told):
    code: int


class _Failed(Told):
    error: _Fault


class _Balance(Told):
    balance: float


class OsonSMS:
    name = "osonsms"

    def __init__(self, options: OsonSMSOptions, token: str) -> None:
        self._options = options
        self._hash = token if options.auth == "hash" else None
        headers = {} if self._hash else {"Authorization": f"Bearer {token}"}
        self._web = Web(options.url, headers=headers, total=options.seconds)

    def serves(self, message: CodeMessage) -> bool:
        return in_countries(message.phone, self._options.countries)

    async def send(self, message: CodeMessage) -> None:
        """Success is HTTP 201, and 200 is not. Up to three tries: all have the same `txn_id`."""
        phone = (message.phone or "").removeprefix("+")
        login, sender = self._options.login, self._options.sender
        query = {
            "from": sender,
            "phone_number": phone,
            "msg": message.text,
            "login": login,
            "txn_id": message.send_id,
            "is_confidential": "true",
        } | self._signature(message.send_id, login, sender, phone)
        answer = await self._web.call("GET", "sendsms_v1.php", params=query, retry=True)
        if answer.status != 201:
            _accepted_before(answer)

    async def ping(self) -> None:
        txn_id, login = token_hex(8), self._options.login
        query = {"login": login, "txn_id": txn_id} | self._signature(txn_id, login)
        answer = await self._web.call("GET", "check_balance.php", params=query, retry=True)
        if answer.status != 200:
            raise _refusal(_code(answer))
        if answer.read(_Balance).balance <= 0:
            raise Refused("funds")

    async def close(self) -> None:
        await self._web.close()

    def _signature(self, *parts: str) -> dict[str, str]:
        """The old way: sha256 of the parts and the hash, joined by ";". Nothing when the account has a token."""
        if self._hash is None:
            return {}
        return {"str_hash": hashlib.sha256(";".join((*parts, self._hash)).encode()).hexdigest()}


def _accepted_before(answer: Answer) -> None:
    code = _code(answer)
    if code != _DUPLICATE:
        raise _refusal(code)


def _code(answer: Answer) -> int:
    return answer.read(_Failed).error.code


def _refusal(code: int) -> FlowError:
    if code in _PASSING:
        return Unavailable()
    reason = _REASONS.get(code)
    return Refused(reason) if reason else Unexpected()
