"""A bot's process without its Telegram: a store, a conversation, and workers that note what they have in hand."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from visits import LINK, Bank

from flows.conversation import Arrival, Conversation, Message, Visitor
from flows.effects import Effect, Uploaded
from flows.errors import Unavailable
from flows.fronts import FRONT
from flows.jobs import LinkJob, UploadJob
from flows.keys import Keys
from flows.model import Happened, Input
from flows.moves import Leased, Queue
from flows.performing import Call, Front, Performing
from flows.redis_client import open_redis
from flows.settings import Settings
from flows.shards import SHARDS, shard_of_fingerprint
from flows.store import Store
from flows.turns import Looking
from flows.wakes import Carrier, Wakes

KEYS = Keys(b"secret of the contract tests, 32 bytes")
LEASE = 0.5
PAUSE = 0.01


@dataclass
class Log:
    """What people have sent, by update; in what order it was taken in hand; what was shown, by chat and revision."""

    front: Front
    bank: Bank
    sent: dict[str, tuple[str, Input | Arrival, str]] = field(default_factory=dict)
    handled: list[str] = field(default_factory=list)
    in_hand: list[str] = field(default_factory=list)
    together: int = 0
    shown: list[tuple[str, int]] = field(default_factory=list)
    uploads: list[UploadJob] = field(default_factory=list)
    humo_works: bool = False


class Performed(Performing):
    """The plain bank's answers, each a moment later, so that turns come in each other's way."""

    def __init__(self, bank: Bank) -> None:
        super().__init__(None, KEYS, ())  # type: ignore[arg-type]  # whatever would ask the records is asked of the bank
        self.bank = bank

    async def _perform(self, effect: Effect[Any], _call: Call) -> object:
        await asyncio.sleep(random.random() * PAUSE)
        return self.bank.perform(effect)


class Process:
    """A bot's store and conversation; its workers run while `working`."""

    def __init__(self, log: Log, settings: Settings, performing: Performing | None = None) -> None:
        self.log = log
        self.store = Store(open_redis(settings.redis.url, 4), KEYS, settings.limits)
        self.conversation = Conversation(self.store, performing or Performed(log.bank), KEYS, "TJ")
        self.fronts = {FRONT: log.front}
        self.reader, self.shower = Reader(self), Shower(self)
        self.carriers: dict[Queue, dict[str, Carrier]] = {
            "talks": {"in": self.reader, "": Looking(self.conversation, self.fronts)},
            "shows": {"show": self.shower},
            "uploads": {"upload": Uploads(self), "link": Links(self)},
        }
        self._wakes: list[Wakes] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def take_in(self, user: str, update: str) -> str:
        chat = self.conversation.chat_of(user)
        verdict = await self.store.hear(chat, update, update.encode())
        self.conversation.posted.add("talks", shard_of_fingerprint(chat))
        return verdict

    def work(self, *queues: Queue) -> None:
        """On these, or on all."""
        for queue in queues or tuple(self.carriers):
            carriers, posted = self.carriers[queue], self.conversation.posted
            wakes = Wakes(self.store, KEYS, posted, carriers, queue=queue, lease=LEASE)
            self._wakes.append(wakes)
            self._tasks.append(asyncio.create_task(wakes.run()))

    async def leased(self, lease: str, queue: Queue = "talks", seconds: float = LEASE) -> list[Leased]:
        return await self.store.lease(lease, range(SHARDS), 10, queue=queue, seconds=seconds)

    async def rest(self) -> None:
        """Stop working, as a process does that is told to."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for wakes in self._wakes:
            await wakes.drain(5)
        self._tasks, self._wakes = [], []

    async def die(self) -> None:
        """As a process does that is killed: nothing comes to its end."""
        in_hand = [task for wakes in self._wakes for task in wakes._running]
        for task in (*self._tasks, *in_hand):
            task.cancel()
        await asyncio.gather(*self._tasks, *in_hand, return_exceptions=True)
        self._tasks, self._wakes = [], []

    async def close(self) -> None:
        await self.rest()
        await self.store.close()


class Reader:
    """Carries "in" as the bot does. `after` stands between a saved turn and the end of its wake."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.after: Callable[[], Awaitable[object]] | None = None

    async def carry(self, wake: Leased, _job: None) -> None:
        process, log, update = self._process, self._process.log, wake.sealed.decode()
        log.together += wake.sid in log.in_hand
        log.in_hand.append(wake.sid)
        log.handled.append(update)
        try:
            await self.read(wake, update)
        finally:
            log.in_hand.remove(wake.sid)  # the turn is saved, and the next message may come
        if self.after:
            await self.after()
        await process.store.finish(wake)

    async def read(self, wake: Leased, update: str) -> None:
        user, given, step = self._process.log.sent[update]
        message = Message(given, update, number=int(update[1:]), step=step)
        await self._process.conversation.hear(self._process.log.front, Visitor(user, "daler", "ru"), message, wake)

    async def give_up(self, wake: Leased, _job: None) -> None:
        await self._process.store.finish(wake)


class Shower:
    """Carries "show": notes which revision was there to be seen. `before` may hold it up."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.before: Callable[[], Awaitable[object]] | None = None

    async def carry(self, wake: Leased, _job: None) -> None:
        view = await self._process.conversation.view(wake.sid)
        if self.before:
            await self.before()
        self._process.log.shown.append((wake.sid, view.rev))
        await self._process.store.finish(wake)

    async def give_up(self, wake: Leased, _job: None) -> None:
        await self._process.store.finish(wake)


class Uploads:
    """Humo takes each, or none for want of a network, which costs no try."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def carry(self, wake: Leased, job: UploadJob) -> None:
        log = self._process.log
        log.uploads.append(job)
        taken = {"result": Uploaded("77", f"digest of {job.unique}")} if log.humo_works else {"failed": Unavailable()}
        happened = Happened(job.step, about=job.unique, **taken)
        await self._process.conversation.bring(self._process.fronts, wake, happened)

    give_up = carry


class Links:
    """Each is opened at once."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def carry(self, wake: Leased, job: LinkJob) -> None:
        await self._process.conversation.bring(self._process.fronts, wake, Happened(job.step, result=LINK))

    give_up = carry
