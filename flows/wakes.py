"""Due wakes: leased from the store, carried out, brought back into their dialogues.

A worker that dies lets its leases run out, and another goes on where it was. Each of a worker's writes is fenced: when
the lease has gone to somebody else it stops at once. A wake that has been delivered more than three times is a dead
letter: who it was for is told, and the queue goes on.
"""

import asyncio
import contextlib
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Collection, Coroutine, Mapping, Sequence
from typing import Any, Protocol

import structlog

from flows import jobs
from flows.errors import StoreDown
from flows.keys import Keys
from flows.moves import Leased, Queue
from flows.shards import SHARDS
from flows.store import Store
from flows.turns import Posted

DELIVERIES = 3
IDLE_SECONDS = 0.5
PUT_BACK_TRIES = 60
DRAIN_SECONDS = 5.0
_log = structlog.get_logger("wakes")


class LeaseLost(Exception):
    """Somebody else has this wake now: write nothing, send nothing."""


class Carrier(Protocol):
    """Carries out one kind of what is due, and finishes it. `job` is None for what is no posted effect of a step."""

    async def carry(self, wake: Leased, job: Any) -> None:
        """May raise `LeaseLost` and `StoreDown`; whatever else it raises is delivered again."""

    async def give_up(self, wake: Leased, job: Any) -> None:
        """It is a dead letter: tell who it was for, and finish it."""


class Wakes:
    """The worker of one process on one queue; at most `at_once` in hand.

    `carriers` by the kind of a job; "" carries the time to look again, "in" what a chat has sent, "show" what it sees.
    """

    def __init__(
        self,
        store: Store,
        keys: Keys,
        posted: Posted,
        carriers: Mapping[str, Carrier],
        *,
        queue: Queue = "wakes",
        at_once: int = 64,
        lease: float = 30,
    ) -> None:
        self._name = secrets.token_hex(8)
        self._leases = 0
        self._lost = ""
        self._store = store
        self._keys = keys
        self._posted = posted
        self._carriers = carriers
        self._queue = queue
        self._at_once = at_once
        self._lease = lease
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Lease and carry out until cancelled; then `drain`.

        What this process posts is looked for at once, in its shard; what others left, in all shards now and then, and
        at once when there was more than we had room for.
        """
        swept, more = 0.0, False
        while True:
            if len(self._running) >= self._at_once:
                await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
                more = True
            shards: Collection[int] = () if more else await self._posted.next(self._queue, IDLE_SECONDS)
            now = time.monotonic()
            if more or self._lost or now - swept >= IDLE_SECONDS:
                shards, swept = range(SHARDS), now
            share = -(-(self._at_once - len(self._running)) // max(1, len(shards)))
            leased = await self._leased(shards, share)
            counted = Counter(wake.shard for wake in leased)
            more = max(counted.values(), default=0) >= share
            for wake in leased:
                task = asyncio.create_task(self._carry_out(wake))
                self._running.add(task)
                task.add_done_callback(self._running.discard)

    async def _leased(self, shards: Collection[int], room: int) -> list[Leased]:
        """Each lease has an id of its own: if the answer is lost, the next one asks for what it took."""
        self._leases += 1
        lease = f"{self._name}-{self._leases}"
        try:
            leased = await self._store.lease(lease, shards, room, self._lost, queue=self._queue, seconds=self._lease)
        except StoreDown:
            self._lost = self._lost or lease
            return []
        self._lost = ""
        return leased

    async def drain(self, seconds: float) -> None:
        """Let what is in hand come to its end; the rest stays leased, and another worker takes over."""
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=seconds)
            for task in late:
                task.cancel()

    async def _carry_out(self, wake: Leased) -> None:
        try:
            job = jobs.unsealed(wake.sealed, wake.sid, self._keys) if wake.job not in self._carriers else None
            carrier = self._carriers.get(job.kind if job else wake.job)
            if carrier is None:
                await self._store.finish(wake)
            elif wake.nth > DELIVERIES:
                await carrier.give_up(wake, job)
            else:
                async with self._beating(wake):
                    await carrier.carry(wake, job)
        except LeaseLost:
            _log.warning("lease_lost", session=wake.sid)
        except StoreDown:
            _log.warning("store_down", session=wake.sid)
            await self._put_back(wake)
        except Exception as error:  # noqa: BLE001 - a wake that raises is delivered again, then a dead letter
            _log.error("wake_failed", session=wake.sid, job=wake.job, error=type(error).__name__, exc_info=True)

    @contextlib.asynccontextmanager
    async def _beating(self, wake: Leased) -> AsyncIterator[None]:
        """Keep the lease of what takes longer than it lasts."""

        async def beat() -> None:
            while True:
                await asyncio.sleep(self._lease / 3)
                with contextlib.suppress(StoreDown):
                    await self._store.hold(wake, b"")

        beating = asyncio.create_task(beat())
        try:
            yield
        finally:
            beating.cancel()

    async def _put_back(self, wake: Leased) -> None:
        """The store went away under a wake in hand: as soon as it is there again, so is the wake."""
        for _ in range(PUT_BACK_TRIES):
            await asyncio.sleep(IDLE_SECONDS)
            with contextlib.suppress(StoreDown):
                await self._store.put_back(wake)
                return


@contextlib.asynccontextmanager
async def at_work(*several: Wakes, beside: Sequence[Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """The workers of this process, and what runs `beside` them; in the end what is in hand comes to its end."""
    tasks = [asyncio.create_task(work) for work in (*(wakes.run() for wakes in several), *beside)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(wakes.drain(DRAIN_SECONDS) for wakes in several))
