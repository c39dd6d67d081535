"""Open the records: the one place that knows which database stands behind a URL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import insert
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from flows.records.audit import AuditLog
from flows.records.clients import Records
from flows.records.head import HeadFile
from flows.records.migrating import migrate
from flows.records.outage import fail_closed
from flows.records.reading import Reader
from flows.records.sealing import HEIRLOOM, RecordKeys
from flows.records.tables import marks
from flows.records.words import WordThreads
from flows.records.writing import Writer

WORD_QUEUE = 16  # 2 threads do 16 words in half a second: whoever would wait longer is told to come again


class BadDatabaseUrl(Exception):
    """Neither `sqlite:///path` nor `postgresql://…`. The URL may hold a password: it is not repeated here."""


@asynccontextmanager
async def open_records(
    url: str, keys: RecordKeys, *, storage: Path, word_threads: int = 2, word_queue: int = WORD_QUEUE
) -> AsyncIterator[Records]:
    """Bring the tables up to date and hand out the records; `storage` is where the audit log's head is published.

    Raises `BadDatabaseUrl`, `WrongRecordsKey`, `StoreDown`.
    """
    with fail_closed():
        engine, path = _engine(url)
    try:
        with fail_closed():
            await migrate(engine)
            reader = await _reader(url, path)
        words = WordThreads(word_threads, word_queue)
        writer = Writer(engine, keys)
        audit = AuditLog(writer, reader, keys.audit, HeadFile(storage / "audit.head", keys.audit))
        records = Records(reader, writer, keys, words, audit)
        try:
            await _check_mark(writer, reader, keys)
            await _inherit(reader, keys)
            yield records
        finally:
            await records.close()
            await reader.close()
    finally:
        await engine.dispose()


def _engine(url: str) -> tuple[AsyncEngine, Path | None]:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise BadDatabaseUrl("expected sqlite:///path or postgresql://…") from None
    backend = parsed.get_backend_name()
    if backend == "sqlite" and parsed.database and parsed.database != ":memory:":
        from flows.records import sqlite  # noqa: PLC0415 - a service on one database loads no other's driver

        path = Path(parsed.database)
        sqlite.prepare(path)
        return sqlite.make_engine(path), path
    if backend in {"postgresql", "postgres"}:
        from flows.records import postgres  # noqa: PLC0415

        return postgres.make_engine(_plain(url)), None
    raise BadDatabaseUrl("expected sqlite:///path or postgresql://…")


async def _reader(url: str, path: Path | None) -> Reader:
    if path is not None:
        from flows.records.sqlite import SqliteReader  # noqa: PLC0415

        return SqliteReader(path)
    from flows.records.postgres import PostgresReader  # noqa: PLC0415

    return await PostgresReader.open(_plain(url))


def _plain(url: str) -> str:
    return "postgresql://" + url.partition("://")[2]


async def _check_mark(writer: Writer, reader: Reader, keys: RecordKeys) -> None:
    """A wrong secret would make every client unknown in silence: notice it now."""
    query = "SELECT value FROM marks WHERE name = $1"
    with fail_closed():
        if not await reader.rows(query, "records"):
            try:
                async with writer.transaction(patience=30) as connection:
                    await connection.execute(insert(marks).values(name="records", value=keys.mark()))
            except IntegrityError:  # another process was as new as we are
                pass
        rows = await reader.rows(query, "records")
    keys.check_mark(bytes(rows[0][0]))


async def _inherit(reader: Reader, keys: RecordKeys) -> None:
    """What former secrets have left behind (`rotating.py`)."""
    with fail_closed():
        for name, sealed in await reader.rows("SELECT name, value FROM marks WHERE name LIKE $1", HEIRLOOM + "%"):
            keys.inherit(name, bytes(sealed))
