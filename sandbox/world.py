"""What the simulators share: speed, seed, clock, the outbox, faults, armed outcomes, calls, photos, COID's requests."""

import asyncio
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import ParamSpec, TypeVar

from sandbox.arms import Arms
from sandbox.calls import Calls
from sandbox.coid_requests import Requests
from sandbox.faults import Faults
from sandbox.outbox import Outbox
from sandbox.photos import Photos

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(kw_only=True)
class World:
    """One per application. `speed` scales the upstreams' delays, 0 answers at once; `clock` is in Unix seconds."""

    speed: float = 1.0
    seed: int = 1
    clock: Callable[[], float] = time.time
    outbox: Outbox = field(default_factory=Outbox)
    faults: Faults = field(default_factory=Faults)
    arms: Arms = field(default_factory=Arms)
    calls: Calls = field(default_factory=Calls)
    photos: Photos = field(default_factory=Photos)
    requests: Requests = field(default_factory=Requests)
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    _aside: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(2, "aside", _give_way))

    def random(self, upstream: str) -> Random:
        """Each upstream draws for itself: calls to one never change the answers of another."""
        return Random(f"{self.seed}:{upstream}")  # noqa: S311 - repeatable on purpose

    def now(self) -> str:
        return datetime.fromtimestamp(self.clock(), UTC).isoformat(timespec="milliseconds")[:-6] + "Z"

    def deliver(self, gateway: str, phone: str, text: str) -> None:
        self.outbox.add({"to": phone, "text": text, "at": self.now(), "gateway": gateway})

    async def aside(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Pictures, in a thread that gives way: who tries a service on the same machine measures the service."""
        return await asyncio.get_running_loop().run_in_executor(self._aside, partial(work, *args, **kwargs))

    async def pause(self, draw: Random, low: float, high: float) -> None:
        """The upstream's own slowness: between `low` and `high` seconds, scaled."""
        if self.speed > 0:
            await asyncio.sleep(draw.uniform(low, high) * self.speed)

    async def rest(self, seconds: float) -> None:
        """A fault's delay, not scaled; ends early when the sandbox is stopped."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.closing.wait(), seconds)


def _give_way() -> None:
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)  # Linux: of this thread alone
