"""Mini Apps of the sandbox's Telegram: what a launch carries is what Telegram signs, as others than us check it too."""

import json
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from aiogram.exceptions import TelegramBadRequest
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup, MenuButtonWebApp, WebAppInfo
from aiogram.utils.web_app import check_webapp_signature
from aiogram.utils.web_app_signature import check_webapp_signature as check_signature
from telegram_room import DALER, STRANGER, Room, room

from flows.init_data import InitDataRefused, user_of
from sandbox.telegram import TOKEN
from sandbox.telegram_mini_app import PUBLIC

BOT = 7_000_000_001
APP = "http://127.0.0.1:1/liveness/ticket"
KEY = bytes.fromhex(PUBLIC)


@pytest.fixture
async def here() -> AsyncIterator[Room]:
    async with room() as opened:
        yield opened


async def init_data(here: Room, user_id: int = DALER, **order: Any) -> str:
    async with here.http.post(f"{here.url}/telegram/_init_data/{user_id}", json=order) as answer:
        assert answer.status == 200
        return str((await answer.json())["init_data"])


def fields(data: str) -> dict[str, str]:
    return dict(parse_qsl(data, strict_parsing=True))


def whose(data: str, *keys: bytes, token: str = TOKEN) -> str:
    return user_of(data, token=token, now=time.time(), max_age=300, keys=keys).user


async def button(here: Room, url: str = APP) -> int:
    markup = InlineKeyboardMarkup(
        inline_keyboard=[[InlineKeyboardButton(text="Проверка", web_app=WebAppInfo(url=url))]]
    )
    return (await here.bot.send_message(DALER, "Покажите лицо", reply_markup=markup)).message_id


class TestSigning:
    async def test_both_ways_hold_for_aiogram_and_for_us(self, here: Room) -> None:
        data = await init_data(here)
        assert check_webapp_signature(TOKEN, data)
        assert check_signature(BOT, data, KEY)
        assert whose(data) == str(DALER)
        assert whose(data.replace("hash=", "hash=0")[:-1], KEY) == str(DALER)

    async def test_what_it_tells_of_the_person(self, here: Room) -> None:
        data = fields(await init_data(here, fields={"start_param": "a"}))
        assert abs(int(data["auth_date"]) - time.time()) < 5
        assert data["start_param"] == "a"
        assert "https:\\/\\/" in data["user"]
        user = json.loads(data["user"])
        assert (user["id"], user["first_name"], user["username"]) == (DALER, "Далер", "daler_sandbox")
        assert "is_bot" not in user

    async def test_a_changed_person_is_signed_as_changed(self, here: Room) -> None:
        data = await init_data(here, STRANGER, user={"first_name": "A & B", "language_code": "tg", "photo_url": None})
        assert check_webapp_signature(TOKEN, data)
        user = json.loads(fields(data)["user"])
        assert (user["id"], user["first_name"], user["language_code"]) == (STRANGER, "A & B", "tg")
        assert "photo_url" not in user

    async def test_of_another_time_it_is_good_and_stale(self, here: Room) -> None:
        for seconds in (-301, 61):
            data = await init_data(here, auth_date=int(time.time()) + seconds)
            assert check_webapp_signature(TOKEN, data)
            with pytest.raises(InitDataRefused):
                whose(data)

    @pytest.mark.parametrize(
        "spoil",
        [
            *(
                "tampered",
                "tampered_hash",
                "no_hash",
                "non_ascii_hash",
                "duplicate",
                "duplicate_user",
                "other_bot",
                "empty",
            ),
        ],
    )
    async def test_what_was_spoiled_is_good_for_nobody(self, here: Room, spoil: str) -> None:
        with pytest.raises(InitDataRefused):
            whose(await init_data(here, spoil=spoil))

    @pytest.mark.parametrize("spoil", ["tampered_signature", "no_signature", "non_ascii_signature"])
    async def test_a_spoiled_signature_is_covered_by_the_hash_too(self, here: Room, spoil: str) -> None:
        with pytest.raises(InitDataRefused):
            whose(await init_data(here, spoil=spoil), KEY)

    async def test_nonsense_is_refused_by_name(self, here: Room) -> None:
        async with here.http.post(f"{here.url}/telegram/_init_data/3", json={"spoil": "badly"}) as answer:
            assert answer.status == 400
            assert "spoil" in (await answer.json())["error"]

    async def test_it_makes_nobody_appear(self, here: Room) -> None:
        await init_data(here, STRANGER)
        async with here.http.get(f"{here.url}/telegram/_chats") as answer:
            assert await answer.json() == []


class TestLaunch:
    async def test_a_pressed_button_answers_with_the_ready_address(self, here: Room) -> None:
        await here.tell(DALER, text="/start")
        message = await button(here)
        for pressed in ({"press": "Проверка"}, {"press": APP}, {"press": APP, "id": message}):
            status, told = await here.tell(DALER, **pressed)
            assert (status, told["web_app"], told["update_id"]) == (200, {"url": APP}, None)
            address = urlsplit(told["launch"])
            assert told["launch"].startswith(f"{APP}#tgWebAppData=")
            handed = parse_qs(address.fragment, strict_parsing=True)
            assert set(handed) == {f"tgWebApp{name}" for name in ("Data", "Version", "Platform", "ThemeParams")}
            assert whose(handed["tgWebAppData"][0]) == str(DALER)
            assert json.loads(handed["tgWebAppThemeParams"][0])["bg_color"]

    async def test_each_launch_is_one_of_its_own(self, here: Room) -> None:
        await here.tell(DALER, text="/start")
        await button(here)
        launches = {(await here.tell(DALER, press="Проверка"))[1]["launch"] for _ in range(2)}
        assert len(launches) == 2

    @pytest.mark.parametrize(
        ("url", "start"), [(f"{APP}#a", f"{APP}#a?tgWebAppData="), (f"{APP}?b#a?c=1", f"{APP}?b#a?c=1&tgWebAppData=")]
    )
    async def test_what_stands_behind_the_hash_stays(self, here: Room, url: str, start: str) -> None:
        await here.tell(DALER, text="/start")
        await button(here, url)
        assert (await here.tell(DALER, press="Проверка"))[1]["launch"].startswith(start)

    async def test_the_menu_button_launches_too(self, here: Room) -> None:
        await here.tell(DALER, text="/start")
        menu = MenuButtonWebApp(text="Вход", web_app=WebAppInfo(url=APP))
        await here.bot.set_chat_menu_button(DALER, menu)
        assert (await here.tell(DALER, press="Вход"))[1]["launch"].startswith(f"{APP}#tgWebAppData=")

    async def test_only_https_but_on_this_machine(self, here: Room) -> None:
        """As the Bot API says; loopback is the sandbox's own licence."""
        await here.tell(DALER, text="/start")
        for url in ("http://bank.example/liveness", "tg://resolve", ""):
            menu = MenuButtonWebApp(text="Вход", web_app=WebAppInfo(url=url))
            with pytest.raises(TelegramBadRequest, match="Web App URL"):
                await button(here, url)
            with pytest.raises(TelegramBadRequest, match="Web App URL"):
                await here.bot.set_chat_menu_button(DALER, menu)
        assert await button(here, "https://bank.example/liveness")
        assert await button(here, "http://localhost:1/liveness")
