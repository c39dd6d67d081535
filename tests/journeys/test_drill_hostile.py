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
from hostile import WRITERS, Hostile, Shot
from log_events import logged
from logins import BOTH, Browser, citizen, query_of
from raw import Heard, connect, hear
from servers import RedisServer
from stand import WORD, person
from weighing import all_of, taken

REQUESTS, CALLERS, LOGINS = (50_000, 12, 6) if FULL else (1_500, 6, 1)
CHANNELS, CLIENTS = 60, 2000
"""So many that their limits let most of what comes get further: a hundred wrong answers, five sends to a client."""
SECONDS = 15.0
MOST_MIB = 20
SECRET = "webhook-secret-of-the-drill-0123456789"
INSIDE = re.compile(rb"Traceback|File \"|/usr/|\.py\b|aiohttp|[Pp]ython|/lua/|redis|sqlite|psycopg", re.IGNORECASE)
FLOWS = ("search", "word", "face")
DEEP = {("search", 200), ("search", 403), ("auth", 200), ("page", 200), ("back", 303), ("told", 200), ("update", 200)}
"""Kinds of requests that must have got through to what they ask for."""
FREE: dict[str, Any] = {
    "FLOW__WORD__STEPS": '["client", "secret_word"]',
    "FLOW__FACE__STEPS": '["client", "secret_word", "liveness"]',
    "BOT__FLOWS": BOTH,
    "WEBHOOK_SECRET": SECRET,
    "SERVER__READ_SECONDS": "3",
    "LIMITS__SENDS_BUDGET_DAY": "1000000",
    "LIMITS__PREFIX_SAMPLE": "100000",
    **{f"LIMITS__BEGINS_{name}": "1000000" for name in ("MINUTE", "BURST", "HOUR")},
}


@dataclass
class Told:
    """What came back: statuses of each kind of request, 0 for a connection that was closed without an answer; what
    must never come.
    """

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    wrong: list[tuple[bytes, bytes]] = field(default_factory=list)

    def note(self, shot: Shot, heard: Heard | None) -> None:
        self.statuses[shot.kind, heard.status if heard else 0] += 1
        if heard:
            said = heard.body + b"\n" + repr(heard.headers).encode()
            if heard.status >= 500 or INSIDE.search(said):
                self.wrong.append((shot.sent[:300], said[:300]))

    def with_status(self, status: int) -> int:
        return sum(count for (_, each), count in self.statuses.items() if each == status)


def channels() -> dict[str, Any]:
    """Settings of as many channels; every other one hides who is a client."""
    found: dict[str, Any] = {}
    for number in range(CHANNELS):
        own = {"FLOW": FLOWS[number % 3], "KEY_ENV": f"SHINOS_HOSTILE_{number}", "STRICT": str(number % 2 == 0).lower()}
        found |= {f"CHANNEL__HOSTILE{number}__{name}": value for name, value in own.items()}
        found[f"HOSTILE_{number}"] = key(number)
    return found


def key(number: int) -> str:
    return f"key-of-the-hostile-channel-{number:04}"


def a_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
async def standing(folder: Path, redis_server: RedisServer, cradle: Cradle) -> AsyncIterator[ChatStand]:
    """With all its pages, two workers, and a bot that is called."""
    api, hook = a_port(), a_port()
    addresses: dict[str, Any] = {
        "SERVER__PORT": str(api),
        "SERVER__PUBLIC_URL": f"http://127.0.0.1:{api}",
        "BOT__WEBHOOK_URL": f"http://127.0.0.1:{hook}/hook",
        "BOT__WEBHOOK_PORT": str(hook),
    }
    async with chat_stand(folder, redis_server, cradle, **addresses, **FREE, **channels()) as running:
        running.serve("--workers", "2")
        await running.add_clients(map(person, range(CLIENTS)), WORD)
        yield running


async def logins(chats: ChatStand) -> list[tuple[str, str, str]]:
    """Citizens who have left for Aitu; the last of them has not yet."""
    found = []
    for _ in range(LOGINS):
        browser, link = Browser(), await citizen(chats).to_login()
        state = query_of(await browser.leave(link))["state"]
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        found.append((urlsplit(link).path, f"/aitu/callback?state={state}", f"Cookie: {cookie}"))
    link = await citizen(chats).to_login()
    return [*found, (urlsplit(link).path, *found[-1][1:])]


async def fire(urls: tuple[str, str], source: str, hostile: Hostile, shots: Iterator[Shot], told: Told) -> None:
    """One after the other over kept connections, as far as they are kept."""
    kept: dict[str, tuple[asyncio.StreamReader, asyncio.StreamWriter]] = {}
    for shot in shots:
        url = urls[shot.to_bot]
        if shot.alone and url in kept:
            kept.pop(url)[1].close()
        if url not in kept:
            kept[url] = await connect(url, source)
        reader, writer = kept[url]
        heard = None
        try:
            async with asyncio.timeout(SECONDS):
                with suppress(ConnectionError):
                    writer.write(shot.sent)
                    heard = await hear(reader)
        except TimeoutError:
            told.wrong.append((shot.sent[:300], b"no answer"))
        told.note(shot, heard)
        if heard and heard.status == 200:
            hostile.learn(shot, heard.body)
        if heard is None or shot.alone or heard.headers.get("connection") == ["close"]:
            kept.pop(url)[1].close()
    for _, writer in kept.values():
        writer.close()


def some(shots: Iterator[Shot], number: int) -> Iterator[Shot]:
    return (shot for _, shot in zip(range(number), shots, strict=False))


@pytest.mark.proof
async def test_no_hostile_request_meets_a_fault_or_sees_the_inside(standing: ChatStand, figure: Record) -> None:
    bot = standing.environ["SHINOS_BOT__WEBHOOK_URL"]
    keys = [key(number) for number in range(CHANNELS)]
    hostile = Hostile(random.Random(8), urlsplit(bot).path, SECRET, keys, CLIENTS, await logins(standing))
    await asyncio.gather(*(standing.guest(user).start() for user in WRITERS))
    told, urls, shots = Told(), (standing.url, bot), hostile.shots()
    processes = [process for process in (*standing.bots, *standing.api) if isinstance(process, Forked)]
    pids = all_of(processes)

    async def volley(number: int) -> None:
        left = some(shots, number)
        await asyncio.gather(*(fire(urls, f"127.0.0.{2 + nth}", hostile, left, told) for nth in range(CALLERS)))

    await volley(REQUESTS // 10)
    before = {pid: taken(pid).memory for pid in pids}
    await volley(REQUESTS - REQUESTS // 10)
    grown = max(taken(pid).memory - before[pid] for pid in pids)
    faults = sum(count for (_, status), count in told.statuses.items() if status >= 500)
    events = [event for process in processes for event in logged(process.log)]
    alarms = [event for event in events if event["level"] == "error" or event["event"] in ("our_fault", "worker_died")]
    figure(
        "G8",
        value=(
            f"{faults} of {told.statuses.total()} answered with 5xx, {len(told.wrong) - faults} leaks or hangs, "
            f"{len(alarms)} faults in the log, {grown:.0f} MiB more"
        ),
        met=not told.wrong and not alarms and grown < MOST_MIB,
        method=(
            f"{CALLERS} callers over raw sockets, two workers and a bot, one seed: calls, card, pages, both webhooks; "
            f"{told.statuses['search', 200]} questions or tokens, {told.statuses['auth', 200]} cards, "
            f"{told.with_status(429)} told to wait, {told.with_status(0)} closed unanswered; memory of the process "
            f"that grew most, after a tenth of the requests"
        ),
    )
    assert told.wrong == []
    assert alarms == []
    assert grown < MOST_MIB or not FULL, "in the first thousands a process still takes what it will need"
    assert {status for _, status in told.statuses} >= {200, 400, 401, 404, 405, 413}, told.statuses
    assert set(told.statuses) >= DEEP, told.statuses
