"""Stands before the sandbox's Humo: says what a link's callback and home page are, and hears what callbacks tell.

Everything else goes through to the sandbox and back.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

KEPT = ("Authorization", "Content-Type")


@dataclass(frozen=True)
class Told:
    """One callback as it came; `at` is a monotonic time."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float


@dataclass
class Door:
    """`opened` replaces fields of a key's presign answer; `answers` are the statuses that callbacks to a path get.

    `url` (host and port) and `sandbox` are known once both run.
    """

    session: aiohttp.ClientSession
    url: str = ""
    sandbox: str = ""
    opened: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: dict[str, list[int]] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/humo/api/link/presign/{key}", self._presign)
        app.router.add_route("*", "/humo/{path:.*}", self._through)
        app.router.add_post("/told/{path:.*}", self._hear)
        return app

    def heard(self, path: str) -> list[Told]:
        return [told for told in self.told if told.path == f"/told/{path}"]

    async def _presign(self, request: web.Request) -> web.Response:
        async with self.session.get(self.sandbox + request.path) as answer:
            said = await answer.json()
            return web.json_response(said | self.opened.get(request.match_info["key"], {}), status=answer.status)

    async def _through(self, request: web.Request) -> web.Response:
        headers = CIMultiDict({name: request.headers[name] for name in KEPT if name in request.headers})
        body, url = await request.read(), self.sandbox + request.path
        async with self.session.request(request.method, url, data=body, headers=headers) as answer:
            return web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)

    async def _hear(self, request: web.Request) -> web.Response:
        self.told.append(Told(request.path, request.headers, await request.read(), time.monotonic()))
        waiting = self.answers.get(request.match_info["path"], [])
        status = waiting.pop(0) if waiting else 200
        return web.Response(status=status, headers={"Location": "/told/elsewhere"} if status == 302 else None)
