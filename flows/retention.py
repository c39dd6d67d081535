"""Nothing is kept longer than `[retention]` says: once a day one process of the installation looks.

A client is erased as by an operator: the record with its key, its dialogues and tokens, with an entry in the audit log.
Which day it is says the newest audit entry, written by Redis' clock, or ours when that is behind: a machine whose clock
is years ahead must not erase a bank's clients.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from flows.errors import StoreDown
from flows.keys import Keys
from flows.records.clients import Records
from flows.records.retaining import drop_proofs, old_proofs, untouched
from flows.settings import Retention as Periods
from flows.store import Store

ACTOR: Final = "retention"
DAY: Final = 86400
LOOK_SECONDS = 60.0
CALL_SECONDS = 2.0
"""No call lasts longer (security.md §7 #32): one that had found the client before we erased it has ended by then."""
_AT_ONCE = 100
_log = structlog.get_logger("retention")


@dataclass(frozen=True, slots=True)
class Past:
    """What is due: clients by id, and of how many proofs which clients."""

    clients: Sequence[str]
    proofs: dict[str, int]
    clients_since: int
    proofs_since: int

    @property
    def count(self) -> tuple[int, int]:
        return len(self.clients), sum(self.proofs.values())


class Retention:
    def __init__(self, store: Store, records: Records, keys: Keys, periods: Periods, channels: tuple[str, ...]) -> None:
        self._store = store
        self._records = records
        self._keys = keys
        self._periods = periods
        self._channels = channels

    async def run(self) -> None:
        """Look whether the day's work is still to be done, until cancelled."""
        if not (self._periods.clients_days or self._periods.proofs_days):
            return
        owed = False  # the day is ours, and its work is not done: Redis or the database went away under it
        while True:
            with contextlib.suppress(StoreDown):
                owed = owed or await self._store.once(ACTOR, DAY)
                if owed:
                    clients, proofs = await self.prune(await past(self._records, self._periods))
                    _log.info("retention", clients=clients, proofs=proofs)
                    owed = False
            await asyncio.sleep(LOOK_SECONDS)

    async def prune(self, due: Past) -> tuple[int, int]:
        """How many clients and proofs have gone. May be killed and run again. Raises `StoreDown`."""
        gone = 0
        for first in range(0, len(due.clients), _AT_ONCE):
            gone += await self._erase(due.clients[first : first + _AT_ONCE], due.clients_since)
        await drop_proofs(self._records, list(due.proofs), due.proofs_since)
        return gone, due.count[1]

    async def _erase(self, clients: Sequence[str], since: int) -> int:
        """Whoever has come back since we looked stays."""
        gone = []
        for client in clients:
            if await self._records.writer.erase(client, untouched_since=since):
                gone.append(self._keys.fingerprint("client", client))
                await self._store.erase(gone[-1], self._channels, audited_as=ACTOR)
        if gone:
            await asyncio.sleep(CALL_SECONDS)
        for subject in gone:
            await self._store.erase(subject, self._channels)
        return len(gone)


async def past(records: Records, periods: Periods) -> Past:
    """What is due now. Raises `StoreDown`."""
    newest = await records.audit.tail(1)
    now = min(time.time(), newest[-1]["at"] / 1000) if newest else 0
    clients_since, proofs_since = (int(now) - days * DAY for days in (periods.clients_days, periods.proofs_days))
    return Past(
        await untouched(records, clients_since) if periods.clients_days else (),
        await old_proofs(records, proofs_since) if periods.proofs_days else {},
        clients_since,
        proofs_since,
    )
