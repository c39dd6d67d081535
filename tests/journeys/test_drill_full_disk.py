"""The disk of the records and the audit log is full, in earnest: a small one of its own, filled up (H3)."""

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from figures import FULL
from servers import RedisServer
from stand import WORD, Said, Stand, person, stand

GRACE = 60
"""Seconds that the log may refuse entries, which wait in Redis, before calls are refused (flows/drain.py)."""


@pytest.fixture
def disk(folder: Path) -> Iterator[Path]:
    place = folder / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting takes root")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def fill(disk: Path) -> Path:
    """To the last block."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(os.urandom(size))
            except OSError:
                continue
    return filler


async def identify(standing: Stand, client: str) -> Said:
    sent = len(await standing.sent(client))
    asked = await standing.search(client)
    if asked.status != 200:
        return asked
    word = await standing.search(client, asked.step, await standing.code(client, sent + 1))
    return word if word.status != 200 else await standing.search(client, word.step, WORD)


async def ready(standing: Stand) -> int:
    async with aiohttp.ClientSession() as session, session.get(f"{standing.url}/health/ready") as answer:
        return answer.status


async def until_refused(standing: Stand, seconds: float) -> float:
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        said = await standing.search(person(19))
        if said.status == 503:
            assert said.headers["Retry-After"].isdigit()
            return time.monotonic() - began
        assert said.status in (200, 429)
        await asyncio.sleep(1)
    raise TimeoutError("nobody was refused")


@pytest.mark.proof
@pytest.mark.skipif(not FULL, reason="the log may refuse entries for a minute before anybody is refused")
async def test_a_full_disk_refuses_and_loses_nothing(folder: Path, redis_server: RedisServer, disk: Path) -> None:
    async with stand(folder, redis_server, workers=2, STORAGE__DIR=str(disk)) as standing:
        assert (await identify(standing, person(1))).token
        filler = fill(disk)
        during = await identify(standing, person(2))
        assert during.status in (200, 503), "the records are read all the same, the entries wait in Redis"
        await until_refused(standing, GRACE + 30)
        assert await ready(standing) == 503
        refused = await identify(standing, person(3))
        assert refused.status == 503
        filler.unlink()
        for _ in range(60):
            if await ready(standing) == 200 and (after := await identify(standing, person(4))).status == 200:
                break
            await asyncio.sleep(0.5)
        assert after.token
        entries = await standing.audit()
        issued = sum(entry["event"] == "token_issued" for entry in entries)
        assert issued == 2 + (during.status == 200)
        assert [entry["seq"] for entry in entries] == list(range(entries[0]["seq"], entries[0]["seq"] + len(entries)))
