"""What a call costs while the gateways are dead, and while the clients' records are (U3, Q24, goal G22)."""

import asyncio
import os
import signal
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from figures import FULL, Record
from postgres import Cluster, binaries, cluster
from servers import RedisServer
from stand import STRICT_KEY, Said, Stand, person, stand

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
        nobody = [person(number).replace("+99290", "+99291") for number in range(CALLS)]
        with frozen(records):
            people = [person(number) for number in range(1, CALLS + 1)]
            refused = await asyncio.gather(*(timed(standing, name) for name in (*people, *nobody)))
        longest = max(seconds for seconds, _ in refused)
        method = f"{2 * CALLS} calls for clients and nobodies at once, PostgreSQL frozen"
        figure("G22", value=f"503 within {longest:.2f} s", met=longest <= 2, method=method)
        assert {(said.status, said.code) for _, said in refused} == {(503, "9002")}
        assert {said.raw for _, said in refused} == {refused[0][1].raw}, "it shows who is a client"
        assert longest <= 2
        for _ in range(40):
            back = await standing.search(person(CALLS + 1), key=STRICT_KEY)
            if back.status == 200:
                break
            await asyncio.sleep(0.1)
        assert back.status == 200
