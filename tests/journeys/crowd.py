"""Many people at once who do what the bot asks for, whatever happens to the bot; and what became of them."""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from chat_stand import ChatStand
from chats import Entry
from guests import Guest

WORD = "гранатовый сад"
ANSWERS = {
    "new_secret_word.again": ("say", WORD),
    "new_secret_word.ask": ("say", WORD),
    "consent.ask": ("press", "choice.agree"),
    "contact.ask": ("press", "chat.share_phone"),
    "passport_kind.ask": ("press", "choice.passport_new"),
    "document.ask_front": ("shoot", "front"),
    "document.ask_back": ("shoot", "back"),
    "selfie.ask": ("shoot", "selfie"),
}
CHECKED = ("document.ask_back", "selfie.ask", "new_secret_word.ask")
"""Questions that come after Humo has looked at a photo."""


@dataclass
class Member:
    """`photos` are taken before anybody comes. `waits`: seconds from when Telegram had what the person sent until the
    bot's next message, by the text's key. `shots`: when each photo was sent, and when it was answered, 0 if never.
    """

    guest: Guest
    think: float
    done: bool = False
    photos: dict[str, bytes] = field(default_factory=dict)
    waits: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    shots: list[tuple[float, float]] = field(default_factory=list)

    async def live(self, seconds: float) -> None:
        await asyncio.sleep(random.random() * 2 * self.think)
        end = time.monotonic() + seconds
        await self.guest.start()
        acted = time.monotonic()
        seen: set[int] = set()
        last = ""
        while time.monotonic() < end:
            for entry in await self.guest.read(5):
                text = entry.get("text", "")
                fresh = entry["from"] == "bot" and text and not entry.get("deleted") and entry["id"] not in seen
                if not fresh or text == last:
                    continue
                seen.add(entry["id"])
                last = text
                key = self._key(text)
                self.waits[key].append(time.monotonic() - acted)
                if key in ANSWERS and self.shots and not self.shots[-1][1]:
                    self.shots[-1] = (acted, time.monotonic())
                if key == "done.identify":
                    self.done = True
                    return
                if key in ANSWERS:
                    how, what = ANSWERS[key]
                    photo = await self._photo(what) if how == "shoot" else b""
                    await asyncio.sleep(random.random() * 2 * self.think)
                    await self._do(how, what, photo)
                    acted = time.monotonic()
                    if photo:
                        self.shots.append((acted, 0.0))

    def last(self) -> tuple[int, list[str]]:
        """Where somebody is stuck."""
        told = [entry.get("text", "")[:40] for entry in self.guest.seen if entry["from"] == "bot"]
        return self.guest.user, told[-5:]

    async def _photo(self, page: str) -> bytes:
        """Asked for again, another one: whoever is sent the same twice has been given it twice by us."""
        return self.photos.pop(page, b"") or await self.guest.shot(page)

    async def _do(self, how: str, what: str, photo: bytes) -> None:
        if how == "say":
            await self.guest.say(what)
        elif how == "shoot":
            await self.guest.send(photo)
        else:
            try:
                await self.guest.choose(what)
            except AssertionError:
                return  # the button is gone: the bot has heard us and asks the next thing

    def _key(self, text: str) -> str:
        known = ("done.identify", *ANSWERS, "upload.sent")
        return next((key for key in known if self.guest.words(key) in text), "else")


def repeats(entries: Sequence[Entry]) -> int:
    """How often the bot has sent the very message again that it had sent before."""
    found, last, seen = 0, "", set[int]()
    for entry in entries:
        if entry["from"] == "user":
            last = last if entry.get("deleted") else ""
        elif entry.get("text") and not entry.get("deleted") and entry["id"] not in seen:
            seen.add(entry["id"])
            found += entry["text"] == last
            last = entry["text"]
    return found


def of_five_megabytes(jpeg: bytes) -> bytes:
    """As a good camera makes them: the same picture with 80 comments of 64 KiB in front of it."""
    comment = b"\xff\xfe\xff\xff" + b"\0" * 65_533
    return jpeg[:2] + 80 * comment + jpeg[2:]


async def crowd(chats: ChatStand, size: int, *, think: float, seconds: float) -> list[Member]:
    """So many identifications at once, to their end or until the seconds are over."""
    members = [Member(chats.guest(language="ru"), think) for _ in range(size)]
    for number, member in enumerate(members):
        shots = {page: await member.guest.shot(page) for page in ("front", "back", "selfie")}
        member.photos = shots if number % 5 else {page: of_five_megabytes(shot) for page, shot in shots.items()}
    await asyncio.gather(*(member.live(seconds) for member in members))
    for member in members:
        await member.guest.read()
    return members


async def doubled(chats: ChatStand) -> int:
    """How many photos Humo was given more than once: documents by their content, selfies by their token's length."""
    made = await chats.calls("humo")
    files = [file["sha256"] for call in made if call["method"] == "POST" for file in call["files"]]
    return len(files) - len(set(files))
