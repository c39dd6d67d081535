"""The simulated Humo over a real socket, with its world at hand, and a client of it."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp.test_utils import TestServer
from codes_sandbox import Sandbox

from flows.papers import Link, Task
from flows.upstream.humo import Humo, HumoOptions
from flows.upstream.luna import make_selfie
from sandbox.app import WORLD, make_app
from sandbox.cast import CAST, Person
from sandbox.drawn import draw
from sandbox.humo import STANDING_KEY
from sandbox.world import World

FIRUZ = CAST[1]
ZARINA = next(person for person in CAST if not person.documents["card_tax_number"])
"""Her card has no tax number on it."""


def key_of(person: Person) -> str:
    return person.documents["presign_key"]


def token_of(person: Person, n: int = 0) -> str:
    return make_selfie(draw(person, "selfie", n), key=None, now=int(time.time()))


def end(task: Task) -> str:
    """How it stands, and the reason."""
    return f"{task.status} {task.reason}".strip()


@dataclass
class Bank:
    """The client, what it talks to, and short words for what a test does with them."""

    humo: Humo
    sandbox: Sandbox
    world: World

    async def arm(self, key: str, outcome: str) -> None:
        await self.sandbox.arm("humo", key, outcome)

    async def link(self, person: Person | None = None) -> Link:
        return await self.humo.open_link(STANDING_KEY if person is None else key_of(person))

    async def submit(
        self, link: Link, person: Person = FIRUZ, page: str = "front", n: int = 0, tax_number: str | None = None
    ) -> str:
        image = draw(person, page, n)
        return await self.humo.submit_document(link, document="ID_NEW", page=page, image=image, tax_number=tax_number)

    async def calls(self, method: str = "POST") -> list[dict[str, Any]]:
        calls = await self.sandbox._get("/_calls", upstream="humo")
        return [call for call in calls if call["method"] == method]


@asynccontextmanager
async def open_bank(key: str | None = None, **options: object) -> AsyncIterator[Bank]:
    app = make_app(speed=0, seed=1)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        url = str(server.make_url("/")).rstrip("/")
        humo = Humo(HumoOptions.model_validate({"url": f"{url}/humo", **options}), key)
        try:
            yield Bank(humo, Sandbox(url, session), app[WORLD])
        finally:
            await humo.close()
