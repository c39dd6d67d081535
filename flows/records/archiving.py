"""The oldest records of the audit log into a file, and out of the database.

A file holds each record with its hash and the one before, so it proves itself; the files hang together, and on the last
one hangs the mark in the database (`checkpoint.py`). Killed once the file is written, the log is as it was; the next
run writes that file again.
"""

import asyncio
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from sqlalchemy import delete, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from flows.records.audit import Broken, queue_up
from flows.records.chain import Head, breach
from flows.records.checkpoint import ARCHIVED, signed
from flows.records.clients import Records
from flows.records.head import BEGINNING
from flows.records.outage import fail_closed
from flows.records.reading import Row
from flows.records.sealing import AuditKeys
from flows.records.tables import audit, marks

_CHUNK: Final = 5000
_PATIENCE = 30.0
_DAY_MS = 86_400_000
_OLD = (
    "SELECT seq, at, shard, entry, event, channel, object, fields, prev, hash FROM audit "
    "WHERE at < {} AND seq < {} ORDER BY seq"
)
_TYPES = [int, int, int, str, str, str, str, str]
_SQLITE_TRIGGER = "SELECT sql FROM sqlite_master WHERE name = 'audit_no_delete'"


@dataclass(frozen=True, slots=True)
class Archived:
    """Where to, and how many records."""

    path: Path
    count: int


async def archive(records: Records, folder: Path, days: int) -> Archived | Broken | None:
    """What is older than `days`, but never the newest record; None when there is nothing. A broken log is left alone.

    Raises `StoreDown`, `OSError`.
    """
    broken, newest = await records.audit.verify(), await records.audit.tail(1)
    if broken or not newest:
        return broken
    until = int(min(time.time() * 1000, newest[-1]["at"])) - days * _DAY_MS
    begun = await records.audit.begun()
    draft = folder / f".audit-{begun.seq + 1:012}.new"
    await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True, exist_ok=True)
    last = await _write(records, draft, begun, _OLD.format(until, newest[-1]["seq"]))
    if last == begun:
        await asyncio.to_thread(draft.unlink)
        return None
    path = folder / f"audit-{begun.seq + 1:012}-{last.seq:012}.jsonl"
    await asyncio.to_thread(_finish, draft, path)
    await _cut(records, last)
    return Archived(path, last.seq - begun.seq)


def verify_archive(folder: Path, keys: AuditKeys, begun: Head) -> Broken | None:
    """All files of the folder, from the first record to where the database goes on. Blocking. Raises `OSError`."""
    before = BEGINNING
    for path in sorted(folder.glob("audit-*.jsonl")):
        for row in _rows(path):
            why = "is no record" if row is None else breach(keys, row, before)
            if row is None or why:
                return Broken(before.seq + 1, f"{path.name}: {why}")
            before = Head(row[0], row[9])
    if before != begun:
        return Broken(before.seq + 1, f"is not in the archive, which should reach record {begun.seq}")
    return None


async def _write(records: Records, draft: Path, begun: Head, query: str) -> Head:
    """The records from `begun` on, as far as they follow each other."""
    with await asyncio.to_thread(_open, draft) as file:
        last = begun
        with fail_closed():
            async for rows in records.reader.stream(query, _CHUNK):
                last = await asyncio.to_thread(_put, file, rows, last)
        await asyncio.to_thread(_sync, file)
    return last


def _put(file: IO[str], rows: Sequence[Row], last: Head) -> Head:
    for row in rows:
        if row[0] != last.seq + 1:  # an entry in between is younger: the rest stays for another time
            break
        cells = [*row[:8], bytes(row[8]).hex(), bytes(row[9]).hex()]
        file.write(json.dumps(cells, ensure_ascii=False, separators=(",", ":")) + "\n")
        last = Head(row[0], bytes(row[9]))
    return last


def _rows(path: Path) -> Iterator[tuple[Any, ...] | None]:
    """None for a line that is no record."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                *cells, prev, digest = json.loads(line)
                fits = [type(cell) for cell in cells] == _TYPES
                yield (*cells, bytes.fromhex(prev), bytes.fromhex(digest)) if fits else None
            except (ValueError, TypeError, RecursionError):
                yield None


def _open(draft: Path) -> IO[str]:
    return os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8")


def _sync(file: IO[str]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _finish(draft: Path, path: Path) -> None:
    draft.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def _cut(records: Records, last: Head) -> None:
    """The mark and the records in one transaction. The table refuses deletions from anybody, so also from us."""
    with fail_closed():
        async with records.writer.transaction(patience=_PATIENCE) as connection:
            await queue_up(connection)
            await connection.execute(delete(marks).where(marks.c.name == ARCHIVED))
            mark = signed(records.audit.keys.current, last)
            await connection.execute(insert(marks).values(name=ARCHIVED, value=mark))
            again = await _lift(connection)
            await connection.execute(delete(audit).where(audit.c.seq <= last.seq))
            await connection.execute(text(again))
        if records.writer.engine.dialect.name == "sqlite":
            await records.writer.empty_log()


async def _lift(connection: AsyncConnection) -> str:
    """The table's own refusal, away until the statement that is returned."""
    if connection.dialect.name == "sqlite":
        again: str = (await connection.execute(text(_SQLITE_TRIGGER))).scalar_one()
        await connection.execute(text("DROP TRIGGER audit_no_delete"))
        return again
    await connection.execute(text("ALTER TABLE audit DISABLE TRIGGER audit_append_only"))
    return "ALTER TABLE audit ENABLE TRIGGER audit_append_only"
