"""SQLite: one file, write-ahead log, and a reader inside the process.

A look-up is a read of pages that are already in memory: about 20 µs on the loop, where a hop to a thread and back
costs 40 and SQLAlchemy's async layer 2 000 (performance.md). In WAL mode readers wait for nobody.
"""

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from flows.records.reading import Row

PATIENCE_MS = 1000
_READER_PATIENCE = 0.25  # it holds the loop meanwhile; only recovery after a crash can make a WAL reader wait
_AS_A_WRITER = "BEGIN IMMEDIATE"
_READER_CACHE_KIB, _WRITER_CACHE_KIB = 16 * 1024, 48 * 1024  # taken only when used; an import uses it


def prepare(path: Path) -> None:
    """Create the file for our eyes only and switch it to WAL; one process at a time, for the switch cannot wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        path.chmod(0o600)
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.close()
    finally:
        os.close(lock)


def make_engine(path: Path) -> AsyncEngine:
    """For everything that writes. Each transaction begins as a writer, so it cannot lose its place half-way."""
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{path}", hide_parameters=True, pool_size=4, max_overflow=4, pool_timeout=1
    )
    event.listen(engine.sync_engine, "connect", _set_up)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _set_up(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself: `_begin` does
    cursor = connection.cursor()
    # FULL: what is committed survives a power cut. The audit drainer trims its stream on our word, and an erasure or
    # an enrolment must not come undone; writes come in batches, off every answer's path, so the fsync is cheap.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA secure_delete=ON")  # an erased key is overwritten, not just unlinked
    cursor.execute(f"PRAGMA cache_size=-{_WRITER_CACHE_KIB}")
    cursor.close()


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("reads_only"):
        return
    connection.exec_driver_sql(f"PRAGMA busy_timeout={int(options.get('patience_ms', PATIENCE_MS))}")
    connection.exec_driver_sql(_AS_A_WRITER)


def read_only(path: Path, *, any_thread: bool = False) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(
        uri, uri=True, timeout=_READER_PATIENCE, isolation_level=None, check_same_thread=not any_thread
    )
    connection.execute(f"PRAGMA cache_size=-{_READER_CACHE_KIB}")
    return connection


@cache
def _own_marks(query: str) -> str:
    return query.replace("$", "?")


@cache
def _spelled_out(query: str, count: int) -> str:
    return query.replace("= ANY($1)", f"IN ({','.join('?' * count)})")


class SqliteReader:
    """Reads in process, synchronously, through statements that stay prepared."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = read_only(path)

    async def rows(self, query: str, *given: object) -> list[Row]:
        return self._connection.execute(_own_marks(query), given).fetchall()

    async def rows_in(self, query: str, values: Sequence[bytes]) -> list[Row]:
        return self._connection.execute(_spelled_out(query, len(values)), values).fetchall()

    async def stream(self, query: str, size: int) -> AsyncIterator[list[Row]]:
        """A whole table in chunks, on a connection of its own and in a thread: this can take a while."""
        connection = await asyncio.to_thread(read_only, self._path, any_thread=True)
        try:
            cursor = await asyncio.to_thread(connection.execute, query)
            while chunk := await asyncio.to_thread(cursor.fetchmany, size):
                yield chunk
        finally:
            connection.close()

    async def close(self) -> None:
        self._connection.close()
