"""Due wakes: leased from the store, carried out, brought back into their dialogues.

A worker that dies lets its leases run out, and another goes on where it was. Each of a worker's writes is fenced: when
the lease has gone to somebody else it stops at once. A wake that has been delivered more than three times is a dead
letter: its dialogue is told that it failed, and the queue goes on.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Mapping

import structlog

from flows import jobs
from flows.effects import Note
from flows.errors import StoreDown
from flows.jobs import SendJob
from flows.keys import Keys
from flows.model import Happened
from flows.performing import Front
from flows.service import Identification
from flows.steps.code import CodeUndelivered
from flows.store import SHARDS, Leased, Store
from flows.texts import Text, render
from flows.upstream.codes import ONE_DESTINATION, CodeDelivery, CodeMessage, Delivered

DELIVERIES = 3
AT_ONCE = 64
IDLE_SECONDS = 0.5
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
        self._worker = secrets.token_hex(8)
        self._store = store
        self._identification = identification
        self._delivery = delivery
        self._fronts = fronts
        self._keys = keys
        self._bank = bank
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Lease and carry out until cancelled; then `drain`."""
        while True:
            room = AT_ONCE - len(self._running)
            leased: list[Leased] = []
            if room:
                with contextlib.suppress(StoreDown):
                    leased = await self._store.lease(self._worker, range(SHARDS), room)
            for wake in leased:
                task = asyncio.create_task(self._carry_out(wake))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
            if not leased:
                await self._nap()

    async def drain(self, seconds: float) -> None:
        """Let what is in hand come to its end; the rest stays leased, and another worker takes over."""
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=seconds)
            for task in late:
                task.cancel()

    async def _nap(self) -> None:
        posted = self._identification.posted
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(posted.wait(), IDLE_SECONDS)
        posted.clear()

    async def _carry_out(self, wake: Leased) -> None:
        try:
            job = jobs.unsealed(wake.sealed, wake.sid, self._keys)
            if job is None or job.channel not in self._fronts:
                await self._store.finish(wake, self._worker)
            elif wake.nth > DELIVERIES:
                self._store.note(job.channel, Note("alarm", {"kind": "dead_letter"}))
                await self._failed(wake, job)
            else:
                await self._send(wake, job)
        except LeaseLost:
            _log.warning("lease_lost", session=wake.sid)
        except StoreDown:
            _log.warning("store_down", session=wake.sid)
        except Exception as error:  # noqa: BLE001 - a wake that raises is delivered again, then a dead letter
            _log.error("wake_failed", session=wake.sid, error=type(error).__name__)

    async def _send(self, wake: Leased, job: SendJob) -> None:
        down = (await self._store.admit(job.channel, "other", "")).down
        if job.decoy:
            delivered = Delivered(None, ()) if self._all_down(job, down) else Delivered("nobody")
        elif await self._permitted(job):
            delivered = await self._deliver(wake, job, down)
        else:
            delivered = Delivered("nobody")
        await self._remember(delivered)
        if delivered.channel is not None:
            await self._store.finish(wake, self._worker)
            _log.info("code_sent", session=wake.sid, gateway=delivered.channel, failed=len(delivered.failed))
            return
        _log.warning("code_not_sent", session=wake.sid, failed=[f"{name}:{word}" for name, word in delivered.failed])
        if job.strict and not self._all_down(job, (await self._store.admit(job.channel, "other", "")).down):
            # One client's fate must not show where it is hidden who is a client (security.md §0 c).
            await self._store.finish(wake, self._worker)
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
            if not await self._store.hold(wake, self._worker, jobs.sealed(progress, wake.sid, self._keys)):
                raise LeaseLost

        return await self._delivery.deliver(
            message, job.gateways, started=started, already_started=job.started, is_down=down
        )

    async def _permitted(self, job: SendJob) -> bool:
        if not job.phone:
            return True
        phone, prefix = (self._keys.fingerprint(*parts) for parts in (("phone", job.phone), ("prefix", job.phone[:-4])))
        layer = await self._store.permit(job.id, phone, prefix)
        if layer == "ok":
            return True
        self._store.note(job.channel, Note("limit_hit", {"layer": layer}), Note("alarm", {"kind": layer}))
        _log.warning("send_refused", layer=layer)
        return False

    async def _failed(self, wake: Leased, job: SendJob) -> None:
        given = Happened(CodeUndelivered(retry_after=30))
        await self._identification.happened(self._fronts[job.channel], wake.shard, wake.sid, job.step, given)
        await self._store.finish(wake, self._worker)

    async def _remember(self, delivered: Delivered) -> None:
        """What this send has taught about the gateways; a refusal of one destination says nothing about its gateway."""
        for name, word in delivered.failed:
            if word not in ONE_DESTINATION and word != "down":
                await self._store.gateway(name, "down")
        if delivered.channel in self._delivery.gateways:
            await self._store.gateway(delivered.channel, "up")

    def _all_down(self, job: SendJob, down: frozenset[str]) -> bool:
        return frozenset(self._delivery.gateways).intersection(job.gateways) <= down
