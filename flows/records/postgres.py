"""PostgreSQL through asyncpg: look-ups by prepared statements with no layer in between, writes through SQLAlchemy."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from flows.records.reading import Row

_BOUND = 1.0  # seconds for any look-up (security.md §7 #32)
_PATIENCE = 30.0  # seconds for one statement of an import or a migration
_MOST = 10  # connections for look-ups
_FAULTS = (asyncpg.PostgresError, asyncpg.InterfaceError)


def make_engine(dsn: str) -> AsyncEngine:
    async def connect(*_: Any, **__: Any) -> Any:
        # asyncpg reads the address by itself, so that look-ups and writes understand the same options.
        with _one_fault():
            return await asyncpg.connect(dsn, timeout=_BOUND, command_timeout=_PATIENCE)

    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        hide_parameters=True,
        pool_size=4,
        max_overflow=4,
        pool_timeout=1,
        pool_pre_ping=True,
    )


class PostgresReader:
    """Every read is bounded, the wait for a connection included.

    A list of free connections instead of asyncpg's pool, whose keeping costs more per look-up than the query itself
    (180 of 320 µs of CPU). A connection that anything went wrong with is thrown away.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._room = asyncio.Semaphore(_MOST)
        self._free: list[Any] = []

    @classmethod
    async def open(cls, dsn: str) -> "PostgresReader":
        reader = cls(dsn)
        await reader.rows("SELECT 1")
        return reader

    async def rows(self, query: str, *given: object) -> Sequence[Row]:
        with _one_fault():
            async with asyncio.timeout(_BOUND), self._room:
                connection = await self._connection()
                try:
                    rows: Sequence[Row] = await connection.fetch(query, *given)
                except BaseException:
                    connection.terminate()
                    raise
                self._free.append(connection)
                return rows

    async def rows_in(self, query: str, values: Sequence[bytes]) -> Sequence[Row]:
        return await self.rows(query, values)

    async def stream(self, query: str, size: int) -> AsyncIterator[Sequence[Row]]:
        """A whole table in chunks, as it stood when the reading began; on a connection of its own."""
        with _one_fault():
            connection = await asyncpg.connect(self._dsn, timeout=_BOUND, command_timeout=_PATIENCE)
            try:
                async with connection.transaction(isolation="repeatable_read", readonly=True):
                    cursor = await connection.cursor(query)
                    while chunk := await cursor.fetch(size):
                        yield chunk
            finally:
                connection.terminate()

    async def close(self) -> None:
        while self._free:
            connection = self._free.pop()
            try:
                await connection.close(timeout=_BOUND)
            except (TimeoutError, OSError, *_FAULTS):  # its server has gone and answers no farewell
                connection.terminate()

    async def _connection(self) -> Any:
        while self._free:
            connection = self._free.pop()
            if not connection.is_closed():
                return connection
        return await asyncpg.connect(self._dsn, timeout=_BOUND)


async def copy_in(connection: AsyncConnection, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Many rows at once, in the connection's transaction; four times as fast as inserts."""
    raw: Any = (await connection.get_raw_connection()).driver_connection
    with _one_fault():
        await raw.copy_records_to_table(table, records=rows, columns=columns, timeout=_PATIENCE)


@contextmanager
def _one_fault() -> Iterator[None]:
    """The driver's many errors as the one that the rest of the records know how to refuse."""
    try:
        yield
    except _FAULTS as error:
        raise ConnectionError(type(error).__name__) from error
