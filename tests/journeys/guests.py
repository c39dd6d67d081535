"""Somebody who comes to the bot to be identified, and what they do question after question."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from chats import Entry, Person

from flows.texts import LANGUAGES, Text, render

WORD = "зимний сад"
PATIENCE = 40.0
"""Seconds that an answer may take on a machine that others use too."""
_SHOTS = count(1)


@dataclass
class Guest(Person):
    """`language` is what their Telegram speaks, `spoken` what the bot answers in then."""

    language: str = "en"

    @property
    def spoken(self) -> str:
        short = self.language.partition("-")[0]
        return short if short in LANGUAGES else "ru"

    @property
    def phone(self) -> str:
        """Of everybody but the cast."""
        return f"+99291{self.user % 10**7:07}"

    @property
    def username(self) -> str:
        """Of those who have identified the short way."""
        return f"guest_{self.user}"

    def words(self, key: str, **params: str | int) -> str:
        return render(Text(key=key, params=params), self.spoken)

    async def told(self, key: str, within: float = PATIENCE, **params: str | int) -> Entry:
        """The next message of the bot with that text of `flows/texts`."""
        return await self.hears(self.words(key, **params), within)

    async def choose(self, key: str) -> None:
        await self.press(self.words(key))

    async def start(self, payload: str = "") -> None:
        await self.act(user={"language_code": self.language}, text=f"/start {payload}".strip())

    async def to_contact(self, payload: str = "") -> None:
        await self.start(payload)
        await self.told("consent.ask")
        await self.choose("choice.agree")
        await self.told("contact.ask")

    async def to_kind(self, payload: str = "") -> None:
        await self.to_contact(payload)
        await self.choose("chat.share_phone")
        await self.told("passport_kind.ask")

    async def to_photo(self, payload: str = "") -> None:
        await self.to_kind(payload)
        await self.choose("choice.passport_new")
        await self.told("document.ask_front")

    async def shot(self, page: str) -> bytes:
        """A photo of a paper, or of a face, that nobody has taken before."""
        return await self.paper("C-000001", page, next(_SHOTS))

    async def shoot(self, page: str, how: str = "document") -> None:
        await self.send(await self.shot(page), how=how)

    async def to_liveness(self, payload: str = "") -> Entry:
        """To the question with the page's buttons."""
        await self.to_photo(payload)
        for page, asked in (("front", "document.ask_back"), ("back", "selfie.ask"), ("selfie", "liveness.ask")):
            await self.shoot(page)
            entry = await self.told(asked)
        return entry

    async def to_word(self, payload: str = "") -> None:
        await self.to_photo(payload)
        await self.shoot("front")
        await self.told("document.ask_back")
        await self.shoot("back")
        await self.told("selfie.ask")
        await self.shoot("selfie")
        await self.told("new_secret_word.ask")

    async def identify(self, payload: str = "") -> None:
        """All of it, the short way, with `WORD`."""
        await self.act(user={"username": self.username})
        await self.to_word(payload)
        await self.choose_word(WORD)
        await self.told("done.identify")

    async def choose_word(self, word: str) -> None:
        await self.say(word)
        await self.told("new_secret_word.again")
        await self.say(word)

    async def whole(self) -> list[Entry]:
        """The chat as it stands, in the order in which it was written."""
        async with self.session.get(self.url) as response:
            chat: list[Entry] = await response.json()
            return sorted(chat, key=lambda entry: int(entry["id"]))

    async def said(self) -> list[str]:
        """What the bot has said and not taken back."""
        return [entry["text"] for entry in await self.whole() if entry["from"] == "bot" and not entry.get("deleted")]

    async def becomes(self, true: Callable[[list[Entry]], bool], what: str, seconds: float = PATIENCE) -> list[Entry]:
        """Waits until the chat as a whole is so."""
        end = asyncio.get_running_loop().time() + seconds
        while not true(chat := await self.whole()):
            if asyncio.get_running_loop().time() > end:
                raise TimeoutError(f"user {self.user} waits for {what}")
            newest = max((int(entry["n"]) for entry in chat), default=0)
            async with self.session.get(self.url, params={"after": newest, "wait": 1}) as response:
                assert response.status == 200
        return chat
