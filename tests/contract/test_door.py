"""A connection whose time is over while the machine holds our process up: what has come on it counts as come."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from search_api.door import Runner

CALL = b"POST / HTTP/1.1\r\nHost: shinos\r\nContent-Length: 3\r\n\r\none"
SECONDS = 5.0
"""More than the test takes: only `time_is_over` ends a connection."""


async def heard(request: web.Request) -> web.Response:
    return web.Response(text=f"heard {await request.text()}")


@pytest.fixture
async def runner() -> AsyncIterator[Runner]:
    app = web.Application()
    app.router.add_post("/", heard)
    running = Runner(app, peer_connections=10, read_seconds=SECONDS)
    await running.setup()
    await web.TCPSite(running, "127.0.0.1", 0).start()
    yield running
    await running.cleanup()


async def kept(runner: Runner) -> tuple[socket.socket, RequestHandler]:
    """A connection that has had one answer, from both sides."""
    loop = asyncio.get_running_loop()
    client = socket.socket()
    client.setblocking(False)  # noqa: FBT003 - the socket's own signature
    await loop.sock_connect(client, runner.addresses[0])
    await loop.sock_sendall(client, CALL)
    assert (await loop.sock_recv(client, 4096)).endswith(b"heard one")
    assert runner.server
    (handler,) = runner.server.connections
    return client, handler


def time_is_over(handler: RequestHandler) -> None:
    """As the loop does when it was held up: its timers run, and nothing has been read yet."""
    handler._next_keepalive_close_time = 0.0
    handler._process_keepalive()


async def test_a_request_that_lies_in_the_socket_is_answered(runner: Runner) -> None:
    client, handler = await kept(runner)
    with client:
        client.send(CALL)
        time_is_over(handler)
        async with asyncio.timeout(SECONDS - 1):
            assert (await asyncio.get_running_loop().sock_recv(client, 4096)).endswith(b"heard one")


async def test_a_connection_without_a_request_is_closed(runner: Runner) -> None:
    client, handler = await kept(runner)
    with client:
        time_is_over(handler)
        async with asyncio.timeout(SECONDS - 1):
            assert await asyncio.get_running_loop().sock_recv(client, 4096) == b""
