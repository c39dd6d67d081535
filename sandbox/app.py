"""Composes the sandbox: one application, one port, a prefix per simulated system."""

from pathlib import Path

import aiohttp_jinja2
import jinja2
from aiohttp import web

from sandbox import aitu, biometric, coid, control, humo, osonsms, page, smsc, telegram, telegram_gateway
from sandbox.gate import make_gate
from sandbox.world import World

UPSTREAMS = (
    humo.UPSTREAM,
    biometric.UPSTREAM,
    aitu.UPSTREAM,
    coid.UPSTREAM,
    osonsms.UPSTREAM,
    smsc.UPSTREAM,
    telegram_gateway.UPSTREAM,
    telegram.UPSTREAM,
)
WORLD: web.AppKey[World] = web.AppKey("world", World)
LARGEST_BODY = 16 * 2**20  # a photo of 10 MB in a multipart body, or as base64 in JSON


def make_app(*, speed: float = 1.0, seed: int = 1, search_api: str = "http://127.0.0.1:8080") -> web.Application:
    """`speed` scales the upstreams' delays (0 = at once); `search_api` is shown on the index page only."""
    world = World(speed=speed, seed=seed)
    app = web.Application(client_max_size=LARGEST_BODY, middlewares=[make_gate(world, UPSTREAMS)])
    app[WORLD] = world
    app.on_shutdown.append(_release)
    loader = jinja2.FileSystemLoader(Path(__file__).parent / "templates")
    aiohttp_jinja2.setup(app, loader=loader, autoescape=True)
    app.add_routes([*page.routes(UPSTREAMS, search_api), *control.routes(world, UPSTREAMS)])
    for upstream in UPSTREAMS:
        app.add_routes(upstream.routes(world))
    return app


async def _release(app: web.Application) -> None:
    """Calls that hang in a fault end at once, so that stopping takes no minute."""
    app[WORLD].closing.set()
