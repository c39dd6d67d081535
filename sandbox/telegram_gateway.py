"""Telegram Gateway: codes through Telegram (core.telegram.org/gateway/api, revision of 26 Feb 2025).

`{"ok":true,"result":RequestStatus}` or `{"ok":false,"error":"…"}`, both with HTTP 200; method names in any case;
GET or POST with a query, a form or JSON. A number has Telegram when the cast says so or "reachable" was armed for it
(that stays). Reports to callback_url are not sent.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from aiohttp import web

from sandbox.calls import parameters
from sandbox.cast import CAST
from sandbox.gate import hang
from sandbox.phones import e164
from sandbox.recent import Recent
from sandbox.upstream import Upstream
from sandbox.world import World

TOKEN = "sandbox-gateway-token"
DELAY = (0.05, 0.15)
COST = 0.01
BALANCE = 100.0
MAX_GUESSES = 3

# checkVerificationStatus moves one further each time, the last one stays; sending itself says "sent".
STATES: dict[str | None, tuple[str, ...]] = {
    None: ("sent", "delivered", "read"),
    "delivered": ("sent", "delivered"),
    "undelivered": ("sent", "expired"),
    "slow": ("sent",) * 5 + ("delivered", "read"),
    "never": ("sent",),
    "unknown-status": ("sent", "teleported"),
}
ERRORS = {
    "unreachable": "PHONE_NUMBER_NOT_AVAILABLE",
    "not-found": "PHONE_NUMBER_NOT_FOUND",
    "no-money": "BALANCE_NOT_ENOUGH",
    "flood": "FLOOD_WAIT_30",
    "token": "ACCESS_TOKEN_INVALID",
}
OUTCOMES = {
    "reachable": "у номера есть Telegram, и дальше тоже",
    **{name: f"ok: false, {error}" for name, error in ERRORS.items()},
    "accept-timeout": "код доставлен, но ответа клиент не дождётся",
    **{str(name): "состояния: " + " → ".join(dict.fromkeys(path)) for name, path in STATES.items() if name},
}


class RefusedError(Exception):
    """The argument is the API's error name."""


@dataclass(slots=True)
class Verification:
    """One request_id. `code` is "" until the message is sent; `seen` counts the states told so far."""

    request_id: str
    phone: str
    outcome: str | None
    code: str = ""
    payload: str = ""
    seen: int = 1
    wrong: int = 0
    revoked: bool = False


class Gateway:
    def __init__(self, world: World) -> None:
        self._world = world
        self._draw = world.random("telegram_gateway")
        self._ids = count(self._draw.randrange(10**12, 10**13))
        self._reachable = {person.phone for person in CAST if person.telegram}
        self._requests: Recent[str, Verification] = Recent()
        self._balance = BALANCE

    async def call(self, request: web.Request) -> web.StreamResponse:
        method = self._method(request.match_info["method"].lower())
        try:
            check_token(request)
            verification, result = method(parameters(request))
        except RefusedError as refused:
            await self._world.pause(self._draw, *DELAY)
            return web.json_response({"ok": False, "error": str(refused)})
        await self._world.pause(self._draw, *DELAY)
        if verification.outcome == "accept-timeout":
            verification.outcome = None
            return await hang(self._world, request)
        return web.json_response({"ok": True, "result": result})

    def _method(self, name: str) -> Callable[[Mapping[str, Any]], tuple[Verification, Any]]:
        methods = {
            "sendverificationmessage": self.send,
            "checksendability": self.check_ability,
            "checkverificationstatus": self.check_status,
            "revokeverificationmessage": self.revoke,
        }
        return methods.get(name, unknown_method)

    def check_ability(self, given: Mapping[str, Any]) -> tuple[Verification, Any]:
        """phone_number → RequestStatus; charged at once."""
        verification = self._begin(phone_of(given))
        return verification, self._status(verification)

    def send(self, given: Mapping[str, Any]) -> tuple[Verification, Any]:
        """phone_number[, request_id, code | code_length, ttl, payload, callback_url] → RequestStatus."""
        phone = phone_of(given)
        check_extras(given)
        code = self._code(given)
        verification = self._of(given) if given.get("request_id") else self._begin(phone)
        if verification.phone != phone:
            raise RefusedError("PHONE_NUMBER_MISMATCH")
        if verification.code:
            raise RefusedError("MESSAGE_ALREADY_SENT")
        verification.code, verification.payload = code, str(given.get("payload", ""))
        self._world.deliver("telegram_gateway", phone, code)
        return verification, self._status(verification)

    def check_status(self, given: Mapping[str, Any]) -> tuple[Verification, Any]:
        """request_id[, code] → RequestStatus with delivery_status and, for a code, verification_status."""
        verification = self._of(given)
        verification.seen += 1
        result = self._status(verification)
        if given.get("code"):
            entered = str(given["code"])
            result["verification_status"] = {
                "status": judged(verification, entered),
                "updated_at": int(self._world.clock()),
                "code_entered": entered,
            }
        return verification, result

    def revoke(self, given: Mapping[str, Any]) -> tuple[Verification, Any]:
        """request_id → true: received; a message that was delivered or read stays."""
        verification = self._of(given)
        verification.revoked = state(verification) == "sent"
        return verification, True

    def _begin(self, phone: str) -> Verification:
        outcome = self._world.arms.take("telegram_gateway", phone)
        if outcome == "reachable":
            self._reachable.add(phone)
        if error := ERRORS.get(outcome or ""):
            raise RefusedError(error)
        if phone not in self._reachable:
            raise RefusedError("PHONE_NUMBER_NOT_AVAILABLE")
        verification = Verification(str(next(self._ids)), phone, outcome)
        self._requests[verification.request_id] = verification
        self._balance -= COST
        return verification

    def _of(self, given: Mapping[str, Any]) -> Verification:
        request_id = str(given.get("request_id", ""))
        if not request_id:
            raise RefusedError("REQUEST_ID_REQUIRED")
        if request_id not in self._requests:
            raise RefusedError("REQUEST_ID_INVALID")
        return self._requests[request_id]

    def _code(self, given: Mapping[str, Any]) -> str:
        if code := str(given.get("code", "")):
            if not re.fullmatch(r"[0-9]{4,8}", code):
                raise RefusedError("CODE_INVALID")
            return code
        if not given.get("code_length"):
            raise RefusedError("CODE_LENGTH_REQUIRED")
        if str(given["code_length"]) not in "45678":
            raise RefusedError("CODE_LENGTH_INVALID")
        return "".join(self._draw.choices("0123456789", k=int(given["code_length"])))

    def _status(self, verification: Verification) -> dict[str, Any]:
        result: dict[str, Any] = {
            "request_id": verification.request_id,
            "phone_number": verification.phone,
            "request_cost": COST,
            "remaining_balance": round(self._balance, 2),
        }
        if verification.code:
            status = state(verification)
            result["delivery_status"] = {"status": status, "updated_at": int(self._world.clock())}
            if status == "expired":
                result["is_refunded"] = True
        if verification.payload:
            result["payload"] = verification.payload
        return result


def unknown_method(_: Mapping[str, Any]) -> tuple[Verification, Any]:
    raise RefusedError("UNKNOWN_METHOD")


def check_token(request: web.Request) -> None:
    header = request.headers.get("Authorization", "")
    token = header.removeprefix("Bearer ") or parameters(request).get("access_token", "")
    if not token:
        raise RefusedError("ACCESS_TOKEN_REQUIRED")
    if token != TOKEN:
        raise RefusedError("ACCESS_TOKEN_INVALID")


def phone_of(given: Mapping[str, Any]) -> str:
    phone = e164(str(given.get("phone_number", "")))
    if not 8 <= len(phone) <= 16:
        raise RefusedError("PHONE_NUMBER_INVALID")
    return phone


def check_extras(given: Mapping[str, Any]) -> None:
    ttl = str(given.get("ttl", 60))
    if not (ttl.isascii() and ttl.isdecimal() and 30 <= int(ttl) <= 3600):
        raise RefusedError("TTL_INVALID")
    if len(str(given.get("payload", "")).encode()) > 128:
        raise RefusedError("PAYLOAD_INVALID")
    url = str(given.get("callback_url", ""))
    if url and (not url.startswith("https://") or len(url.encode()) > 256):
        raise RefusedError("CALLBACK_URL_INVALID")


def judged(verification: Verification, entered: str) -> str:
    if verification.wrong >= MAX_GUESSES:
        return "code_max_attempts_exceeded"
    if entered == verification.code:
        return "code_valid"
    verification.wrong += 1
    return "code_invalid"


def state(verification: Verification) -> str:
    if verification.revoked:
        return "revoked"
    path = STATES.get(verification.outcome, STATES[None])
    return path[min(verification.seen, len(path)) - 1]


def routes(world: World) -> list[web.RouteDef]:
    gateway = Gateway(world)
    return [web.route(method, "/telegram-gateway/{method}", gateway.call) for method in ("GET", "POST")]


UPSTREAM = Upstream(
    name="telegram_gateway",
    title="Telegram Gateway",
    prefixes=("telegram-gateway",),
    routes=routes,
    outcomes=OUTCOMES,
    credentials={"Bearer": TOKEN},
    texts=frozenset({"code"}),
    secrets=frozenset({"access_token"}),
)
