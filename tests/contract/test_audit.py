"""The audit log on both databases: nothing doubled, nothing lost, every kind of tampering found."""

import asyncio
import json
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

import flows.records.audit as audit_module
from flows.errors import StoreDown
from flows.records.audit import AuditCut, AuditLog, Broken
from flows.records.chain import AuditEntry, Head
from flows.records.clients import Records
from flows.records.head import HeadFile, HeadForged
from flows.records.opening import open_records
from flows.records.sealing import RecordKeys


def entries(first: int, count: int, shard: int = 0) -> list[AuditEntry]:
    return [
        AuditEntry(
            shard=shard,
            entry=f"{1_700_000_000_000 + n}-0",
            at=1_700_000_000_000 + n,
            event="otp_evaluated",
            channel="support",
            object=f"{n:032x}",
            fields={"ok": n % 2 == 0, "layer": "шаг"},
        )
        for n in range(first, first + count)
    ]


async def change(records: Records, *statements: str) -> None:
    """What somebody does who may do everything to the database."""
    async with records.writer.transaction() as connection:
        if connection.dialect.name == "sqlite":
            await connection.execute(text("DROP TRIGGER IF EXISTS audit_no_update"))
            await connection.execute(text("DROP TRIGGER IF EXISTS audit_no_delete"))
        else:
            await connection.execute(text("ALTER TABLE audit DISABLE TRIGGER USER"))
        for statement in statements:
            await connection.execute(text(statement))


def second(records: Records, tmp_path: Path, keys: RecordKeys) -> AuditLog:
    """Another process's view of the same log."""
    return AuditLog(records.writer, records.reader, keys.audit, HeadFile(tmp_path / "audit.head", keys.audit))


async def test_entries_are_chained_and_come_out_as_they_went_in(records: Records) -> None:
    await records.audit.append(entries(0, 3))
    await records.audit.append(entries(3, 2))
    tail = await records.audit.tail(2)
    assert [line["seq"] for line in tail] == [4, 5]
    assert json.loads(json.dumps(tail[0])) == {
        "seq": 4,
        "at": 1_700_000_000_003,
        "event": "otp_evaluated",
        "channel": "support",
        "object": f"{3:032x}",
        "ok": False,
        "layer": "шаг",
        "shard": 0,
        "entry": "1700000000003-0",
        "hash": tail[0]["hash"],
    }
    assert await records.audit.verify() is None


async def test_an_empty_log_is_whole(records: Records) -> None:
    await records.audit.append([])
    assert await records.audit.verify() is None
    assert await records.audit.tail(5) == []


async def test_what_is_handed_in_again_is_passed_over(records: Records) -> None:
    await records.audit.append(entries(0, 5))
    await records.audit.append([*entries(3, 4), *entries(5, 3), *entries(0, 2, shard=1)])
    tail = await records.audit.tail(100)
    assert [(line["seq"], line["shard"], line["at"] % 1000) for line in tail] == [
        *((n + 1, 0, n) for n in range(8)),
        (9, 1, 0),
        (10, 1, 1),
    ]
    assert await records.audit.verify() is None


async def test_the_table_refuses_changes(records: Records) -> None:
    await records.audit.append(entries(0, 3))
    for statement in ("UPDATE audit SET event = 'x'", "DELETE FROM audit WHERE seq = 3"):
        with pytest.raises(DBAPIError, match="append-only"):
            async with records.writer.transaction() as connection:
                await connection.execute(text(statement))
    assert await records.audit.verify() is None


AGAIN, LAST = "INSERT INTO audit SELECT 121, at, 9,", "FROM audit WHERE seq = 120"
TAMPERING = {
    "at": ("UPDATE audit SET at = at + 1 WHERE seq = 57", 57),
    "shard": ("UPDATE audit SET shard = 7 WHERE seq = 1", 1),
    "entry": ("UPDATE audit SET entry = '1-0' WHERE seq = 57", 57),
    "event": ("UPDATE audit SET event = 'otp_evaluatee' WHERE seq = 120", 120),
    "channel": ("UPDATE audit SET channel = 'suppor' WHERE seq = 57", 57),
    "object": ("UPDATE audit SET object = 'x' WHERE seq = 57", 57),
    "fields": ("UPDATE audit SET fields = replace(fields, 'true', 'false') WHERE seq = 57", 57),
    "slid": ("UPDATE audit SET event = 'otp_evaluateds', channel = 'upport' WHERE seq = 57", 57),
    "prev": ("UPDATE audit SET prev = hash WHERE seq = 57", 57),
    "hash": ("UPDATE audit SET hash = prev WHERE seq = 57", 57),
    "first gone": ("DELETE FROM audit WHERE seq = 1", 2),
    "middle gone": ("DELETE FROM audit WHERE seq = 57", 58),
    "last gone": ("DELETE FROM audit WHERE seq = 120", 120),
    "tail gone": ("DELETE FROM audit WHERE seq > 20", 21),
    "all gone": ("DELETE FROM audit", 1),
    "moved": ("UPDATE audit SET seq = 1000 WHERE seq = 57", 58),
    "forged": (f"{AGAIN} '9-9', event, channel, object, fields, hash, prev {LAST}", 121),
    "doubled": (f"{AGAIN} entry, event, channel, object, fields, prev, hash {LAST}", 121),
}


@pytest.mark.parametrize("kind", TAMPERING)
async def test_tampering_is_found(records: Records, kind: str) -> None:
    await records.audit.append(entries(0, 120))
    statement, seq = TAMPERING[kind]
    await change(records, statement)
    broken = await records.audit.verify()
    assert broken
    assert broken.seq == seq


async def test_two_swapped_records_are_found(records: Records) -> None:
    await records.audit.append(entries(0, 50))
    await change(
        records,
        "UPDATE audit SET seq = 999 WHERE seq = 10",
        "UPDATE audit SET seq = 10 WHERE seq = 20",
        "UPDATE audit SET seq = 20 WHERE seq = 999",
    )
    broken = await records.audit.verify()
    assert broken
    assert broken.seq == 10


async def test_a_chain_made_anew_with_the_key_is_still_not_the_published_one(
    records: Records, record_keys: RecordKeys, tmp_path: Path
) -> None:
    await records.audit.append(entries(0, 5))
    await change(records, "DELETE FROM audit")
    other = AuditLog(records.writer, records.reader, record_keys.audit, HeadFile(tmp_path / "x", record_keys.audit))
    await other.append(entries(100, 5))
    assert await records.audit.verify() == Broken(5, "is not the record that was published as the head")


async def test_nothing_is_appended_after_a_cut(records: Records, record_keys: RecordKeys, tmp_path: Path) -> None:
    await records.audit.append(entries(0, 5))
    await change(records, "DELETE FROM audit WHERE seq > 3")
    for log in (records.audit, second(records, tmp_path, record_keys)):
        with pytest.raises(StoreDown) as caught:
            await log.append(entries(5, 5))
        assert isinstance(caught.value.__cause__, AuditCut)
    assert await records.audit.verify() == Broken(4, "is missing: the published head is 5")


async def test_the_head_is_published_signed_and_not_for_others(
    records: Records, record_keys: RecordKeys, tmp_path: Path
) -> None:
    await records.audit.append(entries(0, 5))
    path = tmp_path / "audit.head"
    head = json.loads(path.read_text())
    tail = await records.audit.tail(1)
    assert (head["seq"], head["count"], head["hash"]) == (5, 5, tail[0]["hash"])
    assert path.stat().st_mode & 0o777 == 0o600
    for spoilt in (path.read_text().replace('"seq": 5', '"seq": 4'), "{}", "", "[]", "\udcff"):
        path.write_bytes(spoilt.encode("utf-8", "surrogateescape"))
        assert await records.audit.verify() == Broken(0, "the published head is not ours")
        with pytest.raises(StoreDown) as caught:
            await second(records, tmp_path, record_keys).append(entries(9, 1))
        assert isinstance(caught.value.__cause__, HeadForged)


async def test_a_head_behind_the_log_is_a_crash_and_a_missing_one_is_not(records: Records, tmp_path: Path) -> None:
    path = tmp_path / "audit.head"
    await records.audit.append(entries(0, 5))
    old = path.read_bytes()
    await records.audit.append(entries(5, 5))
    path.write_bytes(old)  # as if we had been killed between the commit and the publishing
    assert await records.audit.verify() is None
    await records.audit.append(entries(5, 6))
    assert await records.audit.verify() is None
    assert json.loads(path.read_text())["seq"] == 11
    path.unlink()
    assert await records.audit.verify() == Broken(0, "the published head is missing")


async def test_killed_before_the_first_head_a_log_is_whole(
    records: Records, record_keys: RecordKeys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen: one alarm in a hundred logs that were killed while they were begun."""
    publish = HeadFile.publish

    def dies(file: HeadFile, head: Head) -> None:
        if head.seq:
            raise KeyboardInterrupt
        publish(file, head)

    monkeypatch.setattr(HeadFile, "publish", dies)
    with pytest.raises(KeyboardInterrupt):
        await records.audit.append(entries(0, 5))
    monkeypatch.undo()
    log = second(records, tmp_path, record_keys)
    assert len(await log.tail(10)) == 5
    assert await log.verify() is None
    await log.append(entries(0, 6))
    assert len(await log.tail(10)) == 6
    (tmp_path / "audit.head").unlink()
    assert await log.verify() == Broken(0, "the published head is missing")


async def test_another_machine_goes_on_with_the_log_it_finds(
    records: Records, record_keys: RecordKeys, tmp_path: Path
) -> None:
    await records.audit.append(entries(0, 5))
    other = second(records, tmp_path / "other", record_keys)
    await other.append(entries(5, 5))
    assert await other.verify() is None
    assert await records.audit.verify() is None


async def race(records: Records, tmp_path: Path, keys: RecordKeys) -> int:
    """Eight writers, ten batches each; how many batches were refused."""

    async def write(shard: int) -> int:
        log, refused = second(records, tmp_path, keys), 0
        for batch in range(10):
            try:
                await log.append(entries(batch * 3, 3, shard=shard))
            except StoreDown:
                refused += 1
        return refused

    return sum(await asyncio.gather(*(write(shard) for shard in range(8))))


async def test_eight_writers_make_one_chain(records: Records, tmp_path: Path, record_keys: RecordKeys) -> None:
    assert await race(records, tmp_path, record_keys) == 0
    assert len(await records.audit.tail(1000)) == 240
    assert await records.audit.verify() is None


async def test_a_batch_waits_for_a_long_write(records: Records) -> None:
    """SQLite has one pen: a write that takes longer than a client's would wait for it refuses no batch."""
    async with records.writer.transaction():
        appending = asyncio.create_task(records.audit.append(entries(0, 3)))
        await asyncio.sleep(1.5)
    await appending
    assert len(await records.audit.tail(10)) == 3


async def test_without_the_queue_writers_collide(
    postgres: object, tmp_path: Path, record_keys: RecordKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rule taken out: the key of the table still lets no chain fork, but batches are refused."""
    monkeypatch.setattr(audit_module, "_ONE_AT_A_TIME", "SELECT 1")
    async with open_records(postgres.fresh(), record_keys, storage=tmp_path) as records:  # type: ignore[attr-defined]
        assert await race(records, tmp_path, record_keys) > 0
        assert await records.audit.verify() is None


async def test_a_record_under_the_previous_key_verifies(database_url: str, tmp_path: Path) -> None:
    old, new = b"o" * 32, b"n" * 32
    for keys, first in ((RecordKeys(old), 0), (RecordKeys(new, old), 5)):
        async with open_records(database_url, keys, storage=tmp_path) as records:
            await records.audit.append(entries(first, 5))
            assert await records.audit.verify() is None
