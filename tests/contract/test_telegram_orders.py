"""What a test can order of the Telegram simulator: outcomes for one user, faults, and Telegram's own flood limits."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiogram.exceptions import (
    TelegramForbiddenError,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
)
from telegram_room import DALER, Room, room


@pytest.fixture
async def here() -> AsyncIterator[Room]:
    async with room() as opened:
        await opened.tell(DALER, text="/start")
        yield opened


class TestArmed:
    async def test_flood_and_bad_gateway_accept_nothing(self, here: Room) -> None:
        await here.arm(DALER, "429")
        await here.arm(DALER, "502")
        await here.arm(DALER, "blocked")
        with pytest.raises(TelegramRetryAfter) as flood:
            await here.bot.send_message(DALER, "x")
        assert flood.value.retry_after == 1
        with pytest.raises(TelegramServerError, match="Bad Gateway"):
            await here.bot.send_message(DALER, "x")
        with pytest.raises(TelegramForbiddenError):
            await here.bot.send_message(DALER, "x")
        await here.bot.send_message(DALER, "x")
        assert len(await here.read(DALER)) == 2

    async def test_accepted_but_the_answer_never_comes(self, here: Room) -> None:
        await here.arm(DALER, "timeout-after")
        with pytest.raises(TelegramNetworkError):
            await here.bot.send_message(DALER, "раз", request_timeout=1)
        assert [entry["text"] for entry in await here.read(DALER)] == ["/start", "раз"]

    async def test_an_update_uses_up_no_outcome_of_a_send(self, here: Room) -> None:
        await here.arm(DALER, "429")
        await here.tell(DALER, text="раз")
        with pytest.raises(TelegramRetryAfter):
            await here.bot.send_message(DALER, "x")

    async def test_faults_strike_the_bot_and_not_the_user(self, here: Room) -> None:
        order = {"upstream": "telegram", "kind": "500", "times": 1}
        await here.http.post(f"{here.url}/_faults", json=order)
        assert (await here.tell(DALER, text="раз"))[0] == 200
        async with here.http.get(f"{here.url}/telegram/") as page:
            assert page.status == 200
        async with here.http.post(f"{here.url}/telegram/bot{here.bot.token}/getMe") as answer:
            assert (answer.status, answer.content_type) == (500, "text/html")
        await here.bot.get_me()

    async def test_at_speed_a_flood_is_stopped_by_itself(self) -> None:
        async with room(speed=0.01) as here:
            await here.tell(DALER, text="/start")
            sends = [here.bot.send_message(DALER, str(number)) for number in range(22)]
            results = await asyncio.gather(*sends, return_exceptions=True)
            refused = [result for result in results if isinstance(result, TelegramRetryAfter)]
            assert 1 <= len(refused) <= 2
            assert refused[0].retry_after == 1
