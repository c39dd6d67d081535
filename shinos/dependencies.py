"""What `shinos check` asks of Redis, the database, the audit log and the upstreams: lines of (what, state, words)."""

import asyncio
import os
import time
from typing import Literal, Protocol
from urllib.parse import urlsplit

from sqlalchemy import insert

from flows.clock import TOLERATED
from flows.errors import Refused, StoreDown, Unavailable, Unexpected
from flows.keys import Keys
from flows.pipeline import is_full
from flows.records.clients import Records
from flows.records.head import HeadFile, HeadForged
from flows.records.outage import fail_closed
from flows.records.tables import audit
from flows.redis_client import PATIENT_MS, hasty_sentinels
from flows.settings import SANDBOX, Settings, SettingsError
from flows.wiring import database_url, open_archive, open_store, redis_problems, redis_url

Line = tuple[str, Literal["ok", "warn", "FAIL"], str]
UPSTREAM_SECONDS = 5.0
WEEK_MS = 7 * 86400 * 1000
_ADVICE = {
    "credentials": "it refuses our credentials: check the login and the secret of its stanza",
    "network": "it refuses our address: have this machine's address allowed there",
    "funds": "no money is left there: top the account up",
    "account": "it has closed the account: ask them",
    "unknown": "it does not know our presign key: see the variable that key_env names",
    "expired": "our presign key has expired: ask for a new one",
}


async def redis(settings: Settings, keys: Keys) -> list[Line]:
    url = redis_url(settings)
    store = open_store(settings, keys, 2)
    try:
        await store.ping()
        problems = await redis_problems(store)
        await store.audit_moves()
        drift = await store.drift()
        hasty = await hasty_sentinels(store.redis, settings.redis.replicas)
    except StoreDown as down:
        full = f"{_place(url)} has reached its maxmemory: raise it, or free memory"
        return [("redis", "FAIL", full if is_full(down) else _no_redis(settings, url))]
    finally:
        await store.close()
    state: Literal["warn", "FAIL"] = "FAIL" if settings.mode == "production" else "warn"
    found: list[Line] = [("redis", state, problem.removeprefix("redis: ")) for problem in problems]
    found = found or [("redis", "ok", _place(url))]
    if hasty:
        said = f"down-after-milliseconds is {min(hasty)}: set {PATIENT_MS} or more, or one that is behind may follow"
        found.append(("sentinels", "warn", said))
    if abs(drift) > TOLERATED:
        said = f"this machine's is {abs(drift):.0f} s {'ahead of' if drift > 0 else 'behind'} Redis': let NTP set both"
        found.append(("clock", "warn", said))
    return found


def _no_redis(settings: Settings, url: str) -> str:
    if not settings.redis.url:
        return f"the embedded one is not running ({urlsplit(url).path}): start `shinos up`, or set redis.url"
    return f"{_place(url)} does not answer as it should: start it, or correct redis.url"


async def database(settings: Settings) -> list[Line]:
    place = _place(database_url(settings))
    try:
        async with open_archive(settings) as records:
            await records.ping()
            return [("database", "ok", place), *await _audit(settings, records)]
    except SettingsError as error:
        return [("database", "FAIL", str(error).removeprefix("database: "))]
    except (StoreDown, OSError):
        return [("database", "FAIL", f"{place} cannot be opened: is it there, and may we write there?")]


async def _audit(settings: Settings, records: Records) -> list[Line]:
    """Write a record, and take it back before it counts."""
    folder = settings.storage.dir
    try:
        await asyncio.to_thread(HeadFile(folder / "audit.head", records.keys.audit).read)
        with fail_closed():
            async with records.writer.transaction() as connection:
                await connection.execute(insert(audit).values(_REHEARSAL))
                await connection.rollback()
    except HeadForged:
        return [("audit log", "FAIL", f"{folder}/audit.head is not ours; see `shinos audit verify`")]
    except StoreDown:
        return [("audit log", "FAIL", "cannot be written: is the disk full, or the database read-only?")]
    if not os.access(folder, os.W_OK):
        return [("audit log", "FAIL", f"its head cannot be published: {folder} is not writable")]
    return [("audit log", "ok", "can be written"), *await _dead(records)]


async def _dead(records: Records) -> list[Line]:
    """What somebody at the bank should have seen in the last week: who was not told by us, what refuses the bank."""
    since = int(time.time() * 1000) - WEEK_MS
    found = await records.audit.alarms(_TOLD, since)
    return [("alarms", "warn", f"{kind}: {count} in 7 days; see `shinos audit tail`") for kind, count in found]


_TOLD = ("dead_letter", "callback_dead", "login_misconfigured", "state_forbidden")
_REHEARSAL = {
    "seq": -1,
    "at": 0,
    "shard": -1,
    "entry": "check",
    "event": "check",
    "channel": "check",
    "object": "check",
    "fields": "{}",
    "prev": b"",
    "hash": b"",
}


_UNPROVEN = ("aitu",)
"""Whose secret nothing but a login tries."""


class Pinged(Protocol):
    """An upstream that can be asked whether it is there."""

    name: str

    async def ping(self) -> None: ...


async def upstream(settings: Settings, gateway: Pinged) -> list[Line]:
    what, table = f"upstream {gateway.name}", settings.upstream.get(gateway.name, {})
    try:
        async with asyncio.timeout(UPSTREAM_SECONDS):
            await gateway.ping()
    except Refused as refused:
        return [(what, "FAIL", _ADVICE.get(refused.reason, f"it refuses us: {refused.reason}"))]
    except (Unavailable, TimeoutError):
        in_sandbox = any(isinstance(value, str) and SANDBOX in value for value in table.values())
        hint = "start `shinos up` or `shinos sandbox`" if in_sandbox else "check its address and our way out"
        return [(what, "FAIL", f"does not answer: {hint}")]
    except Unexpected:
        return [(what, "FAIL", "answers what its documentation does not know: is the address right?")]
    takes = "" if gateway.name in _UNPROVEN else ", and takes our credentials"
    return [(what, "ok", f"answers{takes}")]


def _place(url: str) -> str:
    """Where it is, without name and password."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{host}{parts.path}" if host else f"/{parts.path.lstrip('/')}"
