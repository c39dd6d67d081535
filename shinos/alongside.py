"""The bot beside `shinos up`: a process of its own, for aiogram is slow to import; kept alive, gone when we are."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from flows.settings import Settings
from shinos.embedded import die_with_parent

STOP_SECONDS = 9.0
AGAIN_SECONDS = 1.0
_log = structlog.get_logger("shinos")


@asynccontextmanager
async def bot_alongside(settings: Settings, config: Path) -> AsyncIterator[None]:
    """Started again when it dies; what it had in hand goes on with the next one."""
    keeper = Keeper(settings, config)
    task = asyncio.create_task(keeper.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await keeper.stop()


class Keeper:
    def __init__(self, settings: Settings, config: Path) -> None:
        self._words = (sys.executable, "-m", "shinos", "bot", "--config", str(config))
        self._environ = os.environ | {
            "SHINOS_REDIS__URL": settings.redis.url,
            "SHINOS_SERVER__PUBLIC_URL": settings.public_url,
            "SHINOS_SANDBOX__PORT": str(settings.sandbox.port),
            "SHINOS_STORAGE__DIR": str(settings.storage.dir),
        }
        self._process: asyncio.subprocess.Process | None = None

    async def run(self) -> None:
        while True:
            self._process = await asyncio.create_subprocess_exec(
                *self._words,
                stdout=asyncio.subprocess.DEVNULL,
                env=self._environ,
                preexec_fn=die_with_parent,
                start_new_session=True,
            )
            status = await self._process.wait()
            _log.error("bot_died", status=status)
            await asyncio.sleep(AGAIN_SECONDS)

    async def stop(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
