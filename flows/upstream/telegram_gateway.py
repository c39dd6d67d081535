"""Telegram Gateway API: a code as a message of Telegram's own (protocols.md 6.4; core.telegram.org/gateway/api).

Two calls: `checkSendAbility` takes the fee and gives a `request_id`; `sendVerificationMessage` with it is free, and a
second one with the same id is refused as sent already. So the second call may be repeated, the first may not.

The `request_id` does not outlive the process. After a crash in between, a resubmitted message takes one more fee, and
when the first had gone out, the person sees the same code twice; `payload` is the send's id, so both are found in the
account's reports. `codes.py` resubmits once at most (security.md Q22).
"""

import re
from typing import Final

from pydantic import Field

from flows.errors import FlowError, Refused, Unavailable, Unexpected
from flows.upstream.answer import Told
from flows.upstream.code_gateway import CodeMessage, Country, GatewayOptions, Reason, in_countries
from flows.upstream.web import BaseUrl, Web

_SENT_BEFORE: Final = frozenset({"MESSAGE_ALREADY_SENT", "REQUEST_ID_ALREADY_USED"})
_REASONS: Final[dict[str, Reason]] = {
    "PHONE_NUMBER_INVALID": "destination",
    "PHONE_NUMBER_NOT_FOUND": "unreachable",
    "PHONE_NUMBER_NOT_AVAILABLE": "unreachable",
    "ACCESS_TOKEN_INVALID": "credentials",
    "ACCESS_TOKEN_REQUIRED": "credentials",
    "ACCESS_TOKEN_EXPIRED": "credentials",
    "IP_NOT_ALLOWED": "network",
    "BALANCE_NOT_ENOUGH": "funds",
    "SENDER_NOT_VERIFIED": "sender",
    "SENDER_USERNAME_INVALID": "sender",
    "CODE_INVALID": "request",
    "TTL_INVALID": "request",
    "PAYLOAD_INVALID": "request",
}
"""The page names one error, ACCESS_TOKEN_INVALID; the others were seen by integrators, so the list is open."""


class TelegramGatewayOptions(GatewayOptions):
    """`[upstream.telegram_gateway]`. `ttl`: seconds in which the message must arrive, else the fee comes back."""

    url: BaseUrl = "https://gatewayapi.telegram.org"
    token_env: str = "TELEGRAM_GATEWAY_TOKEN"
    sender_username: str | None = None
    ttl: int = 300
    countries: tuple[Country, ...] = ("*",)
    seconds: float = 2.8


class _Request(Told):
    request_id: str = Field(min_length=1, max_length=200)


class _Said(Told):
    ok: bool
    error: str = ""
    result: _Request | None = None


class TelegramGateway:
    name = "telegram_gateway"

    def __init__(self, options: TelegramGatewayOptions, token: str) -> None:
        self._options = options
        self._ttl = min(max(options.ttl, 60), 3600)
        self._web = Web(options.url, headers={"Authorization": f"Bearer {token}"}, total=options.seconds / 2)

    def serves(self, message: CodeMessage) -> bool:
        return bool(re.fullmatch(r"[0-9]{4,8}", message.code)) and in_countries(message.phone, self._options.countries)

    async def send(self, message: CodeMessage) -> None:
        able = await self._ask("checkSendAbility", {"phone_number": message.phone}, retry=False)
        if not able.ok:
            raise _refusal(able.error)
        if able.result is None:
            raise Unexpected
        sent = await self._ask("sendVerificationMessage", self._message(message, able.result.request_id), retry=True)
        if not sent.ok and sent.error not in _SENT_BEFORE:
            raise _refusal(sent.error)

    async def ping(self) -> None:
        """Ask for a request that cannot be: anything but trouble with the token will do."""
        said = await self._ask("checkVerificationStatus", {"request_id": "0"}, retry=True)
        refusal = None if said.ok else _refusal(said.error)
        if isinstance(refusal, Refused) and refusal.reason in {"credentials", "network"}:
            raise refusal

    async def close(self) -> None:
        await self._web.close()

    def _message(self, message: CodeMessage, request_id: str) -> dict[str, object]:
        parameters: dict[str, object] = {
            "phone_number": message.phone,
            "request_id": request_id,
            "code": message.code,
            "ttl": self._ttl,
            "payload": message.send_id,
        }
        if self._options.sender_username:
            parameters["sender_username"] = self._options.sender_username
        return parameters

    async def _ask(self, method: str, parameters: dict[str, object], *, retry: bool) -> _Said:
        return (await self._web.call("POST", method, json=parameters, retry=retry)).read(_Said)


def _refusal(error: str) -> FlowError:
    wait = re.fullmatch(r"FLOOD_WAIT_([0-9]{1,6})", error)
    if wait:
        return Unavailable(retry_after=int(wait[1]))
    reason = _REASONS.get(error)
    return Refused(reason) if reason else Unexpected()
