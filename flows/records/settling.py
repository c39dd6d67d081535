"""The end of an import: words of the file whose clients have a hardened word already. Which of them are new?"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flows.records.argon import is_argon2id_of
from flows.records.changes import Change, Held, load, write
from flows.records.clients import Records
from flows.records.groups import FEWEST, Groups, Unsure
from flows.records.sealing import RecordKeys
from flows.records.tables import clients, word_groups
from flows.records.words import StoredWord

_BATCH = 500
_SIDE_BY_SIDE = 4
_ONE_BY_ONE = 512
"""So many are checked with argon2 (some seconds). Of more, each counts as new: pending first, hardened again later."""


async def settle_words(
    connection: AsyncConnection, records: Records, unsure: list[Unsure], same: dict[bytes, list[bytes]], groups: Groups
) -> int:
    """Write the new words; returns how many clients changed by nothing else.

    `same`: of each group, the prints of members whose word is pending and known to be unchanged.
    """
    doubtful = await _doubtful(connection, records.keys, unsure, same)
    kept: set[str] = set()
    changed = 0
    for start in range(0, len(doubtful), _BATCH):
        batch = doubtful[start : start + _BATCH]
        held = await load(connection, records.keys, [one.client_id for one in batch])
        if len(doubtful) <= _ONE_BY_ONE:
            kept |= await _verified(records, batch, held)
        new = [one for one in batch if one.client_id not in kept]
        await write(connection, [_new_word(records.keys, one, held[one.client_id], groups) for one in new])
        changed += sum(not one.counted for one in new)
    await _regroup(connection, [one for one in doubtful if one.client_id in kept and one.then == one.now], groups)
    rows = groups.finished()
    if rows:
        await connection.execute(insert(word_groups), rows)
    return changed


async def _regroup(connection: AsyncConnection, kept: list[Unsure], groups: Groups) -> None:
    """Words that proved to be the same, but whose group has lost a member, or never was one."""
    if len(kept) >= FEWEST:
        rows = [{"row": one.client_id, "group": groups.join(one.now)} for one in kept]
        statement = update(clients).where(clients.c.id == bindparam("row")).values(word_group=bindparam("group"))
        await connection.execute(statement, rows)


async def _doubtful(
    connection: AsyncConnection, keys: RecordKeys, unsure: list[Unsure], same: dict[bytes, list[bytes]]
) -> list[Unsure]:
    """All but the members of groups whose print still fits."""
    members: dict[bytes, list[Unsure]] = defaultdict(list)
    for one in unsure:
        if one.group:
            members[one.group].append(one)
    intact: set[bytes] = set()
    for ids in _slices(list(members)):
        for group, size, stored in await connection.execute(select(word_groups).where(word_groups.c.id.in_(ids))):
            prints = [*(one.then for one in members[group]), *same.get(group, ())]
            if size == len(prints) and stored == keys.group_print(prints):
                intact.add(group)
    return [one for one in unsure if one.group not in intact]


async def _verified(records: Records, batch: list[Unsure], held: dict[str, Held]) -> set[str]:
    """Ids of those whose word verifies, a few at a time."""

    async def verify(one: Unsure) -> bool:
        client = held[one.client_id]
        payload = StoredWord.unseal(client.vault, client.word or b"").payload
        return await records.words.run(is_argon2id_of, payload, one.then)

    same: set[str] = set()
    for start in range(0, len(batch), _SIDE_BY_SIDE):
        some = batch[start : start + _SIDE_BY_SIDE]
        right = await asyncio.gather(*(verify(one) for one in some))
        same |= {one.client_id for one, is_right in zip(some, right, strict=True) if is_right}
    return same


def _new_word(keys: RecordKeys, one: Unsure, held: Held, groups: Groups) -> Change:
    change = Change(held.id, held.vault, fresh=False, values={"updated": int(time.time())})
    change.set_word(StoredWord(pending=True, pepper_id=keys.pepper_id, payload=one.now), groups.join(one.now))
    return change


def _slices(ids: list[bytes]) -> Iterator[list[bytes]]:
    for start in range(0, len(ids), _BATCH):
        yield ids[start : start + _BATCH]
