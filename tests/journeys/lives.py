"""A load of identifications that remembers each effect which was acknowledged, and what of it is gone afterwards."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from stand import KEY, STRICT_KEY, WORD, Said, Stand, person, wrong

FREE: dict[str, Any] = {
    "LIMITS__PREFIX_SENDS_10MIN": "10000",
    "LIMITS__PREFIX_SAMPLE": "10000",
    "LIMITS__BEGINS_MINUTE": "100000",
    "LIMITS__BEGINS_BURST": "100000",
    "LIMITS__BEGINS_HOUR": "100000",
    "SERVER__READ_SECONDS": "30",  # many callers in one process: kept connections may rest longer than the stand's 3
}
LONG: dict[str, Any] = FREE | {
    "LIMITS__LEASE": "2",
    "LIMITS__PAIR_WRONG": "5",
    "LIMITS__TOKEN_FIRST": "3600",
    "LIMITS__TOKEN": "7200",
    "FLOW__SEARCH__STEPS": '["client", {"kind": "code", "lifetime": 600}, "secret_word"]',
}
"""What is acknowledged at the beginning is still so when it is looked at, minutes later."""
FAR = (0, 1, 0, 1, 0, 3, 0, 1, 0, 1, 0, 2, 0, 1, 0, 1)
"""How many answers, or a revocation besides: few words, for comparing one costs 50 ms of the processor on purpose."""
LIVES_A_GUESSER = 35
"""So that guesses come until the end."""
COMPARED = ("1002", "1003")
SHUT = {"1003": "spent", "1005": "locked"}


async def timed(standing: Stand, times: list[float], *call: str, key: str = KEY) -> Said:
    """An answer, or the one refusal that a Redis which is away brings; how long it took goes to `times`."""
    return await measured(times, lambda: standing.search(*call, key=key))


async def measured(times: list[float], call: Callable[[], Awaitable[Said]]) -> Said:
    began = time.monotonic()
    said = await call()
    times.append(time.monotonic() - began)
    assert said.status != 500, said.body
    if said.status == 503:
        assert said.code == "9002", said.body
        assert int(said.headers["Retry-After"]) >= 1
    return said


@dataclass
class Life:
    """How far one client has come, by what was acknowledged. `word` is the step that the right code led to."""

    client: str
    step: str = ""
    code: str = ""
    word: str = ""
    token: str = ""
    revoked: bool = False


@dataclass
class Guesser:
    """Somebody who has only wrong answers; `compared` of them, as far as we were told. `shut`: spent | locked."""

    client: str
    step: str
    code: str
    compared: int = 0
    shut: str = ""


@dataclass
class Lives:
    """Callers of it go on until `over`; the guessers have a channel of their own, for its wrong answers are bounded.

    `refused`: when a call was answered that Redis is away.
    """

    standing: Stand
    people: Iterator[int]
    guessers: list[Guesser] = field(default_factory=list)
    lived: list[Life] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    acknowledged: Counter[str] = field(default_factory=Counter)
    refused: list[float] = field(default_factory=list)
    codes: dict[str, str] = field(default_factory=dict)
    over: bool = False

    async def comes(self, number: int) -> None:
        """A guesser, whose step is there before anybody guesses: the channel begins nothing more after that."""
        client = person(number)
        step = (await self.standing.search(client)).step
        self.guessers.append(Guesser(client, step, await self.standing.code(client)))

    async def listen(self) -> None:
        """One reader of the gateways' outbox for all of them: a caller that asks on its own takes the processor."""
        url, newest = f"{self.standing.sandbox.url}/sms/outbox", {"last": "400"}
        while True:
            async with self.standing.session.get(url, params=newest) as response:
                self.codes |= {sent["to"]: sent["text"].split()[0] for sent in await response.json()}
            await asyncio.sleep(0.1)

    async def _code(self, client: str) -> str:
        while client not in self.codes:  # noqa: ASYNC110 - a gateway calls nobody
            await asyncio.sleep(0.05)
        return self.codes[client]

    async def live(self) -> None:
        while not self.over:
            number = next(self.people)
            self.lived.append(life := Life(person(number)))
            await self._live(life, FAR[number % len(FAR)])

    async def _live(self, life: Life, far: int) -> None:
        """Begun; with the code used; with a token; with the token revoked."""
        life.step = (await self.told("begun", life.client)).step
        if far < 1:
            return
        life.code = await self._code(life.client)
        life.word = (await self.told("code used", life.client, life.step, life.code)).step
        if far > 1:
            life.token = (await self.told("token", life.client, life.word, WORD)).token
        if far > 2:
            await self._patiently("revoked", lambda: self.standing.call(f"revoke/{STRICT_KEY}", {"token": life.token}))
            life.revoked = True

    async def guess(self) -> None:
        """One guesser after the other, as far as others have come; a guess that is refused is made again."""
        for number, guesser in enumerate(self.guessers):
            while len(self.lived) < number * LIVES_A_GUESSER and not self.over:  # noqa: ASYNC110 - nobody calls us
                await asyncio.sleep(0.02)
            if self.over:
                return
            await self._guess(guesser, locks=number % 2 == 1)

    async def _guess(self, guesser: Guesser, *, locks: bool) -> None:
        """Spends a step on wrong codes, or with four of them and a wrong word locks the client."""
        for number in range(4 if locks else 6):
            if not await self._wrong(guesser, wrong(guesser.code, number)):
                return
        asked = await self._guessed(guesser, guesser.code)
        if asked.status == 200:
            guesser.step, guesser.code = asked.step, WORD
            while await self._wrong(guesser, "not the word"):
                guesser.shut = "locked"  # the fifth answer is taken still; the sixth is refused
        else:  # what was refused meanwhile had been counted
            guesser.shut = SHUT[asked.code]

    async def _wrong(self, guesser: Guesser, text: str) -> bool:
        """May one go on?"""
        said = await self._guessed(guesser, text)
        assert said.status != 200, said.body
        guesser.compared += said.code in COMPARED
        if said.code != "1002":
            guesser.shut = SHUT[said.code]
        return said.code == "1002"

    async def _guessed(self, guesser: Guesser, text: str) -> Said:
        return await self._patiently(
            "wrong answers", lambda: self.standing.search(guesser.client, guesser.step, text), (200, 403, 429)
        )

    async def told(self, effect: str, *call: str) -> Said:
        return await self._patiently(effect, lambda: self.standing.search(*call, key=STRICT_KEY))

    async def _patiently(
        self, effect: str, call: Callable[[], Awaitable[Said]], good: tuple[int, ...] = (200,)
    ) -> Said:
        again = False
        while True:
            said = await measured(self.times, call)
            if said.status != 503:
                done_before = again and effect == "revoked" and said.status == 401  # and the answer to that was lost
                assert said.status in good or done_before, (effect, said.body)
                self.acknowledged[effect] += 1
                return said
            self.refused.append(time.monotonic())
            again = True
            await asyncio.sleep(0.05)

    async def lost(self) -> list[str]:
        """Each acknowledged effect that is not there any more; by its kind and client."""
        gate = asyncio.Semaphore(8)

        async def one(look: Callable[[], Awaitable[str]], client: str) -> str:
            async with gate:
                found = await look()
                return f"{found} of {client}" if found else ""

        looks = [one(partial(self._gone, life), life.client) for life in self.lived]
        looks += [one(partial(self._open, guesser), guesser.client) for guesser in self.guessers]
        random.shuffle(looks)
        return [found for found in await asyncio.gather(*looks) if found]

    async def _gone(self, life: Life) -> str:
        """In the order of a life: its step, its used code, its token, that it was revoked."""
        search = self.standing.search
        if not life.word:
            code = await self.standing.code(life.client)
            return "" if (await search(life.client, life.step, code, key=STRICT_KEY)).status == 200 else "step"
        again = await search(life.client, life.step, life.code, key=STRICT_KEY)
        if again.status == 200 and again.body.get("stepId", life.word) != life.word:
            return "consumption: the code passed again"
        if (await search(life.client, life.step, wrong(life.code), key=STRICT_KEY)).status == 200:
            return "consumption: another code passed"
        if not life.token:  # an answer is not repeated for ever; then only by going on it is seen
            there = again.status == 200 or (await search(life.client, life.word, WORD, key=STRICT_KEY)).status == 200
            return "" if there else "step after the code"
        card = await self.standing.card(life.token, key=STRICT_KEY)
        if life.revoked:
            return "" if card.code == "1010" else "revocation"
        return "" if card.body.get("phone") == life.client else "token"

    async def _open(self, guesser: Guesser) -> str:
        """Who was told that the door is shut, does not come in with the right answer."""
        if not guesser.shut:
            return ""
        if guesser.compared > 5:
            return f"count: {guesser.compared} compared"
        said = await self.standing.search(guesser.client, guesser.step, guesser.code)
        shut = said.code == "1005" if guesser.shut == "locked" else said.code in ("1003", "1005")
        return "" if shut else f"lock: {said.status} {said.code}"


@asynccontextmanager
async def calling(lives: Lives, callers: int) -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    """So many callers and one who guesses, until its end; what it gives waits for that many acknowledged effects."""
    tasks = [asyncio.create_task(call) for call in (lives.guess(), *(lives.live() for _ in range(callers)))]
    listening = asyncio.create_task(lives.listen())

    async def acknowledged(enough: int) -> None:
        """Whoever of the callers fails says so at once."""
        async with asyncio.timeout(60):
            while lives.acknowledged.total() < enough:
                for task in (listening, *tasks):
                    if task.done():
                        task.result()
                await asyncio.sleep(0.01)

    try:
        yield acknowledged
        lives.over = True
        await asyncio.gather(*tasks)  # who waits for a code gets it still
    finally:
        for task in (listening, *tasks):
            task.cancel()
        await asyncio.gather(listening, *tasks, return_exceptions=True)
