"""What is counted has an end, and what could not be counted is not done."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from dialogues import dialogues, names
from servers import RedisServer

from flows.errors import StoreDown, WrongAnswer

COUNTED = ("wrong", "lock", "sends", "row", "session", "step", "pair")


async def test_nothing_that_is_counted_stays_for_ever(folder: Path, redis_server: RedisServer) -> None:
    async with dialogues(folder, redis_server, houses=1) as talk:
        asked = await talk.house.identification.begin(talk.front(), names(1))
        code = await talk.code(1)
        for number in range(3):
            other = f"{(int(code) + 1 + number) % 10**6:06d}"
            said = await talk.house.identification.answer(talk.front(), names(1), asked.step_id, other)
            assert isinstance(said.error, WrongAnswer)
        redis: Any = talk.house.store.redis
        lives = {key: await redis.pttl(key) for key in await redis.keys("*") if key.decode().split(":")[3] in COUNTED}
        kinds = {key.decode().split(":")[3] for key in lives}
        assert {"wrong", "sends", "row", "session", "step", "pair"} <= kinds
        assert [key for key, left in lives.items() if left < 0] == []


async def test_no_code_is_sent_that_could_not_be_counted(
    folder: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with dialogues(folder, redis_server, houses=1) as talk:
        asked = asyncio.Event()

        async def away(*_: str) -> str:
            asked.set()
            raise StoreDown

        monkeypatch.setattr(talk.house.store, "permit", away)
        await talk.house.identification.begin(talk.front(), names(2))
        await asyncio.wait_for(asked.wait(), 5)
        await asyncio.sleep(0.5)
        assert talk.sent(2) == 0
