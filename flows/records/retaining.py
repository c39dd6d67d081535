"""Who and what has been kept long enough: clients that nobody has touched, proofs of long ago."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from sqlalchemy import delete

from flows.records.clients import Records
from flows.records.outage import fail_closed
from flows.records.reading import Row
from flows.records.tables import proofs

PAGE: Final = 500
_PATIENCE = 10.0
_UNTOUCHED = (
    "SELECT id FROM clients c WHERE c.updated < {0} "
    "AND NOT EXISTS (SELECT 1 FROM proofs p WHERE p.client_id = c.id AND p.at >= {0})"
)
_PROVEN = "SELECT client_id, count(*) FROM proofs WHERE at < {0} GROUP BY client_id"


async def untouched(records: Records, since: int) -> list[str]:
    """Clients neither written nor proven anything since then (Unix seconds). Raises `StoreDown`."""
    with fail_closed():
        return [row[0] async for page in _pages(records, _UNTOUCHED, since) for row in page]


async def old_proofs(records: Records, since: int) -> dict[str, int]:
    """Client → how many proofs from before then it has. Raises `StoreDown`."""
    with fail_closed():
        return {row[0]: row[1] async for page in _pages(records, _PROVEN, since) for row in page}


async def drop_proofs(records: Records, owners: Sequence[str], since: int) -> None:
    """What `old_proofs` has found. Raises `StoreDown`."""
    for first in range(0, len(owners), PAGE):
        mine = proofs.c.client_id.in_(owners[first : first + PAGE])
        with fail_closed():
            async with records.writer.transaction(patience=_PATIENCE) as connection:
                await connection.execute(delete(proofs).where(mine, proofs.c.at < since))


def _pages(records: Records, query: str, since: int) -> AsyncIterator[Sequence[Row]]:
    """On a connection of its own and off the loop: this walks through a whole table."""
    return records.reader.stream(query.format(int(since)), PAGE)
