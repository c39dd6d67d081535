"""What Redis holds and what it is told, as bytes to be searched."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from redis.asyncio import Redis
from servers import RedisServer


async def redis_dump(server: RedisServer) -> bytes:
    """Every key with its whole value."""
    parts: list[bytes] = []
    async with Redis(unix_socket_path=str(server.path)) as redis:
        async for key in redis.scan_iter():
            kind = await redis.type(key)
            read = {
                "none": ("TYPE", key),  # its time was over just now
                "string": ("GET", key),
                "hash": ("HGETALL", key),
                "zset": ("ZRANGE", key, 0, -1),
                "stream": ("XRANGE", key, "-", "+"),
                "list": ("LRANGE", key, 0, -1),
                "set": ("SMEMBERS", key),
            }[kind.decode() if isinstance(kind, bytes) else kind]
            parts += [key, *flat(await redis.execute_command(*read))]  # type: ignore[no-untyped-call]  # no types there
    return b"\n".join(parts)


def flat(value: object) -> list[bytes]:
    if isinstance(value, bytes):
        return [value]
    if isinstance(value, dict):
        return flat([part for pair in value.items() for part in pair])
    return [part for inner in value for part in flat(inner)] if isinstance(value, list | tuple | set) else []


@contextlib.asynccontextmanager
async def monitored(redis: RedisServer, into: bytearray) -> AsyncIterator[None]:
    reader, writer = await asyncio.open_unix_connection(str(redis.path))
    writer.write(b"MONITOR\r\n")

    async def copy() -> None:
        while chunk := await reader.read(65536):
            into.extend(chunk)

    copying = asyncio.create_task(copy())
    try:
        yield
        await asyncio.sleep(0.1)
    finally:
        copying.cancel()
        writer.close()
