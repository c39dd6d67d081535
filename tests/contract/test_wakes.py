"""Due wakes: one pair of hands at a time, nothing lost with a worker, no queue that ends at one bad letter."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from dialogues import Dialogues, dialogues, names
from servers import RedisServer

from flows.errors import FlowError, StoreDown
from flows.model import Ask, Expects, Facts, Input, Outcome, Step, Wait, Wake
from flows.model import State as StepState
from flows.moves import Leased
from flows.shards import SHARDS
from flows.steps.client import ClientOptions
from flows.steps.code import CodeUndelivered
from flows.texts import Text


class Waiting(Step[StepState, ClientOptions]):
    """A step that looks again twice, half a second apart, and then asks."""

    kind = "client"
    state_type = StepState
    options_type = ClientOptions
    gives = frozenset({"client", "code"})
    looks: list[float] = []  # noqa: RUF012 - one test, one class

    def enter(self, _facts: Facts, now: float) -> Outcome:
        return Wait(Text(key="client.ask"), StepState(), until=now + 0.5)

    def answer(self, _state: StepState, given: Input, _facts: Facts, now: float) -> Outcome:
        if isinstance(given, Wake):
            self.looks.append(now)
        if len(self.looks) == 1:
            return Wait(Text(key="client.ask"), StepState(), until=now + 0.5)
        return Ask(Text(key="client.ask"), StepState(), Expects())


async def until(condition: Any, seconds: float = 6.0) -> None:
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        await asyncio.sleep(0.05)
    raise TimeoutError


async def leased(talk: Dialogues, worker: str) -> list[Leased]:
    return await talk.house.store.lease(worker, range(SHARDS), 10)


async def test_a_step_that_waits_is_woken_each_time_once(
    folder: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.steps.client.STEP", Waiting)
    async with dialogues(folder, redis_server) as talk:
        begun = await talk.house.identification.begin(talk.front(), names(1))
        assert begun.reply.kind == "wait"
        await until(lambda: len(Waiting.looks) == 2)
        await asyncio.sleep(1.2)
        assert len(Waiting.looks) == 2
        assert Waiting.looks[1] - Waiting.looks[0] >= 0.5
        repeated = await talk.house.identification.answer(talk.front(), names(1), begun.step_id, None)
        assert repeated.step_id == begun.step_id


async def test_a_wake_is_in_one_pair_of_hands_until_its_lease_ends(folder: Path, redis_server: RedisServer) -> None:
    async with dialogues(folder, redis_server, houses=1, work=False, LIMITS__LEASE="2") as talk:
        store = talk.house.store
        await talk.house.identification.begin(talk.front(), names(2))
        (first,) = await leased(talk, "one")
        assert await leased(talk, "other") == []
        await asyncio.sleep(1.2)
        assert await store.hold(first, first.sealed)
        await asyncio.sleep(1.2)
        assert await leased(talk, "other") == []
        await asyncio.sleep(1.0)
        (second,) = await leased(talk, "other")
        assert (first.nth, second.nth) == (1, 2)
        assert not await store.hold(first, b"late")
        assert not await store.finish(first)
        assert await store.finish(second)
        await asyncio.sleep(2.2)
        assert await leased(talk, "third") == []


async def test_a_lease_whose_answer_was_lost_is_asked_for_again(folder: Path, redis_server: RedisServer) -> None:
    async with dialogues(folder, redis_server, houses=1, work=False) as talk:
        store = talk.house.store
        await talk.house.identification.begin(talk.front(), names(2))
        assert len(await leased(talk, "lost")) == 1
        assert await leased(talk, "next") == []
        (again,) = await store.lease("next", range(SHARDS), 10, "lost")
        assert again.nth == 1
        assert await store.finish(again)


async def test_a_store_that_went_away_gives_the_wake_back(
    folder: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with dialogues(folder, redis_server, houses=1) as talk:
        store = talk.house.store
        permit, calls = store.permit, []

        async def away_once(*given: str) -> str:
            calls.append(given)
            if len(calls) == 1:
                raise StoreDown
            return await permit(*given)

        monkeypatch.setattr(store, "permit", away_once)
        await talk.house.identification.begin(talk.front(), names(3))
        await talk.code(3)
        assert len(calls) == 2
        await asyncio.sleep(0.7)
        assert talk.sent(3) == 1


async def test_a_letter_that_kills_its_worker_is_put_aside(
    folder: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with dialogues(folder, redis_server, houses=1, LIMITS__LEASE="2") as talk:

        async def die(*_given: Any, **_more: Any) -> Any:
            raise RuntimeError

        monkeypatch.setattr(talk.house.delivery, "deliver", die)
        begun = await talk.house.identification.begin(talk.front(), names(4))
        for _ in range(60):
            await asyncio.sleep(0.2)
            with pytest.raises(FlowError) as told:
                await talk.house.identification.answer(talk.front(), names(4), begun.step_id, None)
            if isinstance(told.value, CodeUndelivered):
                break
        assert isinstance(told.value, CodeUndelivered)
        entries = await talk.events("alarm")
        assert any("dead_letter" in str(entry) for entry in entries)
        assert await leased(talk, "other") == []
