"""What Telegram may send besides: other kinds of updates, broken ones, twice, in the wrong order; its own troubles."""

import asyncio
from collections import Counter
from typing import Any

from chat_stand import ChatStand
from guests import Guest
from meanwhile import Meanwhile


def person(guest: Guest) -> dict[str, Any]:
    return {"id": guest.user, "is_bot": False, "first_name": "Сино"}


def message(guest: Guest, **change: Any) -> dict[str, Any]:
    told = {"message_id": 900_001, "date": 1_760_000_000, "chat": {"id": guest.user, "type": "private"}}
    return told | {"from": person(guest), "text": "/start"} | change


def others(guest: Guest) -> list[dict[str, Any]]:
    """Updates that are not for the bot, and such as Telegram does not send."""
    channel = {"id": -1_000_000_000_001, "type": "channel", "title": "Новости"}
    return [
        {"channel_post": message(guest, chat=channel)},
        {"edited_message": message(guest, edit_date=1_760_000_001)},
        {"business_message": message(guest)},
        {"inline_query": {"id": "1", "from": person(guest), "query": "/start", "offset": ""}},
        {"poll_answer": {"poll_id": "1", "user": person(guest), "option_ids": [0]}},
        {"message": message(guest, sender_chat=channel, chat=channel)},
        {"of_next_year": {"from": person(guest)}},
        {"message": message(guest, **{"from": None})},
        {"message": message(guest, date="yesterday")},
        {"message": {"from": person(guest)}},
        {"message": "/start"},
        {"message": [message(guest)]},
        {"message": None},
        {"message": message(guest, text={"a": 1})},
        {"message": message(guest, chat={"id": "1", "type": "private"})},
        {"callback_query": {"id": "1", "from": person(guest), "data": "a"}},
        {"callback_query": {"from": person(guest), "message": message(guest)}},
        {},
    ]


async def test_what_is_not_for_the_bot_is_passed_over(chats: ChatStand) -> None:
    guest = chats.guest()
    await guest.to_contact()
    before = await guest.said()
    for update in others(guest):
        await guest.act(update=update)
    await guest.choose("chat.share_phone")
    await guest.told("passport_kind.ask")
    assert await guest.said() == [*before, guest.words("passport_kind.ask")]


async def test_an_update_that_is_told_twice_has_one_effect(chats: ChatStand) -> None:
    (key,) = await chats.keys(1)
    guest = chats.guest()
    await chats.arm("telegram", str(guest.user), *["duplicate-update"] * 5)
    await guest.to_photo(key)
    await guest.shoot("front")
    await guest.told("document.ask_back")
    said = await guest.said()
    for question in ("consent.ask", "contact.ask", "passport_kind.ask", "document.ask_front", "document.ask_back"):
        assert said.count(guest.words(question)) == 1, question
    assert await chats.uploads(key) == Counter(front=1)


async def test_updates_in_the_wrong_order_are_both_answered(chats: ChatStand) -> None:
    guest = chats.guest()
    await guest.to_contact()
    await chats.arm("telegram", str(guest.user), "reordered")
    await guest.say("?")
    await guest.choose("chat.share_phone")
    answers = [guest.words("passport_kind.ask"), guest.words("error.kind_wanted")]  # in one message, or in two
    await guest.becomes(
        lambda chat: all(any(answer in entry.get("text", "") for entry in chat) for answer in answers), "both answers"
    )
    await guest.choose("choice.passport_new")
    await guest.told("document.ask_front")


async def test_every_message_comes_once_though_telegram_says_wait_or_is_ill(meanwhile: Meanwhile) -> None:
    await meanwhile.ill


async def test_the_bot_outlives_answers_that_are_none(chats: ChatStand) -> None:
    """A proxy's error page, bytes that are no JSON, a connection that breaks: whatever it was an answer to."""
    guests = [chats.guest() for _ in range(3)]
    for kind in ("500", "garbage", "reset"):
        await chats.fault("telegram", kind, times=3)
        await asyncio.gather(*(guest.start() for guest in guests))
        await asyncio.gather(*(guest.told("consent.ask", 30) for guest in guests))


async def test_a_person_who_has_blocked_the_bot_does_not_hinder_others(chats: ChatStand) -> None:
    gone, guest = chats.guest(), chats.guest()
    await asyncio.gather(gone.to_photo(), guest.to_photo())
    await gone.shoot("front")
    await gone.act(block=True)
    await guest.shoot("front")
    await guest.told("document.ask_back")
    await gone.act(block=False)
    await gone.say("?")
    await gone.told("document.ask_back")


async def test_what_could_not_be_taken_out_of_the_chat_is_tried_again(chats: ChatStand) -> None:
    """Telegram falls ill in the middle of twenty deletions."""
    guest = chats.guest()
    await guest.start()
    await guest.told("consent.ask")
    await guest.send(*(b"nobody has asked for photo %d" % number for number in range(20)))
    await guest.say("/cancel")
    await guest.told("error.cancelled")
    await chats.fault("telegram", "500", times=3)
    await guest.becomes(lambda chat: not any("document" in entry for entry in chat), "a chat without photos")
    assert len([text for text in await guest.said() if guest.words("error.cancelled") in text]) == 1
