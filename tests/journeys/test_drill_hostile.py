"""Generated hostile requests to every address of the Search API and to the bot's webhook (B4, goal G8)."""

import asyncio
import random
import re
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from chat_stand import ChatStand, chat_stand
from cradle import Cradle, Forked
from figures import FULL, Record
from hostile import Hostile, Shot
from logins import BOTH
from raw import Heard, connect, hear
from servers import RedisServer
from stand import WORD, person

REQUESTS, CALLERS = (50_000, 12) if FULL else (1_500, 6)
SECONDS = 15.0
MOST_MIB = 20
SECRET = "webhook-secret-of-the-drill-0123456789"
INSIDE = re.compile(rb"Traceback|File \"|/usr/|\.py\b|aiohttp|[Pp]ython|/lua/|redis|sqlite|psycopg", re.IGNORECASE)
FREE = {f"LIMITS__BEGINS_{name}": "1000000" for name in ("MINUTE", "BURST", "HOUR")}


@dataclass
class Told:
    """What came back: statuses, 0 for a connection that was closed without an answer; what must never come."""

    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[tuple[bytes, bytes]] = field(default_factory=list)

    def note(self, shot: Shot, heard: Heard | None) -> None:
        self.statuses[heard.status if heard else 0] += 1
        if heard and (heard.status >= 500 or INSIDE.search(heard.body)):
            self.wrong.append((shot.sent[:300], heard.body[:300]))


@pytest.fixture
async def standing(folder: Path, redis_server: RedisServer, cradle: Cradle) -> AsyncIterator[ChatStand]:
    """With all its pages, twenty clients, and a bot that is called."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/hook"
    more: dict[str, Any] = {"BOT__WEBHOOK_URL": url, "BOT__WEBHOOK_PORT": str(port), "WEBHOOK_SECRET": SECRET, **FREE}
    async with chat_stand(folder, redis_server, cradle, liveness=True, BOT__FLOWS=BOTH, **more) as running:
        await running.add_clients(map(person, range(20)), WORD)
        yield running


async def fire(urls: tuple[str, str], hostile: Hostile, shots: Iterator[Shot], told: Told) -> None:
    """One after the other over kept connections, as far as they are kept."""
    kept: dict[str, tuple[asyncio.StreamReader, asyncio.StreamWriter]] = {}
    for shot in shots:
        url = urls[shot.to_bot]
        if shot.alone and url in kept:
            kept.pop(url)[1].close()
        if url not in kept:
            kept[url] = await connect(url)
        reader, writer = kept[url]
        heard = None
        async with asyncio.timeout(SECONDS):
            with suppress(ConnectionError):
                writer.write(shot.sent)
                heard = await hear(reader)
        told.note(shot, heard)
        if heard and heard.status == 200 and b'"stepId"' in heard.body:
            hostile.steps.append(heard.json["stepId"])
        if heard is None or shot.alone or heard.headers.get("connection") == ["close"]:
            kept.pop(url)[1].close()
    for _, writer in kept.values():
        writer.close()


def resident(pid: int) -> float:
    """MiB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def some(shots: Iterator[Shot], number: int) -> Iterator[Shot]:
    return (shot for _, shot in zip(range(number), shots, strict=False))


@pytest.mark.proof
@pytest.mark.skipif(not FULL, reason="has not been seen to pass yet, at either size")
async def test_no_hostile_request_meets_a_fault_or_sees_the_inside(standing: ChatStand, figure: Record) -> None:
    bot = standing.environ["SHINOS_BOT__WEBHOOK_URL"]
    hostile, told = Hostile(random.Random(8), urlsplit(bot).path, SECRET), Told()
    urls, shots = (standing.url, bot), hostile.shots()
    processes = [process for process in (*standing.api, *standing.bots) if isinstance(process, Forked)]
    await fire(urls, hostile, some(shots, REQUESTS // 10), told)
    before = [resident(process.pid) for process in processes]
    left = some(shots, REQUESTS - REQUESTS // 10)
    await asyncio.gather(*(fire(urls, hostile, left, told) for _ in range(CALLERS)))
    grown = max(resident(process.pid) - then for process, then in zip(processes, before, strict=True))
    sent = told.statuses.total()
    faults = sum(count for status, count in told.statuses.items() if status >= 500)
    tracebacks = sum(process.log.read_text(encoding="utf-8").count("Traceback") for process in processes)
    figure(
        "G8",
        value=f"{faults} of {sent} answered with 5xx, {len(told.wrong) - faults} leaks, {grown:.0f} MiB more",
        met=not told.wrong and grown < MOST_MIB and not tracebacks,
        method=f"{CALLERS} callers over raw sockets: calls, card, pages, both webhooks, one seed",
    )
    assert told.wrong == []
    assert tracebacks == 0
    assert grown < MOST_MIB
    assert set(told.statuses) >= {200, 400, 401, 404, 405, 413}, told.statuses
