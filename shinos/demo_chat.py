"""The first half of the demo: a person of the sandbox identifies in the Telegram chat, with drawn papers, aloud."""

import asyncio
import secrets
from collections.abc import Callable
from typing import Any

import aiohttp

from flows.texts import Text, render
from shinos.options import NothingAnswers

WAIT_SECONDS = 40.0
LIVENESS = "[liveness]"
Say = Callable[[str, str], None]
Entry = dict[str, Any]


class Chat:
    """One chat of somebody new to Telegram, who has that person's phone and papers. `word` is what they choose."""

    def __init__(self, session: aiohttp.ClientSession, sandbox: str, person: Entry, say: Say) -> None:
        self._session = session
        self._sandbox = sandbox
        self._person = person
        self._say = say
        self._url = f"{sandbox}/telegram/_chat/{secrets.randbelow(10**8) + 10**8}"
        self._seen = 0
        self._said: set[str] = set()
        self.word = f"{person['secret_word']} {secrets.randbelow(90) + 10} лет"

    async def play(self) -> None:
        """Until the bot says that the bank knows the person. Raises `NothingAnswers`."""
        name = {"first_name": self._person["first_name"], "phone": self._person["phone"], "language_code": "ru"}
        await self._act({"user": name, "text": "/start"})
        self._say("client", "/start")
        for key, given in (
            ("consent.ask", {"press": _words("choice.agree")}),
            ("contact.ask", {"press": _words("chat.share_phone")}),
            ("passport_kind.ask", {"press": _words("choice.passport_new")}),
            ("document.ask_front", "front"),
            ("document.ask_back", "back"),
            ("selfie.ask", "selfie"),
            ("liveness.ask", LIVENESS),
            ("new_secret_word.ask", {"text": self.word}),
            ("new_secret_word.again", {"text": self.word}),
        ):
            asked = await self._hears(_words(key))
            if given == LIVENESS:
                await self._prove_alive(asked)
            elif isinstance(given, str):
                await self._send(given)
                self._say("client", f"[photo: {given}]")
            else:
                await self._act(given)
                self._say("client", next(iter(given.values())))
        await self._hears(_words("done.identify"))

    async def _prove_alive(self, asked: Entry) -> None:
        """What a browser does with the page behind the button, and the widget within it."""
        page = next(button["url"] for row in asked["buttons"] for button in row if "url" in button)
        told = await self._page(page, event="open")
        self._say("client", "[opens the page and looks into the camera]")
        for _ in range(int(WAIT_SECONDS)):
            if told["phase"] == "ready":
                break
            await asyncio.sleep(1)
            told = await self._page(page, event="look", device=told["device"])
        else:
            raise NothingAnswers("biometric.kz has opened no session: see `shinos check`")
        async with self._session.post(f"{self._sandbox}/biometric/flow/{told['session']}/finish") as response:
            response.raise_for_status()
        await self._page(page, event="finish", device=told["device"])

    async def _page(self, page: str, **said: str) -> Entry:
        async with self._session.post(page, json=said) as response:
            told: Entry = await response.json()
        if response.status != 200:
            raise NothingAnswers(f"the liveness page says: {told.get('errorText')}")
        return told

    async def _hears(self, text: str) -> Entry:
        """Says aloud whatever comes until it is that."""
        end = asyncio.get_running_loop().time() + WAIT_SECONDS
        while asyncio.get_running_loop().time() < end:
            async with self._session.get(self._url, params={"after": self._seen, "wait": 5}) as response:
                entries: list[Entry] = await response.json()
            for entry in entries:
                self._seen = max(self._seen, entry["n"])
                said = entry.get("text")
                if entry["from"] != "bot" or not said or said in self._said or entry.get("deleted"):
                    continue
                self._said.add(said)
                self._say("bot", said)
                if text in said:
                    return entry
        raise NothingAnswers("the bot does not answer in the sandbox's chat: is it running? See `shinos check`")

    async def _act(self, what: Entry) -> None:
        async with self._session.post(self._url, json=what) as response:
            if response.status != 200:
                raise NothingAnswers(f"the sandbox's chat says: {(await response.text())[:200]}")

    async def _send(self, page: str) -> None:
        """As a file, the best quality."""
        paper = f"{self._sandbox}/_people/{self._person['crmid']}/{page}.jpg"
        async with self._session.get(paper, params={"n": secrets.randbelow(1000)}) as response:
            image = await response.read()
        form = aiohttp.FormData()
        form.add_field("document", image, filename=f"{page}.jpg", content_type="image/jpeg")
        async with self._session.post(self._url, data=form) as response:
            if response.status != 200:
                raise NothingAnswers(f"the sandbox's chat says: {(await response.text())[:200]}")


def _words(key: str) -> str:
    return render(Text(key=key), "ru")
