"""Import a client file: all of it or nothing. First every row is checked; then all are written in one transaction.

The crmid says who a client is. The file is the truth about its columns, except that an empty secret word leaves the one
there is. A name may move from one client to another when the other's own row in the same file gives it up.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from flows.identifiers import Kind
from flows.records.cells import Place
from flows.records.changes import Change, Held, Named, alter, create, load, named, owners, write
from flows.records.clients import Records
from flows.records.groups import Groups, Unsure
from flows.records.outage import fail_closed
from flows.records.people import names_of
from flows.records.rows import FileRow, Problems, read_rows
from flows.records.sealing import RecordKeys
from flows.records.settling import settle_words
from flows.records.tables import PENDING_WORD, clients
from flows.records.words import StoredWord

Progress = Callable[[str, int], None]
"""Told after each batch: "checked" or "written", and how many rows so far."""

_BATCH = 500
_PATIENCE = 30.0  # seconds that an import waits for another writer to end
_ONE_AT_A_TIME = f"SELECT pg_advisory_xact_lock({0x494D5054})"  # "IMPT"
_NOT_IN_FILE = ("telegram",)


@dataclass(frozen=True, slots=True)
class ImportResult:
    created: int
    changed: int
    unchanged: int
    pending_words: int
    """Words that `harden` has yet to turn into argon2id."""


async def import_csv(
    path: Path, records: Records, *, country: str, progress: Progress = lambda _what, _rows: None
) -> ImportResult:
    """Raises `BadFile`, having imported nothing; `StoreDown` likewise."""
    place = Place(country, date.today())  # noqa: DTZ011 - a birth date is a day of the local calendar
    seen = _check(path, place, progress)
    problems = Problems()
    with fail_closed():
        async with records.writer.transaction(patience=_PATIENCE) as connection:
            if connection.dialect.name == "postgresql":
                await connection.execute(text(_ONE_AT_A_TIME))
            importing = _Importing(connection, records.keys, seen, problems)
            for done, batch in _batches(read_rows(path, place, problems)):
                await importing.take(batch)
                progress("written", done)
            problems.settle()
            importing.changed += await settle_words(
                connection, records, importing.unsure, importing.same, importing.groups
            )
            if connection.dialect.name == "postgresql":
                await connection.execute(text("ANALYZE clients, names"))  # or it plans as for empty tables
            return await importing.result()


def _check(path: Path, place: Place, progress: Progress) -> dict[str, int]:
    """Every row by itself, and no name twice. Returns the file's names with their lines."""
    problems, seen = Problems(), dict[str, int]()
    done = 0
    for done, row in enumerate(read_rows(path, place, problems), 1):
        for kind, canonical in names_of(row.person).items():
            before = seen.setdefault(canonical, row.line)
            if before != row.line:
                problems.add(row.line, kind, f"the same as in line {before}")
        if done % _BATCH == 0:
            progress("checked", done)
    problems.settle()
    progress("checked", done)
    return seen


def _batches(rows: Iterator[FileRow]) -> Iterator[tuple[int, list[FileRow]]]:
    done = 0
    while batch := list(islice(rows, _BATCH)):
        done += len(batch)
        yield done, batch


class _Importing:
    """The transaction's work: batches of rows turned into changes."""

    def __init__(self, connection: AsyncConnection, keys: RecordKeys, seen: dict[str, int], problems: Problems) -> None:
        self._connection = connection
        self._keys = keys
        self._seen = seen
        self._problems = problems
        self._now = int(time.time())
        self._adopted: set[str] = set()
        self.groups = Groups(keys)
        self.unsure: list[Unsure] = []
        self.same: dict[bytes, list[bytes]] = defaultdict(list)
        """Group → prints of members whose pending word is the file's."""
        self.created = self.changed = self.rows = 0

    async def take(self, batch: list[FileRow]) -> None:
        known_as = [(row, named(self._keys, row.person)) for row in batch]
        owned = await owners(self._connection, (name for _, names in known_as for name in names))
        held = await load(self._connection, self._keys, set(owned.values()))
        changes = [change for row, names in known_as if (change := self._change(row, names, owned, held))]
        if not self._problems.found:
            await write(self._connection, changes)
        self.rows += len(batch)

    async def result(self) -> ImportResult:
        pending = select(func.count()).select_from(clients).where(clients.c.word_state == PENDING_WORD)
        left = (await self._connection.execute(pending)).scalar_one()
        return ImportResult(self.created, self.changed, self.rows - self.created - self.changed, left)

    def _change(
        self, row: FileRow, names: list[Named], owned: dict[bytes, str], held: dict[str, Held]
    ) -> Change | None:
        taken = [
            (name.kind, name_print, owned[name_print])
            for name in names
            for name_print in name.prints
            if name_print in owned
        ]
        own = self._own(taken, held)
        foreign = [(kind, name_print, owner) for kind, name_print, owner in taken if own is None or owner != own.id]
        kept = [kind for kind, _, owner in foreign if not self._gives_up(held[owner])]
        if kept:
            self._problems.add(row.line, kept[0], "belongs to another client, who is not in this file")
            return None
        change = self._altered(row, names, own)
        change.drop += [(name_print, owner) for _, name_print, owner in foreign]
        return change

    def _own(self, taken: list[tuple[Kind, bytes, str]], held: dict[str, Held]) -> Held | None:
        """The client with the row's crmid; else one who enrolled under another name and has no crmid yet."""
        for kind, _, owner in taken:
            if kind == "crmid":
                return held[owner]
        for _, _, owner in taken:
            if "crm_id" not in held[owner].person and owner not in self._adopted:
                self._adopted.add(owner)
                return held[owner]
        return None

    def _gives_up(self, owner: Held) -> bool:
        # No name stands twice in the file, so an owner who has a row of his own in it loses this one there.
        return owner.id in self._adopted or f"crmid:{owner.person.get('crm_id')}" in self._seen

    def _altered(self, row: FileRow, names: list[Named], own: Held | None) -> Change:
        if own is None:
            change = create(self._keys, row.person, names, self._now)
            self.created += 1
        else:
            kept = {name: own.person[name] for name in _NOT_IN_FILE if name in own.person}
            index = names + named(self._keys, kept)
            change = alter(own, kept | row.person, index, self._now)
        if row.word:
            self._set_word(row.word, change, own)
        self.changed += bool(change) and own is not None
        return change

    def _set_word(self, word: str, change: Change, own: Held | None) -> None:
        stored = StoredWord.unseal(own.vault, own.word) if own and own.word else None
        then = self._keys.word_print(change.id, word, stored.pepper_id) if stored else None
        if stored and own and then and not stored.pending:
            now = self._keys.word_print(change.id, word)
            self.unsure.append(Unsure(change.id, own.word_group, then, now, counted=bool(change)))
        elif stored and own and stored.payload == then:
            self.same[own.word_group or b""].append(then)
        else:
            fresh = StoredWord.fresh(self._keys, change.id, word)
            change.set_word(fresh, self.groups.join(fresh.payload))
            change.values["updated"] = self._now
