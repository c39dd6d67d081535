"""A line to Redis that is slow, and that breaks."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from servers import RedisServer


@dataclass
class Line:
    """A proxy before Redis: each piece waits `slow` seconds, more or less; `cut` breaks all that are open.

    `most`: so many connections were open at once.
    """

    redis: RedisServer
    slow: float = 0.0
    cuts: int = 0
    most: int = 0
    host: str = "127.0.0.1"
    port: int = 0
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"redis://{self.host}:{self.port}"

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, onward = await asyncio.open_unix_connection(self.redis.path)
        both = {writer, onward}
        self.writers |= both
        self.most = max(self.most, len(self.writers) // 2)
        await asyncio.gather(self._carry(reader, onward), self._carry(there, writer))
        self.writers -= both

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """In order, and none waits for the one before it: the line is long, not narrow."""
        loop, there = asyncio.get_running_loop(), 0.0
        with suppress(ConnectionError):
            while piece := await source.read(1500):
                there = max(there + 1e-6, loop.time() + self.slow * random.uniform(0, 2))
                loop.call_at(there, sink.write, piece)
        await asyncio.sleep(there - loop.time())
        sink.close()

    def cut(self) -> None:
        for writer in self.writers:
            writer.transport.abort()
        self.cuts += bool(self.writers)

    @asynccontextmanager
    async def laid(self) -> AsyncIterator[None]:
        async with await asyncio.start_server(self._talk, self.host, 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            try:
                yield
            finally:
                self.cut()
                while self.writers:  # noqa: ASYNC110 - each takes itself out
                    await asyncio.sleep(0.01)
