"""redis-py's clients for the three ways in which Redis may stand; each gives up quickly.

redis-py's default retries make a refused connection take 4-10 s, and a Sentinel that hangs 5 s.
"""

import contextlib
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.exceptions import RedisError

from flows.redis_url import RedisPlace, place_of

TICK_SECONDS = 0.8
CONNECT_SECONDS = 0.5
SENTINEL_SECONDS = 0.25
"""For each of them: two that hang leave time for a third."""
PATIENT_MS = 6000

Client = Redis | RedisCluster


class _SentinelPool(SentinelConnectionPool, BlockingConnectionPool):
    """Waits for a free connection, as the pool of one server does."""


def open_redis(url: str, connections: int) -> Client:
    """Connects to nothing yet. Raises `ValueError` when the address is none."""
    place = place_of(url)
    if place.kind == "sentinel":
        return Redis.from_pool(_sentinel_pool(place, connections))
    if place.kind == "cluster":
        return _cluster(place, connections)
    pool = BlockingConnectionPool.from_url(
        url, max_connections=connections, timeout=TICK_SECONDS, **_options(), socket_timeout=None
    )
    return Redis.from_pool(pool)


def _options() -> dict[str, Any]:
    """`socket_timeout` is set apart: a trip is bounded as a whole, and a bound per read costs 50 µs each."""
    retry = Retry(ExponentialBackoff(cap=0.2, base=0.02), 2)
    return {"retry": retry, "socket_connect_timeout": CONNECT_SECONDS, "protocol": 2}


def _sentinel_pool(place: RedisPlace, connections: int) -> SentinelConnectionPool:
    asking: dict[str, Any] = {
        "retry": Retry(NoBackoff(), 0),
        "socket_connect_timeout": SENTINEL_SECONDS,
        "socket_timeout": SENTINEL_SECONDS,
        "protocol": 2,
        "password": place.sentinel_password,
        "ssl": place.tls,
    }
    sentinel = Sentinel(place.hosts, sentinel_kwargs=asking)  # type: ignore[no-untyped-call]  # redis-py has no types here
    pool: SentinelConnectionPool = _SentinelPool(  # type: ignore[no-untyped-call]
        place.master,
        sentinel,
        ssl=place.tls,
        max_connections=connections,
        timeout=TICK_SECONDS,
        username=place.username,
        password=place.password,
        db=place.database,
        **_options(),
        socket_timeout=None,
    )
    return pool


def _cluster(place: RedisPlace, connections: int) -> RedisCluster:
    return RedisCluster(
        startup_nodes=[ClusterNode(host, port) for host, port in place.hosts],
        require_full_coverage=False,  # what is left of a cluster goes on
        dynamic_startup_nodes=False,  # the nodes may come back under other addresses; their names stay
        max_connections=connections,
        username=place.username,
        password=place.password,
        ssl=place.tls,
        socket_timeout=CONNECT_SECONDS,
        **_options() | {"retry": Retry(NoBackoff(), 0)},
    )


def lane_of(client: Redis) -> AbstractConnection:
    """A connection of its own, outside of the pool, not yet connected; through Sentinels to the master that is then."""
    lane: AbstractConnection = client.connection_pool.make_connection()  # type: ignore[no-untyped-call]
    return lane


def lane_to(node: ClusterNode) -> AbstractConnection:
    """The same to a node of a cluster."""
    return node.connection_class(**node.connection_kwargs | _options() | {"socket_timeout": None})


async def configurations(client: Client, *names: str) -> list[dict[str, str]]:
    """That part of CONFIG, of each server that may be written to. Raises what redis-py raises."""
    if isinstance(client, RedisCluster):
        found = await client.execute_command("CONFIG GET", *names, target_nodes=RedisCluster.PRIMARIES)
        tables = list(found.values()) if all(isinstance(table, dict) for table in found.values()) else [found]
    else:
        tables = [await client.config_get(*names)]
    return [{_text(name): _text(value) for name, value in table.items()} for table in tables]


async def hasty_sentinels(client: Client, replicas: int) -> list[int]:
    """Of each Sentinel that may promote a replica without the last writes: its `down-after-milliseconds`.

    It chooses by offsets up to five seconds old (sentinel.c, sentinelSelectReplica), and a master's last answer may be
    a second older than its death. Who waits for all replicas need not care.
    """
    pool = getattr(client, "connection_pool", None)
    if not isinstance(pool, SentinelConnectionPool):
        return []
    found = []
    for sentinel in pool.sentinel_manager.sentinels:
        with contextlib.suppress(RedisError, OSError):
            state = (await sentinel.sentinel_masters()).get(pool.service_name, {})
            patience = int(state.get("down-after-milliseconds", PATIENT_MS))
            if patience < PATIENT_MS and int(state.get("num-slaves", 0)) > replicas:
                found.append(patience)
    return found


async def close(client: Client) -> None:
    pool = getattr(client, "connection_pool", None)
    await client.aclose()
    if isinstance(client, RedisCluster):
        for nodes in ("nodes_cache", "startup_nodes"):
            await client.nodes_manager.aclose(nodes)
    if isinstance(pool, SentinelConnectionPool):
        for sentinel in pool.sentinel_manager.sentinels:
            await sentinel.aclose()


def _text(value: str | bytes | None) -> str:
    return value.decode() if isinstance(value, bytes) else value or ""
