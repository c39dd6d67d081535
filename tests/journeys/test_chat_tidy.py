"""What may not stay: secret words go out of the chat at once, photos in the end, and nothing of a person is logged."""

import json
from collections.abc import Iterator

from chat_stand import ChatStand
from chats import Entry
from guests import WORD, Guest

from flows.settings import SANDBOX_SECRETS


def photos(chat: list[Entry]) -> int:
    return sum("photo" in entry or "document" in entry for entry in chat)


def no_word(chat: list[Entry]) -> bool:
    return not any(WORD in entry["text"] for entry in chat)


async def test_words_go_at_once_and_photos_in_the_end(chats: ChatStand) -> None:
    (person,) = await chats.linked(1)
    guest, key = chats.guest(), person["documents"]["presign_key"]
    await guest.to_word(key)
    await guest.say(WORD)
    await guest.told("new_secret_word.again")
    assert photos(await guest.becomes(no_word, "a chat without the word")) == 3
    await guest.say(WORD)
    await guest.told("done.identify")
    await guest.becomes(lambda chat: no_word(chat) and not photos(chat), "a chat without word and photos")
    personal = (guest.phone[1:], WORD, key, person["last_name"], person["documents"]["id_card"], person["tax_number"])
    for process in (*chats.bots, *chats.api):
        log = process.log.read_text(encoding="utf-8")
        spelled = {spelling for told in (*personal, *SANDBOX_SECRETS.values()) for spelling in (told, json.dumps(told))}
        assert [told for told in spelled if told.strip('"') in log] == []


async def test_whatever_the_bot_says_cannot_be_passed_on(known: Iterator[Guest]) -> None:
    guest = next(known)
    for command in ("/help", "/language", "/start", "/cancel"):
        await guest.say(command)
    await guest.told("error.cancelled")
    said = [entry for entry in await guest.whole() if entry["from"] == "bot" and not entry.get("deleted")]
    assert len(said) > 8
    assert all(entry["has_protected_content"] for entry in said)
