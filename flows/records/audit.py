"""The audit log: append-only, each record chained to the one before it by an HMAC.

The chain alone cannot show that its end was cut off, or that it is gone altogether. So its head is published outside
the database after every batch (`head.py`), and nothing is appended to a log that does not reach its published head:
otherwise the next batch would paper over the cut.
"""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from flows.errors import StoreDown
from flows.records.chain import AuditEntry, Head, breach, link
from flows.records.checkpoint import ARCHIVED, checked
from flows.records.head import BEGINNING, HeadFile, HeadForged
from flows.records.outage import fail_closed
from flows.records.reading import Reader, Row
from flows.records.sealing import AuditKeys
from flows.records.tables import audit
from flows.records.writing import Writer

_BOUND = 5.0  # seconds for a batch; it is off every answer's path
_PATIENCE = 4.0  # of them for another writer: SQLite's come in no order, and one can be passed over again and again
_ONE_AT_A_TIME = f"SELECT pg_advisory_xact_lock({0x41554454})"  # "AUDT"
_ALL = "SELECT seq, at, shard, entry, event, channel, object, fields, prev, hash FROM audit ORDER BY seq"
_TAIL = "SELECT seq, at, shard, entry, event, channel, object, fields, prev, hash FROM audit ORDER BY seq DESC LIMIT $1"
_ALARMS = "SELECT fields FROM audit WHERE event = 'alarm' AND at >= $1"
_MARK = "SELECT value FROM marks WHERE name = $1"
_CHUNK = 5000


class AuditCut(Exception):
    """The log does not reach its published head: somebody took records away. Nothing more is appended."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The first record that is not as it was written; `seq` 0: the log as a whole."""

    seq: int
    why: str


class AuditLog:
    """One chain for the whole installation. One drainer writes it at a time; a second one cannot fork it."""

    def __init__(self, writer: Writer, reader: Reader, keys: AuditKeys, head: HeadFile) -> None:
        self._writer = writer
        self._reader = reader
        self.keys = keys
        self._file = head
        self._seen = BEGINNING
        self._last: dict[int, tuple[int, int]] = {}
        """The last entry of each shard that this process has seen stored: what comes after it is new."""

    async def append(self, batch: Sequence[AuditEntry]) -> None:
        """All of it or nothing; what is stored already (same shard and entry) is passed over.

        Raises `StoreDown`, also when the log was tampered with (its cause is then `AuditCut` or `HeadForged`).
        """
        if not batch:
            return
        with fail_closed():
            published = await self._published()
            try:
                head = await self._append(batch, published)
            except IntegrityError:  # another writer was faster: its records are the ones to follow
                head = await self._append(batch, published)
            self._seen = head
            await asyncio.to_thread(self._file.publish, head)

    async def verify(self) -> Broken | None:
        """The first broken record, or None when the log is whole and reaches its published head."""
        # The head first: what is appended while we read makes the log longer than the head, never shorter.
        try:
            published = await asyncio.to_thread(self._file.read)
        except HeadForged:
            return Broken(0, "the published head is not ours")
        try:
            begun = await self.begun()
            broken = await self._verify(begun, published)
            # Somebody may archive while we read: then the log begins elsewhere now.
            return broken if not broken or begun == await self.begun() else await self.verify()
        except HeadForged:
            return Broken(0, "the mark of what was archived is not ours")

    async def begun(self) -> Head:
        """The last record that is in the archive; the log goes on from there. Raises `StoreDown`, `HeadForged`."""
        with fail_closed():
            rows = await self._reader.rows(_MARK, ARCHIVED)
        return checked(self.keys, bytes(rows[0][0])) if rows else BEGINNING

    async def _verify(self, begun: Head, published: Head | None) -> Broken | None:
        before, broken = begun, None
        with fail_closed():
            async for rows in self._reader.stream(_ALL, _CHUNK):
                before, broken = await asyncio.to_thread(self._walk, rows, before, published)
                if broken:
                    return broken
        return _reaches(before, published)

    async def tail(self, count: int) -> list[dict[str, Any]]:
        """The last records, oldest first, as they go out in JSON lines."""
        with fail_closed():
            rows = await self._reader.rows(_TAIL, count)
        return [_line(row) for row in reversed(rows)]

    async def alarms(self, kinds: Sequence[str], since: int) -> list[tuple[str, int]]:
        """How many alarms of each kind since then (Unix ms); those that there are."""
        with fail_closed():
            rows = await self._reader.rows(_ALARMS, since)
        found = Counter(json.loads(fields).get("kind") for (fields,) in rows)
        return [(kind, found[kind]) for kind in kinds if found[kind]]

    async def _published(self) -> Head:
        """How far the log must reach: what stands in the file, or what this process has seen itself.

        A machine without the file (a second server, a restored database) trusts the log it finds, once. `verify`
        does not: it says that the head is missing.
        """
        try:
            published, begun = await asyncio.to_thread(self._file.read), await self.begun()
        except HeadForged as error:
            raise StoreDown(retry_after=60) from error
        if published is None and not await self._reader.rows(_TAIL, 1):
            # Before the first record: whoever is killed between it and its head must not look like a thief.
            await asyncio.to_thread(self._file.publish, BEGINNING)
        furthest = max(published or BEGINNING, self._seen, key=lambda head: head.seq)
        return furthest if furthest.seq > begun.seq else BEGINNING  # what the head tells of is archived

    async def _append(self, batch: Sequence[AuditEntry], published: Head) -> Head:
        async with asyncio.timeout(_BOUND), self._writer.transaction(patience=_PATIENCE) as connection:
            await queue_up(connection)
            head = await _head(connection, published)
            rows = self._chained(await self._fresh(connection, batch, head), head)
            if rows:
                await connection.exec_driver_sql(_insert(connection), rows)
                head = Head(rows[-1][0], rows[-1][-1])
        for entry in batch:
            self._last[entry.shard] = max(_order(entry), self._last.get(entry.shard, (0, 0)))
        return head

    async def _fresh(
        self, connection: AsyncConnection, batch: Sequence[AuditEntry], head: Head
    ) -> Sequence[AuditEntry]:
        """A crash between our commit and the trim of the stream hands the same entries in again.

        The database is asked only where this process cannot know: of shards it is new to, or when somebody else wrote.
        """
        ours = head == self._seen
        known: list[AuditEntry] = []
        other: list[AuditEntry] = []
        for entry in batch:
            (known if ours and entry.shard in self._last and any(_order(entry)) else other).append(entry)
        new = {(entry.shard, entry.entry) for entry in await _unstored(connection, other)}
        new |= {(entry.shard, entry.entry) for entry in known if _order(entry) > self._last[entry.shard]}
        return list(
            {(entry.shard, entry.entry): entry for entry in batch if (entry.shard, entry.entry) in new}.values()
        )

    def _chained(self, batch: Sequence[AuditEntry], head: Head) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        prev = head.hash
        for seq, entry in enumerate(batch, head.seq + 1):
            columns = entry.columns(seq)
            digest = link(self.keys.current, columns, prev)
            rows.append((*columns, prev, digest))
            prev = digest
        return rows

    def _walk(self, rows: Sequence[Row], before: Head, published: Head | None) -> tuple[Head, Broken | None]:
        for row in rows:
            why = breach(self.keys, row, before)
            if why is None and published and published.seq == row[0] and published.hash != row[9]:
                why = "is not the record that was published as the head"
            if why:
                return before, Broken(row[0], why)
            before = Head(row[0], row[9])
        return before, None


async def queue_up(connection: AsyncConnection) -> None:
    """Writers wait for each other instead of colliding; on SQLite each transaction begins as a writer anyway."""
    if connection.dialect.name == "postgresql":
        await connection.execute(text(_ONE_AT_A_TIME))


def _order(entry: AuditEntry) -> tuple[int, int]:
    """Where a stream put it; (0, 0) when it came past the streams, and must be looked for."""
    milliseconds, _, number = entry.entry.partition("-")
    return (int(milliseconds), int(number)) if milliseconds.isdigit() and number.isdigit() else (0, 0)


def _insert(connection: AsyncConnection) -> str:
    """For the driver itself: SQLAlchemy's own handling of each row costs more than the row."""
    names = audit.c.keys()
    dollars = connection.dialect.name == "postgresql"
    marks = [f"${number}" if dollars else "?" for number in range(1, len(names) + 1)]
    return f"INSERT INTO audit ({', '.join(names)}) VALUES ({', '.join(marks)})"  # noqa: S608 - names of our columns


async def _head(connection: AsyncConnection, published: Head) -> Head:
    """The last record; the published one must still be where it was."""
    newest = select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)
    row = (await connection.execute(newest)).first()
    head = Head(row.seq, bytes(row.hash)) if row else BEGINNING
    kept = head.hash if head.seq == published.seq else BEGINNING.hash
    if head.seq > published.seq > 0:
        at_published = select(audit.c.hash).where(audit.c.seq == published.seq)
        kept = bytes((await connection.execute(at_published)).scalar_one_or_none() or b"")
    if kept != published.hash:
        raise StoreDown(retry_after=60) from AuditCut(f"record {published.seq} is not the one that was published")
    return head


async def _unstored(connection: AsyncConnection, batch: Sequence[AuditEntry]) -> list[AuditEntry]:
    """A crash between our commit and the trim of the stream hands the same entries in again."""
    by_shard: dict[int, list[str]] = defaultdict(list)
    for entry in batch:
        by_shard[entry.shard].append(entry.entry)
    seen: set[tuple[int, str]] = set()
    for shard, entries in by_shard.items():
        known = select(audit.c.entry).where(audit.c.shard == shard, audit.c.entry.in_(entries))
        seen |= {(shard, entry) for entry in await connection.scalars(known)}
    fresh: dict[tuple[int, str], AuditEntry] = {}
    for entry in batch:
        if (entry.shard, entry.entry) not in seen:
            fresh.setdefault((entry.shard, entry.entry), entry)
    return list(fresh.values())


def _reaches(last: Head, published: Head | None) -> Broken | None:
    if published is None:
        return Broken(0, "the published head is missing") if last.seq else None
    if last.seq < published.seq:
        return Broken(last.seq + 1, f"is missing: the published head is {published.seq}")
    return None


def _line(row: Row) -> dict[str, Any]:
    seq, at, shard, entry, event, channel, subject, fields, _, digest = row
    return {
        "seq": seq,
        "at": at,
        "event": event,
        "channel": channel,
        "object": subject,
        **json.loads(fields),
        "shard": shard,
        "entry": entry,
        "hash": bytes(digest).hex(),
    }
