"""`shinos audit verify`, `archive` and `tail`. Entries on their way, still in Redis, are not in the log yet."""

import asyncio
import contextlib
import json
import sys
from pathlib import Path
from typing import Any

from flows.errors import StoreDown
from flows.records.archiving import archive, verify_archive
from flows.records.audit import AuditLog, Broken
from flows.settings import Settings
from flows.wiring import open_archive
from shinos.serving import stop_signal

LOOK_SECONDS = 0.5


async def verify(settings: Settings, folder: Path | None = None) -> int:
    async with open_archive(settings) as records:
        broken = await records.audit.verify()
        if folder and not broken:
            broken = await asyncio.to_thread(verify_archive, folder, records.keys.audit, await records.audit.begun())
    if broken is None:
        sys.stdout.write("the audit log is whole\n")
        return 0
    return _told(broken)


async def archive_to(settings: Settings, folder: Path, days: int) -> int:
    """1 when the log is not whole: then nothing of it is touched. Raises `StoreDown`."""
    async with open_archive(settings) as records:
        found = await archive(records, folder, days)
    if isinstance(found, Broken):
        return _told(found)
    told = f"archived {found.count} entries: {found.path}" if found else f"nothing is older than {days} days"
    sys.stdout.write(told + "\n")
    return 0


def _told(broken: Broken) -> int:
    sys.stdout.write(f"record {broken.seq}: {broken.why}\n" if broken.seq else f"the log as a whole: {broken.why}\n")
    sys.stderr.write("keep the database and audit.head as they are, and compare them with the last backup\n")
    return 1


async def tail(settings: Settings, number: int, *, follow: bool) -> int:
    async with open_archive(settings) as records:
        entries = await records.audit.tail(max(1, number))
        _print(entries[-number:] if number else [])
        seen = entries[-1]["seq"] if entries else 0
        stop = stop_signal() if follow else None
        while stop is not None and not await _stopped(stop):
            with contextlib.suppress(StoreDown):  # a log that is away for a moment is looked at again
                entries = await _after(records.audit, seen)
                _print(entries)
                seen = entries[-1]["seq"] if entries else seen
    return 0


async def _after(log: AuditLog, seen: int) -> list[dict[str, Any]]:
    count = 16
    while True:
        entries = await log.tail(count)
        if not entries or entries[0]["seq"] <= seen + 1:
            return [entry for entry in entries if entry["seq"] > seen]
        count += entries[-1]["seq"] - seen


async def _stopped(stop: asyncio.Event) -> bool:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), LOOK_SECONDS)
    return stop.is_set()


def _print(entries: list[dict[str, Any]]) -> None:
    sys.stdout.write("".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries))
    sys.stdout.flush()
