"""The bot is killed again and again while people identify: everybody ends, nothing is lost, no photo goes out twice.

`make proof` runs it at full size, with the leases that are shipped: 100 identifications, 50 kills. After some of them
the bot lives for a while, to see how soon it goes on with the photos that it had in hand.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from chat_stand import ChatStand, chat_stand
from cradle import Cradle
from crowd import crowd, doubled, repeats
from figures import FULL, Record
from servers import RedisServer

PEOPLE, KILLS, SECONDS, THINK = (100, 50, 560.0, 18.0) if FULL else (6, 2, 90.0, 0.5)
CALM_EACH, CALM_SECONDS = 10, 12.0
RESUMED_SECONDS = 10
LEASE: dict[str, Any] = {"LIMITS__LEASE": "30"} if FULL else {}


@pytest.mark.proof
async def test_killed_at_random_moments(
    folder: Path, redis_server: RedisServer, cradle: Cradle, figure: Record
) -> None:
    async with chat_stand(folder, redis_server, cradle, SANDBOX__SPEED="0.3", **LEASE) as chats:
        running = asyncio.create_task(crowd(chats, PEOPLE, think=THINK, seconds=SECONDS))
        calms = [calm for number in range(1, KILLS + 1) if (calm := await killed(chats, calm=not number % CALM_EACH))]
        members = await running
        lost, twice = [member.last() for member in members if not member.done], await doubled(chats)
        again = [repeats(member.guest.seen) for member in members]
        shots = [shot for member in members for shot in member.shots]
        waited = resumed(shots, calms)
        method = f"{PEOPLE} people, {KILLS} kill -9 of the bot, {len(shots)} photos"
        value = (
            f"{len(lost)} of {PEOPLE} people lost, {twice} photos handed in twice; {sum(again)} messages repeated, at "
        )
        value += f"most {max(again)} in a chat: Telegram cannot be told that it has a message already"
        figure("G16", value=value, met=not lost and not twice, method=method)
        ended = sum(bool(answered) for _, answered in shots)
        value = f"{ended} of {len(shots)} photos ended, {twice} handed in twice; "
        late = sum(seconds > RESUMED_SECONDS for seconds in waited)
        value += f"{late} of {len(waited)} in hand at a kill answered later than {RESUMED_SECONDS} s after the bot's "
        value += f"return, {max(waited, default=0):.1f} s at most"
        met = ended == len(shots) and not lost and not twice and bool(waited) and not late
        method += f"; {len(calms)} times it then lives for {CALM_SECONDS:g} s, with the leases that are shipped"
        figure("G17", value=value, met=met, method=method)
        assert lost == []
        assert twice == 0
        assert sum(again) <= 3 * KILLS
        assert max(again) <= KILLS
        if FULL:
            assert late == 0


async def killed(chats: ChatStand, *, calm: bool) -> tuple[float, float] | None:
    """Sooner or later; when it died and was back, if it then lives for a while."""
    await asyncio.sleep(random.uniform(0.3, 3.0))
    died = time.monotonic()
    chats.bots[-1].kill()
    await asyncio.to_thread(chats.bot)
    back = time.monotonic()
    if not calm:
        return None
    await asyncio.sleep(CALM_SECONDS)
    return died, back


def resumed(shots: Sequence[tuple[float, float]], calms: Sequence[tuple[float, float]]) -> list[float]:
    """Seconds from the bot's return to the answer, of the photos that it had when it died."""
    return [
        (answered or float("inf")) - back
        for died, back in calms
        for sent, answered in shots
        if sent < died and (answered > back or not answered)
    ]
