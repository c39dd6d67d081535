"""Due wakes: leased from the store, carried out, brought back into their dialogues.

A worker that dies lets its leases run out, and another goes on where it was. Each of a worker's writes is fenced: when
the lease has gone to somebody else it stops at once. A wake that has been delivered more than three times is a dead
letter: its dialogue is told that it failed, and the queue goes on.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Collection, Mapping

import structlog

from flows import jobs
from flows.effects import Note
from flows.errors import StoreDown
from flows.jobs import SendJob
from flows.keys import Keys
from flows.model import Happened, Wake
from flows.moves import Leased
from flows.performing import Front
from flows.service import Identification
from flows.shards import SHARDS
from flows.steps.code import CodeUndelivered
from flows.store import Store
from flows.texts import Text, render
from flows.upstream.codes import ONE_DESTINATION, CodeDelivery, CodeMessage, Delivered

DELIVERIES = 3
AT_ONCE = 64
IDLE_SECONDS = 0.5
PUT_BACK_TRIES = 60
_log = structlog.get_logger("wakes")


class LeaseLost(Exception):
    """Somebody else has this wake now: write nothing, send nothing."""


class Wakes:
    """The worker of one process."""

    def __init__(
        self,
        store: Store,
        identification: Identification,
        *,
        delivery: CodeDelivery,
        fronts: Mapping[str, Front],
        keys: Keys,
        bank: str,
    ) -> None:
        self._name = secrets.token_hex(8)
        self._leases = 0
        self._lost = ""
        self._store = store
        self._identification = identification
        self._delivery = delivery
        self._fronts = fronts
        self._keys = keys
        self._bank = bank
        self._running: set[asyncio.Task[None]] = set()
        self._suspects: set[str] = set()
        self._down: frozenset[str] = frozenset()
        self._asked = -1.0

    async def run(self) -> None:
        """Lease and carry out until cancelled; then `drain`.

        What this process posts is looked for at once, in its shard; what others left, in all shards now and then.
        """
        swept = 0.0
        while True:
            shards: Collection[int] = await self._identification.posted.next(IDLE_SECONDS)
            now = time.monotonic()
            if now - swept >= IDLE_SECONDS:
                shards, swept = range(SHARDS), now
            room = AT_ONCE - len(self._running)
            if room <= 0:
                await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
                swept = 0.0
                continue
            for wake in await self._leased(range(SHARDS) if self._lost else shards, room):
                task = asyncio.create_task(self._carry_out(wake))
                self._running.add(task)
                task.add_done_callback(self._running.discard)

    async def _leased(self, shards: Collection[int], room: int) -> list[Leased]:
        """Each lease has an id of its own: if the answer is lost, the next one asks for what it took."""
        self._leases += 1
        lease = f"{self._name}-{self._leases}"
        try:
            leased = await self._store.lease(lease, shards, room, self._lost)
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
            job = jobs.unsealed(wake.sealed, wake.sid, self._keys)
            if not wake.job:
                await self._identification.bring(self._fronts, wake.shard, wake.sid, Wake())
                await self._store.finish(wake)
            elif job is None or job.channel not in self._fronts:
                await self._store.finish(wake)
            elif wake.nth > DELIVERIES:
                self._store.note(job.channel, Note("alarm", {"kind": "dead_letter"}))
                await self._failed(wake, job)
            else:
                await self._send(wake, job)
        except LeaseLost:
            _log.warning("lease_lost", session=wake.sid)
        except StoreDown:
            _log.warning("store_down", session=wake.sid)
            await self._put_back(wake)
        except Exception as error:  # noqa: BLE001 - a wake that raises is delivered again, then a dead letter
            _log.error("wake_failed", session=wake.sid, error=type(error).__name__)

    async def _put_back(self, wake: Leased) -> None:
        """The store went away under a wake in hand: as soon as it is there again, so is the wake."""
        for _ in range(PUT_BACK_TRIES):
            await asyncio.sleep(IDLE_SECONDS)
            with contextlib.suppress(StoreDown):
                await self._store.put_back(wake)
                return

    async def _send(self, wake: Leased, job: SendJob) -> None:
        down = await self._known_down(job)
        if job.decoy:
            delivered = Delivered("nobody")
        elif await self._permitted(job):
            delivered = await self._deliver(wake, job, down)
        else:
            delivered = Delivered("nobody")
        await self._remember(delivered, down)
        if delivered.channel is not None:
            await self._store.finish(wake)
            _log.info("code_sent", session=wake.sid, gateway=delivered.channel, failed=len(delivered.failed))
            return
        _log.warning("code_not_sent", session=wake.sid, failed=[f"{name}:{word}" for name, word in delivered.failed])
        if job.hidden:
            # One client's fate must not show where it is hidden who is a client (security.md §0 c).
            await self._store.finish(wake)
            return
        await self._failed(wake, job)

    async def _deliver(self, wake: Leased, job: SendJob, down: frozenset[str]) -> Delivered:
        code = self._keys.code(wake.sid, job.step, job.digits)
        text = render(Text(key="code.message", params={"code": code, "bank": self._bank}), job.language)
        message = CodeMessage(job.id, job.phone, job.email, code, text, job.language)
        begun = list(job.started)

        async def started(gateway: str) -> None:
            begun.append(gateway)
            progress = job.model_copy(update={"started": tuple(begun)})
            if not await self._store.hold(wake, jobs.sealed(progress, wake.sid, self._keys)):
                raise LeaseLost

        return await self._delivery.deliver(
            message, job.gateways, started=started, already_started=job.started, is_down=down
        )

    async def _permitted(self, job: SendJob) -> bool:
        if not job.phone:
            return True
        phone, prefix = (self._keys.fingerprint(*parts) for parts in (("phone", job.phone), ("prefix", job.phone[:-4])))
        layer = await self._store.permit(job.id, phone, prefix, job.guard)
        if layer == "ok":
            return True
        self._store.note(job.channel, Note("limit_hit", {"layer": layer}), Note("alarm", {"kind": layer}))
        _log.warning("send_refused", layer=layer)
        return False

    async def _failed(self, wake: Leased, job: SendJob) -> None:
        if not await self._store.hold(wake, b""):
            raise LeaseLost
        given = Happened(job.step, failed=CodeUndelivered(retry_after=30))
        await self._identification.bring(self._fronts, wake.shard, wake.sid, given)
        await self._store.finish(wake)

    async def _known_down(self, job: SendJob) -> frozenset[str]:
        """Asked anew once a second: all sends of that second share the answer."""
        now = time.monotonic()
        if now - self._asked >= 1:
            self._down, self._asked = (await self._store.admit(job.channel, "other", "")).down, now
        return self._down

    async def _remember(self, delivered: Delivered, down: Collection[str]) -> None:
        """What this send has taught about the gateways; a refusal of one destination says nothing about its gateway."""
        for name, word in delivered.failed:
            if word not in ONE_DESTINATION and word not in ("down", "interrupted"):
                self._suspects.add(name)
                await self._store.gateway(name, "down")
        name = delivered.channel or ""
        if name in self._suspects or name in down:
            self._suspects.discard(name)
            await self._store.gateway(name, "up")
