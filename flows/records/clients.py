"""The bank's clients: found under any of their names, asked about, written, erased.

`find`, `card`, `born_on` and `check_word` stand in the way of an answer, so they read past SQLAlchemy. Whether a
client exists may not show in the time: for somebody unknown the same work is done on a decoy (security.md A11).
"""

import asyncio
import hmac
import json
from contextlib import suppress

from flows.effects import Found
from flows.errors import StoreDown
from flows.identifiers import Identifier
from flows.papers import Proof
from flows.records.argon import argon2id, decoy, is_argon2id_of
from flows.records.audit import AuditLog
from flows.records.decoys import NO_DAY, NOBODY, decoy_row
from flows.records.enrolling import Enrolling
from flows.records.outage import fail_closed
from flows.records.people import Card, ClientRow, Shown, unseal_person
from flows.records.reading import Reader, Row
from flows.records.sealing import RecordKeys
from flows.records.tables import NO_WORD, PENDING_WORD
from flows.records.words import StoredWord, WordThreads, normalise
from flows.records.writing import Writer

_BY_NAME = (
    "SELECT c.id, c.data_key, c.sealed, c.word, c.word_state, n.fingerprint "
    "FROM names n JOIN clients c ON c.id = n.client_id WHERE n.fingerprint = ANY($1)"
)
_BY_ID = "SELECT id, data_key, sealed, word, word_state, created, updated FROM clients WHERE id = $1"
_PROOFS = "SELECT method, at, details FROM proofs WHERE client_id = $1 ORDER BY at, method"


class Records:
    """Every method raises `StoreDown` when the database does not do its part in time."""

    def __init__(self, reader: Reader, writer: Writer, keys: RecordKeys, words: WordThreads, audit: AuditLog) -> None:
        self.writer = writer
        self.enrolling = Enrolling(writer, keys)
        self.keys = keys
        self.words = words
        self.audit = audit
        self.reader = reader
        self._decoy = decoy_row(keys)
        self._no_word = StoredWord(pending=False, pepper_id=keys.pepper_id, payload=decoy())
        self._upgrades: set[asyncio.Task[None]] = set()

    async def find(self, names: tuple[Identifier, ...]) -> Found | None:
        """The client who goes by the first of these names that is known."""
        prints = [name_print for name in names for name_print in self.keys.fingerprints(name.canonical())]
        with fail_closed():
            by_print = {bytes(row[5]): row for row in await self.reader.rows_in(_BY_NAME, prints)}
            row = next((by_print[name_print] for name_print in prints if name_print in by_print), None)
            person = self._person(row or self._decoy)
        known = row or self._decoy
        found = Found(
            client=known[0],
            phone=person.get("phone"),
            email=person.get("email"),
            has_secret_word=known[4] != NO_WORD,
            has_birth_date="birth_date" in person,
            chat=person.get("telegram_id"),
            since=int(person.get("identified_at", 0)),
        )
        return found if row else None

    async def card(self, client_id: str) -> Card | None:
        row = await self._row(client_id)
        with fail_closed():
            return await self._card(row) if row else None

    async def show(self, names: tuple[Identifier, ...]) -> Shown | None:
        """The card with what an operator asks for: since when, and whether there is a secret word."""
        found = await self.find(names)
        row = await self._row(found.client) if found else None
        if row is None:
            return None
        with fail_closed():
            card = await self._card(row)
        word = "none" if row[4] == NO_WORD else "hardening" if row[4] == PENDING_WORD else "set"
        return Shown.model_validate({**dict(card), "secret_word": word, "created": row[5], "updated": row[6]})

    async def born_on(self, client_id: str | None, day: str) -> bool:
        """Was the client born on that day (ISO 8601)? Somebody unknown was not, and takes as long."""
        row = await self._row(client_id or NOBODY)
        with fail_closed():
            known = self._person(row or self._decoy).get("birth_date", NO_DAY)
        same = hmac.compare_digest(known.encode(), day.encode("utf-8", "surrogatepass"))
        return same and row is not None and known != NO_DAY

    async def check_word(self, client_id: str | None, text: str) -> bool:
        """Is this the client's secret word? One argon2 for everybody: known, unknown, without a word, pending."""
        owner, wrapped, _, sealed, *_ = await self._row(client_id or NOBODY) or self._decoy
        with fail_closed():
            vault = self.keys.vault(wrapped, owner)
            stored = StoredWord.unseal(vault, sealed) if sealed else self._no_word
            given = self.keys.word_print(owner, normalise(text), stored.pepper_id)
        if not stored.pending:
            return await self.words.run(is_argon2id_of, stored.payload, given)
        encoded = await self.words.run(argon2id, stored.payload)
        self._upgrade(owner, sealed, stored.hardened(encoded).seal(vault))
        return hmac.compare_digest(stored.payload, given)

    async def upsert(self, row: ClientRow) -> str:
        """Write what the row says of a client known under any of its names, or a new one; returns the id.

        Raises `NameTaken` when one of the names is another client's.
        """
        found = await self.find(row.names())
        if found and row.secret_word and await self.check_word(found.client, row.secret_word):
            row = row.model_copy(update={"secret_word": None})
        client_id = await self.writer.upsert(row)
        if row.secret_word:
            await self._harden(client_id)
        return client_id

    async def set_word(self, client_id: str, word: str) -> None:
        await self.enrolling.set_word(client_id, word)
        await self._harden(client_id)

    async def erase(self, names: tuple[Identifier, ...]) -> str | None:
        """Destroy the client's key with everything under it; the id, for the audit log, or None."""
        found = await self.find(names)
        return found.client if found and await self.writer.erase(found.client) else None

    async def ping(self) -> None:
        with fail_closed():
            await self.reader.rows("SELECT 1")

    async def close(self) -> None:
        self.words.close()
        await self.settled()

    async def settled(self) -> None:
        """Until the words that were hardened on their first use are written."""
        await asyncio.gather(*self._upgrades, return_exceptions=True)

    async def _row(self, client_id: str) -> Row | None:
        with fail_closed():
            rows = await self.reader.rows(_BY_ID, client_id)
        return rows[0] if rows else None

    def _person(self, row: Row) -> dict[str, str]:
        return unseal_person(self.keys.vault(row[1], row[0]), row[2])

    async def _card(self, row: Row) -> Card:
        proofs = await self.reader.rows(_PROOFS, row[0])
        vault = self.keys.vault(row[1], row[0])
        proven = tuple(
            Proof(method=method, at=at, details=json.loads(vault.unseal(details, "proof")))
            for method, at, details in proofs
        )
        return Card.model_validate({**unseal_person(vault, row[2]), "client_id": row[0], "proofs": proven})

    async def _harden(self, client_id: str) -> None:
        """At once, for one client; whoever is refused a thread keeps a pending word, which works as well."""
        row = await self._row(client_id)
        if row is None or row[4] != PENDING_WORD:
            return
        with fail_closed():
            vault = self.keys.vault(row[1], client_id)
            stored = StoredWord.unseal(vault, row[3])
        with suppress(StoreDown):
            encoded = await self.words.run(argon2id, stored.payload)
            await self.writer.replace_word(client_id, row[3], stored.hardened(encoded).seal(vault))

    def _upgrade(self, client_id: str, old: bytes, new: bytes) -> None:
        # After the answer: a write in its way would tell a client with a pending word from somebody unknown.
        task = asyncio.create_task(self._upgraded(client_id, old, new))
        self._upgrades.add(task)
        task.add_done_callback(self._upgrades.discard)

    async def _upgraded(self, client_id: str, old: bytes, new: bytes) -> None:
        with suppress(StoreDown):  # the next check of this word does it
            await self.writer.replace_word(client_id, old, new)
