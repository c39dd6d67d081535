"""Redis at its maxmemory (security.md R5): nothing begins, nothing passes, cards are read on, and it is said aloud."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiohttp.test_utils import TestClient, TestServer
from dialogues import WORD, Dialogues, dialogues, names, phone
from servers import RedisServer

from flows.errors import FlowError, StoreDown, TokenRefused, TooManyRequests
from flows.settings import SANDBOX_SECRETS
from flows.shards import SHARDS, prefix
from flows.wiring import own_secrets
from search_api.app import make_app
from search_api.card import _card
from shinos import dependencies

KEY = SANDBOX_SECRETS["SHINOS_SUPPORT_KEY"]
READS = 20


@contextmanager
def full(redis: RedisServer) -> Iterator[None]:
    """Redis with a bound that it is over already."""
    assert redis.command("CONFIG SET maxmemory 1mb").startswith("+OK")
    try:
        yield
    finally:
        assert redis.command("CONFIG SET maxmemory 0").startswith("+OK")


@asynccontextmanager
async def front_of(talk: Dialogues) -> AsyncIterator[TestClient[Any, Any]]:
    async with TestClient(TestServer(make_app(talk.house))) as client:
        yield client


async def came_of(call: Any) -> str:
    try:
        await call
    except FlowError as error:
        return type(error).__name__
    return "passed"


async def test_nothing_passes_and_all_is_as_it_was_when_there_is_room_again(
    folder: Path, redis_server: RedisServer
) -> None:
    async with dialogues(folder, redis_server, houses=1) as talk:
        service, front = talk.house.identification, talk.front()
        asked = await service.begin(front, names(2))
        code = await talk.code(2)
        with full(redis_server):
            assert [await came_of(service.begin(front, names(3))) for _ in range(3)] == ["StoreDown"] * 3
            wrong = f"{(int(code) + 1) % 10**6:06d}"
            guesses = [wrong] * 7 + [code]
            assert {await came_of(service.answer(front, names(2), asked.step_id, one)) for one in guesses} == {
                "StoreDown"
            }
        assert not await talk.events("otp_evaluated")
        word = await service.answer(front, names(2), asked.step_id, code)
        assert word.error is None, "what was refused has cost no attempt"
        assert (await service.answer(front, names(2), word.step_id, WORD)).token
        assert (await service.begin(front, names(3))).step_id


async def test_cards_are_read_counted_and_audited_and_tokens_revoked(folder: Path, redis_server: RedisServer) -> None:
    async with dialogues(folder, redis_server, houses=1) as talk:
        service, front = talk.house.identification, talk.front()
        asked = await service.begin(front, names(1))
        word = await service.answer(front, names(1), asked.step_id, await talk.code(1))
        token = (await service.answer(front, names(1), word.step_id, WORD)).token
        assert token
        with full(redis_server):
            for _ in range(READS):
                assert (await _card(talk.house, token, "support")).phone == phone(1)
            with pytest.raises(TooManyRequests):
                await _card(talk.house, token, "support")
            await talk.house.tokens.revoke(token, "support")
            with pytest.raises(TokenRefused):
                await _card(talk.house, token, "support")
            assert len(await talk.events("card_read")) == READS
            assert len(await talk.events("token_revoked")) == 1
            left = [await talk.house.store.redis.xlen(prefix(shard) + "audit") for shard in range(SHARDS)]
            assert sum(left) == 0, "the audit stream is emptied into the log, which frees memory"


async def test_who_looks_is_told_that_redis_is_full(folder: Path, redis_server: RedisServer) -> None:
    async with dialogues(folder, redis_server, houses=1) as talk, front_of(talk) as client:
        given = talk.house.settings
        with structlog.testing.capture_logs() as logged, full(redis_server):
            ready = await client.get("/health/ready")
            assert (ready.status, (await ready.json())["status"]) == (200, "full")
            assert (await ready.json())["dependencies"]["redis"] == "full"
            for _ in range(3):
                begun = await client.post(f"/rest/chat/client/search/{KEY}", data={"client": phone(3)})
                assert (begun.status, (await begun.json())["errorCode"]) == (503, StoreDown.code)
                assert int(begun.headers["Retry-After"]) >= 1
            (line,) = await dependencies.redis(given, own_secrets(given)[0])
            assert line[:2] == ("redis", "FAIL")
            assert "maxmemory" in line[2]
        said = [entry for entry in logged if entry["event"] == "store_full"]
        assert said
        assert {(entry["log_level"], "maxmemory" in entry["advice"]) for entry in said} == {("error", True)}
        assert not [entry for entry in logged if entry["event"] == "our_fault"]
        assert len(said) <= 2, "not for each request: once by each store, here and in the check"
        assert (await (await client.get("/health/ready")).json())["status"] == "ok"
