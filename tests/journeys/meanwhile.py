"""What takes long in a chat: begun with the installation, awaited by the tests that it belongs to."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from chat_stand import GIVEN_UP_AFTER, ChatStand
from guests import Guest

KNOWN = 9
ASKED = {"front": "document.ask_front", "back": "document.ask_back", "selfie": "selfie.ask"}
AFTER = {"front": "document.ask_back", "back": "selfie.ask", "selfie": "new_secret_word.ask"}
REASONS = (
    {"front": ("blurred", "glare"), "back": ("dark", "cropped"), "selfie": ("no_face", "many_faces")},
    {
        "front": ("no_document", "wrong_side"),
        "back": ("expired", "unreadable"),
        "selfie": ("face_mismatch", "not_alive"),
    },
    {
        "front": ("wrong_document", "fake"),
        "back": ("no_tax_number", "duplicate"),
        "selfie": ("failure-null", "failure-dict-unknown"),
    },
)
"""What each photo meets at Humo; the third of each page is good."""
UNKNOWN = {"failure-null": "unknown", "failure-dict-unknown": "unknown"}


@dataclass
class Meanwhile:
    known: "asyncio.Task[list[Guest]]"
    given_up: "asyncio.Task[None]"
    reasons: "asyncio.Task[None]"
    ill: "asyncio.Task[None]"

    async def end(self) -> None:
        tasks = (self.known, self.given_up, self.reasons, self.ill)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def begun(chats: ChatStand) -> Meanwhile:
    walks: list[Coroutine[Any, Any, Any]] = [
        many_known(chats),
        given_up(chats),
        each_reason(chats),
        telegram_ill(chats),
    ]
    return Meanwhile(*map(asyncio.create_task, walks))


async def many_known(chats: ChatStand) -> list[Guest]:
    """People whom the bot has identified."""
    guests = [chats.guest() for _ in range(KNOWN)]
    await asyncio.gather(*(guest.identify() for guest in guests))
    return guests


async def refused(guest: Guest, page: str, words: str) -> None:
    """Told why, and asked for the same page in the same message."""
    said = await guest.told(words)
    assert said["text"] == f"{guest.words(words)}\n\n{guest.words(ASKED[page])}"


async def given_up(chats: ChatStand) -> None:
    """Humo never comes to an end with a photo."""
    (key,) = await chats.keys(1)
    await chats.arm("humo", key, "never")
    guest = chats.guest()
    await guest.to_photo(key)
    await guest.shoot("front")
    await guest.told("upload.sent")
    await guest.told("upload.checking", seconds=5)
    await guest.say("?")
    await guest.told("error.still_checking")
    await guest.shoot("front")
    await guest.shoot("front")
    await guest.told("error.still_checking")
    await guest.told("upload.slow", seconds=20)
    await guest.told("error.check_timed_out", within=2 * GIVEN_UP_AFTER)


async def each_reason(chats: ChatStand) -> None:
    """Each page is refused twice, and then will do."""

    async def walked(key: str, reasons: dict[str, tuple[str, str]]) -> None:
        guest = chats.guest()
        await guest.to_photo(key)
        for page, outcomes in reasons.items():
            for outcome in outcomes:
                await chats.arm("humo", key, outcome)
                await guest.shoot(page)
                await refused(guest, page, f"reason.{UNKNOWN.get(outcome, outcome)}")
            await guest.shoot(page)
            await guest.told(AFTER[page])
        assert await chats.uploads(key) == Counter(front=3, back=3, selfie=3)

    keys = await chats.keys(len(REASONS))
    await asyncio.gather(*map(walked, keys, REASONS))


async def telegram_ill(chats: ChatStand) -> None:
    """It says "wait", is out of order, or takes a message and does not say so: then, and only then, it comes twice."""

    async def walked(outcomes: list[str], most: int = 1) -> None:
        guest = chats.guest()
        await chats.arm("telegram", str(guest.user), *outcomes)
        await guest.to_photo()
        said = await guest.said()
        for key in ("consent.ask", "contact.ask", "passport_kind.ask", "document.ask_front"):
            assert 1 <= said.count(guest.words(key)) <= most, (outcomes, key)

    ill = (["429"], ["429"] * 3, ["502"], ["502"] * 3, ["502", "429", "502"])
    await asyncio.gather(walked(["timeout-after"], most=2), *map(walked, ill))
