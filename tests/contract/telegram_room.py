"""The Telegram simulator on a port of its own, a bot of aiogram's before it, and hands for the user's side."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiohttp.test_utils import TestServer
from PIL import Image

from sandbox.app import WORLD, make_app
from sandbox.telegram import TOKEN
from sandbox.world import World

DALER = 3
STRANGER = 41_000_123


@dataclass
class Room:
    url: str
    world: World
    bot: Bot
    http: aiohttp.ClientSession

    async def tell(self, user_id: int, **order: Any) -> tuple[int, dict[str, Any]]:
        async with self.http.post(f"{self.url}/telegram/_chat/{user_id}", json=order) as answer:
            return answer.status, await answer.json()

    async def upload(self, user_id: int, *files: tuple[str, bytes, str, str], **fields: str) -> dict[str, Any]:
        """`files` are field, bytes, name, mime type."""
        form = aiohttp.FormData(fields)
        for field, data, name, kind in files:
            form.add_field(field, io.BytesIO(data), filename=name, content_type=kind)
        async with self.http.post(f"{self.url}/telegram/_chat/{user_id}", data=form) as answer:
            return {"status": answer.status, **await answer.json()}

    async def read(self, user_id: int, query: str = "") -> list[dict[str, Any]]:
        async with self.http.get(f"{self.url}/telegram/_chat/{user_id}{query}") as answer:
            assert answer.status == 200
            return list(await answer.json())

    async def live(self, user_id: int) -> dict[str, Any]:
        async with self.http.get(f"{self.url}/telegram/_chat/{user_id}/live") as answer:
            return dict(await answer.json())

    async def arm(self, user_id: int, outcome: str) -> None:
        order = {"upstream": "telegram", "for": str(user_id), "outcome": outcome}
        async with self.http.post(f"{self.url}/_arm", json=order) as answer:
            assert answer.status == 200

    async def raw(self, method: str, *, token: str = TOKEN, **body: Any) -> tuple[int, dict[str, Any]]:
        async with self.http.post(f"{self.url}/telegram/bot{token}/{method}", json=body) as answer:
            return answer.status, await answer.json()

    async def calls(self) -> list[dict[str, Any]]:
        async with self.http.get(f"{self.url}/_calls?upstream=telegram") as answer:
            return list(await answer.json())


@asynccontextmanager
async def room(*, speed: float = 0) -> AsyncIterator[Room]:
    app = make_app(speed=speed)
    server = TestServer(app)
    await server.start_server()
    url = str(server.make_url("/")).rstrip("/")
    api = TelegramAPIServer.from_base(f"{url}/telegram")
    bot = Bot(TOKEN, session=AiohttpSession(api=api))
    async with aiohttp.ClientSession() as http:
        try:
            yield Room(url, app[WORLD], bot, http)
        finally:
            await bot.session.close()
            await server.close()
            await asyncio.sleep(0)


def picture(width: int = 2000, height: int = 1500, *, kind: str = "JPEG", **more: Any) -> bytes:
    """A gradient, so that no two sizes of it are equal bytes."""
    image = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, kind, **more)
    return buffer.getvalue()
