"""Three hundred chats at once: each answer within two seconds but for what waits for Humo, in bounded memory.

Only `make proof` runs it. Telegram takes thirty messages a
second from a bot, which three hundred people reach who think for ten seconds; these think for twenty on average.
"""

import asyncio
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from chat_stand import chat_stand
from cradle import Cradle
from crowd import CHECKED, crowd
from figures import FULL, Record
from servers import RedisServer
from visits import BY_PAPERS
from weighing import family, total

PEOPLE, THINK = 300, 20.0
SECONDS = 480.0
WITHIN = 2.0
MEMORY_MIB = 400


async def measured(pid: int) -> int:
    """The most MiB that the bot and its children have had, looked at until cancelled."""
    most = 0
    with suppress(asyncio.CancelledError):
        while True:
            with suppress(OSError):  # a child may end while we look
                most = max(most, int(total(family(pid)).memory))
            await asyncio.sleep(0.2)
    return most


@pytest.mark.proof
@pytest.mark.skipif(not FULL, reason="a crowd is a matter of minutes; what it does is tested one by one")
async def test_many_at_once(folder: Path, redis_server: RedisServer, cradle: Cradle, figure: Record) -> None:
    async with chat_stand(
        folder, redis_server, cradle, SANDBOX__SPEED="1", LIMITS__LEASE="30", FLOW__TELEGRAM__STEPS=BY_PAPERS
    ) as chats:
        watching = asyncio.create_task(measured(chats.bots[0].pid))
        members = await crowd(chats, PEOPLE, think=THINK, seconds=SECONDS)
        watching.cancel()
        memory = await watching
        assert [member.last() for member in members if not member.done] == []
        answers = sorted(
            wait for member in members for key, waits in member.waits.items() if key not in CHECKED for wait in waits
        )
        late = sum(wait >= WITHIN for wait in answers)
        middle, slow = answers[len(answers) // 2], answers[int(len(answers) * 0.99)]
        told = f"p50 {middle:.2f} s, p99 {slow:.2f} s, longest {answers[-1]:.2f} s, {memory} MiB"
        sys.stdout.write(f"{PEOPLE} chats, {len(answers)} answers: {told}, {late} late\n")
        method = f"{PEOPLE} chats, {len(answers)} answers, each person thinks {THINK:.0f} s"
        figure("chats", value=f"{told}, {late} late", met=not late and memory < MEMORY_MIB, method=method)
        assert memory < MEMORY_MIB
        assert late == 0
