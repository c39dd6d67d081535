"""Commands in the middle of it, and who comes back: greeted, changes the word, is forgotten."""

import asyncio
from collections.abc import Iterator

from chat_stand import ChatStand
from guests import WORD, Guest

from flows.identifiers import Identifier
from flows.settings import load
from flows.wiring import open_archive

NEW, WRONG = "летний сад", "не тот сад"


async def test_start_in_the_middle_begins_anew_and_nothing_of_before_is_left(chats: ChatStand) -> None:
    guest = chats.guest()
    await guest.to_photo()
    await chats.arm("humo", guest.phone, "pending")
    await guest.shoot("front")
    await guest.told("upload.sent")
    await guest.to_photo()
    await guest.shoot("front")
    await guest.told("document.ask_back")
    assert (await guest.said()).count(guest.words("document.ask_back")) == 1


async def test_help_leaves_the_question_as_it_stands(chats: ChatStand) -> None:
    guest = chats.guest()
    await guest.to_kind()
    before = await guest.said()
    await guest.say("/help")
    await guest.told("chat.help")
    await guest.choose("choice.passport_new")
    await guest.told("document.ask_front")
    assert (await guest.said())[len(before) :] == [guest.words("chat.help"), guest.words("document.ask_front")]


async def test_cancel_ends_it_and_whatever_comes_next_begins_anew(chats: ChatStand) -> None:
    guest = chats.guest()
    await guest.to_photo()
    await guest.shoot("front")
    await guest.told("document.ask_back")
    await guest.say("/cancel")
    end = await guest.told("error.cancelled")
    assert guest.words("chat.begin_again") in end["text"]
    await guest.becomes(lambda chat: not any("document" in entry for entry in chat), "a chat without photos")
    await guest.say("ҳозир")
    await guest.told("consent.ask")


async def test_a_language_is_changed_in_place_and_kept_for_the_next_time(chats: ChatStand) -> None:
    guest = chats.guest()
    await guest.to_kind()
    asked = next(entry for entry in reversed(await guest.whole()) if entry["buttons"])
    await guest.say("/language")
    await guest.told("chat.which_language")
    await guest.press("Қазақша")
    guest.language = "kk"
    changed = await guest.told("passport_kind.ask")
    assert changed["id"] == asked["id"]
    await guest.choose("choice.passport_old")
    await guest.told("document.ask_front")
    await guest.say("/cancel")
    await guest.told("error.cancelled")
    guest.language = "en"
    await guest.act(user={"language_code": "en"})
    guest.language = "kk"
    await guest.say("/start")
    await guest.told("consent.ask")
    await guest.say("/help")
    await guest.told("chat.help")


async def test_commands_come_in_the_persons_language(chats: ChatStand) -> None:
    await asyncio.gather(
        *(helped(chats.guest(language=language)) for language in ("ru", "tg", "en-US", "kk", "uz", ""))
    )


async def helped(guest: Guest) -> None:
    await guest.act(user={"language_code": guest.language}, text="/help")
    await guest.told("chat.help")


async def test_who_is_known_is_greeted_with_three_choices(known: Iterator[Guest]) -> None:
    guest = next(known)
    await guest.start()
    asked = await guest.told("welcome.again")
    choices = [row[0]["text"] for row in asked["buttons"]]
    assert choices == [guest.words(f"choice.{choice}") for choice in ("identify", "word", "erase")]
    await guest.say("word")
    await guest.told("error.choice_wanted")
    await guest.choose("choice.identify")
    await guest.told("consent.ask")


async def test_the_word_is_changed_by_who_knows_the_old_one(chats: ChatStand, known: Iterator[Guest]) -> None:
    guest = next(known)
    await guest.start()
    await guest.told("welcome.again")
    await guest.choose("choice.word")
    await guest.told("secret_word.ask")
    await guest.say(WRONG)
    await guest.told("error.wrong_word")
    await guest.say(WORD.upper())
    await guest.told("new_secret_word.ask")
    for weak in ("1234567", "ааааааа", "сад", "пароль"):
        await guest.say(weak)
        await guest.told("error.word_weak", shortest=5)
    await guest.say(NEW)
    await guest.told("new_secret_word.again")
    await guest.say(WRONG)
    await guest.told("error.words_differ")
    await guest.choose_word(NEW)
    await guest.told("done.word")
    asked = await chats.search(guest.phone)
    word = await chats.search(guest.phone, asked.step, await chats.code(guest.phone))
    assert (await chats.search(guest.phone, word.step, WORD)).code == "1002"
    assert (await chats.search(guest.phone, word.step, NEW)).status == 200


async def test_three_wrong_words_end_it(known: Iterator[Guest]) -> None:
    guest = next(known)
    await guest.start()
    await guest.told("welcome.again")
    await guest.choose("choice.word")
    for number in range(3):
        await guest.told("secret_word.ask")
        await guest.say(f"{WRONG} {number}")
    await guest.told("error.attempts_spent")
    await guest.becomes(lambda chat: not any(WRONG in entry["text"] for entry in chat), "a chat without words")


async def test_who_is_forgotten_is_nobody_any_more(chats: ChatStand, known: Iterator[Guest]) -> None:
    guest = next(known)
    await guest.say("/delete")
    await guest.told("erase.ask")
    await guest.say("да")
    await guest.told("error.erase_unclear")
    await guest.choose("choice.keep")
    await guest.told("error.cancelled")
    assert (await chats.search(guest.phone)).status == 200
    await guest.say("/delete")
    await guest.told("erase.ask")
    await guest.choose("choice.erase_all")
    await guest.told("done.erase")
    gone = await chats.search(guest.phone)
    assert (gone.status, gone.code) == (404, "1001")
    async with open_archive(load(chats.config, chats.environ)) as records:
        for kind, value in (("phone", guest.phone), ("telegram_id", str(guest.user))):
            assert await records.find((Identifier(kind=kind, value=value),)) is None
    await guest.say("/delete")
    await guest.told("error.nothing_known")
    await guest.start()
    await guest.told("consent.ask")
