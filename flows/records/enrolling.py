"""A client from a chat: found under its number or phone, compared with what the bank knows, written with its proofs.

A phone number changes hands. Whoever holds a client's number today, with papers of another birth date or tax number,
is somebody else: nothing is written, and the person is sent to the bank (`ClientMismatch`).
"""

import json
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from flows.errors import ClientMismatch
from flows.papers import Proof
from flows.records.changes import Change, Held, alter, create, load, named, owners, write
from flows.records.people import ClientRow
from flows.records.sealing import RecordKeys, Vault
from flows.records.tables import proofs
from flows.records.words import StoredWord, normalise
from flows.records.writing import Writer

_SAME = ("birth_date", "inn")
"""What stays with a person for life."""


class Enrolling:
    """Each method is one short transaction and raises `StoreDown` when the database does not do its part in time."""

    def __init__(self, writer: Writer, keys: RecordKeys) -> None:
        self._writer = writer
        self._keys = keys

    async def enrol(self, row: ClientRow, proven: Sequence[Proof], dialogue: str, details: dict[str, str]) -> str:
        """The client's id. Raises `ClientMismatch`."""

        async def work(connection: AsyncConnection) -> str:
            changes, vault = await self._changes(connection, row)
            await write(connection, [change for change in changes if change])
            await _prove(connection, proven, {"client_id": changes[0].id, "dialogue": dialogue}, details, vault)
            return changes[0].id

        return await self._writer.twice(work)

    async def set_word(self, client_id: str, word: str) -> None:
        """Raises `ClientMismatch` when there is no such client any more."""

        async def work(connection: AsyncConnection) -> None:
            held = (await load(connection, self._keys, [client_id])).get(client_id)
            if held is None:
                raise ClientMismatch
            change = Change(client_id, held.vault, fresh=False, values={})
            change.set_word(StoredWord.fresh(self._keys, client_id, normalise(word)))
            await write(connection, [change])

        await self._writer.twice(work)

    async def _changes(self, connection: AsyncConnection, row: ClientRow) -> tuple[list[Change], Vault]:
        """The client's own change, and that of whoever has given up the Telegram name."""
        wanted = named(self._keys, row.known())
        owned = await owners(connection, wanted)
        by_kind = {name.kind: owned[one] for name in wanted for one in name.prints if one in owned}
        former = by_kind.pop("telegram", None)
        if len(set(by_kind.values())) > 1:
            raise ClientMismatch
        client_id = next(iter(by_kind.values()), None)
        held = await load(connection, self._keys, [one for one in (client_id, former) if one])
        now = int(time.time())
        if client_id is None:
            change = create(self._keys, row.known(), wanted, now)
        else:
            change = self._known(held[client_id], row, now)
        if former in (None, change.id):
            return [change], change.vault
        return [change, self._without_name(held[former], now)], change.vault

    def _known(self, held: Held, row: ClientRow, now: int) -> Change:
        told = row.known()
        known = {what: held.person[what] for what in _SAME if what in held.person}
        if known and not any(told.get(what) == value for what, value in known.items()):
            raise ClientMismatch
        if any(told.get(what, value) != value for what, value in known.items()):
            raise ClientMismatch
        if held.person.get("crm_id", row.crm_id) != (row.crm_id or held.person.get("crm_id")):
            raise ClientMismatch
        person = held.person | told
        return alter(held, person, named(self._keys, person), now)

    def _without_name(self, held: Held, now: int) -> Change:
        person = {name: value for name, value in held.person.items() if name != "telegram"}
        return alter(held, person, named(self._keys, person), now)


async def _prove(
    connection: AsyncConnection, proven: Sequence[Proof], row: dict[str, Any], details: dict[str, str], vault: Vault
) -> None:
    """Each method once for a client and a dialogue, with the dialogue's `details` and its own."""
    known = select(proofs.c.method).filter_by(client_id=row["client_id"], dialogue=row["dialogue"])
    there = {method for (method,) in await connection.execute(known)}
    for proof in proven:
        if proof.method not in there:
            told = json.dumps(details | proof.details, ensure_ascii=False).encode()
            sealed = vault.seal(told, "proof")
            values = {**row, "method": proof.method, "at": int(proof.at), "details": sealed}
            await connection.execute(insert(proofs).values(**values))
