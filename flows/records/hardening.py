"""Turn pending words into argon2id, in as many processes as there are cores, for a bounded time."""

import asyncio
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from sqlalchemy import bindparam, update

from flows.records.argon import hash_until
from flows.records.clients import Records
from flows.records.outage import fail_closed
from flows.records.reading import Row
from flows.records.sealing import RecordKeys, Vault
from flows.records.tables import HARD_WORD, clients
from flows.records.words import StoredWord

_SHARE = 8  # words handed to a process at a time, about a third of a second
_PAGE = 16  # shares for each process before they are written down: what a kill -9 loses
_FIRST = "SELECT id, data_key, word FROM clients WHERE word_state = 1 AND id > $1 ORDER BY id LIMIT $2"
_LEFT = "SELECT count(*) FROM clients WHERE word_state = 1"


@dataclass(frozen=True, slots=True)
class _Pending:
    client_id: str
    vault: Vault
    old: bytes = field(repr=False)
    stored: StoredWord


async def harden(
    records: Records,
    *,
    seconds: float = 60.0,
    processes: int | None = None,
    progress: Callable[[int], None] = lambda _hardened: None,
) -> int:
    """Harden what there is time for; returns how many are left. Can be stopped and gone on with at any time."""
    deadline, count = time.monotonic() + seconds, processes or os.cpu_count() or 1
    # Spawned, not forked: we have threads. They end with us even when we are killed.
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), initializer=_end_with_parent)
    last, hardened = "", 0
    try:
        while time.monotonic() < deadline and (page := await _page(records, last, count * _PAGE * _SHARE)):
            hardened += await _harden(records, pool, page, deadline)
            last = page[-1].client_id
            progress(hardened)
    finally:
        pool.shutdown(cancel_futures=True)
    with fail_closed():
        left: int = (await records.reader.rows(_LEFT))[0][0]
    return left


async def _page(records: Records, last: str, size: int) -> list[_Pending]:
    with fail_closed():
        return [_unsealed(records.keys, row) for row in await records.reader.rows(_FIRST, last, size)]


def _unsealed(keys: RecordKeys, row: Row) -> _Pending:
    vault = keys.vault(row[1], row[0])
    return _Pending(row[0], vault, bytes(row[2]), StoredWord.unseal(vault, row[2]))


async def _harden(records: Records, pool: ProcessPoolExecutor, page: Sequence[_Pending], deadline: float) -> int:
    loop = asyncio.get_running_loop()
    shares = [page[start : start + _SHARE] for start in range(0, len(page), _SHARE)]
    hashed = await asyncio.gather(
        *(
            loop.run_in_executor(pool, hash_until, [pending.stored.payload for pending in share], deadline)
            for share in shares
        )
    )
    # zip ends with what there was time for
    rows: list[dict[str, str | bytes]] = [
        {"row": pending.client_id, "old": pending.old, "new": pending.stored.hardened(encoded).seal(pending.vault)}
        for share, encodeds in zip(shares, hashed, strict=True)
        for pending, encoded in zip(share, encodeds, strict=False)
    ]
    if rows:
        await _write(records, rows)
    return len(rows)


async def _write(records: Records, rows: list[dict[str, str | bytes]]) -> None:
    """Guarded by the old value: a word that was changed meanwhile stays as it was changed."""
    guard = (clients.c.id == bindparam("row"), clients.c.word == bindparam("old"))
    statement = update(clients).where(*guard).values(word=bindparam("new"), word_state=HARD_WORD)
    with fail_closed():
        async with records.writer.transaction(patience=30) as connection:
            await connection.execute(statement, rows)


def _end_with_parent() -> None:
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    """An executor's process would wait for work for ever, also when its parent was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
