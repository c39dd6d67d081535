"""What writing a client changes: compared with what is held, so that writing the same again changes nothing."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from sqlalchemy import Table, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flows.identifiers import Kind
from flows.records.people import names_of, seal_person, unseal_person
from flows.records.sealing import RecordKeys, Vault
from flows.records.tables import HARD_WORD, NO_WORD, PENDING_WORD, clients, names
from flows.records.words import StoredWord

_MANY = 20


@dataclass(slots=True)
class Held:
    """A client as the tables hold it now."""

    id: str
    vault: Vault
    person: dict[str, str] = field(repr=False)
    word: bytes | None = field(repr=False)
    word_group: bytes | None
    prints: set[bytes]


@dataclass(slots=True)
class Change:
    """What is to be written of one client. `values` are columns of `clients`; empty when they stay."""

    id: str
    vault: Vault
    fresh: bool
    values: dict[str, Any] = field(repr=False)
    add: dict[bytes, str] = field(default_factory=dict)
    drop: list[tuple[bytes, str]] = field(default_factory=list)
    """Fingerprints to take away, and from whom."""

    def __bool__(self) -> bool:
        return bool(self.values or self.add or self.drop)

    def set_word(self, word: StoredWord, group: bytes | None = None) -> None:
        state = PENDING_WORD if word.pending else HARD_WORD
        self.values |= {"word": word.seal(self.vault), "word_state": state, "word_group": group}


@dataclass(frozen=True, slots=True)
class Named:
    """A name that a client is to go by; `prints` under the current index key, then under the previous one."""

    kind: Kind
    prints: tuple[bytes, ...]


def named(keys: RecordKeys, person: dict[str, str]) -> list[Named]:
    return [Named(kind, keys.fingerprints(canonical)) for kind, canonical in names_of(person).items()]


def create(keys: RecordKeys, person: dict[str, str], wanted: list[Named], now: int) -> Change:
    client_id, wrapped, vault = keys.new_vault()
    values: dict[str, Any] = {
        "data_key": wrapped,
        "sealed": seal_person(vault, person),
        "word": None,
        "word_state": NO_WORD,
        "word_group": None,
        "created": now,
        "updated": now,
    }
    return Change(client_id, vault, fresh=True, values=values, add=_index(wanted))


def alter(held: Held, person: dict[str, str], wanted: list[Named], now: int) -> Change:
    """`wanted`: all names of `person`."""
    change = Change(held.id, held.vault, fresh=False, values={})
    if person != held.person:
        change.values = {"sealed": seal_person(held.vault, person), "updated": now}
    index = _index(wanted)
    change.add = {name_print: kind for name_print, kind in index.items() if name_print not in held.prints}
    change.drop = [(name_print, held.id) for name_print in held.prints if name_print not in index]
    return change


def _index(wanted: list[Named]) -> dict[bytes, str]:
    return {name.prints[0]: name.kind for name in wanted}


async def owners(connection: AsyncConnection, wanted: Iterable[Named]) -> dict[bytes, str]:
    """Fingerprint → id of the client who goes by that name."""
    prints = [name_print for name in wanted for name_print in name.prints]
    query = select(names.c.fingerprint, names.c.client_id).where(names.c.fingerprint.in_(prints))
    found = await connection.execute(query)
    return {bytes(name_print): client_id for name_print, client_id in found}


async def load(connection: AsyncConnection, keys: RecordKeys, ids: Iterable[str]) -> dict[str, Held]:
    wanted = list(ids)
    columns = (clients.c.id, clients.c.data_key, clients.c.sealed, clients.c.word, clients.c.word_group)
    held: dict[str, Held] = {}
    for client_id, wrapped, sealed, word, group in await connection.execute(
        select(*columns).where(clients.c.id.in_(wanted))
    ):
        vault = keys.vault(wrapped, client_id)
        held[client_id] = Held(client_id, vault, unseal_person(vault, sealed), word, group, set())
    taken = select(names.c.client_id, names.c.fingerprint).where(names.c.client_id.in_(wanted))
    for client_id, name_print in await connection.execute(taken):
        held[client_id].prints.add(bytes(name_print))
    return held


async def write(connection: AsyncConnection, changes: list[Change]) -> None:
    """All names that go, before any name that comes: two clients may swap theirs."""
    fresh = [change.values | {"id": change.id} for change in changes if change.fresh]
    await _insert(connection, clients, fresh)
    await _update(connection, [change for change in changes if change.values and not change.fresh])
    gone = [{"p": name_print, "c": client_id} for change in changes for name_print, client_id in change.drop]
    if gone:
        mine = (names.c.fingerprint == bindparam("p"), names.c.client_id == bindparam("c"))
        await connection.execute(delete(names).where(*mine), gone)
    come = [
        {"fingerprint": name_print, "client_id": change.id, "kind": kind}
        for change in changes
        for name_print, kind in change.add.items()
    ]
    await _insert(connection, names, come)


async def _insert(connection: AsyncConnection, table: Table, rows: list[dict[str, Any]]) -> None:
    """By the driver itself: what SQLAlchemy does for each row takes a quarter of an import's time."""
    if not rows:
        return
    columns = table.columns.keys()
    values = [itemgetter(*columns)(row) for row in rows]
    if len(rows) >= _MANY and connection.dialect.name == "postgresql":
        from flows.records.postgres import copy_in  # noqa: PLC0415 - on SQLite its driver is not loaded

        await copy_in(connection, table.name, columns, values)
    else:
        await connection.exec_driver_sql(str(insert(table).compile(dialect=connection.dialect)), values)


async def _update(connection: AsyncConnection, changes: list[Change]) -> None:
    """One statement for each set of columns: a batch has few different ones."""
    for columns in {tuple(change.values) for change in changes}:
        rows = [change.values | {"row": change.id} for change in changes if tuple(change.values) == columns]
        await connection.execute(update(clients).where(clients.c.id == bindparam("row")), rows)
