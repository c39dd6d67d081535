"""Webhooks of the simulated biometric.kz: technology.start and technology.end, to whoever has subscribed.

Fire and forget: one short retry, nothing waits for the answer. POST, GET and DELETE /biometric/_subscriptions play the
cabinet's screen of subscriptions.
"""

import asyncio
import math
from collections.abc import Coroutine, Iterator
from typing import Any

import aiohttp
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from sandbox.biometric_answers import block, done
from sandbox.biometric_flows import ENDINGS, FIRST, Technology
from sandbox.biometric_sessions import Session, Sessions
from sandbox.control import order_of, readable, wrong
from sandbox.recent import Recent
from sandbox.world import World

PATIENCE = 5.0  # seconds
RETRY_AFTER, LEAST_RETRY = 1.0, 0.05  # seconds; the first is scaled by speed
EARLY = frozenset({"webhook_before_readable", "webhook_lies"})
PHOTOS = frozenset({"image", "document_image", "document_pdf", "face_photo", "qrcode"})
MOST = 20
Event = dict[str, Any]


class Subscription(BaseModel):
    """`url` of the receiver."""

    model_config = ConfigDict(extra="forbid", strict=True)

    url: str = Field(pattern="^https?://[^/]", max_length=2048)


class Webhooks:
    def __init__(self, world: World, sessions: Sessions) -> None:
        self._world = world
        self._sessions = sessions
        self._told: dict[str, dict[str, Any]] = {}
        self._lanes: Recent[tuple[str, str], asyncio.Lock] = Recent()
        self._tasks: set[asyncio.Task[None]] = set()
        self._http: aiohttp.ClientSession | None = None

    def begun(self, session: Session) -> None:
        if session.webhook not in ("webhook_none", "webhook_out_of_order"):
            self._send([self._start(session, session.flow.technologies[0])])

    def finished(self, session: Session) -> None:
        """The rest goes out when the result can be read, or when it is first seen to be there."""
        if session.webhook in EARLY or session.outcome not in FIRST:
            wait = 0.0 if session.webhook in EARLY else session.due - self._world.clock()
            if math.isfinite(wait):
                self._begin(self._later(session, wait))

    def seen(self, session: Session) -> None:
        """Somebody has read the end of that session."""
        if not session.announced:
            session.announced = True
            self._send(list(self._rest(session)))

    async def _later(self, session: Session, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))
        self.seen(session)

    def _rest(self, session: Session) -> Iterator[Event]:
        if session.webhook == "webhook_none":
            return
        if session.webhook == "webhook_unknown_session":
            yield self._end(session, session.flow.technologies[0]) | {"session_id": self._sessions.new_id()}
        for place, technology in enumerate(done(session, ENDINGS.get(session.outcome, ENDINGS["pass"]))):
            start, end = self._start(session, technology), self._end(session, technology)
            if session.webhook == "webhook_out_of_order":
                yield from (end, start)
                continue
            if place:
                yield start
            yield end
            if session.webhook == "webhook_duplicated":
                yield end

    def _start(self, session: Session, technology: Technology) -> Event:
        told = {"technology_code": technology.code, "technology_name": technology.title}
        return self._event("technology.start", session, success=True, data=told)

    def _end(self, session: Session, technology: Technology) -> Event:
        found = {name: value for name, value in block(session, technology).items() if name not in PHOTOS}
        if session.webhook == "webhook_lies":
            found["result"] = False
        return self._event(
            "technology.end", session, success=str(found["result"]).lower() == "true", data={technology.block: found}
        )

    def _event(self, event: str, session: Session, *, success: bool, data: dict[str, Any]) -> Event:
        return {
            "id": self._sessions.new_id(),
            "event": event,
            "session_id": session.id,
            "created": int(self._world.clock()),
            "success": success,
            "flow_name": session.flow.name,
            "metadata": {},
            "data": data,
        }

    def _send(self, events: list[Event]) -> None:
        for url in self._told if events else ():
            self._begin(self._deliver(url, events))

    async def _deliver(self, url: str, events: list[Event]) -> None:
        """Of one session in order."""
        async with self._lanes.setdefault((url, events[-1]["session_id"]), asyncio.Lock()):
            for event in events:
                await self._tell(url, event)

    async def _tell(self, url: str, event: Event) -> None:
        status = await self._post(url, event)
        if not 200 <= status < 300:
            await asyncio.sleep(max(LEAST_RETRY, RETRY_AFTER * self._world.speed))
            status = await self._post(url, event)
        if (told := self._told.get(url)) is not None:
            told |= {"sent": told["sent"] + 1, "last": status}

    async def _post(self, url: str, event: Event) -> int:
        """The status of the answer, 0 when there was none."""
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE))
        try:
            async with self._http.post(url, json=event, allow_redirects=False) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 0

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        if not self._tasks:
            self._keep(self._close_with_the_sandbox())
        self._keep(work)

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _close_with_the_sandbox(self) -> None:
        await self._world.closing.wait()
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def subscribe(self, request: web.Request) -> web.Response:
        url = (await order_of(request, Subscription)).url
        if url not in self._told and len(self._told) >= MOST:
            raise wrong(f"url: at most {MOST} subscriptions")
        self._told.setdefault(url, {"url": url, "sent": 0, "last": None})
        return await self.subscriptions(request)

    async def unsubscribe(self, request: web.Request) -> web.Response:
        """`?url=…` one of them, without it all."""
        url = request.query.get("url")
        for known in list(self._told):
            if url in (None, known):
                del self._told[known]
        return await self.subscriptions(request)

    async def subscriptions(self, _: web.Request) -> web.Response:
        """`sent`: how many events; `last`: the status of the last answer, 0 when there was none."""
        return readable(list(self._told.values()))
