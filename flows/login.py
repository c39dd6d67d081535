"""Carries a login: the code to Aitu Passport, once; then the question to the bank's COID adapter.

A code serves once. Before it is given that is written down, so that whoever finds the note after a crash sends the
person to log in anew and gives it to nobody a second time. The question to COID changes nothing, and is asked again.
"""

from collections.abc import Mapping

import structlog

from flows import jobs
from flows.effects import Note
from flows.errors import FlowError, Unavailable
from flows.jobs import LoginJob, StateJob
from flows.keys import Keys
from flows.model import Happened
from flows.moves import Leased
from flows.papers import Login
from flows.performing import Front
from flows.store import Store
from flows.turns import Dialogues
from flows.upstream.aitu import Aitu
from flows.upstream.coid import Coid
from flows.wakes import LeaseLost

_log = structlog.get_logger("login")


class CodeExchange:
    """`redirect_uri` is the one that the login began with."""

    def __init__(
        self,
        store: Store,
        dialogues: Dialogues,
        fronts: Mapping[str, Front],
        *,
        aitu: Aitu,
        keys: Keys,
        redirect_uri: str,
    ) -> None:
        self._store = store
        self._dialogues = dialogues
        self._fronts = fronts
        self._aitu = aitu
        self._keys = keys
        self._redirect_uri = redirect_uri

    async def carry(self, wake: Leased, job: LoginJob) -> None:
        try:
            happened = Happened(job.step, about=str(job.nth), result=job.made or await self._login(wake, job))
        except FlowError as error:
            _log.warning("login_refused", session=wake.sid, code=error.code, reason=getattr(error, "reason", ""))
            happened = Happened(job.step, about=str(job.nth), failed=error)
        await self._dialogues.bring(self._fronts, wake, happened)

    async def give_up(self, wake: Leased, job: LoginJob) -> None:
        self._store.note(job.channel, Note("alarm", {"kind": "dead_letter"}))
        await self._dialogues.bring(self._fronts, wake, Happened(job.step, about=str(job.nth), failed=Unavailable()))

    async def _login(self, wake: Leased, job: LoginJob) -> Login:
        if job.started:
            raise Unavailable
        await self._written(wake, job.model_copy(update={"started": True}))
        verifier, nonce = self._keys.login(wake.sid, job.nth)
        login = await self._aitu.login(job.code, redirect_uri=self._redirect_uri, verifier=verifier, nonce=nonce)
        await self._written(wake, job.model_copy(update={"started": True, "made": login}))
        return login

    async def _written(self, wake: Leased, job: LoginJob) -> None:
        if not await self._store.hold(wake, jobs.sealed(job, wake.sid, self._keys)):
            raise LeaseLost


class StateAsking:
    def __init__(self, store: Store, dialogues: Dialogues, fronts: Mapping[str, Front], *, coid: Coid) -> None:
        self._store = store
        self._dialogues = dialogues
        self._fronts = fronts
        self._coid = coid

    async def carry(self, wake: Leased, job: StateJob) -> None:
        try:
            happened = Happened(job.step, about=str(job.nth), result=await self._coid.person(job.iin, job.request_id))
        except FlowError as error:
            _log.warning("state_refused", session=wake.sid, code=error.code, reason=getattr(error, "reason", ""))
            happened = Happened(job.step, about=str(job.nth), failed=error)
        await self._dialogues.bring(self._fronts, wake, happened)

    async def give_up(self, wake: Leased, job: StateJob) -> None:
        self._store.note(job.channel, Note("alarm", {"kind": "dead_letter"}))
        await self._dialogues.bring(self._fronts, wake, Happened(job.step, about=str(job.nth), failed=Unavailable()))
