"""OsonSMS, SMS in Tajikistan: OsonSMS API 2.0.2, sendsms_v1.php, query_sms.php, check_balance.php.

Success is HTTP 201 `{"status":"ok","txn_id":…,"msg_id":…,"smsc_msg_id":…,"smsc_msg_status":…,"smsc_msg_parts":…}`,
an error 4xx `{"error":{"code":N,"msg":"…"}}`; a repeated txn_id is 409 with code 108. `msg_id` is now a number and now
a string, as integrators have seen. The HTTP statuses of codes other than 107 and 108 are inferred.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from aiohttp import web

from sandbox.calls import parameters
from sandbox.gate import hang
from sandbox.phones import tajik
from sandbox.recent import Recent
from sandbox.upstream import Upstream
from sandbox.world import World

LOGIN = "shinos"
TOKEN = "sandbox-osonsms-token"
SENDER = "Shinos"
DELAY = (0.08, 0.25)
BALANCE = 1000.0
PART_PRICE = 0.1

ERRORS: dict[int, tuple[int, str]] = {
    100: (400, "Required parameter is missing"),
    105: (403, "Account is inactive"),
    106: (401, "Authorization failed: wrong login, token or hash"),
    107: (422, "Sender name is not registered"),
    108: (409, "Duplicate txn_id"),
    109: (400, "Message could not be saved"),
    112: (422, "Message could not be sent"),
    113: (400, "SMSC is unavailable"),
    114: (403, "IP address is not allowed"),
    119: (400, "Not enough money on the balance"),
}
# The n-th query is answered with the n-th state, the last one stays.
STATES: dict[str | None, tuple[str, ...]] = {
    None: ("ENROUTE", "DELIVERED"),
    "delivered": ("DELIVERED",),
    "undelivered": ("ENROUTE", "UNDELIVERABLE"),
    "expired": ("ENROUTE", "EXPIRED"),
    "rejected": ("ACCEPTED", "REJECTED"),
    "deleted": ("ACCEPTED", "DELETED"),
    "unknown": ("UNKNOWN",),
    "slow": ("ENROUTE",) * 5 + ("DELIVERED",),
    "never": ("ENROUTE",),
}
OUTCOMES = {
    **{str(code): f"HTTP {status}, код {code}: {text}" for code, (status, text) in ERRORS.items()},
    "accept-timeout": "принято и доставлено, но ответа клиент не дождётся; повтор с тем же txn_id — 409/108",
    "status-field": "query_sms.php отвечает полем status вместо message_state",
    **{str(name): "состояния: " + " → ".join(dict.fromkeys(path)) for name, path in STATES.items() if name},
}


class RefusedError(Exception):
    """An answer with an error; `code` is of ERRORS."""

    def __init__(self, code: int, more: str = "") -> None:
        super().__init__(code)
        self.code, self.more = code, more

    def response(self) -> web.Response:
        status, text = ERRORS[self.code]
        return web.json_response({"error": {"code": self.code, "msg": text + self.more}}, status=status)


@dataclass(slots=True)
class Sms:
    """An accepted message: what it was told to meet and how often it was asked for."""

    msg_id: int
    parts: int
    outcome: str | None
    queries: int = 0


class OsonSms:
    def __init__(self, world: World) -> None:
        self._world = world
        self._draw = world.random("osonsms")
        self._ids = count(self._draw.randrange(40_000_000, 90_000_000))
        self._transactions: Recent[str, Sms] = Recent()
        self._messages: Recent[str, Sms] = Recent()
        self._balance = BALANCE

    async def send(self, request: web.Request) -> web.StreamResponse:
        """GET from, phone_number, msg, login, txn_id[, str_hash]."""
        try:
            txn_id, sms = self._accept(parameters(request), request.headers.get("Authorization"))
        except RefusedError as refused:
            await self._world.pause(self._draw, *DELAY)
            return refused.response()
        await self._world.pause(self._draw, *DELAY)
        if sms.outcome == "accept-timeout":
            return await hang(self._world, request)
        return web.json_response(accepted(txn_id, sms), status=201)

    def _accept(self, given: Mapping[str, Any], header: str | None) -> tuple[str, Sms]:
        txn_id, sender, number, text, login = wanted(given, "txn_id", "from", "phone_number", "msg", "login")
        authorise(given, header, login, (txn_id, login, sender, number))
        if sender != SENDER:
            raise RefusedError(107)
        if not (phone := tajik(number)):
            raise RefusedError(112, ": only numbers of Tajikistan, 992XXXXXXXXX")
        if txn_id in self._transactions:
            raise RefusedError(108)
        outcome = self._world.arms.take("osonsms", phone)
        if outcome is not None and outcome.isdecimal():
            raise RefusedError(int(outcome))
        return txn_id, self._keep(txn_id, phone, text, outcome)

    def _keep(self, txn_id: str, phone: str, text: str, outcome: str | None) -> Sms:
        sms = Sms(next(self._ids), parts(text), outcome)
        self._transactions[txn_id] = sms
        self._messages[str(sms.msg_id)] = sms
        self._balance -= PART_PRICE * sms.parts
        self._world.deliver("osonsms", phone, text)
        return sms

    async def query(self, request: web.Request) -> web.StreamResponse:
        """GET login, msg_id, txn_id → `{"message_state":"ENROUTE"}`; an unknown msg_id is UNKNOWN."""
        given = parameters(request)
        try:
            login, msg_id, txn_id = wanted(given, "login", "msg_id", "txn_id")
            authorise(given, request.headers.get("Authorization"), login, (login, txn_id), (txn_id, login))
        except RefusedError as refused:
            return refused.response()
        await self._world.pause(self._draw, *DELAY)
        sms = self._messages.get(msg_id)
        if sms is None:
            return web.json_response({"message_id": msg_id, "message_state": "UNKNOWN"})
        sms.queries += 1
        name = "status" if sms.outcome == "status-field" else "message_state"
        return web.json_response({"message_id": msg_id, name: state(sms)})

    async def balance(self, request: web.Request) -> web.StreamResponse:
        """GET login, txn_id → `{"balance":"1000.00"}`; "119" armed for the login shows an empty account."""
        given = parameters(request)
        try:
            login, txn_id = wanted(given, "login", "txn_id")
            authorise(given, request.headers.get("Authorization"), login, (txn_id, login), (login, txn_id))
        except RefusedError as refused:
            return refused.response()
        await self._world.pause(self._draw, *DELAY)
        empty = self._world.arms.take("osonsms", login) == "119"
        return web.json_response({"balance": f"{0 if empty else self._balance:.2f}"})


def wanted(given: Mapping[str, Any], *names: str) -> list[str]:
    for name in names:
        if not str(given.get(name, "")).strip():
            raise RefusedError(100, f": {name}")
    return [str(given[name]) for name in names]


def authorise(given: Mapping[str, Any], header: str | None, login: str, *hashed: tuple[str, ...]) -> None:
    """Bearer token, or the old `str_hash = sha256(<parameters>;hash)` with the token as the account's hash."""
    if header is not None:
        right = hmac.compare_digest(header.encode(), f"Bearer {TOKEN}".encode())
    else:
        sums = (hashlib.sha256(";".join((*names, TOKEN)).encode()).hexdigest() for names in hashed)
        right = given.get("str_hash") in set(sums)
    if not right or login != LOGIN:
        raise RefusedError(106)


def accepted(txn_id: str, sms: Sms) -> dict[str, Any]:
    return {
        "status": "ok",
        "txn_id": txn_id,
        "msg_id": sms.msg_id if sms.msg_id % 2 else str(sms.msg_id),
        "smsc_msg_id": f"{sms.msg_id:08x}",
        "smsc_msg_status": "success",
        "smsc_msg_parts": sms.parts,
    }


def parts(text: str) -> int:
    """SMS parts: 160 or 153 septets for Latin text, 70 or 67 UCS-2 letters otherwise."""
    whole, split = (160, 153) if text.isascii() else (70, 67)
    return 1 if len(text) <= whole else -(-len(text) // split)


def state(sms: Sms) -> str:
    path = STATES.get(sms.outcome, STATES[None])
    return path[min(sms.queries, len(path)) - 1]


def routes(world: World) -> list[web.RouteDef]:
    oson = OsonSms(world)
    return [
        web.get("/osonsms/sendsms_v1.php", oson.send),
        web.get("/osonsms/query_sms.php", oson.query),
        web.get("/osonsms/check_balance.php", oson.balance),
    ]


UPSTREAM = Upstream(
    name="osonsms",
    title="OsonSMS",
    prefixes=("osonsms",),
    routes=routes,
    outcomes=OUTCOMES,
    credentials={"login": LOGIN, "Bearer": TOKEN, "from": SENDER},
    texts=frozenset({"msg"}),
    secrets=frozenset({"str_hash", "token"}),
)
