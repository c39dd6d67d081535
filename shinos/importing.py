"""`shinos clients import` and `harden`: progress on stderr, the result in one line on stdout."""

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from flows.records.clients import Records
from flows.records.hardening import harden
from flows.records.importing import import_csv
from flows.records.rows import BadFile
from flows.settings import Settings
from flows.wiring import open_archive

AFTER_IMPORT_SECONDS = 60.0
_PAUSE = 2.0


@dataclass(slots=True)
class Progress:
    """At most a line in two seconds; on a terminal it is one line that changes."""

    _next: float = field(default_factory=lambda: time.monotonic() + _PAUSE)
    _shown: bool = False

    def __call__(self, what: str, count: int) -> None:
        live = sys.stderr.isatty()
        if time.monotonic() < self._next:
            return
        self._next, self._shown = time.monotonic() + (0.1 if live else _PAUSE), live
        sys.stderr.write(f"\r{what} {count}\x1b[K" if live else f"{what} {count}\n")
        sys.stderr.flush()

    def end(self) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")


async def bring_in(settings: Settings, file: Path) -> int:
    """1 when the file has something wrong; then nothing of it was imported."""
    progress = Progress()
    async with open_archive(settings) as records:
        try:
            found = await import_csv(file, records, country=settings.bank.country, progress=progress)
        except BadFile as bad:
            progress.end()
            sys.stderr.write("".join(f"{file}: {problem}\n" for problem in bad.problems))
            sys.stderr.write("nothing was imported\n")
            return 1
        progress.end()
        sys.stdout.write(f"created {found.created}, changed {found.changed}, unchanged {found.unchanged}\n")
        sys.stdout.flush()
        if found.pending_words:
            left = await _harden(records, AFTER_IMPORT_SECONDS)
            sys.stderr.write(_told(left) + "\n")
    return 0


async def harden_for(settings: Settings, seconds: float) -> int:
    async with open_archive(settings) as records:
        sys.stdout.write(_told(await _harden(records, seconds)) + "\n")
    return 0


async def _harden(records: Records, seconds: float) -> int:
    _forget_main()
    progress = Progress()
    try:
        return await harden(records, seconds=seconds, progress=lambda count: progress("secret words hardened", count))
    finally:
        progress.end()


def _told(left: int) -> str:
    if not left:
        return "every secret word is hardened"
    return f"{left} secret words are still to be hardened; they work already, and `shinos clients harden` goes on"


def _forget_main() -> None:
    """A spawned process first loads the program that started it: the whole command line, only to hash."""
    main = sys.modules["__main__"]
    main.__spec__ = None
    main.__file__ = None
