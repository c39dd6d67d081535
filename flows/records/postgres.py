"""PostgreSQL through asyncpg. Its own pool for look-ups: prepared statements, no layer in between."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from flows.records.reading import Row

_BOUND = 1.0  # seconds for any look-up (security.md §7 #32)
_PATIENCE = 30.0  # seconds for one statement of an import or a migration
_POOL = 10
_FAULTS = (asyncpg.PostgresError, asyncpg.InterfaceError)


def make_engine(dsn: str) -> AsyncEngine:
    async def connect(*_: Any, **__: Any) -> Any:
        # asyncpg reads the address by itself, so that look-ups and writes understand the same options.
        try:
            return await asyncpg.connect(dsn, timeout=_BOUND, command_timeout=_PATIENCE)
        except _FAULTS as error:
            raise ConnectionError(type(error).__name__) from error

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
    """Every read is bounded, the wait for a connection included."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    @classmethod
    async def open(cls, dsn: str) -> "PostgresReader":
        try:
            return cls(
                await asyncpg.create_pool(dsn, min_size=1, max_size=_POOL, timeout=_BOUND, command_timeout=_BOUND)
            )
        except _FAULTS as error:
            raise ConnectionError(type(error).__name__) from error

    async def rows(self, query: str, *given: object) -> Sequence[Row]:
        try:
            async with asyncio.timeout(_BOUND), self._pool.acquire() as connection:
                rows: Sequence[Row] = await connection.fetch(query, *given)
                return rows
        except _FAULTS as error:
            raise ConnectionError(type(error).__name__) from error

    async def rows_in(self, query: str, values: Sequence[bytes]) -> Sequence[Row]:
        return await self.rows(query, values)

    async def stream(self, query: str, size: int) -> AsyncIterator[Sequence[Row]]:
        """A whole table in chunks, as it stood when the reading began."""
        try:
            async with (
                self._pool.acquire(timeout=_BOUND) as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                cursor = await connection.cursor(query)
                while chunk := await cursor.fetch(size, timeout=_PATIENCE):
                    yield chunk
        except _FAULTS as error:
            raise ConnectionError(type(error).__name__) from error

    async def close(self) -> None:
        # A pool whose server has gone answers no farewell: do not wait for one.
        try:
            await asyncio.wait_for(self._pool.close(), _BOUND)
        except (TimeoutError, OSError, *_FAULTS):
            self._pool.terminate()
