"""Several processes of the Search API on one port: they share the listening socket, and the parent watches them.

The socket stays open while a worker dies and is started anew, so no waiting connection is lost with it.
"""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import structlog

from flows.settings import Settings
from shinos import logs
from shinos.embedded import die_with_parent
from shinos.serving import say_ready, stop_signal

STOP_SECONDS = 9.5
_FD = "SHINOS_WORKER_FD"
_log = structlog.get_logger("shinos")


def inherited() -> socket.socket | None:
    """The parent's listening socket, in a worker. The variable is ours, not a setting: it is taken out at once."""
    number = os.environ.pop(_FD, None)
    return socket.socket(fileno=int(number)) if number else None


def run(config: Path, settings: Settings, listening: socket.socket, workers: int) -> int:
    logs.set_up(settings.log)
    return asyncio.run(_watch(config, listening, workers))


async def _watch(config: Path, listening: socket.socket, workers: int) -> int:
    stop = stop_signal()
    ready = [asyncio.Event() for _ in range(workers)]
    keepers = [asyncio.create_task(_keep(config, listening, stop, event)) for event in ready]
    waiting = asyncio.gather(*(event.wait() for event in ready))
    ends: list[asyncio.Future[Any]] = [asyncio.create_task(stop.wait()), *keepers]
    await asyncio.wait([waiting, *ends], return_when=asyncio.FIRST_COMPLETED)
    if waiting.done():
        say_ready(listening)
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    listening.close()  # the workers let in who has come; what we kept open, nobody would answer
    statuses = await asyncio.gather(*keepers)
    waiting.cancel()
    return max(statuses)


async def _keep(config: Path, listening: socket.socket, stop: asyncio.Event, ready: asyncio.Event) -> int:
    """Keep one worker alive; one that cannot even start ends the whole."""
    while not stop.is_set():
        process = await _start(config, listening)
        says_ready = asyncio.create_task(_read_ready(process, ready))
        gone = asyncio.create_task(process.wait())
        ending = asyncio.create_task(stop.wait())
        await asyncio.wait({gone, ending}, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if stop.is_set():
            return await _stopped(process, says_ready)
        await says_ready
        status = await gone
        if not ready.is_set():
            return status
        _log.error("worker_died", status=status)
        await asyncio.sleep(0.2)
    return 0


async def _start(config: Path, listening: socket.socket) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "shinos", "serve", "--config", str(config)),
        stdout=asyncio.subprocess.PIPE,
        pass_fds=(listening.fileno(),),
        env={**os.environ, _FD: str(listening.fileno())},
        preexec_fn=die_with_parent,
        start_new_session=True,
    )


async def _read_ready(process: asyncio.subprocess.Process, ready: asyncio.Event) -> None:
    if process.stdout and (await process.stdout.readline()).startswith(b"ready "):
        ready.set()


async def _stopped(process: asyncio.subprocess.Process, says_ready: asyncio.Task[None]) -> int:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    try:
        status = await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        status = await process.wait()
    says_ready.cancel()
    return status if status >= 0 else 1
