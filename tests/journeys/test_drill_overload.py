"""Ten times the calls that a channel may make: who is let in waits no longer, the rest is told when (H2, goal G21)."""

import asyncio
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from figures import FULL, Record
from servers import RedisServer
from stand import STRICT_KEY, Said, Stand, person, stand

RATE, TIMES = 20, 10
"""Begins a second that the channel may make; so many times that come."""
SECONDS = 20.0
RECOVERY = 5
LIMITS: dict[str, Any] = {
    "LIMITS__BEGINS_MINUTE": str(60 * RATE),
    "LIMITS__BEGINS_BURST": "10",
    "LIMITS__BEGINS_HOUR": "1000000",
    "LIMITS__PREFIX_SENDS_10MIN": "100000",
    "LIMITS__PREFIX_SAMPLE": "100000",
}
PEOPLE = 6000


@dataclass(frozen=True, slots=True)
class Answer:
    seconds: float
    said: Said


async def call(standing: Stand, number: int) -> Answer:
    began = time.monotonic()
    said = await standing.search(person(number % PEOPLE), key=STRICT_KEY)
    return Answer(time.monotonic() - began, said)


async def come(standing: Stand, rate: float, seconds: float, first: int) -> list[Answer]:
    """So many calls a second, whether or not the earlier ones are answered."""
    began, calls = time.monotonic(), []
    for nth in range(int(rate * seconds)):
        await asyncio.sleep(max(0, began + nth / rate - time.monotonic()))
        calls.append(asyncio.create_task(call(standing, first + nth)))
    return list(await asyncio.gather(*calls))


def p99(answers: list[Answer]) -> float:
    """Of those who were let in."""
    return statistics.quantiles([one.seconds for one in answers if one.said.status == 200], n=100)[98]


def unsaid(answers: list[Answer]) -> int:
    """Refusals that do not say when to come again."""
    refused = [one.said for one in answers if one.said.status != 200]
    assert {said.status for said in refused} <= {429, 503}
    return sum(not said.headers.get("Retry-After", "").isdigit() for said in refused)


@pytest.mark.proof
@pytest.mark.alone
@pytest.mark.skipif(not FULL, reason="measures times over a minute of load")
async def test_ten_times_the_load_slows_nobody_who_is_let_in(
    folder: Path, redis_server: RedisServer, figure: Record
) -> None:
    async with stand(folder, redis_server, people=1, workers=2, **LIMITS) as standing:
        await standing.add_clients(map(person, range(1, PEOPLE)))
        await come(standing, RATE * 0.8, 5, 0)
        quiet = await come(standing, RATE * 0.8, SECONDS, 200)
        loaded = await come(standing, RATE * TIMES, SECONDS, 600)
        await asyncio.sleep(RECOVERY)
        after = await come(standing, RATE * 0.8, SECONDS / 2, 5000)
    let_in = sum(one.said.status == 200 for one in loaded)
    slower, silent = p99(loaded) / p99(quiet), unsaid(loaded)
    figure(
        "G21",
        value=(
            f"p99 {p99(quiet) * 1000:.0f} ms quiet, {p99(loaded) * 1000:.0f} ms loaded ({slower:.1f} times), "
            f"{p99(after) * 1000:.0f} ms {RECOVERY} s later; {silent} of {len(loaded) - let_in} refusals say no time"
        ),
        met=slower <= 2 and not silent and p99(after) <= 2 * p99(quiet),
        method=(
            f"{RATE * TIMES} begins a second for {SECONDS:.0f} s in a channel that may make {RATE}, two workers; "
            f"{let_in} let in. The channel is overloaded, not the machine: what is beyond is refused early"
        ),
    )
    assert let_in >= 0.9 * RATE * SECONDS
    assert silent == 0
    assert {one.said.status for one in after} == {200}
    assert slower <= 2
    assert p99(after) <= 2 * p99(quiet)
