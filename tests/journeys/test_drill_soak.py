"""Ten minutes of everything at once, at a rate that the machine bears: what stays behind afterwards (goal G23)."""

import asyncio
import random
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from chat_stand import ChatStand, chat_stand
from cradle import Cradle, Forked
from crowd import crowd
from figures import FULL, Record
from servers import RedisServer
from stand import WORD, person
from visits import BY_PAPERS
from weighing import Taken, all_of, total

SECONDS, WARM = 600.0, 150.0
CALLERS, PAUSE, CLIENTS, CHANNELS, CHATS = 4, 0.1, 2000, 10, 5
LISTED = {"wakes", "talks", "shows", "uploads", "tells", "audit"}
"""Keys that are emptied by work (the table in flows/store.py)."""
ENDLESS = """
local found = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  if redis.call('PTTL', key) == -1 then found[#found + 1] = key end
end
return table.concat(found, ' ')
"""
KEYS = [f"key-of-the-soaked-channel-{number:04}" for number in range(CHANNELS)]
FREE: dict[str, Any] = {
    **{f"LIMITS__BEGINS_{name}": "1000000" for name in ("MINUTE", "BURST", "HOUR")},
    **{f"CHANNEL__SOAK{number}__FLOW": "search" for number in range(CHANNELS)},
    **{f"CHANNEL__SOAK{number}__KEY_ENV": f"SHINOS_SOAK_{number}" for number in range(CHANNELS)},
    **{f"SOAK_{number}": key for number, key in enumerate(KEYS)},
    "LIMITS__PHONE_SENDS_DAY": "50",
    "LIMITS__SENDS_BUDGET_DAY": "1000000",
    "LIMITS__PREFIX_SAMPLE": "100000",
}
"""So many channels and clients that nothing is closed to them for ten minutes."""


def held(chats: ChatStand) -> Taken:
    """At rest."""
    return total(all_of(process for process in (*chats.api, *chats.bots) if isinstance(process, Forked)))


async def calls(chats: ChatStand, end: float, done: dict[str, int]) -> None:
    """Right answers, now and then a wrong one, what is begun and left; cards, revocations."""
    while time.monotonic() < end:
        await asyncio.sleep(PAUSE)
        client, key = person(random.randrange(CLIENTS)), random.choice(KEYS)
        sent = len(await chats.outbox(client))
        begun = await chats.search(client, key=key)
        done[begun.code or "asked"] += 1
        if begun.status != 200 or random.random() < 0.3:
            continue
        texts = await chats.sent(client)
        while len(texts) == sent and time.monotonic() < end:
            await asyncio.sleep(PAUSE)
            texts = await chats.sent(client)
        word = await chats.search(client, begun.step, texts[-1].split()[0] if texts else "", key=key)
        if word.status != 200:
            done["not the code"] += 1
            continue
        ended = await chats.search(client, word.step, "another" if random.random() < 0.05 else WORD, key=key)
        if ended.status == 200:
            done["identified"] += 1
            await chats.card(ended.token, key=key)
            await chats.call(f"revoke/{key}", {"token": ended.token})


async def people(chats: ChatStand, end: float, done: dict[str, int]) -> None:
    while time.monotonic() < end:
        members = await crowd(chats, CHATS, think=1, seconds=max(10, min(90, end - time.monotonic())))
        done["in the chat"] += sum(member.done for member in members)


async def load(chats: ChatStand, seconds: float, done: dict[str, int]) -> None:
    end = time.monotonic() + seconds
    await asyncio.gather(people(chats, end, done), *(calls(chats, end, done) for _ in range(CALLERS)))
    await asyncio.sleep(15)


def endless(redis: RedisServer) -> list[str]:
    """Keys without an end that the table does not list."""
    answer = redis.command(f'EVAL "{" ".join(ENDLESS.split())}" 0').partition("\r\n")[2]
    return [key for key in answer.split() if key.rpartition("}:")[2] not in LISTED]


@pytest.mark.proof
@pytest.mark.skipif(not FULL, reason="what a leak of minutes adds to a process does not show in seconds")
async def test_ten_minutes_leave_nothing_behind(
    folder: Path, redis_server: RedisServer, cradle: Cradle, figure: Record
) -> None:
    async with chat_stand(folder, redis_server, cradle, FLOW__TELEGRAM__STEPS=BY_PAPERS, **FREE) as chats:
        chats.serve("--workers", "2")
        await chats.add_clients(map(person, range(CLIENTS)), WORD)
        await load(chats, WARM, defaultdict(int))
        before, done = held(chats), defaultdict[str, int](int)
        await load(chats, SECONDS, done)
        after = held(chats)
        stale = endless(redis_server)
    more = 100 * (after.memory / before.memory - 1)
    flat = after.descriptors <= before.descriptors + 5 and after.threads <= before.threads + 2
    figure(
        "G23",
        value=(
            f"{more:+.1f} % memory, {after.descriptors - before.descriptors:+} descriptors, "
            f"{after.threads - before.threads:+} threads, {len(stale)} keys without an end"
        ),
        met=more <= 5 and flat and not stale,
        method=(
            f"{SECONDS / 60:.0f} minutes after {WARM:.0f} s of warming: {done['identified']} identified by calls, "
            f"{done['in the chat']} in the chat; Search API, bot and their children, as /proc has them; "
            "tasks of the loops are counted by nothing, threads and descriptors are"
        ),
    )
    assert done["identified"] > SECONDS, done
    assert done["in the chat"] > SECONDS / 60, done
    assert stale == []
    assert flat
    assert more <= 5
