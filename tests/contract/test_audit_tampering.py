"""Twelve kinds of tampering at random places are all found; a log that was only killed is never called tampered with.

SQLite: the chain is the same on both databases, and `test_audit.py` looks at both.
"""

import asyncio
import hashlib
import random
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from figures import FULL, Record

from flows.records.audit import AuditLog, Broken, _insert
from flows.records.chain import AuditEntry, Head
from flows.records.clients import Records
from flows.records.head import BEGINNING
from flows.records.opening import open_records
from flows.records.sealing import RecordKeys

SIZE, PLACES, LOGS, MANY = (10_000, 100, 100, 1_000_000) if FULL else (1000, 5, 2, 20_000)
KEYS = RecordKeys(b"records key of the tests, 32 by.!")
COLUMNS = "at, shard, entry, event, channel, object, fields, prev, hash"
CELLS = ("at", "shard", "entry", "event", "channel", "object", "fields", "prev", "hash")
WRITES = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, "tests/contract")
from test_audit_tampering import KEYS, entries
from flows.records.opening import open_records

async def main():
    async with open_records(sys.argv[1], KEYS, storage=Path(sys.argv[2])) as records:
        print("begun", flush=True)
        first = 0
        while True:
            await records.audit.append(entries(first, 7))
            first += 5  # as after a crash, some come again

asyncio.run(main())
"""
Database = sqlite3.Connection
Kind = Callable[[Database, int], int]
"""Tampers at record `place`; the first record that is not as it was written."""


def entries(first: int, count: int) -> list[AuditEntry]:
    return [
        AuditEntry(
            shard=number % 16,
            entry=f"{1_700_000_000_000 + number}-0",
            at=1_700_000_000_000 + number,
            event="otp_evaluated",
            channel="support",
            object=f"{number:032x}",
            fields={"ok": number % 2 == 0, "step": "code", "session": f"{number:040x}"},
        )
        for number in range(first, first + count)
    ]


def cell(database: Database, place: int) -> int:
    """One byte of one cell."""
    name = random.choice(CELLS)
    (value,) = database.execute(f"SELECT {name} FROM audit WHERE seq = ?", (place,)).fetchone()  # noqa: S608
    if isinstance(value, int):
        changed: int | str | bytes = value ^ (1 << random.randrange(4))
    else:
        where = random.randrange(len(value))
        other = bytes((value[where] ^ 1,)) if isinstance(value, bytes) else chr(ord(value[where]) ^ 1)
        changed = value[:where] + other + value[where + 1 :]
    database.execute(f"UPDATE audit SET {name} = ? WHERE seq = ?", (changed, place))  # noqa: S608
    return place


def slid(database: Database, place: int) -> int:
    """A character goes over into the next cell."""
    slide = "channel = substr(event, -1) || channel, event = substr(event, 1, length(event) - 1)"
    database.execute(f"UPDATE audit SET {slide} WHERE seq = ?", (place,))  # noqa: S608
    return place


def deleted(database: Database, place: int) -> int:
    database.execute("DELETE FROM audit WHERE seq = ?", (place,))
    return place if place == SIZE else place + 1


def deleted_and_closed(database: Database, place: int) -> int:
    """The gap is closed and the chain hangs together again, but for the hashes."""
    (prev,) = database.execute("SELECT prev FROM audit WHERE seq = ?", (place,)).fetchone()
    database.execute("DELETE FROM audit WHERE seq = ?", (place,))
    shift(database, place + 1, -1)
    database.execute("UPDATE audit SET prev = ? WHERE seq = ?", (prev, place))
    return place


def beginning_cut(database: Database, place: int) -> int:
    database.execute("DELETE FROM audit WHERE seq <= ?", (place,))
    return place + 1 if place < SIZE else 1


def tail_cut(database: Database, place: int) -> int:
    database.execute("DELETE FROM audit WHERE seq >= ?", (place,))
    return place


def chain_deleted(database: Database, place: int) -> int:
    database.execute("DELETE FROM audit")
    return 1


def swapped(database: Database, place: int) -> int:
    other = place % SIZE + 1
    for before, after in ((place, 0), (other, place), (0, other)):
        database.execute("UPDATE audit SET seq = ? WHERE seq = ?", (after, before))
    return min(place, other)


def doubled(database: Database, place: int) -> int:
    """Once more behind itself, all others one further."""
    shift(database, place + 1, 1)
    cells = COLUMNS.replace("entry", "entry || 'a'")
    database.execute(f"INSERT INTO audit SELECT seq + 1, {cells} FROM audit WHERE seq = ?", (place,))  # noqa: S608
    return place + 1


def forged(database: Database, place: int) -> int:
    """One of his own in between, well chained, with a hash that only the key is missing of."""
    shift(database, place, 1)
    before = database.execute("SELECT hash FROM audit WHERE seq = ?", (place - 1,)).fetchone()
    prev = before[0] if before else BEGINNING.hash
    made = hashlib.sha256(prev + str(place).encode()).digest()
    row = (place, 1, 0, "9-9", "token_issued", "support", "o", "{}", prev, made)
    database.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    return place


def appended(database: Database, place: int) -> int:
    """A record of before, written again as the newest."""
    (last,) = database.execute("SELECT hash FROM audit WHERE seq = ?", (SIZE,)).fetchone()
    cells = COLUMNS.replace("entry", "entry || 'a'").replace("prev", "?")
    database.execute(f"INSERT INTO audit SELECT {SIZE + 1}, {cells} FROM audit WHERE seq = ?", (last, place))  # noqa: S608
    return SIZE + 1


def chained_anew(database: Database, place: int) -> int:
    """From there on all is written anew by whoever has the database, and not the key."""
    log = AuditLog(None, None, RecordKeys(b"somebody else's key, 32 bytes...").audit, None)  # type: ignore[arg-type]
    before = database.execute("SELECT seq, hash FROM audit WHERE seq = ?", (place - 1,)).fetchone()
    head = BEGINNING if before is None else Head(*before)
    database.execute("DELETE FROM audit WHERE seq >= ?", (place,))
    marks = ", ".join("?" * 10)
    rows = log._chained(entries(place - 1, SIZE - place + 1), head)
    database.executemany(f"INSERT INTO audit VALUES ({marks})", rows)  # noqa: S608
    return place


def shift(database: Database, first: int, by: int) -> None:
    """Two steps: a number may not stand twice for a moment."""
    database.execute("UPDATE audit SET seq = -(seq + ?) WHERE seq >= ?", (by, first))
    database.execute("UPDATE audit SET seq = -seq WHERE seq < 0")


KINDS: tuple[Kind, ...] = (
    *(cell, slid, deleted, deleted_and_closed, beginning_cut, tail_cut),
    *(chain_deleted, swapped, doubled, forged, appended, chained_anew),
)


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    return tmp_path


def url_of(folder: Path) -> str:
    return f"sqlite:///{folder}/records.db"


async def fill(records: Records, count: int) -> None:
    """As the log writes it, but in one transaction, and the head is published once."""
    head = BEGINNING
    async with records.writer.transaction() as connection:
        for first in range(0, count, 10_000):
            rows = records.audit._chained(entries(first, min(10_000, count - first)), head)
            await connection.exec_driver_sql(_insert(connection), rows)
            head = Head(rows[-1][0], rows[-1][-1])
    records.audit._file.publish(head)


def opened(folder: Path) -> Iterator[Database]:
    """With everything that somebody may do to the file."""
    with closing(sqlite3.connect(folder / "records.db", isolation_level=None)) as database:
        for trigger in ("audit_no_update", "audit_no_delete"):
            database.execute(f"DROP TRIGGER {trigger}")
        database.execute("CREATE TABLE kept AS SELECT * FROM audit")
        yield database


@pytest.mark.proof
async def test_twelve_kinds_of_tampering_are_found_wherever_they_are(storage: Path, figure: Record) -> None:
    found, missed = 0, []
    async with open_records(url_of(storage), KEYS, storage=storage) as records:
        await fill(records, SIZE)
        assert await records.audit.verify() is None
        for database in opened(storage):
            for kind in KINDS:
                for place in (1, SIZE, *(random.randint(2, SIZE - 1) for _ in range(PLACES - 2))):
                    database.execute("BEGIN")
                    first = kind(database, place)
                    database.execute("COMMIT")
                    broken = await records.audit.verify()
                    found += broken is not None and broken.seq == first
                    if broken is None or broken.seq != first:
                        missed.append((kind.__name__, place, first, broken))
                    database.executescript("BEGIN; DELETE FROM audit; INSERT INTO audit SELECT * FROM kept; COMMIT")
        assert await records.audit.verify() is None, "the log was put back as it was"
    tried = len(KINDS) * PLACES
    method = f"12 kinds at {PLACES} places each in {SIZE} records; the first bad record named"
    figure("G12", value=f"{found} of {tried} found", met=found == tried, method=method)
    assert missed == []


async def killed(folder: Path, seconds: float) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", WRITES, url_of(folder), str(folder)),
        stdout=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": "tests:."},
    )
    assert process.stdout
    assert await process.stdout.readline() == b"begun\n"
    await asyncio.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    await process.wait()


@pytest.mark.proof
async def test_a_log_that_was_only_killed_is_whole(storage: Path, figure: Record) -> None:
    """Killed at any moment, then gone on with: no false alarm, and nothing stands twice."""
    alarms, written = [], 0
    for number in range(LOGS):
        folder = storage / str(number)
        folder.mkdir()
        await killed(folder, random.uniform(0.0, 0.15))
        async with open_records(url_of(folder), KEYS, storage=folder) as records:
            alarms += [broken for broken in (await records.audit.verify(),) if broken]
            await records.audit.append(entries(0, 2000))
            alarms += [broken for broken in (await records.audit.verify(),) if broken]
            tail = await records.audit.tail(100_000)
            assert len({line["object"] for line in tail}) == len(tail)
            written += len(tail)
    value = f"{len(alarms)} alarms in {LOGS} logs, {written} records"
    figure("G12", value=value, met=not alarms, method="each killed while it was written, then gone on with")
    assert alarms == []


async def test_a_head_that_is_published_first_would_be_a_false_alarm(
    storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rule taken out: published, then killed before the commit."""
    chained = AuditLog._chained

    def published_first(log: AuditLog, batch: Sequence[AuditEntry], head: Head) -> list[tuple[Any, ...]]:
        rows = chained(log, batch, head)
        log._file.publish(Head(rows[-1][0], rows[-1][-1]))
        raise KeyboardInterrupt

    async with open_records(url_of(storage), KEYS, storage=storage) as records:
        await records.audit.append(entries(0, 5))
        monkeypatch.setattr(AuditLog, "_chained", published_first)
        with pytest.raises(KeyboardInterrupt):
            await records.audit.append(entries(5, 5))
        assert await records.audit.verify() == Broken(6, "is missing: the published head is 10")


@pytest.mark.proof
async def test_a_million_records_are_verified_in_a_minute(storage: Path, figure: Record) -> None:
    async with open_records(url_of(storage), KEYS, storage=storage) as records:
        await fill(records, MANY)
        started = time.perf_counter()
        assert await records.audit.verify() is None
        seconds = time.perf_counter() - started
    figure("audit", value=f"{MANY:,} records in {seconds:.1f} s", met=seconds < 60, method="SQLite, one core")
    assert seconds < 60 * max(MANY / 1_000_000, 0.05)
