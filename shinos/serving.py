"""Runs the servers: the Search API (one process or several), the sandbox, or everything for `up`."""

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import structlog

from flows.settings import Settings, SettingsError
from shinos import logs

_log = structlog.get_logger("shinos")


def run(settings: Settings, main: Callable[[Settings], Coroutine[Any, Any, int]]) -> int:
    """Run `main` on a fast loop; the exit status."""
    import uvloop

    logs.set_up(settings.log)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main(settings))


def once(settings: Settings, main: Callable[[Settings], Coroutine[Any, Any, int]]) -> int:
    """Run a command that does one thing and ends; of the log only errors are of interest then."""
    logs.set_up(settings.log.model_copy(update={"level": "error"}))
    return asyncio.run(main(settings))


def stop_signal() -> asyncio.Event:
    """Set by SIGTERM or Ctrl-C."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def listen(host: str, port: int, section: str) -> socket.socket:
    """A listening socket; port 0 picks a free one. Raises `SettingsError`."""
    try:
        return socket.create_server((host, port), backlog=1024, reuse_port=False)
    except OSError as error:
        raise SettingsError(
            f"{section}.port: cannot listen on {host}:{port}: {error.strerror}; set {section}.port, 0 picks a free one"
        ) from None


def url_of(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{host}:{port}"


async def open_api(stack: AsyncExitStack, settings: Settings, listening: socket.socket) -> None:
    """The Search API on that socket until the stack closes."""
    from flows.wiring import open_house
    from search_api.app import make_app
    from search_api.door import Doorstep, Runner

    house = await stack.enter_async_context(open_house(settings))
    server = settings.server
    runner = Runner(make_app(house), peer_connections=server.peer_connections, read_seconds=server.read_seconds)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await Doorstep(runner, listening).start()
    settle_memory()


def settle_memory() -> None:
    """What start-up has made stays: the collector need not walk through it again with every few hundred calls."""
    gc.collect()
    gc.freeze()


async def open_sandbox(stack: AsyncExitStack, settings: Settings, listening: socket.socket, search_api: str) -> None:
    """`search_api` is what its page shows."""
    from aiohttp import web

    from sandbox.app import make_app

    app = make_app(speed=settings.sandbox.speed, seed=settings.sandbox.seed, search_api=search_api)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.SockSite(runner, listening).start()


def say_ready(listening: socket.socket) -> None:
    sys.stdout.write(f"ready {url_of(listening)}\n")
    sys.stdout.flush()


async def serve(settings: Settings, listening: socket.socket) -> int:
    """One process of the Search API."""
    stop = stop_signal()
    settings = _bound(settings, listening)
    async with AsyncExitStack() as stack:
        await open_api(stack, settings, listening)
        say_ready(listening)
        await stop.wait()
    return 0


async def sandbox(settings: Settings) -> int:
    stop = stop_signal()
    listening = listen(settings.sandbox.host, settings.sandbox.port, "sandbox")
    async with AsyncExitStack() as stack:
        await open_sandbox(stack, settings, listening, f"http://{settings.server.host}:{settings.server.port}")
        say_ready(listening)
        await stop.wait()
    return 0


async def up(settings: Settings, config: Path) -> int:
    """Everything on one machine: embedded Redis, SQLite, sandbox, Search API, bot."""
    from shinos.alongside import bot_alongside
    from shinos.embedded import embedded_redis

    stop = stop_signal()
    async with AsyncExitStack() as stack:
        if not settings.redis.url:
            url = await stack.enter_async_context(embedded_redis(settings.storage.dir / "valkey"))
            settings = settings.model_copy(update={"redis": settings.redis.model_copy(update={"url": url})})
        listening = listen(settings.server.host, settings.server.port, "server")
        stack.callback(listening.close)
        settings = _bound(settings, listening)
        if settings.sandbox.enabled:
            settings = await _with_sandbox(stack, settings, url_of(listening))
        await open_api(stack, settings, listening)
        sys.stdout.write(f"Search API   {url_of(listening)}/docs\n")
        if _attends(settings):
            await stack.enter_async_context(bot_alongside(settings, config))
        say_ready(listening)
        await stop.wait()
    return 0


def _bound(settings: Settings, listening: socket.socket) -> Settings:
    """With the port that was found for 0: links lead there."""
    server = settings.server.model_copy(update={"port": listening.getsockname()[1]})
    return settings.model_copy(update={"server": server})


def _attends(settings: Settings) -> bool:
    """Is there a chat?"""
    return settings.bot.enabled and settings.has_chat


async def bot(settings: Settings) -> int:
    """One process of the Telegram bot."""
    from bot.running import run_bot

    def ready(where: str) -> None:
        sys.stdout.write(f"ready {where}\n")
        sys.stdout.flush()
        settle_memory()

    await run_bot(settings, ready, stop_signal())
    return 0


async def _with_sandbox(stack: AsyncExitStack, settings: Settings, search_api: str) -> Settings:
    from shinos.cast import import_cast, subscribe

    listening = listen(settings.sandbox.host, settings.sandbox.port, "sandbox")
    port = listening.getsockname()[1]
    sandbox_settings = settings.sandbox.model_copy(update={"port": port})
    settings = settings.model_copy(update={"sandbox": sandbox_settings})
    await open_sandbox(stack, settings, listening, search_api)
    imported = await import_cast(settings)
    await subscribe(settings)
    sys.stdout.write(f"Sandbox      {url_of(listening)}/ ({imported} people to be, and what they are sent)\n")
    if _attends(settings):
        sys.stdout.write(f"Chat         {url_of(listening)}/telegram/ (be a client of the bot)\n")
    return settings
