"""Updates reach the bot by long polling and by webhook: at once, acknowledged, repeated, twice and disordered."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest
from aiogram import Dispatcher
from aiogram.exceptions import TelegramBadRequest, TelegramConflictError
from aiogram.types import Message, Update, WebhookInfo
from aiogram.webhook.aiohttp_server import SimpleRequestHandler
from aiohttp import web
from aiohttp.test_utils import TestServer
from telegram_room import DALER, STRANGER, Room, room

from sandbox import telegram_webhook


@pytest.fixture
async def here() -> AsyncIterator[Room]:
    async with room() as opened:
        yield opened


def ids(updates: list[Update]) -> list[int]:
    return [update.update_id for update in updates]


class TestPolling:
    async def test_a_poll_wakes_at_once(self, here: Room) -> None:
        poll = asyncio.create_task(here.bot.get_updates(timeout=20))
        await asyncio.sleep(0.1)
        began = time.monotonic()
        await here.tell(DALER, text="раз")
        assert len(await poll) == 1
        assert time.monotonic() - began < 1

    async def test_the_offset_acknowledges(self, here: Room) -> None:
        for text in "абв":
            await here.tell(DALER, text=text)
        first = await here.bot.get_updates(limit=2)
        assert ids(await here.bot.get_updates(limit=2)) == ids(first)
        (third,) = await here.bot.get_updates(offset=first[-1].update_id + 1)
        assert third.update_id == first[-1].update_id + 1
        assert ids(await here.bot.get_updates(offset=-1)) == [third.update_id]
        assert await here.bot.get_updates(offset=third.update_id + 1) == []

    async def test_only_kinds_that_are_wanted(self, here: Room) -> None:
        await here.bot.get_updates(allowed_updates=["edited_message"])
        _, told = await here.tell(DALER, text="раз")
        await here.tell(DALER, edit={"n": told["n"], "text": "два"})
        (update,) = await here.bot.get_updates()
        assert update.edited_message

    async def test_a_second_poll_ends_the_first(self, here: Room) -> None:
        first = asyncio.create_task(here.bot.get_updates(timeout=20))
        await asyncio.sleep(0.1)
        second = asyncio.create_task(here.bot.get_updates(timeout=20))
        with pytest.raises(TelegramConflictError, match="terminated by other getUpdates request"):
            await first
        await here.tell(DALER, text="раз")
        assert len(await second) == 1

    async def test_no_polling_beside_a_webhook(self, here: Room) -> None:
        first = asyncio.create_task(here.bot.get_updates(timeout=20))
        await asyncio.sleep(0.1)
        await here.bot.set_webhook(f"{here.url}/nobody")
        with pytest.raises(TelegramConflictError, match="terminated by setWebhook request"):
            await first
        with pytest.raises(TelegramConflictError, match="while webhook is active"):
            await here.bot.get_updates()
        await here.tell(DALER, text="раз")
        await here.bot.delete_webhook()
        assert len(await here.bot.get_updates()) == 1
        await here.bot.delete_webhook(drop_pending_updates=True)
        assert await here.bot.get_updates() == []

    async def test_stopping_waits_for_no_poll(self) -> None:
        async with room() as opened:
            poll = asyncio.create_task(opened.raw("getUpdates", timeout=50))
            reader = asyncio.create_task(opened.read(DALER, "?wait=30"))
            await asyncio.sleep(0.1)
            began = time.monotonic()
            opened.world.closing.set()
            assert (await poll)[1]["result"] == await reader == []
            assert time.monotonic() - began < 2

    @pytest.mark.parametrize("acknowledge", [True, False])
    async def test_told_twice(self, here: Room, acknowledge: bool) -> None:  # noqa: FBT001 - a column of the table above
        await here.arm(DALER, "duplicate-update")
        await here.tell(DALER, text="раз")
        (first,) = await here.bot.get_updates()
        (again,) = await here.bot.get_updates(offset=first.update_id + 1 if acknowledge else None)
        assert first.update_id == again.update_id
        assert await here.bot.get_updates(offset=again.update_id + 1) == []

    async def test_told_in_the_wrong_order_but_each_told(self, here: Room) -> None:
        await here.arm(DALER, "reordered")
        for text in ("раз", "два", "три"):
            await here.tell(DALER, text=text)
        found: list[Update] = []
        while batch := await here.bot.get_updates(offset=found[-1].update_id + 1 if found else None):
            found += batch
        assert [update.message.text for update in found if update.message] == ["два", "раз", "три"]
        assert ids(found) == [found[1].update_id + 1, found[1].update_id, found[1].update_id + 2]

    async def test_three_hundred_users_at_once(self, here: Room) -> None:
        began = time.monotonic()
        await asyncio.gather(*(here.tell(STRANGER + number, text="раз") for number in range(300)))
        updates: list[Update] = []
        while batch := await here.bot.get_updates(offset=updates[-1].update_id + 1 if updates else None):
            updates += batch
        chats = [update.message.chat.id for update in updates if update.message]
        assert sorted(chats) == [STRANGER + number for number in range(300)]
        waits = [asyncio.create_task(here.read(chat, "?after=1&wait=20")) for chat in chats]
        await asyncio.gather(*(here.bot.send_message(chat, "два") for chat in chats))
        assert [entry["text"] for entries in await asyncio.gather(*waits) for entry in entries] == ["два"] * 300
        assert time.monotonic() - began < 30


def echo() -> Dispatcher:
    """A bot of aiogram's that says everything again."""
    dispatcher = Dispatcher()

    async def say(message: Message) -> None:
        await message.answer(f"эхо: {message.text}")

    dispatcher.message.register(say)
    return dispatcher


class TestAiogram:
    async def test_its_own_polling(self, here: Room) -> None:
        dispatcher = echo()
        running = asyncio.create_task(
            dispatcher.start_polling(here.bot, handle_signals=False, close_bot_session=False, polling_timeout=20)
        )
        for number, text in enumerate("аб"):
            await here.tell(DALER, text=text)
            assert (await here.read(DALER, f"?after={2 * number + 1}&wait=20"))[0]["text"] == f"эхо: {text}"
        await dispatcher.stop_polling()
        await running

    @pytest.mark.parametrize("secret", ["right", "wrong"])
    async def test_its_own_webhook(self, here: Room, secret: str) -> None:
        app = web.Application()
        SimpleRequestHandler(echo(), here.bot, secret_token="right").register(app, "/hook")
        async with TestServer(app) as server:
            await here.bot.set_webhook(str(server.make_url("/hook")), secret_token=secret)
            await here.tell(DALER, text="а")
            if secret == "right":
                assert (await here.read(DALER, "?after=1&wait=20"))[0]["text"] == "эхо: а"
            else:
                info = await until(here, lambda info: bool(info.last_error_message))
                assert (info.last_error_message, info.pending_update_count) == (
                    "Wrong response from the webhook: 401 Unauthorized",
                    1,
                )
            await here.bot.delete_webhook()


class Hook:
    """A bot's webhook that answers as it is told to; `got` are updates with the secret that came along."""

    def __init__(self) -> None:
        self.got: list[tuple[int, str, str | None]] = []
        self.statuses: list[int] = []
        self.hanging = 0
        self.news = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        update = await request.json()
        secret = request.headers.get(telegram_webhook.HEADER)
        self.got.append((update["update_id"], update["message"]["text"], secret))
        self.news.set()
        if self.hanging:
            self.hanging -= 1
            await asyncio.sleep(1)
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)

    async def texts(self, count: int) -> list[str]:
        async with asyncio.timeout(10):
            while len(self.got) < count:
                self.news.clear()
                await self.news.wait()
        return [text for _, text, _ in self.got]


@pytest.fixture
async def hook(here: Room) -> AsyncIterator[Hook]:
    """A webhook that is set."""
    made, app = Hook(), web.Application()
    app.add_routes([web.post("/hook", made.take)])
    async with TestServer(app) as server:
        await here.bot.set_webhook(str(server.make_url("/hook")), secret_token="s-1", max_connections=5)
        yield made
        await here.bot.delete_webhook()


async def until(here: Room, condition: Callable[[WebhookInfo], bool]) -> WebhookInfo:
    for _ in range(400):
        if condition(info := await here.bot.get_webhook_info()):
            return info
        await asyncio.sleep(0.02)
    raise TimeoutError


class TestWebhook:
    async def test_updates_come_with_the_secret_in_order(self, here: Room, hook: Hook) -> None:
        for text in "абв":
            await here.tell(DALER, text=text)
        assert await hook.texts(3) == ["а", "б", "в"]
        assert {secret for _, _, secret in hook.got} == {"s-1"}
        info = await until(here, lambda info: not info.pending_update_count)
        assert (info.max_connections, info.last_error_message) == (5, None)

    async def test_after_a_refusal_it_comes_again_and_the_next_waits(self, here: Room, hook: Hook) -> None:
        hook.statuses = [500, 401, 200]
        await here.tell(DALER, text="раз")
        await here.tell(DALER, text="два")
        assert await hook.texts(4) == ["раз", "раз", "раз", "два"]
        info = await here.bot.get_webhook_info()
        assert info.last_error_message == "Wrong response from the webhook: 401 Unauthorized"

    async def test_after_silence_too_while_others_are_served(
        self, here: Room, hook: Hook, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(telegram_webhook, "LEAST_PATIENCE", 0.3)
        hook.hanging = 1
        await here.tell(DALER, text="раз")
        await hook.texts(1)
        await here.tell(STRANGER, text="другой")
        assert await hook.texts(3) == ["раз", "другой", "раз"]
        info = await here.bot.get_webhook_info()
        assert info.last_error_message == "Read timeout expired"

    async def test_told_twice_and_in_the_wrong_order(self, here: Room, hook: Hook) -> None:
        await here.arm(DALER, "duplicate-update")
        await here.arm(DALER, "reordered")
        for text in ("раз", "два", "три"):
            await here.tell(DALER, text=text)
        assert await hook.texts(4) == ["раз", "раз", "три", "два"]
        assert hook.got[0] == hook.got[1]

    async def test_a_webhook_that_is_away_gets_all_when_it_is_back(self, here: Room) -> None:
        made, app = Hook(), web.Application()
        app.add_routes([web.post("/hook", made.take)])
        server = TestServer(app)
        await server.start_server()
        url = server.make_url("/hook")
        await server.close()
        await here.bot.set_webhook(str(url))
        await here.tell(DALER, text="раз")
        await until(here, lambda info: bool(info.last_error_message))
        back = web.Application()
        back.add_routes([web.post("/hook", made.take)])
        async with TestServer(back, port=url.port):
            assert await made.texts(1) == ["раз"]
            await until(here, lambda info: not info.pending_update_count)
            await here.bot.delete_webhook()

    @pytest.mark.parametrize(
        ("url", "secret", "refusal"),
        [
            ("ftp://x.org/a", None, "invalid webhook URL specified"),
            ("https://x.org/a", "ключ", "secret token contains unallowed characters"),
            ("https://x.org/a", "s" * 257, "secret token is too long"),
        ],
    )
    async def test_refusals(self, here: Room, url: str, secret: str | None, refusal: str) -> None:
        with pytest.raises(TelegramBadRequest, match=refusal):
            await here.bot.set_webhook(url, secret_token=secret)
