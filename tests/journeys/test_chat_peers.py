"""The bot on a Bot API that nobody here wrote, as far as that goes: it knows neither contacts nor commands' menus."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from chat_stand import chat_stand, own_redis
from cradle import Cradle
from peers import Postman, Record, Telemelya, telemelya

from flows.settings import SANDBOX_SECRETS
from flows.texts import LANGUAGES, Text, render

TOKEN = SANDBOX_SECRETS["SHINOS_TELEGRAM_TOKEN"]
SECRET = "webhook-secret-of-the-tests-0123456789"
CHAT = 5_550_123


@pytest.fixture(scope="module")
async def emulator(tmp_path_factory: pytest.TempPathFactory, cradle: Cradle) -> AsyncIterator[Telemelya]:
    """With our bot at its webhook."""
    folder = tmp_path_factory.mktemp("peers")
    with own_redis(folder) as redis:
        async with (
            telemelya(folder, redis.url, TOKEN, CHAT) as running,
            TestServer((postman := Postman(running.session, SECRET)).app()) as post,
        ):
            more: dict[str, Any] = {
                "UPSTREAM__TELEGRAM__URL": running.url,
                "BOT__WEBHOOK_URL": str(post.make_url("/hook")),
                "BOT__WEBHOOK_PORT": "0",
                "WEBHOOK_SECRET": SECRET,
            }
            async with chat_stand(folder, redis, cradle, bots=0, **more) as standing:
                await running.runs()
                postman.bot = standing.bot().url
                await running.runs(lambda webhook: bool(webhook["url"]))
                yield running


def words(key: str, language: str = "ru") -> str:
    return render(Text(key=key), language)


def buttons(record: Record) -> list[dict[str, str]]:
    return [button for row in record["reply_markup"]["inline_keyboard"] for button in row]


async def test_a_chat_up_to_the_contact(emulator: Telemelya) -> None:
    await emulator.send(command="/start")
    await emulator.said(words("link.opening"))
    asked = await emulator.said(words("consent.ask"))
    agree, decline = buttons(asked)
    assert (agree["text"], decline["text"]) == (words("choice.agree"), words("choice.decline"))
    await emulator.calls(lambda record: record["method"] == "deleteMessage", "progress that is over goes")
    await emulator.send(text="да")
    refused = await emulator.said(words("error.consent_wanted"))
    assert refused["raw"]["protect_content"] in (True, "true")
    await emulator.send(callback_data=buttons(refused)[0]["callback_data"], callback_message_id=refused["message_id"])
    await emulator.calls(lambda record: record["method"] == "answerCallbackQuery", "the button is answered")
    contact = await emulator.said(words("contact.ask"))
    assert contact["reply_markup"]["keyboard"][0][0] == {"text": words("chat.share_phone"), "request_contact": True}
    await emulator.calls(
        lambda record: record["method"] == "editMessageReplyMarkup" and record["message_id"] == refused["message_id"],
        "buttons that were pressed go",
    )
    await emulator.send(text="+992 93 555 01 23")
    await emulator.said(words("error.contact_wanted"))


async def test_commands_and_languages(emulator: Telemelya) -> None:
    other = replace(emulator, chat=CHAT + 1, records=[])
    await other.send(command="/help")
    await other.said(words("chat.help"))
    await other.send(command="/language")
    asked = await other.said(words("chat.which_language"))
    assert [button["text"] for button in buttons(asked)] == [words("chat.language_name", name) for name in LANGUAGES]
    await other.send(callback_data="language.tg", callback_message_id=asked["message_id"])
    await other.said(words("consent.ask", "tg"))
    await other.send(command="/cancel")
    await other.said(words("error.cancelled", "tg"))
