"""The oldest records go into a file that proves itself, and the log goes on from there; nothing can be hidden by it."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError
from test_audit import change

import flows.records.archiving as archiving_module
from flows.records.archiving import Archived, archive, verify_archive
from flows.records.audit import AuditLog, Broken
from flows.records.chain import AuditEntry
from flows.records.checkpoint import ARCHIVED
from flows.records.clients import Records
from flows.records.head import HeadFile
from flows.records.opening import open_records
from flows.records.rotating import rotate
from flows.records.sealing import RecordKeys
from flows.records.tables import marks

NOW, DAY = int(time.time() * 1000), 86_400_000


def entry(number: int, days: int) -> AuditEntry:
    return AuditEntry(0, f"e{number}", NOW - days * DAY, "otp_evaluated", "support", "o", {"ok": True, "layer": "шаг"})


async def two_years(records: Records) -> None:
    """Records 1 to 20 are two years old, 21 to 30 half a year, 31 is new."""
    await records.audit.append([entry(number, 730) for number in range(1, 21)])
    await records.audit.append([entry(number, 180) for number in range(21, 31)])
    await records.audit.append([entry(31, 0)])


async def test_the_log_goes_on_from_what_was_archived(
    records: Records, record_keys: RecordKeys, tmp_path: Path
) -> None:
    folder = tmp_path / "archive"
    await two_years(records)
    found = await archive(records, folder, 365)
    assert found == Archived(folder / "audit-000000000001-000000000020.jsonl", 20)
    assert await archive(records, folder, 365) is None
    assert [line["seq"] for line in await records.audit.tail(100)] == list(range(21, 32))
    assert await records.audit.verify() is None
    with pytest.raises(DBAPIError, match="append-only"):
        async with records.writer.transaction() as connection:
            await connection.execute(text("DELETE FROM audit WHERE seq = 21"))
    await records.audit.append([entry(32, 0)])
    elsewhere = HeadFile(tmp_path / "other" / "audit.head", record_keys.audit)
    await AuditLog(records.writer, records.reader, record_keys.audit, elsewhere).append([entry(33, 0)])
    second = await archive(records, folder, 90)
    assert second == Archived(folder / "audit-000000000021-000000000030.jsonl", 10)
    assert await records.audit.verify() is None
    assert verify_archive(folder, record_keys.audit, await records.audit.begun()) is None
    lines = [json.loads(line) for line in found.path.read_text(encoding="utf-8").splitlines()]
    assert [line[0] for line in lines] == list(range(1, 21))
    assert json.loads(lines[0][7]) == {"ok": True, "layer": "шаг"}
    assert found.path.stat().st_mode & 0o077 == 0


async def test_the_newest_record_stays_and_a_broken_log_is_left_alone(records: Records, tmp_path: Path) -> None:
    assert await archive(records, tmp_path / "archive", 365) is None
    await records.audit.append([entry(number, 730) for number in range(1, 4)])
    assert await archive(records, tmp_path / "archive", 365) is None, "the day is that of the newest record"
    await records.audit.append([entry(4, 0)])
    await change(records, "UPDATE audit SET channel = 'x' WHERE seq = 2")
    assert await archive(records, tmp_path / "archive", 365) == Broken(2, "its contents do not match its hash")
    assert len(await records.audit.tail(100)) == 4


HIDDEN: dict[str, tuple[str, int]] = {
    "more cut off": ("DELETE FROM audit WHERE seq <= 25", 26),
    "no mark": ("DELETE FROM marks WHERE name = 'audit-archived'", 21),
    "all cut off": ("DELETE FROM audit", 21),
}


@pytest.mark.parametrize("how", HIDDEN)
async def test_an_archive_is_no_pretext(records: Records, tmp_path: Path, how: str) -> None:
    statement, seq = HIDDEN[how]
    await two_years(records)
    await archive(records, tmp_path / "archive", 365)
    await change(records, statement)
    broken = await records.audit.verify()
    assert broken
    assert broken.seq == seq


async def test_a_mark_that_is_not_ours_is_none(records: Records, tmp_path: Path) -> None:
    """Also the signed head of the log is no mark: it says where the log ends."""
    await two_years(records)
    head = (tmp_path / "audit.head").read_bytes()
    await change(records, "DELETE FROM audit WHERE seq <= 31")
    async with records.writer.transaction() as connection:
        await connection.execute(insert(marks).values(name=ARCHIVED, value=head))
    assert await records.audit.verify() == Broken(0, "the mark of what was archived is not ours")


SPOILT: dict[str, tuple[Callable[[list[str]], list[str]], int]] = {
    "a letter": (lambda lines: [*lines[:4], lines[4].replace("support", "suppert"), *lines[5:]], 5),
    "a record": (lambda lines: [*lines[:4], *lines[5:]], 5),
    "the end": (lambda lines: lines[:-1], 20),
    "no record": (lambda lines: [*lines[:4], "{}", *lines[5:]], 5),
    "a number for a word": (lambda lines: [*lines[:4], lines[4].replace('"e5"', "5"), *lines[5:]], 5),
    "everything": (lambda _lines: [], 1),
}


@pytest.mark.parametrize("how", SPOILT)
async def test_a_spoilt_archive_is_found(records: Records, record_keys: RecordKeys, tmp_path: Path, how: str) -> None:
    spoil, seq = SPOILT[how]
    await two_years(records)
    found = await archive(records, tmp_path / "archive", 365)
    assert isinstance(found, Archived)
    lines = found.path.read_text(encoding="utf-8").splitlines()
    found.path.write_text("".join(line + "\n" for line in spoil(lines)), encoding="utf-8")
    broken = verify_archive(found.path.parent, record_keys.audit, await records.audit.begun())
    assert broken
    assert broken.seq == seq


async def test_killed_between_the_file_and_the_cut_nothing_is_lost(
    records: Records, record_keys: RecordKeys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_: object) -> None:
        raise KeyboardInterrupt

    await two_years(records)
    monkeypatch.setattr(archiving_module, "_cut", dies)
    with pytest.raises(KeyboardInterrupt):
        await archive(records, tmp_path / "archive", 365)
    monkeypatch.undo()
    assert len(await records.audit.tail(100)) == 31
    assert await records.audit.verify() is None
    assert isinstance(await archive(records, tmp_path / "archive", 365), Archived)
    assert verify_archive(tmp_path / "archive", record_keys.audit, await records.audit.begun()) is None


async def test_the_mark_goes_over_to_a_new_key_and_an_old_one_makes_none(database_url: str, tmp_path: Path) -> None:
    old, new = b"o" * 32, b"n" * 32
    async with open_records(database_url, RecordKeys(old), storage=tmp_path) as records:
        await two_years(records)
        await archive(records, tmp_path / "archive", 365)
    async with open_records(database_url, RecordKeys(new, old), storage=tmp_path) as records:
        await rotate(records, actor="operator")
    async with open_records(database_url, RecordKeys(new), storage=tmp_path) as records:
        assert await records.audit.verify() is None
        assert verify_archive(tmp_path / "archive", records.keys.audit, await records.audit.begun()) is None
        stolen = RecordKeys(old).audit.current
        records.audit.keys.current = stolen
        await archiving_module._cut(records, type(await records.audit.begun())(25, bytes(32)))
        assert await records.audit.verify() == Broken(0, "the mark of what was archived is not ours")
