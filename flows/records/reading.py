"""What both databases' readers do, in PostgreSQL's spelling of placeholders."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

Row = Sequence[Any]


class Reader(Protocol):
    """Reads that bypass SQLAlchemy: the look-ups of every dialogue, and whole tables in chunks."""

    async def rows(self, query: str, *given: object) -> Sequence[Row]: ...

    async def rows_in(self, query: str, values: Sequence[bytes]) -> Sequence[Row]:
        """`query` holds `= ANY($1)` for the list of values."""
        ...

    def stream(self, query: str, size: int) -> AsyncIterator[Sequence[Row]]: ...

    async def close(self) -> None: ...
