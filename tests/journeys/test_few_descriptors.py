"""More connections than the processes may have descriptors: none dies, and after them all is as before (H3)."""

import asyncio
import resource
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cradle import Forked, the_cradle
from log_events import logged
from raw import SEARCH, connect, hear, request
from servers import RedisServer
from stand import KEY, WORD, Stand, person, stand, wrong
from weighing import family, taken

DESCRIPTORS, CROWD = 128, 400
READ_SECONDS, CROWDED_SECONDS = 5, 6
"""The crowd is there for longer than the server leaves an idle connection open: all of them come twice."""
MOST_LINES = 40
"""Each worker says every 0.75 s that its audit entries wait, and now and then that Redis is out of reach."""


@contextmanager
def few_descriptors(pid: int) -> Iterator[None]:
    """As `ulimit -n`, for what it starts meanwhile."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (DESCRIPTORS, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


async def crowd(url: str, over: asyncio.Event) -> None:
    """One who connects, says nothing, and comes again when it is sent away."""
    while not over.is_set():
        reader, writer = await connect(url)
        ends = [asyncio.create_task(over.wait()), asyncio.create_task(reader.read())]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()
        writer.close()
        await asyncio.sleep(0.1)


async def identified(standing: Stand, client: str) -> None:
    word = await standing.search(client, (await standing.search(client)).step, await standing.code(client))
    done = await standing.search(client, word.step, WORD)
    assert (await standing.card(done.token)).body["phone"] == client


@pytest.mark.proof
async def test_more_connections_than_descriptors(folder: Path, redis_server: RedisServer) -> None:
    async with stand(folder, redis_server) as standing:
        standing.api.pop().kill()
        with few_descriptors(the_cradle()._process.pid):
            api = standing.serve("--workers", "2", SHINOS_SERVER__READ_SECONDS=str(READ_SECONDS))
        assert isinstance(api, Forked)
        await identified(standing, person(0))
        workers, over = family(api.pid), asyncio.Event()
        step, code = (await standing.search(person(1))).step, await standing.code(person(1))
        kept = [await connect(api.url) for _ in range(4)]
        crowding = [asyncio.create_task(crowd(api.url, over)) for _ in range(CROWD)]
        async with asyncio.timeout(READ_SECONDS - 1):
            while max(taken(pid).descriptors for pid in workers) < DESCRIPTORS:  # noqa: ASYNC110 - /proc tells nobody
                await asyncio.sleep(0.05)
        for number, (reader, writer) in enumerate(kept):
            body = f"client=%2B{person(1)[1:]}&stepId={step}&secretWord={wrong(code, number)}"
            writer.write(request(f"{SEARCH}/{KEY}", body.encode()))
            heard = await hear(reader)
            writer.close()
            assert heard, "who was inside was not answered"
            assert (heard.status, heard.code) in {(403, "1002"), (503, "9002")}  # no further connection to Redis opens
        await asyncio.sleep(CROWDED_SECONDS)
        over.set()
        await asyncio.gather(*crowding)
        assert (await standing.search(person(1), step, code)).status == 200
        for number in range(2, 6):
            await identified(standing, person(number))
        assert family(api.pid) == workers, "a worker died"
        events = Counter(event["event"] for event in logged(api.log))
        assert set(events) <= {"call", "code_sent", "audit_not_written", "store_down"}
        assert events["audit_not_written"] + events["store_down"] <= MOST_LINES
