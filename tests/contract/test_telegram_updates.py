"""Users reach the bot: every kind of update, by long polling and by webhook, also twice or disordered."""

import asyncio
import hashlib
import io
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiogram import Dispatcher
from aiogram.exceptions import TelegramBadRequest, TelegramConflictError
from aiogram.types import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    KeyboardButton,
    Message,
    ReplyKeyboardMarkup,
    Update,
    WebhookInfo,
)
from aiogram.webhook.aiohttp_server import SimpleRequestHandler
from aiohttp import web
from aiohttp.test_utils import TestServer
from PIL import Image
from telegram_room import DALER, STRANGER, Room, picture, room

from sandbox import telegram_webhook

ORIENTATION = 0x0112


@pytest.fixture
async def here() -> AsyncIterator[Room]:
    async with room() as opened:
        yield opened


async def fetched(here: Room) -> list[Update]:
    """What waits, acknowledged."""
    updates = await here.bot.get_updates()
    if updates:
        await here.bot.get_updates(offset=updates[-1].update_id + 1)
    return updates


def ids(updates: list[Update]) -> list[int]:
    return [update.update_id for update in updates]


class TestKinds:
    async def test_a_text_with_its_command(self, here: Room) -> None:
        status, told = await here.tell(DALER, text="😀 /start abc")
        (update,) = await fetched(here)
        assert (status, told) == (200, {"ok": True, "n": 1, "update_id": update.update_id})
        message = update.message
        assert message
        assert message.from_user
        assert (message.chat.id, message.from_user.language_code, message.message_id) == (DALER, "ru", 1)
        assert message.entities
        assert [(one.type, one.offset, one.length) for one in message.entities] == [("bot_command", 3, 6)]

    async def test_contacts_own_foreign_nameless_forwarded(self, here: Room) -> None:
        await here.tell(DALER, contact={"phone_number": "992900000003", "user_id": DALER})
        await here.tell(DALER, contact={"phone_number": "+992900000004", "user_id": 4})
        await here.tell(DALER, contact={"phone_number": "+992900000003"})
        await here.tell(DALER, contact={"phone_number": "+992900000003", "user_id": DALER}, forward=True)
        await here.tell(DALER, contact={"phone_number": "+992900000003", "user_id": DALER}, via_bot=True)
        own, foreign, nameless, forwarded, via = [update.message for update in await fetched(here)]
        assert own
        assert own.contact
        assert (own.contact.user_id, own.contact.phone_number, own.contact.first_name) == (3, "992900000003", "Далер")
        assert foreign
        assert foreign.contact
        assert (foreign.contact.user_id, foreign.contact.first_name) == (4, "Зарина")
        assert nameless
        assert nameless.contact
        assert nameless.contact.user_id is None
        assert forwarded
        assert forwarded.forward_origin
        assert via
        assert via.via_bot
        assert via.via_bot.is_bot

    async def test_buttons_call_back_say_their_text_share_or_open(self, here: Room) -> None:
        await here.tell(DALER, text="/start")
        row = [
            InlineKeyboardButton(text="Да", callback_data="yes"),
            InlineKeyboardButton(text="Сайт", url="https://x.org/a"),
        ]
        await here.bot.send_message(DALER, "1", reply_markup=InlineKeyboardMarkup(inline_keyboard=[row]))
        keys = [KeyboardButton(text="Нет"), KeyboardButton(text="Мой номер", request_contact=True)]
        await here.bot.send_message(DALER, "2", reply_markup=ReplyKeyboardMarkup(keyboard=[keys]))
        for pressed in ("yes", "Да", "Нет", "Мой номер"):
            assert (await here.tell(DALER, press=pressed))[1]["update_id"]
        assert (await here.tell(DALER, press="https://x.org/a"))[1]["url"] == "https://x.org/a"
        _, by_data, by_text, said, shared = await fetched(here)
        for update in (by_data, by_text):
            query = update.callback_query
            assert query
            assert query.message
            assert (query.data, query.message.message_id, query.from_user.id) == ("yes", 2, DALER)
            await query.answer("Готово", show_alert=True)
        assert (await here.live(DALER))["notice"] == {"n": 7, "text": "Готово", "alert": True, "url": ""}
        assert said.message
        assert said.message.text == "Нет"
        assert shared.message
        assert shared.message.contact
        assert (shared.message.contact.user_id, shared.message.contact.phone_number) == (DALER, "992900000003")
        assert (await here.tell(DALER, press="Может быть"))[0] == 400

    async def test_a_pressed_button_is_answered_once_and_soon(self, here: Room) -> None:
        await here.tell(DALER, text="/start")
        markup = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="Да", callback_data="yes")]])
        await here.bot.send_message(DALER, "1", reply_markup=markup)
        await here.tell(DALER, press="yes")
        await here.tell(DALER, press="yes")
        first, second = [update.callback_query for update in (await fetched(here))[1:]]
        assert first
        assert second
        await first.answer()
        here.world.clock = lambda: time.time() + 61
        for query in (first, second):
            with pytest.raises(TelegramBadRequest, match="query is too old"):
                await query.answer()

    async def test_an_edit_a_block_and_media(self, here: Room) -> None:
        _, told = await here.tell(DALER, text="раз")
        await here.tell(DALER, edit={"n": told["n"], "text": "два"})
        for kind in ("sticker", "voice", "video", "video_note"):
            await here.tell(DALER, kind=kind)
        await here.tell(DALER, block=True)
        assert (await here.tell(DALER, text="три"))[0] == 400
        await here.tell(DALER, block=False)
        _, edited, *media, blocked, unblocked = await fetched(here)
        assert edited.edited_message
        assert (edited.edited_message.text, edited.edited_message.message_id) == ("два", 1)
        assert [update.message.content_type for update in media if update.message] == [
            *("sticker", "voice", "video", "video_note")
        ]
        assert blocked.my_chat_member
        assert unblocked.my_chat_member
        states = [one.my_chat_member.new_chat_member.status for one in (blocked, unblocked) if one.my_chat_member]
        assert states == ["kicked", "member"]
        assert (await here.read(DALER))[0]["edited"] is True

    async def test_a_raw_update_goes_through_as_it_is(self, here: Room) -> None:
        await here.tell(DALER, update={"teleported": {"new": True}})
        await here.tell(DALER, update={"update_id": 7, "message": "no message"})
        raw = (await here.raw("getUpdates"))[1]["result"]
        assert raw[0]["teleported"] == {"new": True}
        await here.raw("getUpdates", offset=raw[0]["update_id"] + 1)
        assert (await here.raw("getUpdates"))[1]["result"] == []

    async def test_people_are_invented_but_always_the_same(self, here: Room) -> None:
        await here.tell(STRANGER, text="раз")
        live = await here.live(STRANGER)
        assert live["user"]["phone"] == "+992911000123"
        assert live["user"]["name"]
        await here.tell(STRANGER, user={"first_name": "Сино", "phone": "992 90 123 45 67", "language_code": "tg"})
        (update,) = await fetched(here)
        assert update.message
        assert update.message.chat.first_name != "Сино"
        person = (await here.live(STRANGER))["user"]
        assert (person["phone"], person["language_code"]) == ("+992901234567", "tg")
        async with here.http.delete(f"{here.url}/telegram/_chat/{STRANGER}") as gone:
            assert gone.status == 200
        assert await here.read(STRANGER) == []
        with pytest.raises(Exception, match="initiate"):
            await here.bot.send_message(STRANGER, "x")

    @pytest.mark.parametrize(
        ("order", "named"),
        [
            ({}, "text"),
            ({"text": "x", "press": "y"}, "press"),
            ({"text": ""}, "text"),
            ({"text": "x" * 4097}, "text"),
            ({"contact": {"user_id": 3}}, "contact.phone_number"),
            ({"contact": {"phone_number": "1", "user_id": "3"}}, "contact.user_id"),
            ({"edit": {"n": 99, "text": "x"}}, "edit.n"),
            ({"kind": "gift"}, "kind"),
            ({"user": {"phone": "x"}}, "user.phone"),
            ({"txet": "x"}, "txet"),
        ],
    )
    async def test_a_bad_order_is_400_and_says_what(self, here: Room, order: dict[str, Any], named: str) -> None:
        status, answer = await here.tell(DALER, **order)
        assert status == 400
        assert named in answer["error"]


class TestFiles:
    async def test_a_photo_is_recompressed_without_its_exif(self, here: Room) -> None:
        exif = Image.Exif()
        exif[ORIENTATION] = 6
        original = picture(3000, 2000, exif=exif)
        told = await here.upload(DALER, ("photo", original, "a.jpg", "image/jpeg"), caption="паспорт")
        assert told["ok"]
        (update,) = await fetched(here)
        assert update.message
        assert update.message.photo
        assert update.message.caption == "паспорт"
        sizes = [(size.width, size.height) for size in update.message.photo]
        assert sizes == [(60, 90), (213, 320), (533, 800), (853, 1280)]
        file = await here.bot.get_file(update.message.photo[-1].file_id)
        assert file.file_path == "photos/file_1.jpg"
        loaded = await here.bot.download_file(file.file_path)
        assert loaded
        with Image.open(io.BytesIO(loaded.read())) as rendition:
            assert (rendition.format, rendition.size, dict(rendition.getexif())) == ("JPEG", (853, 1280), {})
        assert here.world.photos.whose(original) == "+992900000003"

    async def test_nothing_is_scaled_up(self, here: Room) -> None:
        await here.upload(DALER, ("photo", picture(100, 50, kind="PNG"), "a.png", "image/png"))
        (update,) = await fetched(here)
        assert update.message
        assert update.message.photo
        assert [(size.width, size.height) for size in update.message.photo] == [(90, 45), (100, 50)]

    async def test_a_document_keeps_its_bytes_and_says_what_the_sender_says(self, here: Room) -> None:
        data = b"<svg/>" * 1000
        lies = {"file_name": "../../a.jpg", "mime_type": "image/jpeg", "file_size": "1024"}
        await here.upload(DALER, ("document", data, "x.svg", "image/svg+xml"), **lies)
        (update,) = await fetched(here)
        assert update.message
        document = update.message.document
        assert document
        assert (document.file_name, document.mime_type, document.file_size) == ("../../a.jpg", "image/jpeg", 1024)
        file = await here.bot.get_file(document.file_id)
        assert file.file_path == "documents/file_1.jpg"
        loaded = await here.bot.download_file(file.file_path)
        assert loaded
        assert hashlib.sha256(loaded.read()).digest() == hashlib.sha256(data).digest()
        entry = (await here.read(DALER))[0]
        async with here.http.get(here.url + entry["document"]["url"]) as shown:
            assert shown.headers["Content-Disposition"].startswith("attachment")
            assert shown.content_type == "application/octet-stream"

    async def test_an_album_is_two_messages_of_one_group(self, here: Room) -> None:
        front, back = picture(300, 200), picture(200, 300)
        told = await here.upload(DALER, ("photo", front, "f.jpg", "image/jpeg"), ("photo", back, "b.jpg", "image/jpeg"))
        first, second = [update.message for update in await fetched(here)]
        assert first
        assert second
        assert first.media_group_id == second.media_group_id is not None
        assert (first.message_id, second.message_id, told["n"]) == (1, 2, 2)

    async def test_over_20_mb_it_cannot_be_fetched_and_paths_grow_old(self, here: Room) -> None:
        await here.upload(DALER, ("document", bytes(21 * 2**20), "a.bin", "application/pdf"))
        await here.upload(DALER, ("document", b"small", "b.pdf", "application/pdf"))
        large, small = [update.message.document for update in await fetched(here) if update.message]
        assert large
        assert small
        with pytest.raises(TelegramBadRequest, match="file is too big"):
            await here.bot.get_file(large.file_id)
        with pytest.raises(TelegramBadRequest, match="wrong file_id"):
            await here.bot.get_file("unknown")
        file = await here.bot.get_file(small.file_id)
        link = f"{here.url}/telegram/file/bot{here.bot.token}/{file.file_path}"
        assert (await here.http.get(link)).status == 200
        assert (await here.http.get(link.replace(here.bot.token, "1:x"))).status == 401
        here.world.clock = lambda: time.time() + 3601
        assert (await here.http.get(link)).status == 404

    async def test_a_photo_that_is_none_is_refused(self, here: Room) -> None:
        told = await here.upload(DALER, ("photo", b"text", "a.jpg", "image/jpeg"))
        assert (told["status"], told["error"].split(":")[0]) == (400, "photo")
        told = await here.upload(DALER, ("face", b"text", "a.jpg", "image/jpeg"))
        assert (told["status"], told["error"].split(":")[0]) == (400, "face")
        assert await here.read(DALER) == []


class TestPolling:
    async def test_a_poll_wakes_at_once(self, here: Room) -> None:
        poll = asyncio.create_task(here.bot.get_updates(timeout=20))
        await asyncio.sleep(0.1)
        began = time.monotonic()
        await here.tell(DALER, text="раз")
        assert len(await poll) == 1
        assert time.monotonic() - began < 0.5

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
