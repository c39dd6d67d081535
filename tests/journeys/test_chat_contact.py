"""Ways of passing somebody else's phone off as one's own: each is refused or passed over, and one's own then counts."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from chat_stand import ChatStand
from figures import Record
from guests import Guest

THEIRS = "+992935550123"
STRANGER = 424_242
Act = Callable[[Guest], Awaitable[object]]


def own(guest: Guest, **change: Any) -> dict[str, Any]:
    return {"phone_number": guest.phone, "user_id": guest.user, "first_name": "Сино"} | change


def message(guest: Guest, **change: Any) -> dict[str, Any]:
    """A message of the Bot API with the person's own contact in it, but for what is changed."""
    chat = {"id": guest.user, "type": "private", "first_name": "Сино"}
    sender = {"id": guest.user, "is_bot": False, "first_name": "Сино"}
    told = {"message_id": 900_000, "date": 1_760_000_000, "chat": chat, "from": sender, "contact": own(guest)}
    return told | change


def sent(**update: Callable[[Guest], dict[str, Any]]) -> Act:
    return lambda guest: guest.act(update={kind: made(guest) for kind, made in update.items()})


REFUSED: dict[str, tuple[Act, str]] = {
    "somebody else's": (
        lambda guest: guest.act(contact={"phone_number": THEIRS, "user_id": STRANGER}),
        "error.contact_refused",
    ),
    "somebody else's under one's own number": (
        lambda guest: guest.act(contact={"phone_number": guest.phone, "user_id": STRANGER}),
        "error.contact_refused",
    ),
    "without user_id": (lambda guest: guest.act(contact={"phone_number": THEIRS}), "error.contact_refused"),
    "forwarded": (lambda guest: guest.act(contact=own(guest), forward=True), "error.contact_refused"),
    "via another bot": (lambda guest: guest.act(contact=own(guest), via_bot=True), "error.contact_refused"),
    "typed": (lambda guest: guest.say(guest.phone), "error.contact_wanted"),
}
PASSED_OVER: dict[str, Act] = {
    "in a group": sent(message=lambda guest: message(guest, chat={"id": -1_001, "type": "supergroup", "title": "Мы"})),
    "in a group whose number is one's own": sent(
        message=lambda guest: message(guest, chat={"id": guest.user, "type": "group", "title": "Мы"})
    ),
    "edited": sent(edited_message=lambda guest: message(guest, edit_date=1_760_000_001)),
    "from a bot": sent(message=lambda guest: message(guest, **{"from": {**message(guest)["from"], "is_bot": True}})),
    "by somebody else": sent(
        message=lambda guest: message(guest, **{"from": {**message(guest)["from"], "id": STRANGER}})
    ),
}


@pytest.mark.proof
async def test_what_is_not_ones_own_contact_is_refused_with_one_text(chats: ChatStand, figure: Record) -> None:
    guests = {name: chats.guest() for name in REFUSED}
    await asyncio.gather(*(refused(guests[name], *REFUSED[name]) for name in REFUSED))
    shared = await chats.audited("contact_shared")
    kept = sum(entry["ok"] for guest in guests.values() for entry in shared[chats.chat_of(guest)])
    value = f"{len(REFUSED)} of {len(REFUSED)} spoofed contacts refused"
    figure("G9", value=value, met=kept == len(REFUSED), method="each in a chat of its own; one's own then counts")
    for name, guest in guests.items():
        ok = [entry["ok"] for entry in shared[chats.chat_of(guest)]]
        assert ok == ([True] if name == "typed" else [False, True]), name


async def refused(guest: Guest, act: Act, key: str) -> None:
    await guest.to_contact()
    before = await guest.said()
    await act(guest)
    await guest.told(key)
    await guest.choose("chat.share_phone")
    await guest.told("passport_kind.ask")
    fresh = (await guest.said())[len(before) :]
    assert fresh == [f"{guest.words(key)}\n\n{guest.words('contact.ask')}", guest.words("passport_kind.ask")]


@pytest.mark.proof
async def test_what_is_no_message_to_the_bot_is_passed_over(chats: ChatStand, figure: Record) -> None:
    guests = {name: chats.guest() for name in PASSED_OVER}
    await asyncio.gather(*(passed_over(guests[name], PASSED_OVER[name]) for name in PASSED_OVER))
    shared = await chats.audited("contact_shared")
    taken = {chats.chat_of(guest) for guest in guests.values()} & shared.keys()
    value = f"{len(PASSED_OVER) - len(taken)} of {len(PASSED_OVER)} contacts in no message to the bot passed over"
    figure("G9", value=value, met=not taken, method="groups, edits, bots, strangers")
    assert not taken


async def passed_over(guest: Guest, act: Act) -> None:
    await guest.to_contact()
    before = await guest.said()
    await act(guest)
    await guest.say("?")
    await guest.told("error.contact_wanted")
    assert len(await guest.said()) == len(before) + 1


async def test_a_contact_that_was_not_asked_for_is_not_remembered(chats: ChatStand) -> None:
    guest = chats.guest()
    await guest.start()
    await guest.told("consent.ask")
    await guest.act(contact=own(guest))
    await guest.told("error.consent_wanted")
    await guest.choose("choice.agree")
    await guest.told("contact.ask")
    assert chats.chat_of(guest) not in await chats.audited("contact_shared")
