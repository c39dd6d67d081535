"""What the records must never do: tell who exists, open for the wrong owner, lose a race, accept without knowing."""

import asyncio
import random
import sqlite3
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from postgres import Cluster
from sqlalchemy import select, text, update

from flows.errors import StoreDown
from flows.identifiers import Identifier
from flows.records.clients import Records
from flows.records.importing import import_csv
from flows.records.opening import open_records
from flows.records.people import ClientRow
from flows.records.sealing import RecordKeys
from flows.records.tables import clients, names
from flows.records.words import StoredWord
from flows.records.writing import Writer

PHONE = Identifier(kind="phone", value="+992900000001")
STRANGER = Identifier(kind="phone", value="+992900000999")
HEADER = "crmid,phone,email,last_name,first_name,middle_name,birth_date,tax_number,secret_word\n"
ROW = ClientRow(
    crm_id="CANARY-1",
    first_name="Канария",
    last_name="Канарова",
    phone=PHONE.value,
    email="canary@example.tj",
    birth_date="1990-02-28",
    inn="012345678",
    secret_word="канарейка",
)


# Who exists


async def timed(call: Awaitable[object]) -> float:
    started = time.perf_counter()
    await call
    return time.perf_counter() - started


async def compare(calls: dict[str, Callable[[], Awaitable[object]]], rounds: int) -> dict[str, list[float]]:
    """Interleaved in random order, so that the machine's moods meet all alike."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name in random.sample(list(calls), len(calls)):
            times[name].append(await timed(calls[name]()))
    return times


@pytest.mark.alone
async def test_a_look_up_takes_as_long_for_a_stranger(records: Records) -> None:
    client = await records.upsert(ROW)

    async def slowed() -> object:
        found = await records.find((STRANGER,))
        end = time.perf_counter() + 0.0002
        while time.perf_counter() < end:
            pass
        return found

    times = await compare(
        {
            "known": lambda: records.find((PHONE,)),
            "unknown": lambda: records.find((STRANGER,)),
            "born": lambda: records.born_on(client, "1990-02-28"),
            "unborn": lambda: records.born_on(None, "1990-02-28"),
            "control": slowed,
        },
        400,
    )
    middle = {name: statistics.median(values) for name, values in times.items()}
    assert abs(middle["known"] - middle["unknown"]) < 0.0001
    assert abs(middle["born"] - middle["unborn"]) < 0.0001
    assert middle["control"] - middle["known"] > 0.0001, "the test must be able to see 0.2 ms"


@pytest.mark.alone
async def test_a_word_costs_the_same_for_everybody(records: Records, tmp_path: Path) -> None:
    client = await records.upsert(ROW)
    wordless = await records.upsert(ClientRow(crm_id="C-2"))
    path = tmp_path / "pending.csv"
    path.write_text(HEADER + "".join(f"P-{n},,,,,,,,слово\n" for n in range(8)), encoding="utf-8")
    await import_csv(path, records, country="TJ")
    found = [await records.find((Identifier(kind="crmid", value=f"P-{n}"),)) for n in range(8)]
    pending = iter([one.client for one in found if one])
    times = await compare(
        {
            "right": lambda: records.check_word(client, "канарейка"),
            "wrong": lambda: records.check_word(client, "воробей"),
            "nobody": lambda: records.check_word(None, "канарейка"),
            "wordless": lambda: records.check_word(wordless, "канарейка"),
            "pending": lambda: records.check_word(next(pending), "слово"),
        },
        8,
    )
    fastest = {name: min(values) for name, values in times.items()}
    assert max(fastest.values()) < 1.5 * min(fastest.values()), fastest


# What rests


async def test_nothing_personal_rests_in_clear_and_an_erased_key_is_overwritten(
    tmp_path: Path, record_keys: RecordKeys
) -> None:
    path = tmp_path / "records.db"

    def resting() -> bytes:
        return b"".join(file.read_bytes() for file in sorted(tmp_path.glob("records.db*")))

    async with open_records(f"sqlite:///{path}", record_keys, storage=tmp_path) as records:
        await records.upsert(ROW)
        for value in ROW.model_dump().values():
            assert value is None or value.encode() not in resting()
        async with records.writer.transaction() as connection:
            row = (await connection.execute(select(clients))).one()
        traces = [bytes(row.data_key), bytes(row.sealed), bytes(row.word), row.id.encode()]
        assert all(trace in resting() for trace in traces), "the test must be able to see them"
        await records.erase((PHONE,))
        assert not any(trace in resting() for trace in traces)


async def tampered(records: Records, client: str, **values: bytes) -> None:
    async with records.writer.transaction() as connection:
        await connection.execute(update(clients).where(clients.c.id == client).values(**values))


async def test_flipped_and_swapped_values_do_not_open(records: Records) -> None:
    client = await records.upsert(ROW)
    other = await records.upsert(ClientRow(crm_id="C-2", birth_date="1990-02-28", secret_word="канарейка"))
    async with records.writer.transaction() as connection:
        rows = {row.id: row for row in await connection.execute(select(clients))}
    mine, theirs = rows[client], rows[other]
    for column, read in (
        ("data_key", lambda: records.find((PHONE,))),
        ("sealed", lambda: records.card(client)),
        ("sealed", lambda: records.born_on(client, "1990-02-28")),
        ("word", lambda: records.check_word(client, "канарейка")),
    ):
        whole = bytes(getattr(mine, column))
        for place in random.sample(range(len(whole)), 16):
            await tampered(records, client, **{column: whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]})
            with pytest.raises(StoreDown):
                await read()
        await tampered(records, client, **{column: bytes(getattr(theirs, column))})
        with pytest.raises(StoreDown):
            await read()
        await tampered(records, client, **{column: whole})
        assert await read()


# Races


async def test_eight_enrolments_of_one_person_make_one_client(records: Records) -> None:
    ids = await asyncio.gather(*(records.writer.upsert(ROW.model_copy(update={"secret_word": None})) for _ in range(8)))
    assert len(set(ids)) == 1
    async with records.writer.transaction() as connection:
        assert len((await connection.execute(select(clients.c.id))).all()) == 1
        assert len((await connection.execute(select(names.c.kind))).all()) == 3


async def test_without_a_second_look_enrolments_are_refused(
    postgres: Cluster, tmp_path: Path, record_keys: RecordKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rule taken out. (SQLite lets one writer in at a time: there is nothing to take out.)"""
    monkeypatch.setattr(Writer, "twice", Writer._once)
    async with open_records(postgres.fresh(), record_keys, storage=tmp_path) as records:
        done = await asyncio.gather(*(records.writer.upsert(ROW) for _ in range(8)), return_exceptions=True)
    assert any(isinstance(one, Exception) for one in done)


async def replaced_while_hardening(records: Records) -> bool:
    """A pending word is being hardened while the client gets a new one; whether the new one stands."""
    client = await records.writer.upsert(ROW)
    async with records.writer.transaction() as connection:
        row = (await connection.execute(select(clients))).one()
    vault = records.keys.vault(row.data_key, client)
    hardened = StoredWord.unseal(vault, row.word).hardened(b"$argon2id$ of the old word").seal(vault)
    await records.upsert(ClientRow(crm_id=ROW.crm_id, secret_word="новое слово"))
    await records.writer.replace_word(client, row.word, hardened)
    return await records.check_word(client, "новое слово")


async def test_a_new_word_is_not_undone_by_the_hardening_of_the_old(records: Records) -> None:
    assert await replaced_while_hardening(records)


async def test_without_the_guard_it_would_be(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unguarded(writer: Writer, client: str, _old: bytes, new: bytes) -> None:
        async with writer.transaction() as connection:
            await connection.execute(update(clients).where(clients.c.id == client).values(word=new, word_state=2))

    monkeypatch.setattr(Writer, "replace_word", unguarded)
    assert not await replaced_while_hardening(records)


async def test_a_pending_word_checked_by_many_at_once_is_hardened_once(records: Records) -> None:
    client = await records.writer.upsert(ROW)
    answers = await asyncio.gather(*(records.check_word(client, word) for word in ["канарейка", "нет"] * 4))
    assert answers == [True, False] * 4
    await records.settled()
    shown = await records.show((PHONE,))
    assert shown
    assert shown.secret_word == "set"
    assert await records.check_word(client, "канарейка")


# When the database does not do its part


async def test_writers_wait_a_moment_and_look_ups_wait_for_nobody(tmp_path: Path, record_keys: RecordKeys) -> None:
    path = tmp_path / "records.db"
    async with open_records(f"sqlite:///{path}", record_keys, storage=tmp_path) as records:
        await records.upsert(ROW)
        blocker = sqlite3.connect(path, isolation_level=None)
        blocker.execute("BEGIN EXCLUSIVE")
        assert await records.find((PHONE,))
        assert await timed(refused(records.upsert(ClientRow(crm_id="C-2")))) < 2.5
        blocker.execute("ROLLBACK")
        blocker.close()
        assert await records.upsert(ClientRow(crm_id="C-2"))


async def refused(call: Awaitable[object]) -> None:
    with pytest.raises(StoreDown):
        await call


async def test_a_locked_postgresql_is_given_up_in_time(
    postgres: Cluster, tmp_path: Path, record_keys: RecordKeys
) -> None:
    async with open_records(postgres.fresh(), record_keys, storage=tmp_path) as records:
        client = await records.upsert(ROW)
        async with records.writer.transaction() as connection:
            await connection.execute(text("LOCK TABLE clients IN ACCESS EXCLUSIVE MODE"))
            for call in (records.find((PHONE,)), records.find((STRANGER,)), records.check_word(client, "x")):
                assert await timed(refused(call)) < 1.5
            assert await timed(refused(records.writer.upsert(ClientRow(crm_id="C-2")))) < 2.5
        assert await records.find((PHONE,))
        assert await records.upsert(ClientRow(crm_id="C-2"))


async def test_a_postgresql_that_dies_is_down_and_is_used_again_when_it_is_back(
    postgres: Cluster, tmp_path: Path, record_keys: RecordKeys
) -> None:
    async with open_records(postgres.fresh(), record_keys, storage=tmp_path) as records:
        client = await records.upsert(ROW)
        postgres.stop()
        try:
            for call in (
                records.find((PHONE,)),
                records.find((STRANGER,)),
                records.card(client),
                records.born_on(None, "1990-02-28"),
                records.check_word(None, "x"),
                records.writer.upsert(ClientRow(crm_id="C-2")),
                records.writer.erase(client),
                records.audit.verify(),
                records.ping(),
            ):
                assert await timed(refused(call)) < 2
        finally:
            postgres.start()
        assert await records.find((PHONE,))
        assert await records.upsert(ClientRow(crm_id="C-2"))


async def test_a_sqlite_that_breaks_is_down(records: Records, database_url: str) -> None:
    if database_url.startswith("sqlite"):
        await records.reader.close()
        await refused(records.find((PHONE,)))
        await refused(records.check_word(None, "x"))
        await refused(records.ping())
