"""A Bot API server that nobody here wrote, PyPI's telemelya (it knows webhooks only), with what it needs around it.

It sends no secret token, so a postman between it and the bot puts it on. It wants an S3 server for photos, which do not
travel here: one that says yes to everything will do.
"""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

START_SECONDS = 30
HEADER = "X-Telegram-Bot-Api-Secret-Token"
Record = dict[str, Any]


@dataclass
class Telemelya:
    """Somebody's chat in the emulator; `records` are the bot's calls in it so far, as the emulator tells them."""

    session: aiohttp.ClientSession
    url: str
    token: str
    chat: int
    records: list[Record] = field(default_factory=list)

    async def runs(self, true: Callable[[Record], bool] = lambda _: True) -> None:
        """Until the emulator answers, and what it knows of the bot's webhook is so."""
        for _ in range(START_SECONDS * 10):
            with suppress(aiohttp.ClientConnectionError):
                async with self.session.post(f"{self.url}/bot{self.token}/getWebhookInfo") as answer:
                    if true((await answer.json())["result"]):
                        return
            await asyncio.sleep(0.1)
        raise TimeoutError("telemelya does not run, or the bot has set no webhook")

    async def send(self, **what: Any) -> None:
        """`command`, `text`, or `callback_data` and `callback_message_id`."""
        body, params = {"chat_id": self.chat, **what}, {"bot_token": self.token, "session_id": str(self.chat)}
        async with self.session.post(f"{self.url}/api/v1/test/send_update", json=body, params=params) as answer:
            told = await answer.json()
            assert answer.status == 200, told
            assert told["delivery"]["status_code"] == 200

    async def calls(self, true: Callable[[Record], bool], what: str) -> Record:
        """The next of the bot's calls that is so."""
        for _ in range(200):
            params = {"session_id": str(self.chat)}
            async with self.session.get(f"{self.url}/api/v1/test/responses", params=params) as answer:
                made = (await answer.json())["responses"]
            fresh, self.records = made[len(self.records) :], made
            for number, record in enumerate(fresh):
                if true(record):
                    self.records = made[: len(made) - len(fresh) + number + 1]
                    return dict(record)
            await asyncio.sleep(0.1)
        raise TimeoutError(f"the bot has not called: {what}; last: {self.records[-3:]}")

    async def said(self, text: str) -> Record:
        return await self.calls(lambda record: record["method"] == "sendMessage" and text in record["text"], text)


@asynccontextmanager
async def telemelya(folder: Path, redis: str, token: str, chat: int) -> AsyncIterator[Telemelya]:
    """Runs it, with its state in that Redis."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    alone = aiohttp.TCPConnector(force_close=True)  # uvicorn closes what was idle for five seconds
    async with TestServer(_yes_to_everything()) as storage, aiohttp.ClientSession(connector=alone) as session:
        environ = {
            "MOCK_SERVER_HOST": "127.0.0.1",
            "MOCK_SERVER_PORT": str(port),
            "REDIS_URL": redis,
            "MINIO_ENDPOINT": f"127.0.0.1:{storage.port}",
            "STRICT_EDIT": "true",
        }
        process = _started(folder, environ)
        try:
            session.headers["Authorization"] = "Bearer anybody"
            yield Telemelya(session, f"http://127.0.0.1:{port}", token, chat)
        finally:
            process.kill()
            process.wait()


def _started(folder: Path, environ: dict[str, str]) -> "subprocess.Popen[bytes]":
    with (folder / "telemelya.log").open("w") as log:
        words = [sys.executable, "-m", "telemelya.server.app"]
        return subprocess.Popen(words, env=environ, stdout=log, stderr=log, cwd=folder)


def _yes_to_everything() -> web.Application:
    async def yes(_: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", yes)
    return app


@dataclass
class Postman:
    """Takes what the emulator sends to /hook to the bot, with the secret token. `bot` is known once it runs."""

    session: aiohttp.ClientSession
    secret: str
    bot: str = ""

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/hook", self._carry)
        return app

    async def _carry(self, request: web.Request) -> web.Response:
        body = await request.read()
        async with self.session.post(self.bot, data=body, headers={HEADER: self.secret}) as answer:
            return web.Response(status=answer.status, body=await answer.read())
