"""Redis behind Sentinels and as a Cluster: whole identifications, and a master that dies under load.

What was answered is still so under the next master; while there is none, or it is alone, every call is refused in time.
Only `make proof` runs these; what every run checks of it is in `tests/contract/test_failover.py`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from chat_stand import chat_stand
from cradle import Cradle
from figures import FULL, Record
from guests import WORD as CHOSEN
from stand import KEY, WORD, Said, Stand, person, stand
from topologies import PASSWORD, Cluster, Sentinels, running, until

Place = Sentinels | Cluster
FAILOVERS, PEOPLE = 5, 3000
CALLERS = 4
FREE: dict[str, Any] = {
    "REDIS__REPLICAS": "1",
    "LIMITS__LEASE": "2",
    "LIMITS__PREFIX_SENDS_10MIN": "10000",
    "LIMITS__PREFIX_SAMPLE": "10000",
    "LIMITS__BEGINS_MINUTE": "100000",
    "LIMITS__BEGINS_BURST": "100000",
    "LIMITS__BEGINS_HOUR": "100000",
}
pytestmark = pytest.mark.skipif(not FULL, reason="make proof runs it: whole installations on nine servers each")
BOTH = pytest.mark.parametrize("topology", [Sentinels, Cluster])


@dataclass
class Load:
    """Identifies one person after the other, and keeps what it was told."""

    standing: Stand
    people: Iterator[int]
    tokens: dict[str, str] = field(default_factory=dict)
    revoked: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    refused: int = 0
    over: bool = False

    async def run(self) -> None:
        while not self.over:
            await self.identify(person(next(self.people)))

    async def identify(self, client: str) -> None:
        """Every third token is revoked; what was refused is said again until it is answered."""
        step = (await self.told(client)).step
        code = await self.standing.code(client, seconds=30)  # it waits for the next master
        word = await self.told(client, step, code)
        token = (await self.told(client, word.step, WORD)).token
        if len(self.tokens) % 3:
            self.tokens[token] = client
        else:
            await self.patiently(lambda: self.standing.call(f"revoke/{KEY}", {"token": token}), revokes=True)
            self.tokens[token] = ""
            self.revoked.append(token)

    async def told(self, *call: str) -> Said:
        return await self.patiently(lambda: self.standing.search(*call))

    async def patiently(self, call: Callable[[], Awaitable[Said]], *, revokes: bool = False) -> Said:
        again = False
        while True:
            began = time.monotonic()
            said = await call()
            self.waits.append(time.monotonic() - began)
            if said.status == 200 or (again and revokes and said.status == 401):  # done before, the answer was lost
                return said
            assert (said.status, said.code) == (503, "9002"), said.body
            assert int(said.headers["Retry-After"]) >= 1
            self.refused, again = self.refused + 1, True
            await asyncio.sleep(0.1)


@pytest.mark.proof
@BOTH
async def test_from_the_chat_to_the_card(topology: type[Place], folder: Path, cradle: Cradle) -> None:
    with running(topology(folder)) as redis:
        async with chat_stand(folder, redis, cradle, **FREE) as chats:
            chats.serve()
            guest = chats.guest()
            await guest.identify()
            asked = await chats.search(guest.phone)
            sent = await guest.until(lambda entry: entry["text"][:6].isdecimal(), what="a code")
            word = await chats.search(guest.phone, asked.step, sent["text"][:6])
            done = await chats.search(guest.phone, word.step, CHOSEN)
            assert (await chats.card(done.token)).body["phone"] == guest.phone
            entries = await chats.audit()
            assert {"enrolled", "token_issued"} <= {entry["event"] for entry in entries}


@pytest.mark.proof
@BOTH
async def test_a_master_dies_under_load(topology: type[Place], folder: Path, figure: Record) -> None:
    with running(topology(folder)) as redis:
        async with stand(folder, redis, people=PEOPLE, **FREE) as standing:
            load = Load(standing, iter(range(1, PEOPLE)))
            calling = [asyncio.create_task(load.run()) for _ in range(CALLERS)]
            gaps = [await failover(redis, load) for _ in range(FAILOVERS)]
            load.over = True
            await asyncio.gather(*calling)
            lost = await forgotten(load)
            method = f"{topology.__name__}: {FAILOVERS} × kill -9 of a master; {len(load.tokens)} identified, "
            method += f"{len(load.revoked)} revoked; refused {load.refused} times, for {max(gaps):.1f} s at most"
            met = not lost and max(load.waits) < 2
            figure(
                "failover", value=f"{len(lost)} lost, longest answer {max(load.waits):.2f} s", met=met, method=method
            )
            assert lost == []
            assert load.refused > 0, "nobody has called while there was no master"
            assert max(load.waits) < 2


async def failover(redis: Place, load: Load) -> float:
    """Kill a master, wait for the next one, bring the dead one back; for how long nobody was identified."""
    known = len(load.tokens)
    await until_async(lambda: len(load.tokens) > known + 10)
    dies = redis.masters[0]
    dies.kill()
    began, masters = time.monotonic(), len(redis.masters) + 1
    await asyncio.to_thread(until, lambda: len(redis.masters) == masters and redis.is_agreed(), "next master")
    await asyncio.to_thread(dies.start)
    known = len(load.tokens)
    await until_async(lambda: len(load.tokens) > known)
    gap = time.monotonic() - began
    await asyncio.to_thread(until, redis.is_whole, "replica that is in step again")
    return gap


async def until_async(true: Callable[[], bool], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - servers tell nobody
            await asyncio.sleep(0.05)


async def forgotten(load: Load) -> list[str]:
    """Tokens that open nothing, and those that open though they were revoked."""
    found = []
    for token, client in load.tokens.items():
        card = await load.standing.card(token)
        if (card.status, card.body.get("phone")) != ((200, client) if client else (401, None)):
            found.append(f"{client or 'revoked'}: {card.status}")
    return found


@pytest.mark.proof
@pytest.mark.parametrize("replicas", ["1", "0"])
async def test_what_no_replica_has_is_not_acknowledged(folder: Path, replicas: str, figure: Record) -> None:
    """With 0, the rule taken out, a token that was revoked opens the card again under the next master."""
    with running(Sentinels(folder, down_after=800)) as redis:
        async with stand(folder, redis, **FREE | {"REDIS__REPLICAS": replicas}) as standing:
            load = Load(standing, iter([]))
            await load.identify(person(1))
            await load.identify(person(2))
            (token,) = [token for token, client in load.tokens.items() if client]
            redis.cut_replication()
            revoked = await standing.call(f"revoke/{KEY}", {"token": token})
            redis.masters[0].kill()
            await asyncio.to_thread(until, lambda: len(redis.masters) == 1, "next master")
            for replica in redis.nodes:
                replica.command(f"CONFIG SET masterauth {PASSWORD}")
            if replicas == "1":
                value = f"a revocation that no replica has: {revoked.status} {revoked.code}"
                figure(
                    "failover", value=value, met=revoked.status == 503, method="replication cut, then the master killed"
                )
                assert (revoked.status, revoked.code) == (503, "9002")
                again = await load.patiently(lambda: standing.call(f"revoke/{KEY}", {"token": token}))
                assert again.status == 200
                assert (await standing.card(token)).code == "1010"
            else:
                assert revoked.status == 200
                assert (await load.patiently(lambda: standing.card(token))).body["phone"] == person(2)
