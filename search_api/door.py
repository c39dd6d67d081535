"""The door of the HTTP server: what aiohttp answers before any handler runs, and how many may stand in it.

A request line and its headers must be complete within `keepalive_timeout` (aiohttp closes idle and half-spoken
connections alike); a peer may hold so many connections; what is no HTTP gets our JSON, and no traceback in the log.
"""

from asyncio import BaseTransport
from collections import Counter
from typing import Any

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest

from flows.errors import FlowError, Malformed, OurFault
from search_api.answers import refused

HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_log = structlog.get_logger("door")


class _Handler(RequestHandler):
    __slots__ = ("_peer",)

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self._peer = str(peer[0]) if isinstance(peer, tuple) else ""
        door = self._manager
        if isinstance(door, Door) and not door.enter(self._peer):
            self.force_close()

    def connection_lost(self, exc: BaseException | None) -> None:
        if isinstance(self._manager, Door):
            self._manager.leave(self._peer)
        super().connection_lost(exc)

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - aiohttp's signature; its words are not for outside
    ) -> web.StreamResponse:
        _log.info("not_http", error=type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError
        error: FlowError = Malformed("HTTP", "form") if status < 500 else OurFault(incident="-")
        response = refused(error)
        response.headers.update(HEADERS)
        response.force_close()
        return response


class Door(web.Server):
    """Counts the connections of each peer."""

    def __init__(self, inner: web.Server, *, most: int, **options: Any) -> None:
        super().__init__(inner.request_handler, request_factory=inner.request_factory, **options)
        self._options = options
        self._most = most
        self._present: Counter[str] = Counter()

    def __call__(self) -> RequestHandler:
        return _Handler(self, loop=self._loop, **self._options)

    def enter(self, peer: str) -> bool:
        self._present[peer] += 1
        return not peer or self._present[peer] <= self._most

    def leave(self, peer: str) -> None:
        self._present[peer] -= 1
        if self._present[peer] <= 0:
            del self._present[peer]


class Runner(web.AppRunner):
    """Runs an application behind a `Door`."""

    __slots__ = ("_most", "_seconds")

    def __init__(self, app: web.Application, *, peer_connections: int, read_seconds: float) -> None:
        super().__init__(app, handle_signals=False, access_log=None, shutdown_timeout=8.0)
        self._most = peer_connections
        self._seconds = read_seconds

    async def _make_server(self) -> web.Server:
        inner = await super()._make_server()
        return Door(
            inner,
            most=self._most,
            access_log=None,
            keepalive_timeout=self._seconds,
            auto_decompress=False,
            lingering_time=1.0,
            max_headers=64,
        )
