"""Forged button data and hostile deep links: nothing moves, the question that stands still stands, each is answered."""

import asyncio
import base64
import secrets
from itertools import count
from typing import Any

import pytest
from chat_stand import ChatStand
from figures import Record
from guests import Guest

_QUERIES = count(1)
KEY = "7f0f3b52-93b4-4e5b-8a53-0c5d2a1f9e11"
"""A presign key that nobody has."""
OPENED = (
    "' OR 1=1; DROP TABLE clients;--",
    "../../../../etc/passwd",
    "<script>alert(1)</script>",
    base64.urlsafe_b64encode(secrets.token_bytes(48)).decode(),
    "{0.__class__}",
    KEY.upper(),
    KEY.replace("-", ""),
    f"{KEY}\u200b",
    "ключ",
)


def press(guest: Guest, data: str | None, **change: Any) -> dict[str, Any]:
    """A callback query of the Bot API as a program of the person's own would send it."""
    sender = {"id": guest.user, "is_bot": False, "first_name": "Сино"}
    chat = {"id": guest.user, "type": "private", "first_name": "Сино"}
    message = {"message_id": 1, "date": 1_760_000_000, "chat": chat, "text": "?"}
    told = {"id": str(next(_QUERIES)), "from": sender, "message": message, "chat_instance": "1"}
    return told | ({} if data is None else {"data": data}) | change


def button(entry: dict[str, Any], row: int) -> str:
    data: str = entry["buttons"][row][0]["callback_data"]
    return data


@pytest.mark.proof
async def test_forged_data_moves_nothing(chats: ChatStand, figure: Record) -> None:
    guest, other = chats.guest(), chats.guest()
    await guest.start()
    old = button(await guest.told("consent.ask"), 0)
    await guest.choose("choice.agree")
    await guest.told("contact.ask")
    await guest.choose("chat.share_phone")
    await other.to_kind()
    asked, theirs = await kind_of(guest), await kind_of(other)
    step = button(asked, 0).partition(".")[0]
    before = await guest.said()
    forged = (
        old,
        button(theirs, 0),
        f"{step}.3",
        f"{step}.99",
        f"{step}.-1",
        f"{step}.٠",
        f"{step}.",
        step,
        f"{step}.0\n",
        secrets.token_urlsafe(16) + ".0",
        "x" * 64,
        "🙂" * 16,
        "language.xx",
        "\x00",
        "",
        None,
    )
    for data in forged:
        await guest.act(update={"callback_query": press(guest, data)})
    await guest.act(update={"callback_query": press(guest, f"{step}.0", message=None)})
    await guest.choose("choice.no_tax_number_unticked")
    ticked = guest.words("choice.no_tax_number_ticked")
    await guest.becomes(lambda chat: any(ticked in str(entry["buttons"]) for entry in chat), "a ticked box")
    moved = await guest.said() != before
    value = f"{len(forged) + 1} tampered buttons {'moved something' if moved else 'moved nothing'}"
    figure("G9", value=value, met=not moved, method="old, foreign, invented and broken data in one chat")
    assert not moved
    await guest.choose("choice.passport_new")
    await guest.told("tax_number.ask")
    await other.choose("choice.passport_new")
    await other.told("document.ask_front")


async def kind_of(guest: Guest) -> dict[str, Any]:
    chat = await guest.becomes(
        lambda chat: guest.words("passport_kind.ask") in [entry["text"] for entry in chat], "the kind of passport"
    )
    return next(entry for entry in reversed(chat) if entry["buttons"])


async def test_a_button_that_was_pressed_already_does_not_answer_the_next_question(chats: ChatStand) -> None:
    guest = chats.guest()
    await guest.start()
    asked = await guest.told("consent.ask")
    await asyncio.gather(
        *(guest.act(update={"callback_query": press(guest, button(asked, row))}) for row in (0, 1, 0, 1, 1, 0))
    )
    await guest.told("contact.ask")
    await guest.choose("chat.share_phone")
    await guest.told("passport_kind.ask")


async def test_a_deep_link_that_is_no_key_opens_the_banks_own(chats: ChatStand) -> None:
    async def opened(payload: str) -> None:
        guest = chats.guest()
        await guest.to_contact(payload)

    await asyncio.gather(*(opened(payload) for payload in OPENED))


async def test_a_key_that_nobody_has_is_refused_and_the_next_start_works(chats: ChatStand) -> None:
    guest = chats.guest()
    await guest.start(KEY)
    await guest.told("error.link_refused")
    await guest.to_contact()


async def test_an_expired_key_and_one_that_opens_another_are_refused(chats: ChatStand) -> None:
    (key,) = await chats.keys(1)
    guest = chats.guest()
    for outcome in ("presign-401", "presign-403", "presign-404", "presign-410"):
        await chats.arm("humo", key, outcome)
        await guest.start(key)
        await guest.told("error.link_refused")
    await chats.arm("humo", key, "other-key")
    await guest.start(key)
    await guest.told("error.upstream")
    await guest.choose("choice.again")
    await guest.told("consent.ask")


async def test_a_key_belongs_to_the_first_chat_that_comes_with_it(chats: ChatStand) -> None:
    (key,) = await chats.keys(1)
    guest, thief = chats.guest(), chats.guest()
    await guest.to_contact(key)
    await thief.start(key)
    await thief.told("error.link_refused")
    await guest.to_contact(key)
