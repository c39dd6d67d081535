"""Chats whose photos lie in the simulated Telegram and go to the simulated Humo, through the real image gate."""

import io
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web
from chat_process import KEYS, Performed, Process
from codes_sandbox import Sandbox
from conversations import Chats, chats
from servers import RedisServer
from visits import Bank

from flows.effects import Effect, TaskStatus
from flows.images import Images
from flows.model import Photo, Sent, Session
from flows.performing import Call
from flows.submitting import Opening, Submitting
from flows.upstream.humo import Humo, HumoOptions
from flows.upstream.telegram import Telegram, TelegramOptions
from sandbox.app import make_app
from sandbox.humo import STANDING_KEY
from sandbox.telegram import TOKEN

ME = "41000001"


class AtHumo(Performed):
    """Tasks are looked at where they are."""

    def __init__(self, bank: Bank, humo: Humo) -> None:
        super().__init__(bank)
        self._humo = humo

    async def _perform(self, effect: Effect[Any], call: Call) -> object:
        if isinstance(effect, TaskStatus):
            return await self._humo.task(effect.link, effect.task)
        return await super()._perform(effect, call)


@dataclass
class PaperRoom:
    """`humo` is the client that both bots share; a test may put another in its place."""

    chats: Chats
    sandbox: Sandbox
    http: aiohttp.ClientSession
    humo: Humo
    submitting: list[Submitting]

    async def photo(self, data: bytes, unique: str, *, user: str = ME) -> None:
        """Sent as a file; `unique` is what Telegram calls its content."""
        ref = await self._kept(data, user)
        await self.chats.tell(user, Sent(Photo(ref=ref, unique=unique)))

    async def _kept(self, data: bytes, user: str) -> str:
        form = aiohttp.FormData()
        form.add_field("document", io.BytesIO(data), filename="paper.jpg", content_type="image/jpeg")
        async with self.http.post(f"{self.sandbox.url}/telegram/_chat/{user}", data=form) as answer:
            assert answer.status == 200
        async with self.http.post(f"{self.sandbox.url}/telegram/bot{TOKEN}/getUpdates", json={"offset": -1}) as answer:
            told = await answer.json()
        ref: str = told["result"][-1]["message"]["document"]["file_id"]
        return ref

    async def ready(self) -> Session:
        """Both bots work, and the first photo is asked for."""
        self.chats.work()
        return await self.chats.reach_document(ME)

    async def sent(self, data: bytes, unique: str = "one") -> Session:
        """What comes of a photo."""
        before = await self.chats.session(ME)
        await self.photo(data, unique)
        return await self.chats.until(
            ME, lambda session: session != before and (session.reply.error or '"checking"' in session.state)
        )

    async def uploads(self) -> list[dict[str, Any]]:
        """What Humo was given, whether or not it made a task of it."""
        calls = await self.sandbox._get("/_calls", upstream="humo")
        return [call for call in calls if "/tasks/" in call["path"] and call["method"] == "POST"]

    async def openings(self) -> int:
        calls = await self.sandbox._get("/_calls", upstream="humo")
        return sum("/presign/" in call["path"] for call in calls)

    async def arm(self, outcome: str, key: str = STANDING_KEY) -> None:
        await self.sandbox.arm("humo", key, outcome)


@asynccontextmanager
async def paper_room(redis: RedisServer, images: Images, **options: object) -> AsyncIterator[PaperRoom]:
    async with AsyncExitStack() as stack:
        # aiohttp's TestServer cancels the handler of a client that goes, which leaves files of its form open.
        runner = web.AppRunner(make_app(speed=0, seed=1))
        stack.push_async_callback(runner.cleanup)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        http = await stack.enter_async_context(aiohttp.ClientSession())
        humo = Humo(HumoOptions.model_validate({"url": f"{url}/humo", **options}), STANDING_KEY)
        telegram = Telegram(TelegramOptions(url=f"{url}/telegram"), TOKEN)
        stack.push_async_callback(humo.close)
        stack.push_async_callback(telegram.close)
        bank = Bank()
        room = await stack.enter_async_context(chats(redis, bank=bank, performing=AtHumo(bank, humo)))
        made = PaperRoom(room, Sandbox(url, http), http, humo, [])
        for bot in room.bots:
            _equip(made, bot, telegram, images)
        yield made


def _equip(room: PaperRoom, bot: Process, telegram: Telegram, images: Images) -> None:
    """The bot's own carriers in the place of those that only note."""
    whose = (bot.store, bot.conversation, bot.fronts)
    submitting = Submitting(*whose, humo=room.humo, luna=None, photos=telegram, images=images, keys=KEYS)
    room.submitting.append(submitting)
    bot.carriers["uploads"] = {"upload": submitting, "link": Opening(*whose, humo=room.humo, keys=KEYS)}
