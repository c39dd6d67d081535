"""The door of the HTTP server: every answer leaves through it, also what aiohttp says before any handler runs.

A request line and its headers must be complete within `keepalive_timeout` (aiohttp closes idle and half-spoken
connections alike); a peer may hold so many connections; what is no HTTP gets our JSON, and no traceback in the log.
When it shuts, whoever stands before it already is let in and answered: a restart fails no call.
"""

import asyncio
import contextlib
from asyncio import BaseTransport
from collections import Counter
from typing import Any

from aiohttp import StreamReader, web
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest

from flows.errors import FlowError, Malformed
from flows.http import Handler
from search_api.answers import refused
from search_api.parameters import BODY_LIMIT

LINGER_SECONDS = 0.5
SECOND_LOOK_SECONDS = 0.05
FIRST_SECONDS = 0.5
"""How long a stop waits for the first request of a connection."""
GRACE_SECONDS = 2.5
"""How long a stop waits for requests under way. A call takes 2 s at the most (security.md §7 #32)."""


class _Handler(Handler):
    __slots__ = ("_fresh", "_peer")

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self._fresh = True
        peer = transport.get_extra_info("peername")
        self._peer = str(peer[0]) if isinstance(peer, tuple) else ""
        door = self._manager
        if isinstance(door, Door) and not door.enter(self._peer):
            self.force_close()

    def connection_lost(self, exc: BaseException | None) -> None:
        if isinstance(self._manager, Door):
            self._manager.leave(self._peer)
        super().connection_lost(exc)

    def _process_keepalive(self) -> None:
        """The time of an idle connection is over, unless a request lies in its socket.

        After the machine has held us up, timers run before everything that came meanwhile is read. Closing at once
        would drop requests that came in time; so the loop reads first, and then the connection is looked at again.
        """
        self._keepalive_handle = self._loop.call_later(SECOND_LOOK_SECONDS, super()._process_keepalive)

    @property
    def busy(self) -> bool:
        return self._request_in_progress or bool(self._messages)

    @property
    def fresh(self) -> bool:
        """Nothing has been answered here yet: the first request is on its way, or will never come."""
        return self._fresh

    async def finish_response(
        self, request: BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        if isinstance(resp, web.HTTPException):  # of aiohttp's own, as for an unknown Expect
            resp = refused(Malformed("HTTP", "form"))
            resp.force_close()
        if not request.content.is_eof() or (isinstance(self._manager, Door) and self._manager.closing):
            resp.force_close()
        self._fresh = False
        finished = await super().finish_response(request, resp, start_time)
        if not request.content.is_eof():
            await self._linger(request.content)
        return finished

    async def _linger(self, content: StreamReader) -> None:
        """An answer went out before the body was in. Closing now would reset the connection, and the answer with it.

        So a body that could have been small is read to its end; of one that is too large nothing more is taken.
        """
        with contextlib.suppress(TimeoutError, ConnectionError, web.RequestPayloadError):
            async with asyncio.timeout(LINGER_SECONDS):
                while not content.is_eof() and content.total_bytes <= BODY_LIMIT:
                    await content.readany()
        if not content.is_eof() and isinstance(self.transport, asyncio.Transport):
            self.transport.pause_reading()
            await asyncio.sleep(LINGER_SECONDS)

    def refusal(self, error: FlowError, status: int) -> web.Response:  # noqa: ARG002 - the error has its own
        return refused(error)


class Door(web.Server):
    """Counts the connections of each peer, and shuts without cutting anybody short."""

    def __init__(self, inner: web.Server, *, most: int, **options: Any) -> None:
        super().__init__(inner.request_handler, request_factory=inner.request_factory, **options)
        self.closing = False
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

    def pre_shutdown(self) -> None:
        """From now on each answer is the last one of its connection."""
        self.closing = True

    async def shutdown(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - aiohttp's signature
        """Who is being answered gets the answer; who is new may still ask; for the others nothing comes any more."""
        loop = asyncio.get_running_loop()
        patient_until = loop.time() + FIRST_SECONDS
        await asyncio.sleep(SECOND_LOOK_SECONDS)  # what lies in the sockets is read first
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while self._present_ones(new_too=loop.time() < patient_until):  # noqa: ASYNC110 - aiohttp tells nobody
                    await asyncio.sleep(0.02)
        await super().shutdown(0.1)

    def _present_ones(self, *, new_too: bool) -> bool:
        """Is somebody to be waited for? The others are sent away."""
        waited_for = False
        for handler in self.connections:
            if isinstance(handler, _Handler) and (handler.busy or (new_too and handler.fresh)):
                waited_for = True
            else:
                handler.force_close()
        return waited_for


class Doorstep(web.SockSite):
    """Whoever has connected before the socket is closed is let in; closing alone would reset them."""

    async def stop(self) -> None:
        loop, waiting = asyncio.get_running_loop(), []
        if isinstance(self._runner.server, Door):
            self._runner.server.pre_shutdown()
        self._sock.settimeout(0)
        with contextlib.suppress(OSError):
            while True:
                waiting.append(self._sock.accept()[0])
        await super().stop()
        for connection in waiting:
            connection.settimeout(0)
            with contextlib.suppress(OSError):
                await loop.connect_accepted_socket(self._factory, connection)

    def _factory(self) -> RequestHandler:
        door = self._runner.server
        if door is None:
            raise RuntimeError("a site without a server has no visitors")
        return door()


class Runner(web.AppRunner):
    """Runs an application behind a `Door`."""

    __slots__ = ("_most", "_seconds")

    def __init__(self, app: web.Application, *, peer_connections: int, read_seconds: float) -> None:
        super().__init__(app, handle_signals=False, access_log=None, shutdown_timeout=GRACE_SECONDS)
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
            lingering_time=0.0,
            max_headers=64,
        )
