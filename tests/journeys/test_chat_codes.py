"""One-time codes of the Search API: into the chat of whom the bot has identified, by SMS when the chat is shut."""

import re
from collections.abc import Iterator

from chat_stand import ChatStand
from guests import WORD, Guest
from stand import Said


async def answered(chats: ChatStand, client: str, asked: Said, code: str) -> None:
    word = await chats.search(client, asked.step, code)
    assert word.status == 200, word.body
    done = await chats.search(client, word.step, WORD)
    assert (await chats.card(done.token)).body["identification"]["level"] == "high"


async def code_in(guest: Guest) -> str:
    sent = await guest.until(lambda entry: bool(re.match("[0-9]{6} ", entry["text"])), what="a code")
    assert sent["has_protected_content"]
    return str(sent["text"][:6])


async def test_a_code_goes_into_the_chat_and_nowhere_else(chats: ChatStand, known: Iterator[Guest]) -> None:
    guest = next(known)
    asked = await chats.search(guest.phone)
    assert "Telegram" in asked.body["answerText"]
    await answered(chats, guest.phone, asked, await code_in(guest))
    assert [message["gateway"] for message in await chats.outbox(guest.phone)] == ["telegram"]


async def test_a_blocked_bot_leaves_the_sms(chats: ChatStand, known: Iterator[Guest]) -> None:
    guest = next(known)
    await guest.act(block=True)
    asked = await chats.search(guest.phone)
    await answered(chats, guest.phone, asked, await chats.code(guest.phone))
    assert [message["gateway"] for message in await chats.outbox(guest.phone)] == ["osonsms"]


async def test_a_telegram_that_is_away_leaves_the_sms(chats: ChatStand, known: Iterator[Guest]) -> None:
    guest = next(known)
    await chats.arm("telegram", str(guest.user), "502")
    asked = await chats.search(guest.phone)
    await answered(chats, guest.phone, asked, await chats.code(guest.phone))
    assert len(await chats.outbox(guest.phone)) == 1


async def test_a_telegram_name_is_a_name_too(chats: ChatStand, known: Iterator[Guest]) -> None:
    guest = next(known)
    asked = await chats.search(f"@{guest.username}".upper())
    await answered(chats, f"@{guest.username}", asked, await code_in(guest))
