"""The sandbox's people become clients of the bank, and its biometric.kz is told of our webhook, for `shinos up`."""

import tempfile
from pathlib import Path

from flows.records.importing import import_csv
from flows.settings import Settings
from flows.wiring import open_archive


async def import_cast(settings: Settings) -> int:
    """Make the sandbox's people clients of the bank; how many they are."""
    import aiohttp

    async with aiohttp.ClientSession() as session, session.get(f"{settings.sandbox_url}/_people.csv") as response:
        table = await response.read()
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        file.write(table)
        file.flush()
        async with open_archive(settings) as records:
            found = await import_csv(Path(file.name), records, country=settings.bank.country)
    return found.created + found.changed + found.unchanged


async def subscribe(settings: Settings) -> None:
    """As an operator does it in biometric.kz's cabinet."""
    import aiohttp

    webhook = {"url": f"{settings.public_url}/biometric/webhook"}
    subscriptions = f"{settings.sandbox_url}/biometric/_subscriptions"
    async with aiohttp.ClientSession() as session, session.post(subscriptions, json=webhook) as response:
        response.raise_for_status()
