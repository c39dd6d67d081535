"""The application: routes, error middleware, health and metrics. (Headers of every answer: `door.py`.)"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from flows.errors import FlowError, MethodRefused, NotFound, OurFault, StoreDown
from flows.pipeline import is_full
from flows.texts import LANGUAGES, sentences
from flows.wiring import House
from search_api import card, iq4, login, returns
from search_api.answers import refused
from search_api.observing import OBSERVED, Observed, observe
from search_api.openapi import DOCS_HEADERS, docs_page, document

_log = structlog.get_logger("search_api")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(house: House) -> web.Application:
    """The HTTP front of an open house."""
    for language in LANGUAGES:
        sentences(language)  # now: a refusal must need no descriptor when there is none left (security.md H3)
    app = web.Application(middlewares=[_middleware])
    app[iq4.HOUSE] = house
    app[iq4.DOORS] = iq4.Doors(house)
    for path, handler in (("search", iq4.search), ("auth", card.card), ("revoke", card.revoke)):
        for tail in ("/{key}", "/{key}/", "", "/"):
            app.router.add_post(f"/rest/chat/client/{path}{tail}", handler)
    if house.liveness:
        app.add_routes(returns.routes(house.liveness))
    if house.login:
        app.add_routes(login.routes(house.login))
    app.router.add_get("/health/live", _live, allow_head=False)
    app.router.add_get("/health/ready", _ready, allow_head=False)
    app.router.add_get("/metrics", _metrics, allow_head=False)
    app.router.add_get("/openapi.json", _openapi, allow_head=False)
    app.router.add_get("/docs", _docs, allow_head=False)
    return app


@web.middleware
async def _middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    request[OBSERVED] = Observed()
    try:
        response = await handler(request)
    except FlowError as error:
        request[OBSERVED].code = error.code
        response = refused(error)
    except web.HTTPMethodNotAllowed as error:
        request[OBSERVED].code = MethodRefused.code
        response = refused(MethodRefused())
        response.headers["Allow"] = error.headers["Allow"]
    except web.HTTPException:
        request[OBSERVED].code = NotFound.code
        response = refused(NotFound())
    except (ConnectionError, asyncio.CancelledError):
        raise  # the caller has gone: there is nobody to answer
    except Exception as error:  # noqa: BLE001 - the last resort: a fixed body, and an incident number to find the cause
        incident = secrets.token_hex(4)
        request[OBSERVED].code = OurFault.code
        _log.exception("our_fault", incident=incident, error=type(error).__name__)
        response = refused(OurFault(incident=incident))
    observe(request, response)
    return response


async def _live(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def _ready(request: web.Request) -> web.Response:
    house = request.app[iq4.HOUSE]
    checks = {"redis": house.store.ping, "database": house.records.ping, "audit": house.store.audit_moves}
    found = dict(zip(checks, await asyncio.gather(*(_state(check) for check in checks.values())), strict=True))
    worst = next((state for state in ("down", "full") if state in found.values()), "ok")
    ready = worst != "down"  # a full Redis still gives cards: no reason for a balancer to take every process out
    body = {"status": worst, "dependencies": found}
    return web.json_response(body, status=200 if ready else 503, headers={} if ready else {"Retry-After": "1"})


async def _state(check: Callable[[], Awaitable[None]]) -> str:
    try:
        await check()
    except StoreDown as down:
        return "full" if is_full(down) else "down"
    return "ok"


async def _metrics(_request: web.Request) -> web.Response:
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _pages(request: web.Request) -> dict[str, bool]:
    """Which pages this installation has."""
    house = request.app[iq4.HOUSE]
    return {"liveness": house.liveness is not None, "login": house.login is not None}


async def _openapi(request: web.Request) -> web.Response:
    return web.json_response(document(**_pages(request)))


async def _docs(request: web.Request) -> web.Response:
    page = docs_page(**_pages(request))
    return web.Response(text=page, content_type="text/html", headers=DOCS_HEADERS)
