"""A code's life is counted from its first sending: tries and resends do not lengthen it (security.md A8)."""

import asyncio
import time
from pathlib import Path

import pytest
from figures import FULL
from servers import RedisServer
from stand import STRICT_KEY, Stand, person, stand, wrong

LIFETIME = 60
STEPS = f'["client", {{"kind": "code", "lifetime": {LIFETIME}}}, "secret_word"]'


async def at(began: float, seconds: float) -> None:
    await asyncio.sleep(max(0, began + seconds - time.monotonic()))


async def tries(standing: Stand, client: str, early: str, late: float) -> list[int]:
    """Shortly before the end a wrong code, or a wish for another; the right one `late` seconds after the begin."""
    began = time.monotonic()
    step = (await standing.search(client, key=STRICT_KEY)).step
    code = await standing.code(client)
    await at(began, LIFETIME - 10)
    first = await standing.search(client, step, wrong(code) if early == "wrong" else None, key=STRICT_KEY)
    await at(began, late)
    return [first.status, (await standing.search(client, step, code, key=STRICT_KEY)).status]


@pytest.mark.proof
@pytest.mark.skipif(not FULL, reason="no code may live shorter than a minute")
async def test_neither_a_try_nor_a_resend_lengthens_a_life(folder: Path, redis_server: RedisServer) -> None:
    async with stand(folder, redis_server, workers=2, FLOW__SEARCH__STEPS=STEPS) as standing:
        said = await asyncio.gather(
            tries(standing, person(0), "wrong", LIFETIME + 2),
            tries(standing, person(1), "resend", LIFETIME + 2),
            tries(standing, person(2), "wrong", LIFETIME - 3),
            tries(standing, person(3), "resend", LIFETIME - 3),
        )
    assert tuple(said) == ([403, 403], [200, 403], [403, 200], [200, 200])
