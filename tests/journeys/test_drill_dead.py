"""What a call costs while the gateways are dead, and while the clients' records are (U3, Q24, goal G22)."""

import asyncio
import itertools
import os
import signal
import sqlite3
import statistics
import time
from collections.abc import Awaitable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from figures import FULL, Record
from log_events import logged
from postgres import Cluster, binaries, cluster
from servers import RedisServer
from stand import STRICT_KEY, Said, Stand, person, stand, unknown, wrong

BEGINS = 200 if FULL else 40
CALLS = 50 if FULL else 10
FREE: dict[str, Any] = {
    "LIMITS__PREFIX_SENDS_10MIN": "10000",
    "LIMITS__PREFIX_SAMPLE": "10000",
    "LIMITS__BEGINS_MINUTE": "100000",
    "LIMITS__BEGINS_BURST": "100000",
}


async def timed(standing: Stand, *call: str) -> tuple[float, Said]:
    began = time.monotonic()
    said = await standing.search(*call, key=STRICT_KEY)
    return time.monotonic() - began, said


def looks(said: Said) -> tuple[int, str, bytes]:
    """All that a caller sees of it; of its step only that there is one."""
    headers = sorted(header for header in said.headers.items() if header[0] != "Date")
    step = str(said.body.get("stepId", "")).encode()
    return said.status, str(headers), said.raw.replace(step, b"one") if step else said.raw


async def alike(*calls: Awaitable[tuple[float, Said]]) -> Said:
    """What all of them are answered, one and the same and in time."""
    heard = await asyncio.gather(*calls)
    assert len({looks(said) for _, said in heard}) == 1, [said.raw for _, said in heard]
    assert max(seconds for seconds, _ in heard) <= (2 if FULL else 4)
    return heard[0][1]


@pytest.mark.proof
async def test_a_begin_does_not_wait_for_dead_gateways(folder: Path, redis_server: RedisServer, figure: Record) -> None:
    async with stand(folder, redis_server, people=BEGINS, **FREE) as standing:
        for gateway in ("osonsms", "smsc", "smsc_reserve"):
            await standing.fault(gateway, "timeout", delay=20)
        begun = []
        for number in range(BEGINS):
            begun.append(await timed(standing, person(number)))
            await asyncio.sleep(0.01)
        assert {said.status for _, said in begun} == {200}
        p99 = statistics.quantiles([seconds for seconds, _ in begun], n=100)[98]
        method = f"{BEGINS} begins, every gateway silent for 20 s"
        figure("G22", value=f"begin p99 {p99 * 1000:.0f} ms", met=p99 <= 0.3, method=method)
        assert p99 <= (0.3 if FULL else 1)


@pytest.fixture
def records() -> Iterator[Cluster]:
    folder = binaries()
    if folder is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with cluster(folder) as server:
        yield server


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(one for child in children for one in _family(int(child)))]


@contextmanager
def frozen(server: Cluster) -> Iterator[None]:
    """It keeps its connections, takes new ones, and answers nobody."""
    assert server.process
    everybody = _family(server.process.pid)
    for pid in everybody:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(everybody):
            os.kill(pid, signal.SIGCONT)


@pytest.mark.proof
async def test_without_records_everybody_is_refused_in_time(
    folder: Path, redis_server: RedisServer, records: Cluster, figure: Record
) -> None:
    more = {**FREE, "DATABASE__URL": records.fresh()}
    async with stand(folder, redis_server, people=2 * CALLS + 1, **more) as standing:
        assert (await timed(standing, person(0)))[1].status == 200
        nobody = [unknown(number) for number in range(CALLS)]
        with frozen(records):
            people = [person(number) for number in range(1, CALLS + 1)]
            refused = await asyncio.gather(*(timed(standing, name) for name in (*people, *nobody)))
        longest = max(seconds for seconds, _ in refused)
        method = f"{2 * CALLS} calls for clients and nobodies at once, PostgreSQL frozen"
        figure("G22", value=f"503 within {longest:.2f} s", met=longest <= 2, method=method)
        assert {(said.status, said.code) for _, said in refused} == {(503, "9002")}
        assert len({looks(said) for _, said in refused}) == 1
        assert {said.raw for _, said in refused} == {refused[0][1].raw}, "it shows who is a client"
        assert longest <= 2
        for _ in range(40):
            back = await standing.search(person(CALLS + 1), key=STRICT_KEY)
            if back.status == 200:
                break
            await asyncio.sleep(0.1)
        assert back.status == 200


@pytest.mark.proof
async def test_broken_records_know_nobody(folder: Path, redis_server: RedisServer) -> None:
    """Their tables are gone. What was begun before goes on as far as it needs none of them."""
    async with stand(folder, redis_server, workers=2, **FREE) as standing:
        begun = [(phone, (await timed(standing, phone))[1].step) for phone in (person(1), unknown(1))]
        code = await standing.code(person(1))
        with closing(sqlite3.connect(folder / "var" / "shinos.db")) as database:
            for table in ("clients", "names"):
                database.execute(f"ALTER TABLE {table} RENAME TO {table}_lost")
            database.commit()
        refused = await alike(*(timed(standing, phone) for n in range(1, 9) for phone in (person(n), unknown(n))))
        assert (refused.status, refused.code) == (503, "9002")
        answered = await alike(*(timed(standing, phone, step, wrong(code)) for phone, step in begun))
        assert (answered.status, answered.code) == (403, "1002")


@pytest.mark.proof
async def test_dead_gateways_know_nobody(folder: Path, redis_server: RedisServer) -> None:
    """While they only fail a client's code, and when they are known to be down."""
    async with stand(folder, redis_server, workers=2, **FREE, LIMITS__BREAKER_FAILURES="3") as standing:
        for gateway in ("osonsms", "smsc", "smsc_reserve"):
            await standing.fault(gateway, "500")
        begun = [(phone, (await timed(standing, phone))[1].step) for phone in (person(1), unknown(1))]
        async with asyncio.timeout(20):
            log = standing.api[0].log
            while all(event["event"] != "code_not_sent" for event in logged(log)):  # noqa: ASYNC110 - a file calls nobody
                await asyncio.sleep(0.05)
        told = await alike(*(timed(standing, phone, step, "000000") for phone, step in begun))
        assert (told.status, told.code) == (403, "1002")

        async with asyncio.timeout(20):
            for number in itertools.cycle(range(2, 12)):
                if (await timed(standing, person(number)))[1].status == 503:
                    break
                await asyncio.sleep(0.1)
        answered = await alike(*(timed(standing, phone, step, "000000") for phone, step in begun))
        assert (answered.status, answered.code) == (503, "1007")
        refused = await alike(*(timed(standing, phone) for n in range(12, 20) for phone in (person(n), unknown(n))))
        assert (refused.status, refused.code) == (503, "1007")
        again = await alike(*(timed(standing, phone, step) for phone, step in begun))
        assert (again.status, again.code) == (503, "1007")
