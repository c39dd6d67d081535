"""A person in the sandbox's Telegram: says, presses, shares, sends photos, and reads what the bot answers."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

Entry = dict[str, Any]


@dataclass
class Person:
    """`seen` is everything the chat has shown so far, in order; `n` the number of the last of it."""

    session: aiohttp.ClientSession
    sandbox: str
    user: int
    seen: list[Entry] = field(default_factory=list)
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
            form.add_field(how, image, filename=f"{number}.jpg", content_type="image/jpeg")
        async with self.session.post(self.url, data=form) as response:
            assert response.status == 200, await response.text()

    async def read(self, wait: float = 0) -> list[Entry]:
        async with self.session.get(self.url, params={"after": self.n, "wait": round(wait, 2)}) as response:
            fresh: list[Entry] = await response.json()
        for entry in fresh:
            self.n = max(self.n, int(entry["n"]))
        self.seen += fresh
        return fresh

    async def hears(self, text: str, seconds: float = 20) -> Entry:
        """The first message of the bot from now on that holds this text."""
        return await self.until(lambda entry: text in entry.get("text", ""), seconds, text)

    async def until(self, found: Callable[[Entry], bool], seconds: float = 20, what: str = "") -> Entry:
        end = asyncio.get_running_loop().time() + seconds
        while True:
            left = end - asyncio.get_running_loop().time()
            if left <= 0:
                said = [entry.get("text") for entry in self.seen[-4:]]
                raise TimeoutError(f"user {self.user} waits for {what!r}; last: {said}")
            for entry in await self.read(min(left, 5)):
                if entry["from"] == "bot" and not entry.get("deleted") and found(entry):
                    return entry

    async def paper(self, crmid: str, page: str, n: int = 0) -> bytes:
        async with self.session.get(f"{self.sandbox}/_people/{crmid}/{page}.jpg", params={"n": n}) as response:
            assert response.status == 200
            return await response.read()
