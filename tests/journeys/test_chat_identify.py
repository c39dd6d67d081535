"""Whole identifications through the real bot; then a chat server asks for the same person over the Search API."""

import asyncio
import re
from dataclasses import dataclass
from typing import Any, Literal

from chat_stand import ChatStand
from chats import Entry
from guests import Guest

WORD = "тирамоҳи зард"
PAGES = ("front", "back", "selfie")


@dataclass(frozen=True)
class Way:
    """`user` 4, 9, 14 and 19 have a card without a tax number; `chosen` is a language pressed, "" for none."""

    user: int
    speaks: str
    chosen: str = ""
    passport: Literal["new", "old"] = "new"
    how: Literal["photo", "document"] = "document"
    album: bool = False
    typed: bool = False


WAYS = (
    Way(4, "ru", typed=True, how="photo"),
    Way(9, "en", chosen="tg", typed=True, passport="old"),
    Way(3, "en-GB", album=True, how="photo"),
    Way(14, "kk", passport="old", how="photo"),
    Way(6, "tg", album=True, passport="old"),
    Way(7, "ru", chosen="kk"),
    Way(8, "de", album=True),
)


async def test_each_way_ends_identified_and_the_search_api_knows_the_person(chats: ChatStand) -> None:
    cast = await chats.cast()
    cards = await asyncio.gather(*(identified(chats, way, cast[way.user]) for way in WAYS))
    for way, card in zip(WAYS, cards, strict=True):
        person = cast[way.user]
        assert told(card) == expected(person, way), way
        methods = {method["name"] for method in card["identification"]["methods"]}
        assert methods == {"consent", "contact", "document", "selfie", "code", "secret_word"}
        assert card["identification"]["level"] == "high"


async def identified(chats: ChatStand, way: Way, person: dict[str, Any]) -> dict[str, Any]:
    guest = chats.guest(way.user, way.speaks)
    await through_the_chat(guest, way, person)
    phone = person["phone"]
    asked = await chats.search(phone)
    assert asked.status == 200, asked.body
    assert phone not in asked.body["answerText"]
    sent = await guest.until(lambda entry: bool(re.match("[0-9]{6} ", entry["text"])), what="a code")
    word = await chats.search(phone, asked.step, sent["text"][:6])
    assert word.status == 200, word.body
    done = await chats.search(phone, word.step, WORD.upper())
    assert {message["gateway"] for message in await chats.outbox(phone)} == {"telegram"}
    card: dict[str, Any] = (await chats.card(done.token)).body
    return card


async def through_the_chat(guest: Guest, way: Way, person: dict[str, Any]) -> None:
    if way.chosen:
        await begun_in(guest, way.chosen)
    else:
        await guest.start()
    await guest.told("consent.ask")
    await guest.choose("choice.agree")
    await guest.told("contact.ask")
    await guest.choose("chat.share_phone")
    await guest.told("passport_kind.ask")
    if way.typed:
        await ticked(guest)
    await guest.choose(f"choice.passport_{way.passport}")
    if way.typed:
        await guest.told("tax_number.ask")
        await guest.say(f" {person['tax_number'][:3]} {person['tax_number'][3:]} ")
    await guest.told("document.ask_front")
    await photographed(guest, way)
    await guest.told("new_secret_word.ask")
    await guest.choose_word(WORD)
    await guest.told("done.identify")
    await guest.becomes(nothing_personal_is_left, "a chat without photos and words")


async def begun_in(guest: Guest, language: str) -> None:
    """The first thing that this person says to the bot is which language they want."""
    await guest.act(user={"language_code": guest.language}, text="/language")
    await guest.told("chat.which_language")
    guest.language = language
    await guest.choose("chat.language_name")


async def ticked(guest: Guest) -> None:
    """Buttons change in the message that is there."""
    asked = next(entry for entry in reversed(guest.seen) if guest.words("passport_kind.ask") in entry["text"])
    await guest.choose("choice.no_tax_number_unticked")
    wanted = guest.words("choice.no_tax_number_ticked")
    found = await guest.until(lambda entry: any(wanted == row[0]["text"] for row in entry["buttons"]), what=wanted)
    assert found["id"] == asked["id"]


async def photographed(guest: Guest, way: Way) -> None:
    old = "old_" if way.passport == "old" else ""
    front, back, selfie = [await guest.shot(page if page == "selfie" else old + page) for page in PAGES]
    if way.album:
        await guest.send(front, back, how=way.how)
    else:
        await guest.send(front, how=way.how)
        await guest.told("document.ask_back")
        await guest.send(back, how=way.how)
    await guest.told("selfie.ask")
    await guest.send(selfie, how=way.how)


def nothing_personal_is_left(chat: list[Entry]) -> bool:
    return not any(WORD in entry["text"] or "photo" in entry or "document" in entry for entry in chat)


def told(card: dict[str, Any]) -> dict[str, Any]:
    names = ("firstName", "lastName", "middleName", "birthDate", "phone", "inn", "telegram", "crmId")
    return {name: card[name] for name in names} | {field["name"]: field["value"] for field in card["fields"]}


def expected(person: dict[str, Any], way: Way) -> dict[str, Any]:
    papers = person["documents"]
    return {
        "firstName": person["first_name"],
        "lastName": person["last_name"],
        "middleName": person["middle_name"],
        "birthDate": person["birth_date"],
        "phone": person["phone"],
        "inn": person["tax_number"] if way.typed or papers["card_tax_number"] else None,
        "telegram": f"@{person['telegram']}" if person["telegram"] else None,
        "crmId": None,
        "documentType": f"ID_{way.passport.upper()}",
        "documentNumber": "*" + papers["id_old" if way.passport == "old" else "id_card"][-4:],
        "documentIssued": papers["issued"],
        "documentExpires": papers["expires"],
        "documentAuthority": papers["authority"],
        "gender": papers["gender"],
        "address": papers["address"],
    }
