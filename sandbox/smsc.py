"""SMSC.kz / smsc.ru: the HTTP API, sys/send.php, rest/send/, sys/status.php, sys/balance.php.

Errors come with HTTP 200: `{"error":"…","error_code":N[,"id":N]}`; success is `{"id":N,"cnt":M}`. That is fmt=3;
without it the answer is plain text. The same text to the same number within a minute is error 9. A text sent without
`charset=utf-8` is taken for windows-1251, so its Cyrillic letters arrive broken. The paths are served under `/smsc`
and, as the reserve host www2.smsc.kz, under `/smsc-reserve` with faults of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

from aiohttp import web

from sandbox.calls import parameters
from sandbox.gate import hang
from sandbox.phones import corrected
from sandbox.recent import Recent
from sandbox.smsc_answers import ERRORS, WITH_ID, Format, error, not_found, price, sent, status
from sandbox.upstream import Upstream
from sandbox.world import World

LOGIN = "shinos"
PASSWORD = "sandbox-smsc-password"
API_KEY = "sandbox-smsc-apikey"
DELAY = (0.06, 0.2)
REPEAT_AFTER = 60.0  # seconds
GREATEST_ID = 2_147_483_647

# The n-th query is answered with the n-th status, the last one stays.
STATES: dict[str | None, tuple[int, ...]] = {
    None: (0, 1),
    "delivered": (1,),
    "undelivered": (0, 20),
    "expired": (0, 3),
    "wrong-number": (22,),
    "forbidden": (23,),
    "no-funds": (24,),
    "unreachable": (0, 25),
    "slow": (-1, 0, 0, 0, 0, 1),
    "never": (-1,),
}
OUTCOMES = {
    **{str(code): f"HTTP 200, error_code {code}: {text}" for code, text in ERRORS.items()},
    "accept-timeout": "принято и доставлено, но ответа клиент не дождётся; повтор в течение минуты — error_code 9",
    **{str(name): "статусы: " + " → ".join(map(str, dict.fromkeys(path))) for name, path in STATES.items() if name},
}


class RefusedError(Exception):
    """`code` is of ERRORS."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(slots=True)
class Sms:
    """An accepted message: when, what it was told to meet and how often it was asked for."""

    at: float
    outcome: str | None
    queries: int = 0


@dataclass(frozen=True)
class Order:
    """One valid send.php call."""

    phones: list[str]
    text: str
    id: int | None


class Smsc:
    def __init__(self, world: World) -> None:
        self._world = world
        self._draw = world.random("smsc")
        self._ids = count(self._draw.randrange(1_000, 1_000_000))
        self._messages: Recent[tuple[str, str], Sms] = Recent()
        self._lately: Recent[tuple[str, str], float] = Recent()

    async def send(self, request: web.Request) -> web.StreamResponse:
        """GET or POST login, psw | apikey, phones, mes[, id, fmt, charset, cost, sender, valid]."""
        given = parameters(request)
        return await self._answer(request, given, Format.of(given))

    async def rest(self, request: web.Request) -> web.StreamResponse:
        """POST the same names as a JSON object; the answer is always JSON, the text always UTF-8."""
        return await self._answer(request, {**parameters(request), "charset": "utf-8"}, Format.JSON)

    async def _answer(self, request: web.Request, given: Mapping[str, Any], fmt: Format) -> web.StreamResponse:
        number: int | None = None
        try:
            order = ordered(given)
            if str(given.get("cost", "")) == "1":
                return price(fmt, len(order.phones))
            number = next(self._ids) if order.id is None else order.id
            outcome = self._accept(order, number)
        except RefusedError as refused:
            await self._world.pause(self._draw, *DELAY)
            return error(fmt, refused.code, number if refused.code in WITH_ID else None)
        await self._world.pause(self._draw, *DELAY)
        if outcome == "accept-timeout":
            return await hang(self._world, request)
        return sent(fmt, number, len(order.phones))

    def _accept(self, order: Order, number: int) -> str | None:
        """All phones or none; the outcome is the first phone's that has one."""
        now = self._world.clock()
        if any(now - self._lately.get((phone, order.text), 0.0) < REPEAT_AFTER for phone in order.phones):
            raise RefusedError(9)
        outcomes = [self._world.arms.take("smsc", phone) for phone in order.phones]
        if refused := next((name for name in outcomes if name and name.isdecimal()), None):
            raise RefusedError(int(refused))
        for phone, outcome in zip(order.phones, outcomes, strict=True):
            self._lately[(phone, order.text)] = now
            self._messages[(phone, str(number))] = Sms(now, outcome)
            self._world.deliver("smsc", phone, order.text)
        return next(filter(None, outcomes), None)

    async def status(self, request: web.Request) -> web.StreamResponse:
        """GET or POST login, psw | apikey, phone, id[, fmt] → `{"status":1,"last_date":…,"last_timestamp":…}`."""
        given = parameters(request)
        fmt = Format.of(given)
        if not authorised(given):
            return error(fmt, 2)
        phone, number = corrected(str(given.get("phone", ""))), str(given.get("id", "")).strip()
        if not phone or not number:
            return error(fmt, 1)
        await self._world.pause(self._draw, *DELAY)
        sms = self._messages.get((phone, number))
        if sms is None:
            return not_found(fmt)
        sms.queries += 1
        path = STATES.get(sms.outcome, STATES[None])
        return status(fmt, path[min(sms.queries, len(path)) - 1], datetime.fromtimestamp(sms.at, UTC))

    async def balance(self, request: web.Request) -> web.StreamResponse:
        """`{"balance":"100.50"}` with fmt=3, else the bare number."""
        given = parameters(request)
        if not authorised(given):
            return error(Format.of(given), 2)
        return (
            web.json_response({"balance": "100.50"}) if Format.of(given) is Format.JSON else web.Response(text="100.50")
        )


def authorised(given: Mapping[str, Any]) -> bool:
    return given.get("apikey") == API_KEY or (given.get("login") == LOGIN and given.get("psw") == PASSWORD)


def ordered(given: Mapping[str, Any]) -> Order:
    if not given.get("phones") or not given.get("mes"):
        raise RefusedError(1)
    if not authorised(given):
        raise RefusedError(2)
    phones = [corrected(one) for one in str(given["phones"]).replace(";", ",").split(",") if one.strip()]
    if not phones or not all(phones):
        raise RefusedError(7)
    return Order(phones, understood(given), own_id(given))


def understood(given: Mapping[str, Any]) -> str:
    text = str(given["mes"])
    if str(given.get("charset", "")).lower() in ("utf-8", "utf8"):
        return text
    return text.encode().decode("cp1251", "replace")


def own_id(given: Mapping[str, Any]) -> int | None:
    given_id = str(given.get("id", "")).strip()
    if not given_id:
        return None
    if not (given_id.isascii() and given_id.isdecimal() and 0 < int(given_id) <= GREATEST_ID):
        raise RefusedError(1)
    return int(given_id)


def routes(world: World) -> list[web.RouteDef]:
    smsc = Smsc(world)
    return [
        web.route(method, f"/{prefix}{path}", handler)
        for prefix in UPSTREAM.prefixes
        for method, path, handler in (
            ("GET", "/sys/send.php", smsc.send),
            ("POST", "/sys/send.php", smsc.send),
            ("POST", "/rest/send/", smsc.rest),
            ("POST", "/rest/send", smsc.rest),
            ("GET", "/sys/status.php", smsc.status),
            ("POST", "/sys/status.php", smsc.status),
            ("GET", "/sys/balance.php", smsc.balance),
            ("POST", "/sys/balance.php", smsc.balance),
        )
    ]


UPSTREAM = Upstream(
    name="smsc",
    title="SMSC.kz",
    prefixes=("smsc", "smsc-reserve"),
    routes=routes,
    outcomes=OUTCOMES,
    credentials={"login": LOGIN, "psw": PASSWORD, "apikey": API_KEY},
    texts=frozenset({"mes"}),
    secrets=frozenset({"psw", "apikey"}),
)
