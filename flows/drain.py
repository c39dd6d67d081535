"""Carries audit entries from the shards' streams into the chained log, one drainer for the installation.

An entry rides into its stream in the same script as the event that it tells of. It leaves the stream only after the
log has it, and the log passes over what it has already: a crash in between doubles nothing. When the log has not been
writable for a while, `audit_stuck` stands in the hall and every call is refused: no identification without its record.
"""

import asyncio
import contextlib
import json
import secrets
import time
from typing import Protocol

import structlog

from flows.errors import StoreDown
from flows.records.chain import AuditEntry
from flows.store import Store

PAUSE_SECONDS = 0.25
GRACE_SECONDS = 60.0
"""How long the log may refuse entries before calls are refused: a big import holds SQLite's one pen nearly so long."""
LEASE_MS = 5_000
STUCK_MS = 5_000
BATCH = 200
_log = structlog.get_logger("audit")


class LogShut(Exception):
    """The log cannot be written; the store is there."""


class Log(Protocol):
    async def append(self, batch: list[AuditEntry]) -> None: ...


class AuditDrain:
    def __init__(self, store: Store, log: Log, grace: float = GRACE_SECONDS) -> None:
        self._grace = grace
        self._is_stuck = False
        self._name = secrets.token_hex(8)
        self._store = store
        self._log = log

    async def run(self) -> None:
        since = time.monotonic()
        while True:
            moved = 0
            try:
                moved = await self.once()
                since = time.monotonic()
                await self._unstuck()
            except StoreDown:
                _log.warning("store_down")
            except LogShut:
                _log.error("audit_not_written", seconds=round(time.monotonic() - since))
                if time.monotonic() - since > self._grace:
                    await self._stuck()
                await self._step_aside()
            if moved < BATCH:
                await asyncio.sleep(PAUSE_SECONDS)

    async def once(self) -> int:
        """Move one batch, if the lease is ours; the number of entries moved."""
        if not await self._store.leads("drain", self._name, LEASE_MS):
            return 0
        streams = await self._store.audited(BATCH)
        batch = [_entry(shard, key, value) for shard, rows in enumerate(streams) for key, value in rows]
        if not batch:
            return 0
        try:
            await self._log.append(batch)
        except StoreDown:
            raise LogShut from None
        await self._store.forget_audited({shard: [key for key, _ in rows] for shard, rows in enumerate(streams)})
        return len(batch)

    async def _stuck(self) -> None:
        with contextlib.suppress(StoreDown):
            await self._store.stick_audit(STUCK_MS)
        self._is_stuck = True

    async def _step_aside(self) -> None:
        """It may be this machine alone that cannot write: let another one try first."""
        with contextlib.suppress(StoreDown):
            await self._store.stands_down("drain", self._name)
        await asyncio.sleep(PAUSE_SECONDS * 2)

    async def _unstuck(self) -> None:
        if self._is_stuck:
            await self._store.stick_audit(0)
            self._is_stuck = False


def _entry(shard: int, key: bytes, value: list[bytes]) -> AuditEntry:
    words = [word.decode() for word in value]
    texts = dict(zip(words[::2], words[1::2], strict=True))
    fields = json.loads(texts["fields"])
    return AuditEntry(shard, key.decode(), int(texts["at"]), texts["event"], texts["channel"], texts["object"], fields)
