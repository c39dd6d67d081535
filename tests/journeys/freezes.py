"""Redis stands still: what is said to whoever calls then, and how soon all is as before once it goes on."""

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar

from lives import timed
from servers import RedisServer
from stand import Said, Stand, person, wrong

GOOD_SECONDS = 0.3
"""What an answer may take on a good day (#19)."""
AFTER_SECONDS = 2.0
WAVES = 3


@contextmanager
def stopped(redis: RedisServer) -> Iterator[None]:
    redis.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        redis.signal(signal.SIGCONT)


@dataclass
class Freeze:
    """The `nth` of them, with people of its own. `first`, `normal`: seconds after it. `passed`: accepted in it.

    `times` are those of the calls while it lasts, `after` of the others.
    """

    PEOPLE: ClassVar[int] = 100
    BEGINNERS: ClassVar[range] = range(2, 32)
    AFTERWARDS: ClassVar[range] = range(32, 100)

    standing: Stand
    redis: RedisServer
    nth: int
    times: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)
    passed: list[Said] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    first: float = 0.0
    normal: float = 0.0

    def person(self, number: int) -> str:
        return person(self.nth * self.PEOPLE + number)

    async def run(self, seconds: float) -> None:
        search = self.standing.search
        right, guessed = self.person(0), self.person(1)
        step, code = (await search(right)).step, await self.standing.code(right)
        other, not_these = (await search(guessed)).step, await self.standing.code(guessed)
        beginners = iter(self.BEGINNERS)
        with stopped(self.redis):
            thaw = time.monotonic() + seconds
            for wave in range(WAVES):
                calls = [self._call(self.person(number)) for _, number in zip(range(8), beginners, strict=False)]
                calls += [self._call(right, step, code), self._call(guessed, other, wrong(not_these, wave))]
                await asyncio.gather(*calls)
            await asyncio.sleep(max(0, thaw - time.monotonic()))
            if not self.times or min(self.times) >= seconds:
                self.faults.append("nobody was answered while it stood still")
        await self._look(time.monotonic())
        await self._go_on(right, step, code)
        await self._go_on(guessed, other, not_these)

    async def _call(self, *call: str) -> None:
        said = await timed(self.standing, self.times, *call)
        if said.status != 503:
            self.passed.append(said)

    async def _look(self, thawed: float) -> None:
        """New people come one after the other; normal it is when the last bad answer is over."""
        for number in self.AFTERWARDS:
            said = await timed(self.standing, self.after, self.person(number))
            since = time.monotonic() - thawed
            good = said.status == 200
            self.first = self.first or (since if good else 0.0)
            self.normal = self.normal if good and self.after[-1] <= GOOD_SECONDS else since
            if since > AFTER_SECONDS:
                break
            await asyncio.sleep(0.02)
        self.normal = max(self.normal, self.first)

    async def _go_on(self, client: str, step: str, code: str) -> None:
        """A code that came while nobody could check it was not used up, and each guess was counted once at most."""
        said = await self.standing.search(client, step, code)
        if said.status != 200:
            self.faults.append(f"{client} is answered {said.status} {said.code}")

    async def sent_late(self) -> int:
        """How many were sent a code though they were told that nothing can be begun."""
        boxes = [await self.standing.outbox(self.person(number)) for number in self.BEGINNERS]
        return sum(map(bool, boxes))
