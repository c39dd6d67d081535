"""Chats inside this process on a real Redis: several bots beside each other, a bank in plain Python, rules taken out.

What a person sends is kept here by the update's id, and only that id goes through the inbox.
"""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from chat_process import Log, Process
from servers import RedisServer
from visits import BY_PAPERS, PHONE, Bank

from flows.conversation import Arrival
from flows.fronts import chat_front
from flows.model import Chosen, Input, Photo, Sent, Session, Shared
from flows.performing import Performing
from flows.settings import load
from flows.shards import prefix, shard_of_fingerprint

CONFIG = Path(__file__).parents[2] / "config.toml"
ONE_WAY = '["telegram"]'


@dataclass
class Chats(Log):
    """What is done to several bots and their chats."""

    bots: list[Process] = field(default_factory=list)
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    @property
    def bot(self) -> "Process":
        return self.bots[0]

    async def tell(self, user: str, given: Input | Arrival, update: str = "", *, step: str = "") -> str:
        """The inbox's verdict on a message."""
        update = update or f"u{next(self.numbers)}"
        self.sent[update] = (user, given, step)
        return await random.choice(self.bots).take_in(user, update)

    async def press(self, user: str, choice: str) -> str:
        """A button of the question that stands."""
        view = await self.bot.conversation.view(self.bot.conversation.chat_of(user))
        options = [option.id for option in view.session.reply.expects.choices] if view.session else []
        return await self.tell(user, Chosen(str(options.index(choice))), step=view.step_id)

    async def photo(self, user: str, name: str) -> str:
        return await self.tell(user, Sent(Photo(ref=f"ref {name}", unique=name)))

    async def session(self, user: str) -> Session:
        view = await self.bot.conversation.view(self.bot.conversation.chat_of(user))
        assert view.session
        return view.session

    async def until(self, user: str, condition: Callable[[Session], object], seconds: float = 8.0) -> Session:
        """The chat's session, as soon as it is so."""
        conversation, seen = self.bot.conversation, None
        for _ in range(int(seconds / 0.02)):
            seen = (await conversation.view(conversation.chat_of(user))).session
            if seen and condition(seen):
                return seen
            await asyncio.sleep(0.02)
        raise AssertionError(f"{seen.step if seen else None} {seen.reply if seen else None}")

    async def reach_passport(self, user: str) -> Session:
        """As far as the passport's kind; somebody must be working."""
        await self.tell(user, Arrival())
        await self.until(user, lambda session: session.step == "consent")
        await self.press(user, "agree")
        await self.until(user, lambda session: session.step == "contact")
        await self.tell(user, Shared(PHONE, own=True))
        session = await self.until(user, lambda session: session.step == "passport_kind")
        await self.quiet(user)
        return session

    async def reach_document(self, user: str) -> Session:
        """As far as the first photo."""
        await self.reach_passport(user)
        await self.press(user, "new")
        session = await self.until(user, lambda session: session.step == "document")
        await self.quiet(user)
        return session

    def work(self) -> None:
        for bot in self.bots:
            bot.work()

    async def check(self, user: str, photo: str) -> Session:
        """Send a photo that Humo takes and begins to look at."""
        self.humo_works = True
        await self.photo(user, photo)
        return await self.until(user, lambda session: '"checking"' in session.state)

    async def hurry(self, user: str) -> bool:
        """The time that the dialogue wants to look again at is now; False when it wants none."""
        session = await self.session(user)
        shard = shard_of_fingerprint(self.bot.conversation.chat_of(user))
        moved = await self.bot.store.redis.zadd(prefix(shard) + "talks", {f"{session.sid}:": 0}, xx=True, ch=True)
        self.bot.conversation.posted.add("talks", shard)
        return bool(moved)

    async def due(self, user: str) -> float | None:
        """When the dialogue wants to look again, in Unix seconds of Redis."""
        session = await self.session(user)
        place = prefix(shard_of_fingerprint(self.bot.conversation.chat_of(user)))
        found = await self.bot.store.redis.zscore(place + "talks", f"{session.sid}:")
        return None if found is None else found / 1000

    async def quiet(self, user: str, seconds: float = 8.0) -> None:
        """Until nothing of that chat waits to be taken in hand."""
        chat = self.bot.conversation.chat_of(user)
        key = f"{prefix(shard_of_fingerprint(chat))}session:{chat}"
        for _ in range(int(seconds / 0.02)):
            if not await self.bot.store.redis.hexists(key, "job:in"):
                return
            await asyncio.sleep(0.02)
        raise AssertionError("the inbox does not empty")

    def without(self, script: str, rule: str, instead: str = "") -> None:
        """Take a rule out of a script, in every process."""
        for bot in self.bots:
            known = bot.store._scripts[script]
            assert rule in known.source, f"{script}.lua no longer says: {rule}"
            known.source = known.source.replace(rule, instead)
            known.sha = hashlib.sha1(known.source.encode(), usedforsecurity=False).hexdigest()


def asks(key: str) -> Callable[[Session], bool]:
    return lambda session: session.reply.text is not None and session.reply.text.key == key


async def soon(condition: Callable[[], object], seconds: float = 8.0) -> None:
    """Wait until it is so."""
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it has not come to that")


@asynccontextmanager
async def chats(
    redis: RedisServer, *, bots: int = 2, bank: Bank | None = None, performing: Performing | None = None, **limits: int
) -> AsyncIterator[Chats]:
    """Nobody works yet; see `Process.work`."""
    more = {f"SHINOS_LIMITS__{name}": str(value) for name, value in limits.items()}
    own = {"SHINOS_REDIS__URL": redis.url, "SHINOS_FLOW__TELEGRAM__STEPS": BY_PAPERS, "SHINOS_BOT__FLOWS": ONE_WAY}
    settings = load(CONFIG, {**own, **more})
    async with AsyncExitStack() as stack:
        made = Chats(chat_front(settings), bank or Bank())
        for _ in range(bots):
            process = Process(made, settings, performing)
            stack.push_async_callback(process.close)
            made.bots.append(process)
        yield made
