"""The gate before every upstream: notes the call and performs the fault that a test has ordered."""

import asyncio
from collections.abc import Iterable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sandbox.calls import GIVEN, masked, read, without_file
from sandbox.faults import Fault
from sandbox.upstream import Upstream, name_of
from sandbox.world import World

POLL = 0.1  # seconds between looks at whether the client has gone
GARBAGE = b'\x00\xff\xfe<<<{"ok": tru'
ERROR_PAGE = "<html><head><title>500</title></head><body><h1>500 Internal Server Error</h1></body></html>"


def make_gate(world: World, upstreams: Iterable[Upstream]) -> Middleware:
    owners = {prefix: upstream for upstream in upstreams for prefix in upstream.prefixes}

    @web.middleware
    async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
        prefix = request.path.split("/", 2)[1]
        owner = owners.get(prefix)
        if owner is None or not (shown := owner.path(request.path)):
            return await handler(request)
        await note(world, owner, name_of(prefix), request, shown)
        fault = world.faults.strike(name_of(prefix))
        return await (handler(request) if fault is None else perform(fault, world, request, handler))

    return gate


async def note(world: World, owner: Upstream, name: str, request: web.Request, path: str) -> None:
    fields, files = await read(request)
    request[GIVEN] = fields
    if path.lower() in owner.silent:
        return
    shown = masked(fields, texts=owner.texts, secrets=owner.secrets)
    if owner.embedded:
        shown, found = await asyncio.to_thread(without_file, shown, owner.embedded)
        files += found
    world.calls.add(
        {
            "at": world.now(),
            "upstream": name,
            "method": request.method,
            "path": path,
            "fields": shown,
            "files": files,
        }
    )


async def perform(fault: Fault, world: World, request: web.Request, handler: Handler) -> web.StreamResponse:
    if fault.kind == "accept-timeout":
        await handler(request)
    if fault.kind in ("timeout", "accept-timeout"):
        return await hang(world, request, fault.delay)
    if fault.delay:
        await world.rest(fault.delay)
    match fault.kind:
        case "reset":
            return abort(request)
        case "500":
            return web.Response(status=500, text=ERROR_PAGE, content_type="text/html")
        case "garbage":
            return web.Response(body=GARBAGE, content_type="application/json")
        case _:
            return await handler(request)


async def hang(world: World, request: web.Request, seconds: float = 60.0) -> web.Response:
    """No answer until the client goes, `seconds` have passed or the sandbox stops; then the connection breaks."""
    until = asyncio.get_running_loop().time() + seconds
    while request.transport is not None and not world.closing.is_set():
        left = until - asyncio.get_running_loop().time()
        if left <= 0:
            break
        await world.rest(min(POLL, left))
    return abort(request)


def abort(request: web.Request) -> web.Response:
    """Breaks the TCP connection; the response is a formality that nobody receives."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
