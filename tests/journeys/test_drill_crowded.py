"""Twenty clients identify while somebody guesses at another one as fast as the answers come (goal G24)."""

import asyncio
import itertools
from pathlib import Path

import pytest
from figures import FULL, Record
from servers import RedisServer
from stand import WORD, Stand, person, stand

CLIENTS = range(1, 21)
AT_ONCE = 20


async def attack(standing: Stand, over: asyncio.Event) -> int:
    """Begins and guesses at one client until it is over; how many guesses were made."""
    made, numbers = 0, itertools.count()

    async def guess(step: str) -> None:
        nonlocal made
        said = await standing.search(person(0), step, f"{next(numbers) % 10**6:06d}")
        assert said.status in (403, 410, 429), said.body
        made += 1

    while not over.is_set():
        begun = await standing.search(person(0))
        step = begun.body.get("stepId", "A" * 22)
        for _ in range(5):
            await asyncio.gather(*(guess(step) for _ in range(AT_ONCE)))
    return made


async def identified(standing: Stand, client: str) -> bool:
    word = await standing.search(client, (await standing.search(client)).step, await standing.code(client))
    done = await standing.search(client, word.step, WORD)
    return done.status == 200 and (await standing.card(done.token)).status == 200


@pytest.mark.proof
@pytest.mark.skipif(not FULL, reason="a drill: what it shows, the tests of each rule show too")
async def test_twenty_identify_while_another_is_attacked(
    folder: Path, redis_server: RedisServer, figure: Record
) -> None:
    async with stand(folder, redis_server, people=21, workers=2, LIMITS__PREFIX_SENDS_10MIN="100") as standing:
        over = asyncio.Event()
        attacking = asyncio.create_task(attack(standing, over))
        await asyncio.sleep(0.5)
        passed = await asyncio.gather(*(identified(standing, person(number)) for number in CLIENTS))
        over.set()
        guesses = await attacking
        method = f"two workers, {guesses} guesses at another client meanwhile, {AT_ONCE} at a time"
        figure("G24", value=f"{sum(passed)} of {len(passed)}", met=all(passed), method=method)
        assert guesses > 100
        assert all(passed)
