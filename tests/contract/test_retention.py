"""What is kept too long goes, once a day, by one process; whoever comes back stays; a wrong clock erases nobody."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from dialogues import Dialogues, dialogues, names, phone
from servers import RedisServer
from sqlalchemy import select, update

import flows.retention as retention_module
from flows.errors import StoreDown
from flows.records.chain import AuditEntry
from flows.records.clients import Records
from flows.records.people import ClientRow
from flows.records.tables import clients, proofs
from flows.records.writing import Writer
from flows.retention import DAY, Past, Retention, past
from flows.settings import Retention as Periods
from flows.wiring import own_secrets

PERIODS = Periods(clients_days=30, proofs_days=10)
NOW = int(time.time())


def the_retention(talk: Dialogues, number: int = 0) -> Retention:
    house = talk.houses[number]
    keys, _ = own_secrets(house.settings)
    return Retention(house.store, house.records, keys, PERIODS, tuple(house.settings.channel))


async def client(records: Records, number: int) -> str:
    found = await records.find(names(number))
    assert found
    return found.client


async def aged(records: Records, numbers: Sequence[int], days: int) -> None:
    ids = [await client(records, number) for number in numbers]
    async with records.writer.transaction() as connection:
        await connection.execute(update(clients).where(clients.c.id.in_(ids)).values(updated=NOW - days * DAY))


async def today(records: Records, at: int = NOW) -> None:
    """An entry in the audit log, from which the day is read."""
    await records.audit.append([AuditEntry(0, f"day-{at}", at * 1000, "card_read", "support", "o")])


async def there(records: Records, people: int = 6) -> list[int]:
    return [number for number in range(people) if await records.find(names(number))]


async def test_only_what_nobody_has_touched_goes(
    folder: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention_module, "CALL_SECONDS", 0.1)
    async with dialogues(folder, redis_server, people=6, houses=1) as talk:
        records = talk.house.records
        await aged(records, (0, 1, 2, 3), 31)
        await aged(records, (4,), 29)
        for number, days in ((1, 5), (2, 40), (4, 11), (4, 9)):
            await records.writer.add_proof(
                await client(records, number), "humo", f"d{days}", NOW - days * DAY, {"kind": "passport"}
            )
        await aged(records, (1, 2), 31)
        running = await talk.house.identification.begin(talk.front(), names(0))
        assert running.step_id
        await today(records)
        due = await past(records, PERIODS)
        assert due.count == (3, 2)
        assert await the_retention(talk).prune(due) == (3, 2)
        assert await there(records) == [1, 4, 5]
        async with records.writer.transaction() as connection:
            left = [NOW - at for at in await connection.scalars(select(proofs.c.at))]
        assert sorted(age // DAY for age in left) == [5, 9]
        erased = await talk.events("client_erased")
        assert [entry["channel"] for entry in erased] == ["retention"] * 3
        assert not [key async for key in talk.house.store.redis.scan_iter("*session*")], "its dialogue went with it"
        assert (await past(records, PERIODS)).count == (0, 0)
        assert await records.audit.verify() is None


async def come_back(talk: Dialogues) -> list[int]:
    """Somebody is enrolled anew after we have looked who is due; who is there after."""
    records = talk.house.records
    await aged(records, (0, 1, 2), 31)
    await today(records)
    due = await past(records, PERIODS)
    await records.upsert(ClientRow(phone=phone(1), last_name="Раҳимова"))
    await records.writer.add_proof(await client(records, 2), "humo", "d", NOW, {})
    await the_retention(talk).prune(due)
    return await there(records)


async def test_who_comes_back_in_the_last_moment_stays(
    folder: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention_module, "CALL_SECONDS", 0.0)
    async with dialogues(folder, redis_server, people=6, houses=1, work=False) as talk:
        assert await come_back(talk) == [1, 2, 3, 4, 5]


async def test_without_the_second_look_they_would_be_gone(
    folder: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rule taken out."""
    erase = Writer.erase

    async def at_once(writer: Writer, client_id: str, *, untouched_since: int) -> bool:
        return await erase(writer, client_id)

    monkeypatch.setattr(Writer, "erase", at_once)
    monkeypatch.setattr(retention_module, "CALL_SECONDS", 0.0)
    async with dialogues(folder, redis_server, people=6, houses=1, work=False) as talk:
        assert await come_back(talk) == [3, 4, 5]


async def test_a_machine_whose_clock_is_years_ahead_erases_nobody(
    folder: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with dialogues(folder, redis_server, people=6, houses=1, work=False) as talk:
        assert (await past(talk.house.records, PERIODS)).count == (0, 0), "an empty log knows no day"
        await today(talk.house.records)
        monkeypatch.setattr(time, "time", lambda: NOW + 10 * 365 * DAY)
        assert (await past(talk.house.records, PERIODS)).count == (0, 0)
        await today(talk.house.records, NOW + 20 * 365 * DAY)
        monkeypatch.undo()
        assert (await past(talk.house.records, PERIODS)).count == (0, 0), "nor when Redis' clock is ahead"


async def test_once_a_day_by_one_process_and_never_when_nothing_is_asked_for(
    folder: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds: list[Past] = []

    async def counted(_retention: Retention, due: Past) -> tuple[int, int]:
        rounds.append(due)
        if len(rounds) == 1:
            raise StoreDown  # the first day's work is begun again
        return due.count

    monkeypatch.setattr(Retention, "prune", counted)
    monkeypatch.setattr(retention_module, "LOOK_SECONDS", 0.05)
    async with dialogues(folder, redis_server, people=1, houses=2, work=False) as talk:
        keys, _ = own_secrets(talk.house.settings)
        await asyncio.wait_for(Retention(talk.house.store, talk.house.records, keys, Periods(), ()).run(), 1)
        running = [asyncio.create_task(the_retention(talk, number).run()) for number in (0, 1, 0, 1)]
        await asyncio.sleep(0.4)
        assert len(rounds) == 2
        (key,) = [key async for key in talk.house.store.redis.scan_iter("*once:retention")]
        assert DAY - 60 < await talk.house.store.redis.ttl(key) <= DAY
        await talk.house.store.redis.delete(key)  # as if a day had gone
        await asyncio.sleep(0.4)
        assert len(rounds) == 3
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
