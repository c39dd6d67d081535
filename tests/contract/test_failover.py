"""The store behind Sentinels and in a Cluster: a master dies, and the next one is found by itself.

The journeys over all this, with the service around it, are in `tests/journeys/test_topologies.py`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path

from topologies import Cluster, Node, Sentinels, running, until

from flows.errors import StoreDown
from flows.keys import Keys
from flows.redis_client import hasty_sentinels, open_redis
from flows.redis_trips import ClusterTrips
from flows.settings import Limits
from flows.store import Store
from flows.wiring import redis_problems

KEYS = Keys(b"k" * 32, None, lasting=b"r" * 32)


@asynccontextmanager
async def store(place: Sentinels | Cluster, replicas: int = 1) -> AsyncIterator[Store]:
    opened = Store(open_redis(place.url, 4), KEYS, Limits(), replicas=replicas)
    try:
        yield opened
    finally:
        await opened.close()


async def refused_until_back(opened: Store) -> int:
    """How often it was refused, each time within 2 s."""
    refused = 0
    async with asyncio.timeout(20):
        while True:
            began = time.monotonic()
            try:
                await opened.ping()
            except StoreDown:
                refused += 1
                assert time.monotonic() - began < 2
                await asyncio.sleep(0.05)
            else:
                return refused


async def is_refused(asking: Awaitable[object]) -> bool:
    try:
        await asking
    except StoreDown:
        return True
    return False


async def test_behind_sentinels_the_next_master_is_found_and_knows_everything(folder: Path) -> None:
    with running(Sentinels(folder, down_after=800)) as place:
        async with store(place) as opened, store(place, replicas=0) as careless:
            assert await opened.once("used", 600)
            assert await redis_problems(opened) == []
            assert await hasty_sentinels(opened.redis, 1) == [800, 800, 800]
            assert await hasty_sentinels(opened.redis, 2) == []  # nobody is behind
            (dead,) = place.masters
            dead.kill()
            assert await refused_until_back(opened) > 0
            assert not await opened.once("used", 600), "what was used is used under the next master"
            place.cut_replication()
            assert await is_refused(opened.once("alone", 600))
            assert await careless.once("alone too", 600), "without the rule it is acknowledged, and forgotten:"
            (alone,) = place.masters
            alone.kill()
            await asyncio.to_thread(until, lambda: len(place.masters) == 1, "next master")
            await refused_until_back(careless)
            assert await careless.once("alone too", 600), "the rule is what keeps a used link used"


async def test_in_a_cluster_each_shard_goes_to_its_node_and_moves_with_it(folder: Path) -> None:
    with running(Cluster(folder)) as place:
        async with store(place) as opened:
            await opened.ping()
            trips = opened.pipeline
            assert isinstance(trips, ClusterTrips)
            assert len(trips.shares) == 3
            assert await opened.once("used", 600)
            assert await redis_problems(opened) == []
            for node in place.replicas:
                node.command("CLUSTER FAILOVER")
            await asyncio.to_thread(until, place.is_whole, "whole cluster")
            await refused_until_back(opened)
            assert len(trips.shares) > 3, "no master has changed"
            assert not await opened.once("used", 600)
            await asyncio.to_thread(dies_and_comes_back, place, place.masters[0])
            await refused_until_back(opened)
            assert not await opened.once("used", 600)
            place.cut_replication()
            assert await is_refused(opened.once("alone", 600))


def dies_and_comes_back(place: Cluster, node: Node) -> None:
    node.kill()
    until(lambda: len(place.masters) == 3, "next master")
    node.start()
