"""The first half of the demo: a person of the sandbox identifies in the Telegram chat, with drawn papers, aloud."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from flows.texts import Text, render, sentences
from shinos.options import NothingAnswers

WAIT_SECONDS = 40.0
DONE = "done.identify"
Say = Callable[[str, str], None]
Entry = dict[str, Any]
Answering = Callable[[Entry], Awaitable[None]]


class Chat:
    """One chat of somebody new to Telegram, who has that person's phone and papers, and goes the way for those
    `citizens`. `word` is what they choose.
    """

    def __init__(self, session: aiohttp.ClientSession, sandbox: str, person: Entry, *, citizens: str, say: Say) -> None:
        self._citizens = citizens
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
        answers = self._answers()
        while (asked := await self._hears([*answers, DONE]))[0] != DONE:
            await answers.pop(asked[0])(asked[1])

    def _answers(self) -> dict[str, Answering]:
        """What is done at each question, by the key of its text."""
        return {
            "citizenship.ask": self._pressing(f"choice.citizen_{self._citizens.lower()}"),
            "consent.ask": self._pressing("choice.agree"),
            "consent.ask_aitu": self._pressing("choice.agree"),
            "contact.ask": self._pressing("chat.share_phone"),
            "passport_kind.ask": self._pressing("choice.passport_new"),
            "document.ask_front": self._sending("front"),
            "document.ask_back": self._sending("back"),
            "selfie.ask": self._sending("selfie"),
            "liveness.ask": self._prove_alive,
            "aitu.ask": self._log_in,
            "person.confirm": self._pressing("choice.mine"),
            "new_secret_word.ask": self._typing(self.word),
            "new_secret_word.again": self._typing(self.word),
        }

    def _pressing(self, key: str) -> Answering:
        return self._acting({"press": _words(key)})

    def _typing(self, text: str) -> Answering:
        return self._acting({"text": text})

    def _acting(self, what: Entry) -> Answering:
        async def act(_asked: Entry) -> None:
            await self._act(what)
            self._say("client", next(iter(what.values())))

        return act

    def _sending(self, page: str) -> Answering:
        async def send(_asked: Entry) -> None:
            await self._send(page)
            self._say("client", f"[photo: {page}]")

        return send

    async def _log_in(self, asked: Entry) -> None:
        """What a browser does with the page behind the button, and with those of Aitu Passport."""
        async with self._session.post(_link(asked), allow_redirects=False) as response:
            leaves = response.headers.get("Location", "")
        if response.status != 303:
            raise NothingAnswers(f"the login page answers {response.status}: see `shinos check`")
        self._say("client", "[opens the page and logs in with Aitu Passport]")
        form = {"login_phone": self._person["phone"], "login_iin": self._person["documents"]["iin"]}
        async with self._session.post(leaves, data={**form, "decision": "allow"}) as response:
            if response.status != 200 or not response.url.path.startswith("/aitu/"):
                raise NothingAnswers(f"nobody came back from Aitu Passport: {response.status}")

    async def _prove_alive(self, asked: Entry) -> None:
        """What a browser does with the page behind the button, and the widget within it."""
        page = _link(asked)
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

    async def _hears(self, keys: list[str]) -> tuple[str, Entry]:
        """Says aloud whatever comes until it is one of these texts."""
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
                if found := next((key for key in keys if _beginning(key) in said), None):
                    return found, entry
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


def _link(asked: Entry) -> str:
    url: str = next(button["url"] for row in asked["buttons"] for button in row if "url" in button)
    return url


def _beginning(key: str) -> str:
    """Of a text, up to its first gap."""
    return sentences("ru")[key].partition("{")[0]


def _words(key: str) -> str:
    return render(Text(key=key), "ru")
