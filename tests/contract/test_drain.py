"""The audit drain: nothing twice, one drainer at a time, and no identification when the log has long been shut."""

import asyncio
from pathlib import Path

import pytest
from dialogues import Dialogues, dialogues, names
from servers import RedisServer

from flows.drain import AuditDrain
from flows.errors import StoreDown
from flows.shards import HALL, prefix


async def backlog(talk: Dialogues) -> int:
    counts = [await talk.house.store.redis.xlen(prefix(shard) + "audit") for shard in range(16)]
    return sum(counts)


async def test_a_crash_between_log_and_stream_doubles_nothing(
    folder: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with dialogues(folder, redis_server, houses=1, work=False) as talk:
        await talk.house.identification.begin(talk.front(), names(1))
        log = talk.house.records.audit
        first, second = AuditDrain(talk.house.store, log), AuditDrain(talk.house.store, log)
        kept = await backlog(talk)

        async def dies(_keys: object) -> None:
            raise StoreDown  # after the log has the batch, before the streams are trimmed

        monkeypatch.setattr(talk.house.store, "forget_audited", dies)
        with pytest.raises(StoreDown):
            await first.once()
        monkeypatch.undo()
        assert await backlog(talk) == kept > 0
        assert await second.once() == 0, "two drainers at a time"
        await talk.house.store.redis.delete(HALL + "drain")
        assert await second.once() == kept
        assert await backlog(talk) == 0
        assert len(await log.tail(100)) == kept
        assert await log.verify() is None


async def test_a_log_that_is_shut_for_long_refuses_calls_until_it_opens(
    folder: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with dialogues(folder, redis_server, houses=1, work=False) as talk:
        log = talk.house.records.audit

        async def shut(_batch: object) -> None:
            raise StoreDown

        monkeypatch.setattr(log, "append", shut)
        await talk.house.identification.begin(talk.front(), names(1))
        drain = asyncio.create_task(AuditDrain(talk.house.store, log, grace=0.5).run())
        await asyncio.sleep(0.3)
        await talk.house.identification.begin(talk.front(), names(2))
        await asyncio.sleep(1.0)
        with pytest.raises(StoreDown):
            await talk.house.identification.begin(talk.front(), names(3))
        with pytest.raises(StoreDown):
            await talk.house.store.audit_moves()
        monkeypatch.undo()
        await asyncio.sleep(1.0)
        assert (await talk.house.identification.begin(talk.front(), names(3))).error is None
        drain.cancel()
        await asyncio.gather(drain, return_exceptions=True)
