"""Three hundred photos in ten seconds from one chat (security.md C6): few are fetched, and nobody else waits.

No rule of its own does it. Of a chat's messages 50 wait, one is in hand (`limits.inbox`), and a page is uploaded, and
so fetched from Telegram, five times in six hours (`limits.papers`), counted in the very script that posts the upload.
"""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from chat_stand import ChatStand, chat_stand
from chats import Entry
from cradle import Cradle
from figures import FULL
from guests import PATIENCE, Guest
from servers import RedisServer

PHOTOS, SECONDS = 300, 10.0
QUOTA = 5
OTHERS = 3
WITHIN = 3.0


@dataclass
class Timed(Guest):
    """`waits` are the seconds until each answer."""

    waits: list[float] = field(default_factory=list)

    async def hears(self, text: str, seconds: float = PATIENCE) -> Entry:
        begun = time.monotonic()
        entry = await super().hears(text, seconds)
        self.waits.append(time.monotonic() - begun)
        return entry


def another(image: bytes, number: int) -> bytes:
    """The same picture as a file that nobody has seen: with a comment of JPEG's."""
    comment = f"{number:06}".encode()
    return image[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2) + comment + image[2:]


async def flood(guest: Guest) -> None:
    image = await guest.shot("front")
    begun = time.monotonic()

    async def sent(number: int) -> None:
        await asyncio.sleep(number * SECONDS / PHOTOS)
        await guest.send(another(image, number))

    await asyncio.gather(*map(sent, range(PHOTOS)))
    assert time.monotonic() - begun < 2 * SECONDS, "this machine is too slow to flood anything"


async def fetched(chats: ChatStand) -> int:
    return sum("/file/bot" in call["path"] for call in await chats.calls("telegram"))


async def answered_again(guest: Guest) -> None:
    """What comes while the inbox is full is lost; who goes on asking is answered."""
    while True:
        await guest.say("?")
        with suppress(TimeoutError):
            await guest.told("error.photo_wanted", within=2)
            return


@pytest.mark.skipif(not FULL, reason="ten seconds of three hundred photos: what measures times is for make proof")
@pytest.mark.proof
async def test_of_a_flood_of_photos_few_are_fetched_and_nobody_else_waits(
    folder: Path, redis_server: RedisServer, cradle: Cradle
) -> None:
    async with chat_stand(folder, redis_server, cradle) as chats:
        (key,) = await chats.keys(1)
        flooder = chats.guest()
        others = [Timed(chats.session, chats.sandbox.url, next(chats.users)) for _ in range(OTHERS)]
        await flooder.to_photo(key)
        # Each one costs no try and asks for the next, so that nothing but the quota ends it.
        await chats.arm("humo", key, *["422"] * 60)
        flooding = asyncio.create_task(flood(flooder))
        await asyncio.gather(*(other.identify() for other in others))
        await flooding
        await flooder.told("error.too_many")
        async with asyncio.timeout(PATIENCE):
            await answered_again(flooder)
        theirs = 3 * OTHERS
        assert await chats.uploads(key) == {"front": QUOTA}
        assert await fetched(chats) == QUOTA + theirs
        longest = max(wait for other in others for wait in other.waits)
        assert longest <= (WITHIN)
