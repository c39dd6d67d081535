"""Single writes: a client from an enrolment, a proof, a hardened word, an erasure. Each is one short transaction."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from sqlalchemy import ColumnElement, delete, exists, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from flows.identifiers import Kind
from flows.records.changes import Change, alter, create, load, named, owners, write
from flows.records.outage import fail_closed
from flows.records.people import ClientRow
from flows.records.sealing import RecordKeys
from flows.records.tables import HARD_WORD, clients, names, proofs, word_groups
from flows.records.words import StoredWord, normalise

T = TypeVar("T")

_BOUND = 2.0  # seconds for one write, the wait for another writer included


class NameTaken(Exception):
    """Another client goes by that name."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(f"another client has this {kind}")
        self.kind = kind


class Writer:
    """What is written through SQLAlchemy, off the path of any answer."""

    def __init__(self, engine: AsyncEngine, keys: RecordKeys) -> None:
        self.engine = engine
        self._keys = keys

    @asynccontextmanager
    async def transaction(self, *, patience: float = _BOUND / 2) -> AsyncIterator[AsyncConnection]:
        """`patience`: how many seconds SQLite waits for another writer."""
        async with self.engine.connect() as connection:
            await connection.execution_options(patience_ms=int(patience * 1000))
            async with connection.begin():
                yield connection

    async def upsert(self, row: ClientRow) -> str:
        async def work(connection: AsyncConnection) -> str:
            change = await self._change(connection, row)
            if change:
                await write(connection, [change])
            return change.id

        return await self.twice(work)

    async def add_proof(self, client_id: str, method: str, dialogue: str, at: int, details: dict[str, str]) -> bool:
        """Once for each client, method and dialogue; False when there is no such client."""

        async def work(connection: AsyncConnection) -> bool:
            held = (await load(connection, self._keys, [client_id])).get(client_id)
            if held is None:
                return False
            key = {"client_id": client_id, "method": method, "dialogue": dialogue}
            if (await connection.execute(select(proofs.c.at).filter_by(**key))).first() is None:
                sealed = held.vault.seal(json.dumps(details, ensure_ascii=False).encode(), "proof")
                await connection.execute(insert(proofs).values(**key, at=at, details=sealed))
            return True

        return await self.twice(work)

    async def replace_word(self, client_id: str, old: bytes, new: bytes) -> None:
        """Put the hardened word in the place of the pending one, unless the client has a new word by now."""

        async def work(connection: AsyncConnection) -> None:
            guard = (clients.c.id == client_id, clients.c.word == old)
            await connection.execute(update(clients).where(*guard).values(word=new, word_state=HARD_WORD))

        await self.twice(work)

    async def erase(self, client_id: str, *, untouched_since: int | None = None) -> bool:
        """False when there is no such client (any more), or when it was touched since then (Unix seconds)."""

        async def work(connection: AsyncConnection) -> bool:
            if untouched_since is not None:
                still = select(clients.c.id).where(_is_untouched(client_id, untouched_since)).with_for_update()
                if (await connection.execute(still)).first() is None:
                    return False
            group = select(clients.c.word_group).where(clients.c.id == client_id).scalar_subquery()
            await connection.execute(delete(word_groups).where(word_groups.c.id == group))
            await connection.execute(delete(proofs).where(proofs.c.client_id == client_id))
            await connection.execute(delete(names).where(names.c.client_id == client_id))
            gone = await connection.execute(delete(clients).where(clients.c.id == client_id))
            return gone.rowcount == 1

        erased = await self.twice(work)
        if self.engine.dialect.name == "sqlite":
            await self.empty_log()
        return erased

    async def empty_log(self) -> None:
        """SQLite's write-ahead log still holds the pages as they were: move it into the file and cut it off."""
        with fail_closed():
            async with self.engine.connect() as connection:
                await connection.execution_options(reads_only=True)
                await connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))

    async def _change(self, connection: AsyncConnection, row: ClientRow) -> Change:
        wanted = named(self._keys, row.known())
        owned = await owners(connection, wanted)
        by_kind = {name.kind: owned[name_print] for name in wanted for name_print in name.prints if name_print in owned}
        known_by = next(iter(by_kind), None)
        now = int(time.time())
        if known_by is None:
            change = create(self._keys, row.known(), wanted, now)
        else:
            client_id = by_kind[known_by]
            taken = next((kind for kind, owner in by_kind.items() if owner != client_id), None)
            held = (await load(connection, self._keys, [client_id]))[client_id]
            if taken or held.person.get("crm_id", row.crm_id) != (row.crm_id or held.person.get("crm_id")):
                raise NameTaken(taken or known_by)  # the crmid is who a client is: it never changes hands
            person = held.person | row.known()
            change = alter(held, person, named(self._keys, person), now)
        if row.secret_word:
            change.set_word(StoredWord.fresh(self._keys, change.id, normalise(row.secret_word)))
        return change

    async def twice(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Two may write the same name at once: the index lets one of them through, the other looks again."""
        with fail_closed():
            try:
                return await self._once(work)
            except IntegrityError:
                return await self._once(work)

    async def _once(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        async with asyncio.timeout(_BOUND), self.transaction() as connection:
            return await work(connection)


def _is_untouched(client_id: str, since: int) -> ColumnElement[bool]:
    """Neither written nor proven anything since then."""
    newer = exists().where(proofs.c.client_id == client_id, proofs.c.at >= since)
    return (clients.c.id == client_id) & (clients.c.updated < since) & ~newer
