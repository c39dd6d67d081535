"""The bank's own COID adapter (ЦОИД): `/v1/personal-data` by IIN and request number (protocols.md 4.7).

It takes a POST with JSON, a POST with a form and a GET with a query, because nobody has written down which it is.
Outcomes are armed for an IIN, or "*" for whoever is asked about next.
"""

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from sandbox.aitu_console import basic
from sandbox.coid_answers import SHAPES, answer
from sandbox.coid_refusals import BY_IIN, BY_NAME, CAUSES, Cause
from sandbox.gate import ERROR_PAGE, GARBAGE, hang
from sandbox.upstream import Upstream
from sandbox.world import World

NAME = "coid"
LOGIN = "admin"
PASSWORD = "coidtestpassword"
PASSWORD_OF_AITU = "sandbox-coid-access-password"
DELAY = (0.1, 0.4)
REFUSALS = {cause.name: f"HTTP {cause.status}: {cause.text}" for cause in CAUSES}
SAID = {
    "said_200": "отказ с HTTP 200",
    "said_error": "отказ в поле error вместо message",
    "said_plain": "отказ простым текстом",
}
TROUBLE = {
    "error_503": "503 без объяснений",
    "error_500": "500 страницей HTML",
    "timeout": "не отвечает",
    "html": "200 и страница HTML",
    "garbage": "200 и не JSON",
    "empty": "200 и {}",
    "wants_get": "POST не принимается: 405",
    "wants_form": "JSON не принимается: 415",
}


class ToldError(Exception):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(status)
        self.status, self.text = status, text


class Coid:
    def __init__(self, world: World) -> None:
        self._world = world
        self._draw = world.random(f"{NAME}_delays")

    async def personal_data(self, request: web.Request) -> web.StreamResponse:
        """iin, requestId → `{"person", "verifyResponse"}`; Basic with the second of the two passwords."""
        await self._world.pause(self._draw, *DELAY)
        if not basic(request, LOGIN, PASSWORD):
            headers = {"WWW-Authenticate": 'Basic realm="coid"'}
            return web.json_response({"message": "Unauthorized"}, status=401, headers=headers)
        try:
            iin, number = asked(await given(request))
            return await self._troubled(request, iin) or await self._told(iin, number)
        except ToldError as told:
            return web.json_response({"message": told.text}, status=told.status)

    async def _troubled(self, request: web.Request, iin: str) -> web.StreamResponse | None:
        outcome = self._world.arms.first_of(NAME, (iin, "*"), TROUBLE)
        if outcome == "timeout":
            return await hang(self._world, request)
        answers: dict[str, dict[str, Any]] = {
            "error_503": {"status": 503},
            "error_500": {"status": 500, "text": ERROR_PAGE, "content_type": "text/html"},
            "html": {"text": ERROR_PAGE, "content_type": "text/html"},
            "garbage": {"body": GARBAGE, "content_type": "application/json"},
            "empty": {"text": "{}", "content_type": "application/json"},
        }
        if request.method == "POST":
            answers["wants_get"] = {"status": 405, "headers": {"Allow": "GET"}}
        if request.content_type == "application/json":
            answers["wants_form"] = {"status": 415}
        return web.Response(**answers[outcome]) if outcome in answers else None

    async def _told(self, iin: str, number: str) -> web.Response:
        armed = self._world.arms.first_of(NAME, (iin, "*"), REFUSALS)
        if (cause := BY_NAME.get(armed or "") or BY_IIN.get(iin)) is not None:
            return refusal(cause, self._world.arms.first_of(NAME, (iin, "*"), SAID))
        whose = self._world.requests.iin_of(number)
        if whose is None:
            raise ToldError(404, "requestId is not known")
        if whose != iin:
            raise ToldError(403, "requestId is of another IIN")
        outcomes = {self._world.arms.first_of(NAME, (iin, "*"), group) for group in SHAPES}
        return web.json_response(await self._world.aside(answer, frozenset(filter(None, outcomes))))


def refusal(cause: Cause, said: str | None) -> web.Response:
    """The vendor tells the texts alone: statuses and the field are inferred."""
    status = 200 if said == "said_200" else cause.status
    if said == "said_plain":
        return web.Response(status=status, text=cause.text)
    return web.json_response({"error" if said == "said_error" else "message": cause.text}, status=status)


async def given(request: web.Request) -> Mapping[str, Any]:
    """Of a GET the query, of a POST the body alone. Raises `ToldError`."""
    if request.method == "GET":
        return request.query
    try:
        if request.content_type != "application/json":
            return await request.post()
        body = json.loads(await request.read())
    except (ValueError, LookupError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise ToldError(400, "The body cannot be read")
    return body


def asked(fields: Mapping[str, Any]) -> tuple[str, str]:
    iin, number = fields.get("iin"), fields.get("requestId")
    if not isinstance(iin, str) or not (len(iin) == 12 and iin.isascii() and iin.isdecimal()):
        raise ToldError(400, "iin: 12 digits are expected")
    if not isinstance(number, str) or not number:
        raise ToldError(400, "requestId is missing")
    return iin, number


def routes(world: World) -> list[web.RouteDef]:
    coid = Coid(world)
    path = "/coid/v1/personal-data"
    return [web.get(path, coid.personal_data), web.post(path, coid.personal_data)]


UPSTREAM = Upstream(
    name=NAME,
    title="Адаптер ЦОИД",
    prefixes=(NAME,),
    routes=routes,
    outcomes=REFUSALS | SAID | TROUBLE | {name: what for group in SHAPES for name, what in group.items()},
    credentials={
        "ACCESS_LOGIN": LOGIN,
        "ACCESS_PERSONAL_DATA_PASSWORD": PASSWORD,
        "ACCESS_PASSWORD (для Aitu)": PASSWORD_OF_AITU,
    },
    texts=frozenset({"iin", "requestId"}),
    secrets=frozenset(),
)
