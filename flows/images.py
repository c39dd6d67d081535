"""The image gate: what leaves it was decoded here, and is a JPEG of our own (security.md Q13, D1-D3).

Decoding runs in child processes with limits on memory and time, since a picture of 480 KiB can ask for 660 MiB. A child
that dies, hangs or talks nonsense is killed; its file is `broken`, and the next one gets a new child. Nothing is
written to disk. Linux only. A child also dies with the thread that started it: use the gate from the main thread.
"""

import asyncio
import json
import os
import socket
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from types import TracebackType
from typing import Self, cast

import structlog

from flows.errors import Unavailable
from flows.image_limits import ANSWER, QUESTION, TAKEN, WORDS, ImageLimits, Word

_ENVIRONMENT = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "1048576"}
"""No secret of ours. Freed pictures go back to the system at once, so the limit on memory is that of one picture."""

_LOST = (OSError, EOFError, ValueError)
"""The child is gone, too slow (a `TimeoutError` is an `OSError`) or talks nonsense."""

_log = structlog.get_logger("images")


class ImageUnfit(Exception):
    """`word` says why; its sentence is `image.<word>`."""

    def __init__(self, word: Word) -> None:
        super().__init__(word)
        self.word = word


@dataclass(frozen=True, slots=True)
class Prepared:
    """An upright RGB picture without metadata. `digest`: SHA-256 of the file as it came, in hex."""

    jpeg: bytes = field(repr=False)
    width: int
    height: int
    digest: str = field(repr=False)


class Images:
    """Each child has one image at a time; others wait in order."""

    def __init__(self, limits: ImageLimits | None = None) -> None:
        self._limits = limits or ImageLimits()
        self._free = [_Child(self._limits) for _ in range(self._limits.children)]
        self._turns = asyncio.Semaphore(self._limits.children)
        self._closed = False

    async def start(self) -> None:
        """Start the children before they are needed: it saves the first image 0.2 s."""
        for child in self._free:
            await child.start()

    async def prepare(self, data: bytes, *, lenient: bool = False) -> Prepared:
        """Raises `ImageUnfit`; `Unavailable` when no child can be started, or the gate is closed.

        `lenient`: quality is not judged, and a short side of `lenient_short_side` is enough.
        """
        if len(data) > self._limits.size:
            raise ImageUnfit("too_large")
        async with self._turns:
            if self._closed:
                raise Unavailable
            child = self._free.pop()
            try:
                return await child.prepare(data, lenient=lenient)
            finally:
                self._free.append(child)

    async def close(self) -> None:
        """What is in a child comes to its end; what waits is told `Unavailable`."""
        self._closed = True
        for _ in range(self._limits.children):
            await self._turns.acquire()
        for child in self._free:
            await child.end()
        for _ in range(self._limits.children):
            self._turns.release()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class _Child:
    """One process, and our end of the socket that is its stdin."""

    def __init__(self, limits: ImageLimits) -> None:
        self._limits = limits
        self._process: asyncio.subprocess.Process | None = None
        self._line: socket.socket | None = None

    async def start(self) -> None:
        if self._line:
            return
        self._line, theirs = socket.socketpair()
        self._line.settimeout(0)
        told = (json.dumps(asdict(self._limits)), str(os.getpid()))
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-m", "flows.image_child", *told),
                stdin=theirs.fileno(),
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                env=_ENVIRONMENT,
                start_new_session=True,
            )

    async def prepare(self, data: bytes, *, lenient: bool) -> Prepared:
        question = QUESTION.pack(len(data), lenient)
        if not (await self._takes_up(question) or await self._takes_up(question)):
            _log.error("image_child_not_started")
            raise Unavailable
        try:
            async with asyncio.timeout(self._limits.seconds):
                await self._send(data)
                answer = await self._answer()
        except _LOST:
            _log.warning("image_child_lost")
            await self.end()
            raise ImageUnfit("broken") from None
        except BaseException:  # cancelled: its answer must not be the next one's
            await self.end()
            raise
        if isinstance(answer, Prepared):
            return answer
        raise ImageUnfit(answer)

    async def _takes_up(self, question: bytes) -> bool:
        """Asked before the file is sent, so that no file is blamed for a child that died or hung while it was idle."""
        try:
            async with asyncio.timeout(self._limits.start_seconds):
                await self.start()
                await self._send(question)
                if await self._read(len(TAKEN)) == TAKEN:
                    return True
        except _LOST:
            pass
        except BaseException:
            await self.end()
            raise
        await self.end()
        return False

    async def _answer(self) -> Prepared | Word:
        length, width, height, digest = ANSWER.unpack(await self._read(ANSWER.size))
        if length > 3 * self._limits.longest_side**2:
            raise ValueError("longer than the bare pixels")
        body = await self._read(length)
        if width:
            return Prepared(body, width, height, digest.hex())
        if body.decode() not in WORDS:
            raise ValueError("no word of ours")
        return cast("Word", body.decode())

    async def _send(self, data: bytes) -> None:
        """From the caller's own bytes: nothing of ten megabytes is copied on the way."""
        await asyncio.get_running_loop().sock_sendall(self._open(), data)

    async def _read(self, size: int) -> bytes:
        loop, line = asyncio.get_running_loop(), self._open()
        block = bytearray(size)
        rest = memoryview(block)
        while rest:
            count = await loop.sock_recv_into(line, rest)
            if not count:
                raise EOFError
            rest = rest[count:]
        return bytes(block)

    def _open(self) -> socket.socket:
        if self._line is None:
            raise EOFError
        return self._line

    async def end(self) -> None:
        """SIGKILL: nothing in it is worth keeping."""
        process, line = self._process, self._line
        self._process = self._line = None
        if line:
            line.close()
        if process:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
