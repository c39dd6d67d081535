"""Two Search APIs behind a balancer are restarted one after the other under load: no call fails.

A connection that is refused the balancer gives to the other, as `deploy/nginx` does; what was accepted is answered.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from chat_stand import ChatStand, chat_stand
from cradle import Cradle
from crowd import crowd, doubled
from figures import FULL, Record
from servers import Command, RedisServer
from stand import KEY, WORD, Said, Stand, person, stand

RESTARTS, PEOPLE = (20, 6000) if FULL else (1, 300)
CALLERS = 8
FREE: dict[str, Any] = {
    "LIMITS__LEASE": "2",
    "LIMITS__PREFIX_SENDS_10MIN": "10000",
    "LIMITS__PREFIX_SAMPLE": "10000",
    "LIMITS__BEGINS_MINUTE": "100000",
    "LIMITS__BEGINS_BURST": "100000",
    "LIMITS__BEGINS_HOUR": "100000",
}


@dataclass
class Balancer:
    """Takes turns between the addresses; each call goes over a connection of its own, as through the shipped proxy."""

    session: aiohttp.ClientSession
    urls: list[str]
    key: str = KEY
    turn: int = 0
    retried: int = 0
    answered: int = 0
    failed: list[str] = field(default_factory=list)

    async def search(self, client: str, step: str = "", word: str = "") -> Said:
        form = {"client": client} | ({"stepId": step, "secretWord": word} if step else {})
        self.turn += 1
        for url in (self.urls[self.turn % 2], self.urls[(self.turn + 1) % 2]):
            try:
                async with self.session.post(f"{url}/rest/chat/client/search/{self.key}", data=form) as response:
                    raw = await response.read()
                    said = Said(response.status, json.loads(raw), dict(response.headers), raw)
            except aiohttp.ClientConnectorError:
                self.retried += 1
                continue
            except (aiohttp.ClientError, ValueError) as error:
                self.failed.append(f"{type(error).__name__} {error}")
                continue
            self.answered += 1
            if said.status != 200:
                self.failed.append(f"{said.status} {said.code}")
            return said
        raise AssertionError(f"neither of the two answers: {self.failed[-3:]}")

    async def identify(self, standing: Stand, client: str) -> None:
        step = (await self.search(client)).step
        word = await self.search(client, step, await standing.code(client))
        assert (await self.search(client, word.step, WORD)).token


@asynccontextmanager
async def balanced(urls: list[str]) -> AsyncIterator[Balancer]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True)) as session:
        yield Balancer(session, urls)


async def identifying(balancer: Balancer, standing: Stand, people: Iterator[int], over: asyncio.Event) -> None:
    while not over.is_set():
        await balancer.identify(standing, person(next(people)))


@pytest.mark.proof
async def test_a_rolling_restart_fails_no_call(folder: Path, redis_server: RedisServer, figure: Record) -> None:
    async with stand(folder, redis_server, people=PEOPLE, **FREE) as standing:
        if FULL:
            standing.api.pop().kill()
            standing.serve("--workers", "2")
        places = [standing.api[0], again(standing, 0)]
        people, over = iter(range(1, PEOPLE)), asyncio.Event()
        stops, starts = [], []
        async with balanced([place.url for place in places]) as balancer:
            calling = [asyncio.create_task(identifying(balancer, standing, people, over)) for _ in range(CALLERS)]
            for number in range(RESTARTS):
                await asyncio.sleep(0.7)
                began = time.monotonic()
                assert await asyncio.to_thread(places[number % 2].stop) == 0
                stopped = time.monotonic()
                port = int(places[number % 2].url.rpartition(":")[2])
                places[number % 2] = await asyncio.to_thread(again, standing, port)
                stops.append(stopped - began)
                starts.append(time.monotonic() - stopped)
            over.set()
            await asyncio.gather(*calling)
        method = f"{RESTARTS} restarts of one of two, {CALLERS} callers; {balancer.answered} calls answered, "
        method += f"{balancer.retried} connections refused and given to the other"
        value = f"{len(balancer.failed)} failed; ended in {max(stops):.1f} s, ready in {max(starts):.1f} s at most"
        met = not balancer.failed and max(stops) <= 10 and max(starts) <= 3
        figure("G19", value=value, met=met, method=method)
        assert balancer.failed == []
        assert balancer.retried > 0, "nobody called while one was away"
        assert max(stops) <= 10


def again(standing: Stand, port: int, **keys: str) -> Command:
    """At full size each is two processes, as in a bank."""
    return standing.serve(*(("--workers", "2") if FULL else ()), SHINOS_SERVER__PORT=str(port), **keys)


async def restarted(standing: Stand, places: list[Command], keys: dict[str, str]) -> None:
    """One after the other, with that in their environment."""
    for number, place in enumerate(places):
        assert await asyncio.to_thread(place.stop) == 0
        port = int(place.url.rpartition(":")[2])
        places[number] = await asyncio.to_thread(again, standing, port, **keys)


async def taken(standing: Stand, places: list[Command], *keys: str) -> list[set[int]]:
    """What they say to a call with that key, for each: 410 is a step that is none, 401 a key that is none."""
    said: list[set[int]] = [set() for _ in keys]
    for place in places:
        for statuses, key in zip(said, keys, strict=True):
            form = {"client": person(0), "stepId": "a" * 22}
            async with standing.session.post(f"{place.url}/rest/chat/client/search/{key}", data=form) as response:
                statuses.add(response.status)
    return said


async def test_a_channel_key_is_changed_and_no_call_fails(folder: Path, redis_server: RedisServer) -> None:
    """security.md H4, B1: the new key beside the old one, the chat server moves over, then the old one is none."""
    new, named = "a-channel-key-that-takes-over-0001", {"SHINOS_CHANNEL__SUPPORT__NEXT_KEY_ENV": "SHINOS_NEXT_KEY"}
    both, after = {**named, "SHINOS_NEXT_KEY": new}, {"SHINOS_SUPPORT_KEY": new}
    async with stand(folder, redis_server, people=max(PEOPLE, 1500), **FREE) as standing:
        places = [standing.api[0], again(standing, 0)]
        people, over = iter(range(1, max(PEOPLE, 1500))), asyncio.Event()
        async with balanced([place.url for place in places]) as balancer:
            calling = [asyncio.create_task(identifying(balancer, standing, people, over)) for _ in range(CALLERS)]
            assert await taken(standing, places, KEY, new) == [{410}, {401}]
            await restarted(standing, places, both)
            assert await taken(standing, places, KEY, new) == [{410}, {410}]
            balancer.key = new
            await restarted(standing, places, after)
            assert await taken(standing, places, KEY, new) == [{401}, {410}]
            over.set()
            await asyncio.gather(*calling)
        assert balancer.failed == []
        assert balancer.retried > 0, "nobody called while one was away"


@pytest.mark.skipif(
    not FULL, reason="make proof runs it: a bot takes 10 s to start; kills under load are in test_chat_kill"
)
@pytest.mark.proof
async def test_bots_restart_one_by_one_while_people_identify(
    folder: Path, redis_server: RedisServer, cradle: Cradle, figure: Record
) -> None:
    async with chat_stand(folder, redis_server, cradle, bots=0, SANDBOX__SPEED="0.3") as chats:
        bots = [started(chats) for _ in range(2)]
        try:
            running = asyncio.create_task(crowd(chats, 40, think=3.0, seconds=400.0))
            stops, starts = [], []
            for number in range(RESTARTS // 2):
                began = time.monotonic()
                assert await asyncio.to_thread(bots[number % 2].stop) == 0
                stopped = time.monotonic()
                bots[number % 2] = await asyncio.to_thread(started, chats)
                stops.append(stopped - began)
                starts.append(time.monotonic() - stopped)
            members = await running
        finally:
            for bot in bots:
                bot.kill()
        stuck, twice = [member.last() for member in members if not member.done], await doubled(chats)
        value = f"{len(stuck)} stuck, {twice} photos twice; ended in {max(stops):.1f} s, ready in {max(starts):.1f} s"
        met = not stuck and not twice and max(stops) <= 10 and max(starts) <= 20
        figure(
            "G19", value=value, met=met, method=f"{RESTARTS // 2} restarts of one of two bots, {len(members)} people"
        )
        assert (stuck, twice) == ([], 0)
        assert max(stops) <= 10


def started(chats: ChatStand) -> Command:
    return Command(chats.folder, "bot", environ=chats.environ, config=chats.config)
