"""The line to Redis is slow: every answer is there in time, and what is right passes once (security.md R6)."""

import asyncio
import time
from collections import Counter
from pathlib import Path

import pytest
from lines import Line
from lives import FREE, timed
from servers import RedisServer
from stand import Said, Stand, person, stand, wrong

SLOW = 0.1
"""Seconds, more or less, that it takes to Redis, and as long back: a trip takes 200 ms ± 200 ms."""
RATE, PEOPLE = 40, 40
"""Calls a second; so many of each kind. Two wrong answers of each who guesses are less than a channel bears."""
BUDGET = 2.0
WORKERS, LANES = 2, 4 + 16
"""Connections to Redis that a process may open: the kept ones, and `redis.connections`."""


async def come(standing: Stand, times: list[float], calls: list[tuple[str, ...]]) -> list[Said]:
    """So many calls a second, whether or not the earlier ones are answered."""
    began, coming = time.monotonic(), []
    for nth, call in enumerate(calls):
        await asyncio.sleep(max(0, began + nth / RATE - time.monotonic()))
        coming.append(asyncio.create_task(timed(standing, times, *call)))
    return await asyncio.gather(*coming)


@pytest.mark.proof
async def test_over_a_slow_line_everybody_is_answered_in_time(folder: Path, redis_server: RedisServer) -> None:
    line, times = Line(redis_server), list[float]()
    async with line.laid(), stand(folder, redis_server, people=3 * PEOPLE, **FREE) as standing:
        standing.api.pop().kill()  # none shall have a better line
        await asyncio.to_thread(standing.serve, "--workers", str(WORKERS), SHINOS_REDIS__URL=line.url)
        clients = [person(number) for number in range(2 * PEOPLE)]
        steps = [(await standing.search(client)).step for client in clients]
        right = list(zip(clients, steps, [await standing.code(client) for client in clients], strict=True))
        guessed = [[(who, step, wrong(code, nth)) for who, step, code in right[PEOPLE:]] for nth in range(2)]
        begun = [(person(number),) for number in range(2 * PEOPLE, 3 * PEOPLE)]
        line.slow = SLOW
        together = zip(right, *guessed, begun, strict=False)
        said = await come(standing, times, [call for four in together for call in four])
        line.slow = 0
        again = [await standing.search(*call) for call in right]
        entries = [entry for entry in await standing.audit() if entry["event"] == "otp_evaluated"]
    assert {(one.status, one.code) for one in said} <= {(200, ""), (403, "1002"), (503, "9002")}
    assert max(times) < BUDGET
    assert line.most <= WORKERS * LANES
    passed = [(one.step, later.step) for one, later in zip(said[::4], again, strict=False) if one.status == 200]
    assert len(passed) > PEOPLE / 2, "hardly anybody got through"
    assert all(first == later for first, later in passed)
    assert {one.status for one in again} == {200}
    evaluated = Counter((entry["object"], "true" in str(entry).lower()) for entry in entries)
    assert [count for (_, ok), count in evaluated.items() if ok] == [1] * 2 * PEOPLE
    assert max(count for (_, ok), count in evaluated.items() if not ok) == 2
