"""The sandbox's own endpoints, for tests and people: the cast, the outbox, faults, armed outcomes, calls."""

import json
from functools import partial
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sandbox.cast import CAST, people, people_csv
from sandbox.drawn import PAGES, draw
from sandbox.faults import Kind
from sandbox.phones import e164
from sandbox.upstream import Upstream, name_of
from sandbox.world import World

readable = partial(web.json_response, dumps=partial(json.dumps, ensure_ascii=False))


class FaultOrder(BaseModel):
    """POST /_faults. `times` absent: until cleared; `delay` in seconds."""

    model_config = ConfigDict(extra="forbid", strict=True)

    upstream: str
    kind: Kind
    times: int | None = Field(default=None, ge=1)
    delay: float | None = Field(default=None, ge=0, le=600)


class ArmOrder(BaseModel):
    """POST /_arm. `for` is a phone in any spelling or another key; OsonSMS's outcomes may be given as numbers."""

    model_config = ConfigDict(extra="forbid", strict=True)

    upstream: str
    key: str = Field(alias="for", min_length=1)
    outcome: str | int


Order = TypeVar("Order", bound=BaseModel)


def wrong(text: str) -> web.HTTPBadRequest:
    body = json.dumps({"error": text}, ensure_ascii=False)
    return web.HTTPBadRequest(text=body, content_type="application/json")


async def order_of(request: web.Request, model: type[Order]) -> Order:
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, one['loc'])) or 'body'}: {one['msg']}" for one in error.errors())
        raise wrong("; ".join(problems)) from None


class Control:
    def __init__(self, world: World, upstreams: tuple[Upstream, ...]) -> None:
        self._world = world
        self._upstreams = {upstream.name: upstream for upstream in upstreams}
        self._names = [name for upstream in upstreams for name in upstream.names]

    async def health(self, _: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    async def people(self, _: web.Request) -> web.Response:
        return readable(people())

    async def people_csv(self, _: web.Request) -> web.Response:
        return web.Response(text=people_csv(), content_type="text/csv")

    async def drawing(self, request: web.Request) -> web.Response:
        """A drawn paper or selfie of one of the cast; `?n=7` another photo of the same."""
        person = next((one for one in CAST if one.crmid == request.match_info["crmid"]), None)
        page, n = request.match_info["page"], request.query.get("n", "0")
        if person is None or page not in PAGES:
            raise web.HTTPNotFound(text=f"pages: {', '.join(PAGES)}")
        if not (n.isascii() and n.isdecimal() and len(n) < 10):
            raise wrong("n: a whole number is expected")
        image = await self._world.aside(draw, person, page, int(n))
        return web.Response(body=image, content_type="image/jpeg")

    async def outbox(self, request: web.Request) -> web.Response:
        """`?to=+992…` one phone ('+' may arrive as a space), `?last=50` only the newest."""
        to, last = request.query.get("to"), request.query.get("last")
        if last is not None and not (last.isascii() and last.isdecimal()):
            raise wrong("last: a whole number is expected")
        phone = None if to is None else e164(to)
        return readable(self._world.outbox.messages(phone, None if last is None else int(last)))

    async def clear_outbox(self, _: web.Request) -> web.Response:
        self._world.outbox.clear()
        return web.json_response({"ok": True})

    async def add_fault(self, request: web.Request) -> web.Response:
        order = await order_of(request, FaultOrder)
        upstream = self._known(order.upstream, self._names)
        self._world.faults.add(upstream, order.kind, order.times, order.delay)
        return readable(self._world.faults.listed())

    async def faults(self, _: web.Request) -> web.Response:
        return readable(self._world.faults.listed())

    async def clear_faults(self, _: web.Request) -> web.Response:
        self._world.faults.clear()
        return web.json_response({"ok": True})

    async def arm(self, request: web.Request) -> web.Response:
        order = await order_of(request, ArmOrder)
        upstream = self._known(order.upstream, list(self._upstreams))
        outcome = str(order.outcome)
        if outcome not in (known := self._upstreams[upstream].outcomes):
            raise wrong(f"outcome: {upstream} knows {', '.join(known)}")
        self._world.arms.arm(upstream, order.key, outcome)
        return web.json_response({"ok": True})

    async def clear_arms(self, _: web.Request) -> web.Response:
        self._world.arms.clear()
        return web.json_response({"ok": True})

    async def scenarios(self, _: web.Request) -> web.Response:
        return readable(scenarios(tuple(self._upstreams.values())))

    async def calls(self, request: web.Request) -> web.Response:
        upstream = request.query.get("upstream")
        known = None if upstream is None else self._known(upstream, self._names)
        return readable(self._world.calls.received(known))

    async def clear_calls(self, _: web.Request) -> web.Response:
        self._world.calls.clear()
        return web.json_response({"ok": True})

    def _known(self, spelling: str, names: list[str]) -> str:
        if (name := name_of(spelling)) not in names:
            raise wrong(f"upstream: one of {', '.join(names)} is expected")
        return name


def scenarios(upstreams: tuple[Upstream, ...]) -> dict[str, list[dict[str, Any]]]:
    return {
        upstream.name: [{"name": name, "what": what} for name, what in upstream.outcomes.items()]
        for upstream in upstreams
    }


def routes(world: World, upstreams: tuple[Upstream, ...]) -> list[web.RouteDef]:
    control = Control(world, upstreams)
    return [
        web.get("/_health", control.health),
        web.get("/_people", control.people),
        web.get("/_people.csv", control.people_csv),
        web.get("/_people/{crmid}/{page}.jpg", control.drawing),
        web.get("/sms/outbox", control.outbox),
        web.delete("/sms/outbox", control.clear_outbox),
        web.get("/_faults", control.faults),
        web.post("/_faults", control.add_fault),
        web.delete("/_faults", control.clear_faults),
        web.post("/_arm", control.arm),
        web.delete("/_arm", control.clear_arms),
        web.get("/_scenarios", control.scenarios),
        web.get("/_calls", control.calls),
        web.delete("/_calls", control.clear_calls),
    ]
