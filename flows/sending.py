"""One-time codes on their way: limits asked, gateways tried in order, a failure brought back into the dialogue."""

import time
from collections.abc import Collection, Mapping

import structlog

from flows import jobs
from flows.effects import Note
from flows.jobs import SendJob
from flows.keys import Keys
from flows.model import Happened
from flows.moves import Leased
from flows.performing import Front
from flows.service import Identification
from flows.steps.code import CodeUndelivered
from flows.store import Store
from flows.texts import Text, render
from flows.upstream.codes import ONE_DESTINATION, CodeDelivery, CodeMessage, Delivered
from flows.wakes import LeaseLost

_log = structlog.get_logger("wakes")


class Sending:
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
        self._store = store
        self._identification = identification
        self._delivery = delivery
        self._fronts = fronts
        self._keys = keys
        self._bank = bank
        self._suspects: set[str] = set()
        self._down: frozenset[str] = frozenset()
        self._asked = -1.0

    async def carry(self, wake: Leased, job: SendJob) -> None:
        if job.channel not in self._fronts:
            await self._store.finish(wake)
            return
        down = await self._known_down(job)
        message = self._message(wake, job)
        if job.decoy:
            delivered = Delivered("nobody")
        elif not self._delivery.serves(message, job.gateways):
            delivered = Delivered(None)  # what goes nowhere takes nothing of anybody's budget
        elif await self._permitted(job):
            delivered = await self._deliver(wake, job, message, down)
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

    async def give_up(self, wake: Leased, job: SendJob) -> None:
        self._store.note(job.channel, Note("alarm", {"kind": "dead_letter"}))
        await self._failed(wake, job)

    def _message(self, wake: Leased, job: SendJob) -> CodeMessage:
        code = self._keys.code(wake.sid, job.step, job.digits)
        text = render(Text(key="code.message", params={"code": code, "bank": self._bank}), job.language)
        return CodeMessage(job.id, job.phone, job.email, code, text, job.language, chat=job.chat)

    async def _deliver(self, wake: Leased, job: SendJob, message: CodeMessage, down: frozenset[str]) -> Delivered:
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
        await self._identification.bring(self._fronts, wake, given)

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
