"""The Telegram simulator as aiogram sees it: methods, refusals in Telegram's words, files, armed outcomes."""

import json
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramNotFound,
    TelegramUnauthorizedError,
)
from aiogram.methods import CopyMessage
from aiogram.types import (
    BotCommand,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    BufferedInputFile,
    ForceReply,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    KeyboardButton,
    MenuButtonDefault,
    MenuButtonWebApp,
    MessageEntity,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
    ReplyParameters,
    WebAppInfo,
)
from telegram_room import DALER, STRANGER, Room, picture, room


@pytest.fixture
async def here() -> AsyncIterator[Room]:
    async with room() as opened:
        await opened.tell(DALER, text="/start")
        yield opened


def inline(**button: object) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="Да", **button)]])  # type: ignore[arg-type]


CONTACT = ReplyKeyboardMarkup(keyboard=[[KeyboardButton(text="Мой номер", request_contact=True)]], resize_keyboard=True)


class TestDoor:
    async def test_me(self, here: Room) -> None:
        me = await here.bot.me()
        assert (me.id, me.is_bot, me.username) == (7000000001, True, "shinos_sandbox_bot")
        assert await here.bot.log_out()
        assert await here.bot.close()

    async def test_any_other_token_is_401(self, here: Room) -> None:
        status, body = await here.raw("getMe", token="7000000001:another-token-of-thirty-five-letters")
        assert (status, body) == (401, {"ok": False, "error_code": 401, "description": "Unauthorized"})
        object.__setattr__(here.bot, "_Bot__token", "1:x")
        with pytest.raises(TelegramUnauthorizedError):
            await here.bot.get_me()

    async def test_an_unknown_method_is_404(self, here: Room) -> None:
        with pytest.raises(TelegramNotFound, match="method not found"):
            await here.bot(CopyMessage(chat_id=1, from_chat_id=1, message_id=1))

    async def test_names_in_any_case_and_every_carrier(self, here: Room) -> None:
        base = f"{here.url}/telegram/bot{here.bot.token}"
        order = {"chat_id": str(DALER), "text": "раз", "reply_markup": json.dumps({"remove_keyboard": True})}
        async with here.http.get(f"{base}/SENDMESSAGE", params=order) as by_query:
            assert by_query.status == 200
        async with here.http.post(f"{base}/sendMessage", data=order) as by_form:
            assert by_form.status == 200
        form = aiohttp.FormData(order, default_to_multipart=True)
        async with here.http.post(f"{base}/sendmessage", data=form) as by_multipart:
            assert by_multipart.status == 200
        status, _ = await here.raw("SendMessage", chat_id=DALER, text="раз", reply_markup={"remove_keyboard": True})
        assert status == 200
        entries = (await here.read(DALER))[1:]
        assert [(entry["text"], entry["keyboard"]) for entry in entries] == [("раз", [])] * 4

    async def test_calls_show_no_token_and_no_text(self, here: Room) -> None:
        await here.bot.send_message(DALER, "тайна", reply_markup=inline(callback_data="yes"))
        await here.bot.get_updates()
        await here.bot.set_webhook(f"{here.url}/nobody", secret_token="tell-nobody")
        file = await here.bot.send_photo(DALER, BufferedInputFile(picture(), "a.jpg"), caption="секрет")
        assert file.photo
        await here.bot.get_file(file.photo[0].file_id)
        calls = await here.calls()
        assert [call["path"] for call in calls] == [
            f"/telegram/bot/{method}" for method in ("sendMessage", "setWebhook", "sendPhoto", "getFile")
        ]
        assert calls[0]["fields"]["text"] == {"length": 5}
        assert "yes" in calls[0]["fields"]["reply_markup"]
        assert calls[2]["files"][0]["size"] == len(picture())
        written = json.dumps(calls, ensure_ascii=False)
        for secret in ("тайна", "секрет", "tell-nobody", "sandbox-telegram"):
            assert secret not in written


class TestSending:
    async def test_a_message_is_in_the_chat_with_all_that_it_carries(self, here: Room) -> None:
        bold = [MessageEntity(type="bold", offset=0, length=4)]
        sent = await here.bot.send_message(
            DALER, "Кода нет", entities=bold, reply_markup=inline(callback_data="new"), protect_content=True
        )
        assert (sent.message_id, sent.chat.first_name, sent.has_protected_content) == (2, "Далер", True)
        assert sent.from_user
        assert sent.from_user.is_bot
        entry = (await here.read(DALER))[-1]
        assert (entry["n"], entry["id"], entry["from"], entry["text"]) == (2, 2, "bot", "Кода нет")
        assert entry["buttons"] == [[{"text": "Да", "callback_data": "new"}]]
        assert entry["entities"] == [{"type": "bold", "offset": 0, "length": 4}]

    async def test_keyboards_come_and_go(self, here: Room) -> None:
        await here.bot.send_message(DALER, "1", reply_markup=CONTACT)
        assert (await here.live(DALER))["keyboard"]["resize_keyboard"] is True
        await here.bot.send_message(DALER, "2", reply_markup=ForceReply(input_field_placeholder="код"))
        await here.bot.send_message(DALER, "3", reply_markup=ReplyKeyboardRemove())
        _, first, second, third = await here.read(DALER)
        assert first["keyboard"] == [[{"text": "Мой номер", "request_contact": True}]]
        assert "keyboard" not in second
        assert third["keyboard"] == []
        assert (await here.live(DALER))["keyboard"] is None

    async def test_a_reply_shows_what_it_answers(self, here: Room) -> None:
        answer = await here.bot.send_message(DALER, "да", reply_parameters=ReplyParameters(message_id=1))
        assert answer.reply_to_message
        assert answer.reply_to_message.text == "/start"
        with pytest.raises(TelegramBadRequest, match="message to be replied not found"):
            await here.bot.send_message(DALER, "да", reply_parameters=ReplyParameters(message_id=99))

    @pytest.mark.parametrize(
        ("chat_id", "text", "markup", "refusal"),
        [
            (STRANGER, "x", None, "chat not found"),
            ("@nobody", "x", None, "chat not found"),
            (DALER, "  ", None, "message text is empty"),
            (DALER, "x" * 4097, None, "message is too long"),
            (DALER, "😀" * 2049, None, "message is too long"),
            (DALER, "x", inline(callback_data="ж" * 33), "BUTTON_DATA_INVALID"),
            (DALER, "x", inline(), "Text buttons are unallowed"),
            (
                DALER,
                "x",
                inline(url="javascript://x"),
                "button URL 'javascript://x' is invalid: Unsupported URL protocol",
            ),
            (DALER, "x", inline(url="http://bank"), "button URL 'http://bank' is invalid: Wrong HTTP URL"),
            (DALER, "x", inline(url="http://[x"), "is invalid: Wrong HTTP URL"),
            (DALER, "x", inline(web_app=WebAppInfo(url="http://x.org")), "Web App URL 'http://x.org' is invalid: Only"),
        ],
    )
    async def test_refusals(
        self, here: Room, chat_id: int | str, text: str, markup: InlineKeyboardMarkup | None, refusal: str
    ) -> None:
        with pytest.raises(TelegramBadRequest, match=refusal):
            await here.bot.send_message(chat_id, text, reply_markup=markup)
        assert len(await here.read(DALER)) == 1

    async def test_what_just_fits(self, here: Room) -> None:
        await here.bot.send_message(DALER, "😀" * 2048, reply_markup=inline(callback_data="ж" * 32))
        for link in ("https://t.me/x", "http://127.0.0.1:8080/a", "tg://user?id=1"):
            await here.bot.send_message(DALER, "x", reply_markup=inline(url=link))
        await here.bot.send_message(DALER, "x", reply_markup=inline(web_app=WebAppInfo(url="http://127.0.0.1:1/a")))

    async def test_a_user_who_never_wrote_or_has_blocked_the_bot(self, here: Room) -> None:
        await here.tell(STRANGER, user={"first_name": "Сино"})
        with pytest.raises(TelegramForbiddenError, match="bot can't initiate conversation with a user"):
            await here.bot.send_message(STRANGER, "x")
        await here.tell(DALER, block=True)
        for call in (here.bot.send_message(DALER, "x"), here.bot.send_chat_action(DALER, "typing")):
            with pytest.raises(TelegramForbiddenError, match="bot was blocked by the user"):
                await call
        await here.tell(DALER, block=False)
        await here.bot.send_message(DALER, "x")

    async def test_typing_shows_until_the_next_message_or_five_seconds(self, here: Room) -> None:
        await here.bot.send_chat_action(DALER, "typing")
        assert (await here.live(DALER))["action"] == "typing"
        assert len(await here.read(DALER)) == 1
        await here.bot.send_message(DALER, "x")
        assert (await here.live(DALER))["action"] == ""
        await here.bot.send_chat_action(DALER, "upload_photo")
        here.world.clock = lambda: time.time() + 6
        assert (await here.live(DALER))["action"] == ""
        with pytest.raises(TelegramBadRequest, match="wrong parameter action"):
            await here.bot.send_chat_action(DALER, "sing")

    async def test_the_chat_itself(self, here: Room) -> None:
        chat = await here.bot.get_chat(DALER)
        assert (chat.type, chat.first_name, chat.username) == ("private", "Далер", "daler_sandbox")


class TestEditing:
    async def test_text_and_buttons_change_and_readers_see_it_as_new(self, here: Room) -> None:
        sent = await here.bot.send_message(DALER, "1", reply_markup=inline(callback_data="a"))
        await here.bot.edit_message_text("2", chat_id=DALER, message_id=sent.message_id)
        (entry,) = await here.read(DALER, "?after=2")
        assert (entry["n"], entry["id"], entry["text"], entry["buttons"]) == (3, 2, "2", [])
        assert entry["edited"] is True
        markup = inline(callback_data="b")
        edited = await here.bot.edit_message_reply_markup(chat_id=DALER, message_id=2, reply_markup=markup)
        assert not isinstance(edited, bool)
        assert edited.edit_date
        assert (await here.read(DALER, "?after=3"))[0]["buttons"][0][0]["callback_data"] == "b"

    async def test_refusals(self, here: Room) -> None:
        await here.bot.send_message(DALER, "1", reply_markup=inline(callback_data="a"))
        for text, number, refusal in (
            ("1", 2, "message is not modified"),
            ("1", 9, "message to edit not found"),
            ("1", 1, "message can't be edited"),
            ("", 2, "message text is empty"),
        ):
            with pytest.raises(TelegramBadRequest, match=refusal):
                await here.bot.edit_message_text(
                    text, chat_id=DALER, message_id=number, reply_markup=inline(callback_data="a")
                )
        with pytest.raises(TelegramBadRequest, match="message is not modified"):
            await here.bot.edit_message_reply_markup(
                chat_id=DALER, message_id=2, reply_markup=inline(callback_data="a")
            )

    async def test_deleting_the_users_and_the_bots_messages(self, here: Room) -> None:
        await here.bot.send_message(DALER, "код 482117")
        await here.bot.delete_message(DALER, 1)
        await here.bot.delete_message(DALER, 2)
        entries = await here.read(DALER, "?after=2")
        assert [(entry["id"], entry["deleted"], entry["text"]) for entry in entries] == [(1, True, ""), (2, True, "")]
        with pytest.raises(TelegramBadRequest, match="message to delete not found"):
            await here.bot.delete_message(DALER, 1)

    async def test_after_two_days_it_is_too_late(self, here: Room) -> None:
        here.world.clock = lambda: time.time() + 48 * 3600 + 1
        with pytest.raises(TelegramBadRequest, match="message can't be deleted for everyone"):
            await here.bot.delete_message(DALER, 1)
        await here.bot.send_message(DALER, "x")
        assert await here.bot.delete_messages(DALER, [1, 2, 77])
        assert [entry.get("deleted", False) for entry in await here.read(DALER)] == [False, True]


class TestPhotos:
    async def test_the_bots_photo(self, here: Room) -> None:
        sent = await here.bot.send_photo(DALER, BufferedInputFile(picture(1000, 500), "a.jpg"), caption="вот")
        assert sent.photo
        assert [(size.width, size.height) for size in sent.photo] == [(90, 45), (320, 160), (800, 400), (1000, 500)]
        entry = (await here.read(DALER))[-1]
        async with here.http.get(here.url + entry["photo"]) as shown:
            assert (shown.status, shown.content_type) == (200, "image/jpeg")
        again = await here.bot.send_photo(DALER, sent.photo[0].file_id)
        assert again.photo == sent.photo
        with pytest.raises(TelegramBadRequest, match="IMAGE_PROCESS_FAILED"):
            await here.bot.send_photo(DALER, BufferedInputFile(b"no picture", "a.jpg"))
        with pytest.raises(TelegramBadRequest, match="wrong file identifier"):
            await here.bot.send_photo(DALER, "unknown")
        with pytest.raises(TelegramBadRequest, match="no text in the message to edit"):
            await here.bot.edit_message_text("2", chat_id=DALER, message_id=sent.message_id)


class TestProfile:
    async def test_commands_by_scope_and_language(self, here: Room) -> None:
        bot = here.bot
        everywhere = [BotCommand(command="start", description="Start")]
        russian = [BotCommand(command="start", description="Начать")]
        own = [BotCommand(command="stop", description="Хватит")]
        await bot.set_my_commands(everywhere)
        await bot.set_my_commands(russian, BotCommandScopeAllPrivateChats(), language_code="ru")
        assert [command.description for command in await bot.get_my_commands()] == ["Start"]
        assert await bot.get_my_commands(BotCommandScopeAllPrivateChats()) == []
        assert (await here.live(DALER))["commands"] == [{"command": "start", "description": "Начать"}]
        await bot.set_my_commands(own, BotCommandScopeChat(chat_id=DALER))
        assert (await here.live(DALER))["commands"][0]["command"] == "stop"
        await bot.delete_my_commands(BotCommandScopeChat(chat_id=DALER))
        await here.tell(DALER, user={"language_code": "en"})
        assert (await here.live(DALER))["commands"][0]["description"] == "Start"
        with pytest.raises(TelegramBadRequest, match="BOT_COMMAND_INVALID"):
            await bot.set_my_commands([BotCommand(command="Старт", description="x")])

    async def test_name_descriptions_and_menu_button(self, here: Room) -> None:
        bot = here.bot
        await bot.set_my_name("Банк")
        await bot.set_my_description("Узнаём клиентов", language_code="ru")
        await bot.set_my_short_description("Коротко")
        told = (await here.live(DALER))["bot"]
        assert (told["name"], told["description"], told["short_description"]) == ("Банк", "Узнаём клиентов", "Коротко")
        assert (await bot.get_me()).first_name == "Банк"
        assert (await bot.get_my_description()).description == ""
        await bot.set_chat_menu_button(DALER, MenuButtonWebApp(text="Вход", web_app=WebAppInfo(url="https://x.org")))
        assert (await here.live(DALER))["menu"]["text"] == "Вход"
        await bot.set_chat_menu_button(DALER, MenuButtonDefault())
        assert (await here.live(DALER))["menu"] == {"type": "commands"}
