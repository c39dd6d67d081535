"""To Redis, wherever it is: one pipeline to a single server or to the Sentinels' master, one to each node of a Cluster.

In a Cluster each of our sixteen shards lies in one slot, and each script touches one shard. So a call goes to the node
of its shard's slot. Who that is, redis-py asks the nodes, and asks again after a node said MOVED or was not there.
Meanwhile calls of the other shards go on.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.crc import key_slot
from redis.exceptions import MovedError, RedisClusterException, RedisError

from flows.errors import StoreDown
from flows.pipeline import Argument, Pipeline, Script
from flows.redis_client import TICK_SECONDS, Client, lane_of, lane_to

LANES = 4
LOOK_SECONDS = 0.4
"""How long a call waits to hear whose its slot is now."""
AGAIN_SECONDS = 0.25


class Trips(Protocol):
    """What the store calls its scripts by."""

    @property
    def trips(self) -> int: ...

    def call(self, script: Script, key: str, *arguments: Argument) -> asyncio.Future[Any]: ...

    async def close(self) -> None: ...


def open_trips(client: Client, replicas: int) -> Trips:
    """Connects to nothing yet."""
    if isinstance(client, RedisCluster):
        return ClusterTrips(client, replicas)
    return Pipeline([lane_of(client) for _ in range(LANES)], seconds=TICK_SECONDS, replicas=replicas)


@dataclass(slots=True)
class _Trip:
    future: asyncio.Future[Any]
    script: Script
    key: str
    arguments: tuple[Argument, ...]
    until: float


class ClusterTrips:
    """A pipeline for each node that has been a master."""

    def __init__(self, cluster: RedisCluster, replicas: int) -> None:
        self._nodes = cluster.nodes_manager
        self._replicas = replicas
        self._pipelines: dict[str, Pipeline] = {}
        self._slots: dict[str, int] = {}
        self._looking: asyncio.Task[None] | None = None
        self._looked = 0.0
        self._strays: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def trips(self) -> int:
        return sum(pipeline.trips for pipeline in self._pipelines.values())

    @property
    def shares(self) -> Mapping[str, int]:
        """Trips by node."""
        return {name: pipeline.trips for name, pipeline in self._pipelines.items()}

    def call(self, script: Script, key: str, *arguments: Argument) -> asyncio.Future[Any]:
        """As `Pipeline.call`."""
        loop = asyncio.get_running_loop()
        trip = _Trip(loop.create_future(), script, key, arguments, loop.time() + LOOK_SECONDS)
        self._set_out(trip)
        return trip.future

    def _set_out(self, trip: _Trip) -> None:
        pipeline = self._pipeline(trip.key)
        if pipeline is None:
            self._stray(trip)
        else:
            going = pipeline.call(trip.script, trip.key, *trip.arguments)
            going.add_done_callback(lambda gone: self._landed(trip, gone))

    def _pipeline(self, key: str) -> Pipeline | None:
        if key not in self._slots:
            self._slots[key] = key_slot(key.encode())
        nodes = self._nodes.slots_cache.get(self._slots[key])
        if not nodes:
            return None
        if nodes[0].name not in self._pipelines:
            self._pipelines[nodes[0].name] = self._open(nodes[0])
        return self._pipelines[nodes[0].name]

    def _open(self, node: ClusterNode) -> Pipeline:
        return Pipeline([lane_to(node) for _ in range(LANES)], seconds=TICK_SECONDS, replicas=self._replicas)

    def _landed(self, trip: _Trip, gone: asyncio.Future[Any]) -> None:
        error = gone.exception()
        if error and isinstance(error.__cause__, MovedError) and not self._closed:
            self._stray(trip)
        elif error:
            self._look()
            _fail(trip.future)
        elif not trip.future.done():
            trip.future.set_result(gone.result())

    def _stray(self, trip: _Trip) -> None:
        task = asyncio.get_running_loop().create_task(self._find_way(trip))
        self._strays.add(task)
        task.add_done_callback(self._strays.discard)

    async def _find_way(self, trip: _Trip) -> None:
        """Look whose the slot is, and set out once more; nothing has been done yet, so nothing is done twice."""
        if self._closed or asyncio.get_running_loop().time() >= trip.until:
            return _fail(trip.future)
        await asyncio.wait([self._look()], timeout=LOOK_SECONDS)
        if self._pipeline(trip.key) is None:
            return _fail(trip.future)
        return self._set_out(trip)

    def _look(self) -> "asyncio.Task[None]":
        """Ask the nodes whose the slots are; one asks for all."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._asked())
        return self._looking

    async def _asked(self) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._looked + AGAIN_SECONDS - loop.time())
        with contextlib.suppress(RedisError, RedisClusterException, OSError, TimeoutError):
            await self._nodes.initialize()
        self._looked = loop.time()

    async def close(self) -> None:
        self._closed = True
        if self._looking:
            self._looking.cancel()
        await asyncio.gather(*self._strays, return_exceptions=True)
        for pipeline in self._pipelines.values():
            await pipeline.close()


def _fail(future: asyncio.Future[Any]) -> None:
    if not future.done():
        future.set_exception(StoreDown(retry_after=1))
        future.exception()  # of two calls sent together, one may go unread when the other has failed
