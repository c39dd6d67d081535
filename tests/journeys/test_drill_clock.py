"""Workers whose wall clock is wrong by minutes or a day: steps live as long as ever, locks hold (T1, Q23, goal G20).

Each shift is a worker of its own under libfaketime beside one that is right; Redis keeps the time for all of them.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from figures import FULL, Record
from servers import Command, RedisServer
from stand import STRICT_KEY, WORD, Said, Stand, person, stand, wrong

SHIFTS = {"-1d": -86400, "-10m": -600, "+10m": 600, "+1d": 86400}
"""As libfaketime reads it, and in seconds."""
LIFETIME = 60
STEPS = f'["client", {{"kind": "code", "lifetime": {LIFETIME}}}, "secret_word"]'
LIVES = "return redis.call('PTTL', redis.call('KEYS', '*step:' .. ARGV[1])[1])"


@pytest.fixture
def preload() -> str:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        pytest.skip("libfaketime is not installed: apt-get install libfaketime")
    return str(found[0])


@dataclass
class Clocks:
    """The first worker is right, the others are not."""

    standing: Stand
    redis: RedisServer
    workers: list[Command] = field(default_factory=list)

    async def at(self, worker: Command, *call: str) -> Said:
        """A call that this worker answers."""
        self.standing.api.append(worker)
        try:
            return await self.standing.search(*call, key=STRICT_KEY)
        finally:
            self.standing.api.pop()

    async def card(self, worker: Command, token: str) -> Said:
        self.standing.api.append(worker)
        try:
            return await self.standing.card(token, key=STRICT_KEY)
        finally:
            self.standing.api.pop()

    async def wrong_by(self, worker: Command) -> float:
        """Seconds that the clock of its process is ahead, by the date that it writes into an answer."""
        told = parsedate_to_datetime((await self.at(worker, person(0))).headers["Date"])
        return (told - datetime.now(UTC)) / timedelta(seconds=1)

    def lives(self, step: str) -> float:
        """Seconds."""
        answer = self.redis.command(f'EVAL "{LIVES}" 0 {step}')
        return int(answer.removeprefix(":").strip()) / 1000

    async def locked(self, client: str) -> str:
        """The client's fifth wrong answer is a word; the step that asks for it goes on when the lock is over."""
        right = self.workers[0]
        step = (await self.at(right, client)).step
        code = await self.standing.code(client)
        for number in range(4):
            await self.at(right, client, step, wrong(code, number))
        word = await self.at(right, client, step, code)
        assert (await self.at(right, client, word.step, "another word")).status == 403
        return word.step

    async def early(self) -> int:
        """How many locks a wrong clock ends."""
        ended = 0
        for number, worker in enumerate(self.workers[1:], 1):
            step = await self.locked(person(number))
            ended += (await self.at(worker, person(number), step, WORD)).status == 200
        return ended


async def died_early(clocks: Clocks) -> list[str]:
    """From one clock to the next, there and back, to the token and the card: what is gone before its time."""
    gone = []
    for number, worker in enumerate(clocks.workers[1:], 20):
        for first, second in ((worker, clocks.workers[0]), (clocks.workers[0], worker)):
            client = person(number if first is worker else number + 10)
            step = (await clocks.at(first, client)).step
            word = await clocks.at(second, client, step, await clocks.standing.code(client))
            done = await clocks.at(first, client, word.body.get("stepId", step), WORD)
            card = await clocks.card(second, done.body.get("token", "none"))
            gone += [f"{client} {said.status} {said.code}" for said in (word, done, card) if said.status != 200]
    return gone


@pytest.mark.proof
@pytest.mark.skipif(not FULL, reason="a drill: what it shows, the tests of each rule show too")
async def test_a_moved_clock_lengthens_no_step_and_ends_no_lock(
    folder: Path, redis_server: RedisServer, preload: str, figure: Record
) -> None:
    limits: dict[str, Any] = {
        "LIMITS__PAIR_WRONG": "5",
        "LIMITS__PREFIX_SENDS_10MIN": "1000",
        "FLOW__SEARCH__STEPS": STEPS,
    }
    async with stand(folder, redis_server, people=60, **limits) as standing:
        clocks = Clocks(standing, redis_server, [standing.api[0]])
        moved = {"LD_PRELOAD": preload, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        clocks.workers += [standing.spawn(**moved, FAKETIME=shift) for shift in SHIFTS]
        skews = [await clocks.wrong_by(worker) for worker in clocks.workers]
        assert skews == pytest.approx([0, *SHIFTS.values()], abs=5), "the clocks are not moved: nothing would be shown"
        gone = await died_early(clocks)
        steps = {}
        for number, worker in enumerate(clocks.workers, 40):
            begun = await clocks.at(worker, person(number))
            steps[person(number)] = begun.step, await standing.code(person(number))
        lives = [clocks.lives(step) for step, _ in steps.values()]
        early = await clocks.early()
        late = await later_than(clocks, steps)
        value = f"{late} steps of {len(steps)} living too long, {len(gone)} of {2 * len(SHIFTS)} gone too soon, "
        value += f"{early} locks of {len(SHIFTS)} ended early"
        figure(
            "G20",
            value=value,
            met=not (late or gone or early),
            method=f"workers at {', '.join(SHIFTS)} (seen in their answers) and a right one; each step tried at each "
            f"{LIFETIME + 1} s later",
        )
        assert (gone, early, late) == ([], 0, 0)
        assert max(lives) - min(lives) < 20, lives


async def later_than(clocks: Clocks, steps: dict[str, tuple[str, str]]) -> int:
    """How many codes still pass, at any worker, when their time is over."""
    await asyncio.sleep(LIFETIME + 1)
    living = 0
    for client, (step, code) in steps.items():
        said = [await clocks.at(worker, client, step, code) for worker in reversed(clocks.workers)]
        living += any(one.status == 200 for one in said)
    return living
