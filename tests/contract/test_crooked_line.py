"""Scripts over a line to Redis that is slow and breaks: whoever gets an answer gets their own (security.md R6, R7)."""

import asyncio
import hashlib
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import pytest
from lines import Line
from redis.asyncio.connection import Connection
from servers import RedisServer

from flows.errors import StoreDown
from flows.pipeline import Pipeline, Script

SECONDS = 0.5
CALLERS, CALLS = 40, 60


class Echo(Script):
    def __init__(self) -> None:
        self.source = "return {KEYS[1], ARGV[1]}"
        self.sha = hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest()


@asynccontextmanager
async def pipeline_over(line: Line) -> AsyncIterator[Pipeline]:
    async with line.laid():
        pipeline = Pipeline([Connection(host=line.host, port=line.port) for _ in range(4)], seconds=SECONDS)
        try:
            yield pipeline
        finally:
            await pipeline.close()


@dataclass
class Heard:
    own: int = 0
    down: int = 0
    foreign: int = 0
    longest: float = 0.0


async def ask(pipeline: Pipeline, name: str, heard: Heard, *, patient: bool) -> None:
    began = time.monotonic()
    try:
        async with asyncio.timeout(None if patient else random.uniform(0, 0.02)):
            answer = await pipeline.call(Echo(), "key", name)
    except TimeoutError:
        return
    except StoreDown:
        heard.down += 1
    else:
        heard.own += answer == [b"key", name.encode()]
        heard.foreign += answer != [b"key", name.encode()]
    heard.longest = max(heard.longest, time.monotonic() - began)


async def crowd(pipeline: Pipeline) -> Heard:
    """Callers of whom every third goes away before the answer comes."""
    heard = Heard()

    async def caller(number: int) -> None:
        for call in range(CALLS):
            await ask(pipeline, f"{number}-{call}", heard, patient=call % 3 > 0)
            await asyncio.sleep(random.uniform(0, 0.01))

    await asyncio.gather(*map(caller, range(CALLERS)))
    return heard


async def cuts(line: Line) -> None:
    while True:
        await asyncio.sleep(random.uniform(0.02, 0.15))
        line.cut()


async def test_nobody_gets_the_answer_of_somebody_else(redis_server: RedisServer) -> None:
    line = Line(redis_server, slow=0.003)
    async with pipeline_over(line) as pipeline:
        cutting = asyncio.create_task(cuts(line))
        heard = await crowd(pipeline)
        cutting.cancel()
        assert heard.foreign == 0
        assert heard.own > CALLERS
        assert line.cuts > 3
        line.cut()
        await asyncio.sleep(SECONDS)
        after = Heard()
        await ask(pipeline, "after", after, patient=True)
        assert after.own == 1


async def test_on_a_slow_line_everybody_is_answered_in_time(redis_server: RedisServer) -> None:
    """200 ms there, 200 back, each more or less: most trips take longer than they may, and then it is said at once."""
    line, heard = Line(redis_server), Heard()
    async with pipeline_over(line) as pipeline:
        await asyncio.gather(*(ask(pipeline, f"first-{number}", heard, patient=True) for number in range(20)))
        assert heard.own == 20
        line.slow, heard = 0.2, Heard()
        await asyncio.gather(*(ask(pipeline, str(number), heard, patient=True) for number in range(200)))
        assert (heard.own + heard.down, heard.foreign) == (200, 0)
        assert heard.longest < 4 * SECONDS
        line.slow, heard = 0.0, Heard()
        line.cut()
        await asyncio.sleep(SECONDS)
        await ask(pipeline, "after", heard, patient=True)
        assert heard.own == 1


@pytest.mark.parametrize("patience", [0.0, 0.001])
async def test_who_goes_away_leaves_the_line_in_order(redis_server: RedisServer, patience: float) -> None:
    async with pipeline_over(Line(redis_server, slow=0.002)) as pipeline:
        for number in range(100):
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await pipeline.call(Echo(), "key", f"gone-{number}")
            heard = Heard()
            await ask(pipeline, str(number), heard, patient=True)
            assert (heard.own, heard.foreign) == (1, 0)
