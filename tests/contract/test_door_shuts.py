"""The service is told to stop while somebody stands before its door: they are let in, and answered."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from search_api.door import FIRST_SECONDS, Doorstep, Runner

CALL = b"POST / HTTP/1.1\r\nHost: shinos\r\nContent-Length: 3\r\n\r\none"


async def heard(request: web.Request) -> web.Response:
    return web.Response(text=f"heard {await request.text()}")


@asynccontextmanager
async def door(kind: type[web.SockSite]) -> AsyncIterator[tuple[Runner, tuple[str, int]]]:
    app = web.Application()
    app.router.add_post("/", heard)
    running = Runner(app, peer_connections=10, read_seconds=5)
    await running.setup()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        await kind(running, listening).start()
        yield running, listening.getsockname()
        await running.cleanup()


def come(address: tuple[str, int], said: bytes = CALL) -> socket.socket:
    """Connected, as the kernel sees it; the loop has not had a turn to accept."""
    client = socket.create_connection(address)
    client.sendall(said)
    client.settimeout(0)
    return client


async def answer(client: socket.socket) -> bytes:
    with client, contextlib.suppress(ConnectionError):
        async with asyncio.timeout(5):
            return await asyncio.get_running_loop().sock_recv(client, 4096)
    return b""


async def test_who_waits_to_be_accepted_is_answered() -> None:
    async with door(Doorstep) as (running, address):
        clients = [come(address) for _ in range(5)]
        stopping = asyncio.create_task(running.cleanup())
        answers = await asyncio.gather(*map(answer, clients))
        await stopping
    assert [told.endswith(b"heard one") for told in answers] == [True] * 5
    assert all(b"Connection: close" in told for told in answers)


async def test_without_the_rule_they_are_reset() -> None:
    async with door(web.SockSite) as (running, address):
        clients = [come(address) for _ in range(5)]
        stopping = asyncio.create_task(running.cleanup())
        assert await asyncio.gather(*map(answer, clients)) == [b""] * 5
        await stopping


@pytest.mark.parametrize("late", [0.2, None])
async def test_who_has_come_may_still_ask_but_holds_nobody_up(late: float | None) -> None:
    async with door(Doorstep) as (running, address):
        client = come(address, b"")
        began = time.monotonic()
        stopping = asyncio.create_task(running.cleanup())
        if late:
            await asyncio.sleep(late)
            client.sendall(CALL)
        assert (await answer(client)).endswith(b"heard one" if late else b"")
        await stopping
        assert time.monotonic() - began < FIRST_SECONDS + 0.5


async def test_an_idle_connection_is_closed_at_once() -> None:
    async with door(Doorstep) as (running, address):
        client = come(address)
        loop = asyncio.get_running_loop()
        assert (await loop.sock_recv(client, 4096)).endswith(b"heard one")
        began = time.monotonic()
        await running.cleanup()
        assert await answer(client) == b""
        assert time.monotonic() - began < FIRST_SECONDS
