"""A photo that Humo does not accept, and a Humo that is ill: that page alone is asked for again, in plain words."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from chat_stand import GIVEN_UP_AFTER, HELP, ChatStand
from guests import Guest

ASKED = {"front": "document.ask_front", "back": "document.ask_back", "selfie": "selfie.ask"}
AFTER = {"front": "document.ask_back", "back": "selfie.ask", "selfie": "new_secret_word.ask"}
REFUSALS = (
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
TROUBLES = {
    "500 for long": (["500"] * 3, "error.upstream", 4),
    "500, then 502": (["500", "html-502"], "", 3),
    "upload-reset": (["upload-reset"], "error.interrupted", 2),
    "401": (["401"], "", 2),
    "422": (["422"], "error.upstream", 2),
    "413": (["413"], "image.too_large", 2),
    "unknown-task": (["unknown-task"], "error.upstream", 2),
}
"""What the first photo meets, what the person is told before they send another, and the uploads in the end."""


@pytest.fixture(scope="module", autouse=True)
async def patience(chats: ChatStand) -> AsyncIterator["asyncio.Task[None]"]:
    """It takes half a minute, and the other tests go on meanwhile."""
    waiting = asyncio.create_task(given_up(chats))
    yield waiting
    waiting.cancel()


async def given_up(chats: ChatStand) -> None:
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
    await guest.told("upload.slow", 40, seconds=20)
    await guest.told("error.check_timed_out", GIVEN_UP_AFTER)


async def refused(guest: Guest, page: str, words: str) -> None:
    """Told why, and asked for the same page in the same message."""
    said = await guest.told(words)
    assert said["text"] == f"{guest.words(words)}\n\n{guest.words(ASKED[page])}"


async def test_each_reason_is_told_and_that_page_asked_for_again(chats: ChatStand) -> None:
    async def walked(key: str, refusals: dict[str, tuple[str, str]]) -> None:
        guest = chats.guest()
        await guest.to_photo(key)
        for page, outcomes in refusals.items():
            for outcome in outcomes:
                await chats.arm("humo", key, outcome)
                await guest.shoot(page)
                await refused(guest, page, f"reason.{UNKNOWN.get(outcome, outcome)}")
            await guest.shoot(page)
            await guest.told(AFTER[page])
        assert await chats.uploads(key) == Counter(front=3, back=3, selfie=3)

    keys = await chats.keys(len(REFUSALS))
    await asyncio.gather(*map(walked, keys, REFUSALS))


async def test_the_third_refusal_ends_with_the_way_to_a_person(chats: ChatStand) -> None:
    (key,) = await chats.keys(1)
    guest = chats.guest()
    await guest.to_photo(key)
    await chats.arm("humo", key, "failure-text", "dark", "glare")
    blurred = await guest.shot("front")
    await guest.send(blurred)
    await refused(guest, "front", "reason.blurred")
    await guest.send(blurred)
    await refused(guest, "front", "error.same_photo")
    assert await chats.uploads(key) == Counter(front=1)
    await guest.shoot("front")
    await refused(guest, "front", "reason.dark")
    await guest.send(blurred)
    await refused(guest, "front", "error.same_photo")
    await guest.shoot("front")
    end = await guest.told("error.papers_spent")
    assert end["text"] == "\n\n".join((guest.words("error.papers_spent"), HELP, guest.words("chat.begin_again")))
    assert await chats.uploads(key) == Counter(front=3)


async def test_what_is_not_the_photos_fault_costs_no_try(chats: ChatStand) -> None:
    async def walked(key: str, outcomes: list[str], told: str, uploads: int) -> None:
        guest = chats.guest()
        await guest.to_photo(key)
        await chats.arm("humo", key, *outcomes)
        await guest.shoot("front")
        if told:
            await refused(guest, "front", told)
            await guest.shoot("front")
        await guest.told("document.ask_back")
        assert await chats.uploads(key) == Counter(front=uploads), outcomes

    keys = await chats.keys(len(TROUBLES))
    await asyncio.gather(*(walked(key, *trouble) for key, trouble in zip(keys, TROUBLES.values(), strict=True)))


async def test_a_page_is_uploaded_five_times_and_then_there_is_a_wait(chats: ChatStand) -> None:
    (key,) = await chats.keys(1)
    guest = chats.guest()
    await guest.to_photo(key)
    await chats.arm("humo", key, *["upload-reset"] * 5)
    for _ in range(5):
        await guest.shoot("front")
        await refused(guest, "front", "error.interrupted")
    await guest.shoot("front")
    await refused(guest, "front", "error.too_many")
    await guest.to_photo(key)
    await guest.shoot("front")
    await refused(guest, "front", "error.too_many")
    assert await chats.uploads(key) == Counter(front=5)


async def test_a_check_without_end_is_given_up(patience: "asyncio.Task[None]") -> None:
    await patience
