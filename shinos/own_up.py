"""A `shinos up` of our own: another process, free ports, a temporary folder; gone when we are."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from shinos.embedded import die_with_parent
from shinos.options import NothingAnswers

READY_SECONDS = 30.0
STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Running:
    """Addresses of a running Search API and its sandbox."""

    search_api: str
    sandbox: str


@asynccontextmanager
async def own_up(config: Path) -> AsyncIterator[Running]:
    with tempfile.TemporaryDirectory(prefix="shinos-demo-") as folder:
        complaints = Path(folder) / "stderr"
        with complaints.open("wb") as stderr:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "shinos", "up", "--config", str(config)),
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                env=os.environ | _own(folder),
                preexec_fn=die_with_parent,
                start_new_session=True,
            )
        try:
            running = await _ready(process)
            if running is None:
                raise NothingAnswers(f"our own `shinos up` did not start: {_last_line(complaints)}")
            yield running
        finally:
            await _stop(process)


def _own(folder: str) -> dict[str, str]:
    """Nothing that the configuration or the environment names is touched."""
    return {
        "SHINOS_MODE": "development",
        "SHINOS_STORAGE__DIR": f"{folder}/var",
        "SHINOS_REDIS__URL": "",
        "SHINOS_DATABASE__URL": "",
        "SHINOS_SERVER__HOST": "127.0.0.1",
        "SHINOS_SERVER__PORT": "0",
        "SHINOS_SANDBOX__ENABLED": "true",
        "SHINOS_SANDBOX__HOST": "127.0.0.1",
        "SHINOS_SANDBOX__PORT": "0",
    }


async def _ready(process: asyncio.subprocess.Process) -> Running | None:
    """Reads the addresses that `up` prints; None when it ends, or takes too long."""
    sandbox = ""
    try:
        async with asyncio.timeout(READY_SECONDS):
            while process.stdout and (line := (await process.stdout.readline()).decode()):
                word, _, rest = line.partition(" ")
                if word == "Sandbox":
                    sandbox = rest.split()[0].rstrip("/")
                if word == "ready":
                    return Running(rest.strip(), sandbox)
    except TimeoutError:
        pass
    return None


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


def _last_line(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return lines[-1] if lines else "it said nothing"
