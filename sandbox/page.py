"""The index page: the cast, the live outbox, scenarios and a dialogue to paste into a terminal."""

import secrets
from typing import Any

import aiohttp_jinja2
from aiohttp import web

from sandbox.cast import CAST, RUSSIA
from sandbox.faults import KINDS
from sandbox.upstream import Upstream

KEY = "a57974242d0146c28056"  # the IQ4 page's own example


def routes(upstreams: tuple[Upstream, ...], search_api: str) -> list[web.RouteDef]:
    async def index(request: web.Request) -> web.Response:
        nonce = secrets.token_urlsafe(16)
        response = aiohttp_jinja2.render_template(
            "index.html", request, content(upstreams, search_api, f"{request.scheme}://{request.host}", nonce)
        )
        response.headers["Content-Security-Policy"] = (
            f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; "
            "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'"
        )
        return response

    return [web.get("/", index)]


def content(upstreams: tuple[Upstream, ...], search_api: str, sandbox: str, nonce: str) -> dict[str, Any]:
    return {
        "people": CAST,
        "hero": RUSSIA,
        "upstreams": upstreams,
        "kinds": KINDS,
        "search_api": search_api,
        "sandbox": sandbox,
        "key": KEY,
        "nonce": nonce,
    }
