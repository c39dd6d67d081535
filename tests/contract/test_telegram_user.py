"""What a user writes, shares, presses, uploads becomes an update of the right kind, with the right files behind it."""

import hashlib
import io
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiogram.exceptions import TelegramBadRequest
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup, KeyboardButton, ReplyKeyboardMarkup, Update
from PIL import Image
from telegram_room import DALER, STRANGER, Room, picture, room

from sandbox import telegram_files

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

    @pytest.mark.parametrize("query", ["after=x", "after=-1", "wait=soon"])
    async def test_a_bad_question_too(self, here: Room, query: str) -> None:
        async with here.http.get(f"{here.url}/telegram/_chat/{DALER}?{query}") as answer:
            assert answer.status == 400
            assert query.partition("=")[0] in (await answer.json())["error"]


class TestFiles:
    async def test_a_photo_is_recompressed_without_its_exif(self, here: Room) -> None:
        exif = Image.Exif()
        exif[ORIENTATION] = 6
        original = picture(3000, 2000, exif=exif, comment=b"taken at home")
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
            assert "comment" not in rendition.info
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

    async def test_old_files_make_room(self, here: Room, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(telegram_files, "MOST_FILES", 1)
        for name in ("a", "b"):
            await here.upload(DALER, ("document", b"x", name, "text/plain"))
        old, new = [update.message.document for update in await fetched(here) if update.message]
        assert old
        assert new
        with pytest.raises(TelegramBadRequest, match="wrong file_id or the file is temporarily unavailable"):
            await here.bot.get_file(old.file_id)
        assert (await here.bot.get_file(new.file_id)).file_path == "documents/file_1"

    async def test_a_photo_that_is_none_is_refused(self, here: Room) -> None:
        told = await here.upload(DALER, ("photo", b"text", "a.jpg", "image/jpeg"))
        assert (told["status"], told["error"].split(":")[0]) == (400, "photo")
        told = await here.upload(DALER, ("face", b"text", "a.jpg", "image/jpeg"))
        assert (told["status"], told["error"].split(":")[0]) == (400, "face")
        assert await here.read(DALER) == []
