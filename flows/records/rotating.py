"""Change the records' secret: every client's key and names under the new one, until the old one is needed no more.

Personal fields are not touched, since they rest under the clients' own keys; nothing is written in clear. Page by page,
each a transaction, so it may be killed anywhere and run again. The database's mark is changed last, together with what
the old secret leaves behind (its pepper, its audit key): until then nothing opens this database without the old secret.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from flows.records.chain import AuditEntry
from flows.records.changes import Change, Held, alter, load, named, write
from flows.records.checkpoint import ARCHIVED, checked, signed
from flows.records.clients import Records
from flows.records.outage import fail_closed
from flows.records.sealing import HEIRLOOM, RecordKeys
from flows.records.tables import clients, marks

PAGE: Final = 200
_PATIENCE = 30.0
_BREATH = 0.01  # seconds between pages: SQLite's writers come in no order, and calls that write are to have their turn


@dataclass(frozen=True, slots=True)
class Rotated:
    """How many clients were written anew, and whether the database still stood under the previous secret."""

    clients: int
    fresh: bool


async def rotate(records: Records, *, actor: str, progress: Callable[[int], None] = lambda _done: None) -> Rotated:
    """Raises `StoreDown`; then run it again. `records.keys` must know the previous secret."""
    changed = 0
    while found := await _everybody(records, progress):
        changed += found  # and once more: somebody who was written meanwhile may bear a name of before
    fresh = not await _is_marked(records)
    if fresh:
        await records.audit.append([_entry(records.keys, actor)])
        await _hand_over(records)
    if records.writer.engine.dialect.name == "sqlite":
        await records.writer.empty_log()
    return Rotated(changed, fresh)


async def _everybody(records: Records, progress: Callable[[int], None]) -> int:
    """One walk over all clients; how many it changed."""
    after: str | None = ""
    changed = 0
    while after is not None:
        last = after
        try:
            after, found = await _page(records, last)
        except IntegrityError:  # somebody wrote one of these names at the same moment
            after, found = await _page(records, last)
        changed += found
        progress(changed)
        await asyncio.sleep(_BREATH)
    return changed


async def _page(records: Records, after: str) -> tuple[str | None, int]:
    """The last client of the page, None when it was the last one of all; how many were changed."""
    query = select(clients.c.id, clients.c.data_key).where(clients.c.id > after).order_by(clients.c.id).limit(PAGE)
    with fail_closed():
        async with records.writer.transaction(patience=_PATIENCE) as connection:
            wrapped = {one: bytes(key) for one, key in await connection.execute(query.with_for_update())}
            held = await load(connection, records.keys, wrapped)
            changes = [_renewed(records.keys, held[one], key) for one, key in wrapped.items()]
            await write(connection, [change for change in changes if change])
    return (max(wrapped) if len(wrapped) == PAGE else None), sum(map(bool, changes))


def _renewed(keys: RecordKeys, held: Held, wrapped: bytes) -> Change:
    """The names under the new index, the key under the new secret. When it was written is not changed by that."""
    change = alter(held, held.person, named(keys, held.person), now=0)
    renewed = keys.rewrapped(wrapped, held.id)
    if renewed:
        change.values = {"data_key": renewed}
    return change


async def _is_marked(records: Records) -> bool:
    with fail_closed():
        ((mark,),) = await records.reader.rows("SELECT value FROM marks WHERE name = $1", "records")
        return records.keys.is_current(bytes(mark))


async def _hand_over(records: Records) -> None:
    """All at once: what former secrets left behind, this one too, and the mark under the new secret."""
    tail, keys = await records.audit.tail(1), records.keys.audit
    with fail_closed():
        async with records.writer.transaction(patience=_PATIENCE) as connection:
            query = select(marks.c.name, marks.c.value).where(marks.c.name.startswith(HEIRLOOM, autoescape=True))
            left = {name: bytes(value) for name, value in await connection.execute(query)}
            for name, sealed in left.items():
                await _put(connection, name, records.keys.renewed_heirloom(name, sealed) or sealed)
            query = select(marks.c.value).where(marks.c.name == ARCHIVED)
            archived = (await connection.execute(query)).scalar_one_or_none()
            if archived is not None:
                await _put(connection, ARCHIVED, signed(keys.current, checked(keys, bytes(archived))))
            name, sealed = records.keys.heirloom(tail[-1]["seq"])
            await connection.execute(delete(marks).where(marks.c.name == name))
            await connection.execute(insert(marks).values(name=name, value=sealed))
            await _put(connection, "records", records.keys.mark())


async def _put(connection: AsyncConnection, name: str, value: bytes) -> None:
    await connection.execute(update(marks).where(marks.c.name == name).values(value=value))


def _entry(keys: RecordKeys, actor: str) -> AuditEntry:
    """Past Redis: it is about the records alone. Named after both secrets: once, however often we were killed."""
    name, _ = keys.heirloom(0)
    now = int(time.time() * 1000)
    return AuditEntry(0, f"{name}-{keys.pepper_id.hex()}", now, "records_key_rotated", actor, "")
