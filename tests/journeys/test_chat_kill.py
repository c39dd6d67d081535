"""The bot is killed again and again while people identify: everybody ends, nothing is lost, no photo goes out twice.

`make proof` runs it at full size: 100 identifications, 30 kills.
"""

import asyncio
import random
import sys
from pathlib import Path

import pytest
from chat_stand import chat_stand
from cradle import Cradle
from crowd import crowd, doubled, repeats
from figures import FULL, Record
from servers import RedisServer

PEOPLE, KILLS, SECONDS = (100, 30, 500.0) if FULL else (6, 2, 90.0)


@pytest.mark.proof
async def test_killed_at_random_moments(
    folder: Path, redis_server: RedisServer, cradle: Cradle, figure: Record
) -> None:
    async with chat_stand(folder, redis_server, cradle, SANDBOX__SPEED="0.3") as chats:
        running = asyncio.create_task(crowd(chats, PEOPLE, think=0.5, seconds=SECONDS))
        for _ in range(KILLS):
            await asyncio.sleep(random.uniform(0.3, 3.0))
            chats.bots[-1].kill()
            await asyncio.to_thread(chats.bot)
        members = await running
        ended, twice = sum(member.done for member in members), await doubled(chats)
        method = f"{PEOPLE} people, {KILLS} kill -9 of the bot"
        figure(
            "G16", value=f"{ended} of {PEOPLE} ended, {twice} doubled", met=ended == PEOPLE and not twice, method=method
        )
        figure("G17", value=f"{twice} photos handed in twice", met=not twice, method=method)
        assert [member.last() for member in members if not member.done] == []
        assert twice == 0
        again = [repeats(member.guest.seen) for member in members]
        told = f"{sum(again)} messages repeated, at most {max(again)} in one chat"
        sys.stdout.write(f"{PEOPLE} people, {KILLS} kills: {told}\n")
        assert sum(again) <= 3 * KILLS
        assert max(again) <= KILLS
