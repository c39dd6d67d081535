"""Somebody begins again and again, for clients and nobodies, here and abroad, to have messages sent (A12, goal G6)."""

import asyncio
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from figures import FULL, Record
from servers import RedisServer
from stand import STRICT_KEY, Stand, stand

BEGINS, BUDGET, PREFIXES = (10_000, 150, 10) if FULL else (600, 25, 3)
PREFIX_SENDS = 20
OF_A_PREFIX = 100
HERE = [f"+99290{prefix:03d}{number:02d}00" for prefix in range(PREFIXES) for number in range(OF_A_PREFIX)]
ABROAD = [f"{country}{number:02d}" for country in ("+8821330011", "+88299001122", "+790311122", "+120255501")
          for number in range(25)]  # fmt: skip
ONLY_HERE = 'countries = ["TJ"]\n'
"""The stand's last section is smsc's."""
FREE = {"LIMITS__BEGINS_MINUTE": "1000000", "LIMITS__BEGINS_BURST": "1000000", "LIMITS__BEGINS_HOUR": "1000000"}


async def begun(standing: Stand, phone: str, gate: asyncio.Semaphore) -> int:
    async with gate:
        said = await standing.search(phone, key=STRICT_KEY)
    assert (said.status, said.code) in ((200, ""), (429, "1006")), said.body
    return said.status


async def messages(standing: Stand) -> list[str]:
    """Everybody's, once no more come: to whom."""
    before = -1
    while True:
        async with standing.session.get(f"{standing.sandbox.url}/sms/outbox") as response:
            found = [message["to"] for message in await response.json()]
        if len(found) == before:
            return found
        before = len(found)
        await asyncio.sleep(1)


@pytest.mark.proof
async def test_no_message_beyond_the_budget_and_none_abroad(
    folder: Path, redis_server: RedisServer, figure: Record
) -> None:
    budget: dict[str, Any] = {
        **FREE,
        "LIMITS__SENDS_BUDGET_DAY": str(BUDGET),
        "LIMITS__PREFIX_SENDS_10MIN": str(PREFIX_SENDS),
    }
    async with stand(folder, redis_server, people=1, more=ONLY_HERE, **budget) as standing:
        # All are clients: it is the gateways' lists of countries, the prefixes and the budget that must hold.
        await standing.add_clients(HERE + ABROAD)
        unknown = [phone.replace("+99290", "+99291") for phone in HERE]
        gate, dice = asyncio.Semaphore(50), random.Random(6)
        whom = [dice.choice(dice.choice((HERE, HERE, ABROAD, unknown))) for _ in range(BEGINS)]
        answered = Counter(await asyncio.gather(*(begun(standing, phone, gate) for phone in whom)))
        sent = [phone if phone.startswith("+") else f"+{phone}" for phone in await messages(standing)]
        of_prefix = Counter(phone[:-4] for phone in sent)
        outside = [phone for phone in sent if phone not in HERE]
        beyond = max(0, len(sent) - BUDGET)
        method = f"{BEGINS} begins for clients here and abroad and for nobodies; a budget of {BUDGET} a day"
        figure(
            "G6",
            value=f"{beyond} of {len(sent)} messages beyond the budget, {len(outside)} outside the country",
            met=not beyond and not outside,
            method=method,
        )
        assert answered[200] > BEGINS / 2, "the limits of a begin, not of a send, have stopped it"
        assert outside == []
        assert len(sent) == BUDGET, "what goes nowhere takes nothing of it"
        assert max(of_prefix.values()) <= PREFIX_SENDS
