"""A person in the sandbox's Telegram: says, presses, shares, sends photos, and reads what the bot answers."""

import asyncio
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

Entry = dict[str, Any]


@dataclass
class Person:
    """`seen` is everything the chat has shown so far, in order; `n` the number of the last of it; `unread` its end."""

    session: aiohttp.ClientSession
    sandbox: str
    user: int
    seen: list[Entry] = field(default_factory=list)
    unread: list[Entry] = field(default_factory=list)
    n: int = 0

    @property
    def url(self) -> str:
        return f"{self.sandbox}/telegram/_chat/{self.user}"

    async def act(self, **what: Any) -> Entry:
        async with self.session.post(self.url, json=what) as response:
            assert response.status == 200, await response.text()
            told: Entry = await response.json()
            return told

    async def say(self, text: str) -> None:
        await self.act(text=text)

    async def press(self, button: str) -> None:
        await self.act(press=button)

    async def send(self, *images: bytes, how: str = "document", **more: str) -> None:
        """Photos as Telegram recompresses them (`how` photo), or as files; several are an album."""
        form = aiohttp.FormData(more)
        for number, image in enumerate(images):
            form.add_field(how, io.BytesIO(image), filename=f"{number}.jpg", content_type="image/jpeg")
        async with self.session.post(self.url, data=form) as response:
            assert response.status == 200, await response.text()

    async def read(self, wait: float = 0) -> list[Entry]:
        """What is unread; when nothing is, what comes within `wait` seconds."""
        seconds = 0.0 if self.unread else round(wait, 2)
        async with self.session.get(self.url, params={"after": self.n, "wait": seconds}) as response:
            fresh: list[Entry] = await response.json()
        for entry in fresh:
            self.n = max(self.n, int(entry["n"]))
        self.seen += fresh
        news, self.unread = [*self.unread, *fresh], []
        return news

    async def hears(self, text: str, seconds: float = 20) -> Entry:
        """The first unread message of the bot that holds this text; one that has only lost its buttons is none."""
        return await self.until(lambda entry: text in entry["text"] and not self._stripped(entry), seconds, text)

    def _stripped(self, entry: Entry) -> bool:
        known = any(one["id"] == entry["id"] and one["n"] < entry["n"] and one["buttons"] for one in self.seen)
        return known and not entry["buttons"]

    async def until(self, found: Callable[[Entry], bool], seconds: float = 20, what: str = "") -> Entry:
        end = asyncio.get_running_loop().time() + seconds
        while True:
            left = end - asyncio.get_running_loop().time()
            if left <= 0:
                said = [entry.get("text") for entry in self.seen[-4:]]
                raise TimeoutError(f"user {self.user} waits for {what!r}; last: {said}")
            news = await self.read(min(left, 5))
            for number, entry in enumerate(news):
                if entry["from"] == "bot" and not entry.get("deleted") and found(entry):
                    self.unread = news[number + 1 :]
                    return entry

    async def paper(self, crmid: str, page: str, n: int = 0) -> bytes:
        async with self.session.get(f"{self.sandbox}/_people/{crmid}/{page}.jpg", params={"n": n}) as response:
            assert response.status == 200
            return await response.read()
