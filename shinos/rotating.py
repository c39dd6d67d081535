"""`shinos keys rotate`: the clients go over from SHINOS_RECORDS_KEY_PREVIOUS to SHINOS_RECORDS_KEY."""

import sys

from flows.records.rotating import rotate
from flows.settings import Settings
from flows.wiring import open_archive
from shinos.erasing import ACTOR
from shinos.importing import Progress


async def rotate_records(settings: Settings) -> int:
    """0 also when there is nothing to do. Raises `StoreDown`: what is done is done, run it again."""
    previous = settings.keys.previous_records_key_env
    async with open_archive(settings) as records:
        if not records.keys.rotating:
            sys.stdout.write(f"nothing to rotate: {previous} is not set\n")
            return 0
        progress = Progress()
        try:
            found = await rotate(records, actor=ACTOR, progress=lambda count: progress("clients rotated", count))
        finally:
            progress.end()
    sys.stdout.write(f"clients rotated {found.clients}; {previous} is needed no more\n")
    return 0
