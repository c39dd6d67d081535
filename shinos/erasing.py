"""`shinos clients erase`: the record with its key, then what Redis holds; `unlock`: locks alone. Both are audited."""

import asyncio
import secrets
import sys
import time

from flows.errors import StoreDown
from flows.identifiers import Identifier
from flows.records.audit import AuditLog
from flows.records.chain import AuditEntry
from flows.settings import Settings
from flows.shards import shard_of_fingerprint
from flows.store import Store
from flows.wiring import open_archive, open_store, own_secrets

ACTOR = "operator"
CALL_SECONDS = 2.0
"""No call lasts longer (security.md §7 #32): one that had found the client before we erased it has ended by then."""


async def erase(settings: Settings, names: tuple[Identifier, ...]) -> int:
    """The same answer for a client that is gone already. 1 when Redis could not be reached."""
    status = 0
    async with open_archive(settings) as records:
        client = await records.erase(names)
        if client is None:
            sys.stderr.write("nobody went by that name\n")
        elif not await _end_dialogues(settings, client, records.audit):
            status = 1
    sys.stdout.write("the records hold nothing of this client\n")
    return status


async def unlock(settings: Settings, names: tuple[Identifier, ...]) -> int:
    """1 when nobody goes by that name. Raises `StoreDown`."""
    async with open_archive(settings) as records:
        found = await records.find(names)
    if found is None:
        sys.stderr.write("nobody goes by that name\n")
        return 1
    keys, _ = own_secrets(settings)
    store = open_store(settings, keys, 2)
    try:
        await store.unlock(keys.fingerprint("client", found.client), tuple(settings.channel), audited_as=ACTOR)
    finally:
        await store.close()
    sys.stdout.write("unlocked: wrong answers and locks of this client are forgotten\n")
    return 0


async def _end_dialogues(settings: Settings, client: str, log: AuditLog) -> bool:
    keys, _ = own_secrets(settings)
    subject = keys.fingerprint("client", client)
    store = open_store(settings, keys, 2)
    try:
        dialogues, tokens = await _forget(store, subject, tuple(settings.channel))
    except StoreDown:
        await log.append([_entry(subject)])
        sys.stderr.write(
            "Redis cannot be reached: dialogues of this client that were under way stay there, sealed, and expire\n"
            "within half an hour, counters within a day. Its tokens open no card any more. See `shinos check`.\n"
        )
        return False
    finally:
        await store.close()
    sys.stderr.write(f"ended: dialogues {dialogues}, tokens {tokens}\n")
    return True


async def _forget(store: Store, subject: str, channels: tuple[str, ...]) -> tuple[int, int]:
    dialogues, tokens = await store.erase(subject, channels, audited_as=ACTOR)
    await asyncio.sleep(CALL_SECONDS)
    late_dialogues, late_tokens = await store.erase(subject, channels)
    return dialogues + late_dialogues, tokens + late_tokens


def _entry(subject: str) -> AuditEntry:
    """Written past Redis: what was erased is erased, and the log must say so."""
    shard, entry = shard_of_fingerprint(subject), f"erase-{secrets.token_hex(8)}"
    return AuditEntry(shard, entry, int(time.time() * 1000), "client_erased", ACTOR, subject)
