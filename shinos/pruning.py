"""`shinos clients prune`: what `[retention]` does once a day by itself, now; or only how much it would be."""

import sys

from flows.retention import Retention, past
from flows.settings import Settings
from flows.wiring import open_archive, open_store, own_secrets


async def prune(settings: Settings, *, dry_run: bool) -> int:
    """Raises `StoreDown`: what is done is done, run it again."""
    async with open_archive(settings) as records:
        due = await past(records, settings.retention)
        if dry_run:
            sys.stdout.write("to be erased: clients {}, proofs {}\n".format(*due.count))
            return 0
        keys, _ = own_secrets(settings)
        store = open_store(settings, keys, 2)
        try:
            retention = Retention(store, records, keys, settings.retention, tuple(settings.channel))
            found = await retention.prune(due)
        finally:
            await store.close()
    sys.stdout.write("erased: clients {}, proofs {}\n".format(*found))
    return 0
