"""Updates on their way in: stored before they are acknowledged, each once, in the order of its chat.

By long polling, where asking for the next ones acknowledges (one process of several polls at a time), or by webhook,
where the 200 does.
"""

import asyncio
import hmac
import json
import secrets
from typing import Any

import structlog
from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramConflictError, TelegramRetryAfter
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from bot.bare import GetUpdates
from flows.attendance import Attendance
from flows.errors import StoreDown
from flows.http import Handler
from flows.shards import shard_of_fingerprint

ALLOWED = ("message", "callback_query")
POLL_SECONDS = 25
LEAD_MS = 4_500
PAUSE_SECONDS = 1.0
LARGEST_BODY = 2**20
_log = structlog.get_logger("bot")


class Intake:
    def __init__(self, attendance: Attendance, bot: Bot) -> None:
        self._attendance = attendance
        self._bot = bot
        self._name = secrets.token_hex(8)

    async def store(self, update: dict[str, Any]) -> None:
        """Into the inbox of its chat; what is no person's message in a private chat is passed over."""
        user, number = sender(update), update.get("update_id")
        if not user or not isinstance(number, int):
            return
        attendance = self._attendance
        chat = attendance.conversation.chat_of(user)
        sealed = attendance.keys.sessions.seal(json.dumps(update).encode(), f"in:{chat}")
        verdict = await attendance.store.hear(chat, f"{self._bot.id}:{number}", sealed)
        if verdict == "stored":
            attendance.conversation.posted.add("talks", shard_of_fingerprint(chat))
        elif verdict == "full":
            _log.warning("inbox_full", chat=chat)

    async def poll(self) -> None:
        """Until cancelled: for as long as this process has the lead, ask for updates."""
        polling: asyncio.Task[None] | None = None
        try:
            while True:
                ours = await self._leads()
                if ours and (polling is None or polling.done()):
                    polling = asyncio.create_task(self._poll())
                elif polling and not ours:
                    polling.cancel()
                    polling = None
                await asyncio.sleep(LEAD_MS / 3000 if ours else PAUSE_SECONDS)
        finally:
            if polling:
                polling.cancel()
                await asyncio.gather(polling, return_exceptions=True)

    async def _leads(self) -> bool:
        try:
            return await self._attendance.store.leads("poller", self._name, LEAD_MS)
        except StoreDown:
            return False

    async def _poll(self) -> None:
        """The offset moves only past what is stored."""
        offset: int | None = None
        while True:
            try:
                asked = GetUpdates(offset=offset, timeout=POLL_SECONDS, allowed_updates=ALLOWED)
                for update in await self._bot(asked, request_timeout=POLL_SECONDS + 10):
                    await self.store(update)
                    offset = int(update["update_id"]) + 1
            except TelegramRetryAfter as wait:
                await asyncio.sleep(wait.retry_after)
            except TelegramConflictError:
                _log.warning("polled_elsewhere")  # a webhook is set, or another installation has this bot's token
                await asyncio.sleep(PAUSE_SECONDS)
            except (AiogramError, StoreDown, OSError, TimeoutError) as error:
                _log.warning("not_polled", error=type(error).__name__)
                await asyncio.sleep(PAUSE_SECONDS)

    async def give_up_lead(self) -> None:
        """So that another process polls at once."""
        try:
            await self._attendance.store.stands_down("poller", self._name)
        except StoreDown:
            _log.debug("lead_kept")


def webhook(intake: Intake, secret: str, path: str) -> web.Application:
    """POST `path` with Telegram's secret header: else 401; 400 for what is no update, 503 while it cannot be stored."""
    expected = secret.encode()

    async def receive(request: web.Request) -> web.Response:
        given = request.headers.get("X-Telegram-Bot-Api-Secret-Token", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, expected):
            return web.Response(status=401)
        try:
            update = json.loads((await request.read()).decode("utf-8"))
        except (ValueError, RecursionError):
            return web.Response(status=400)
        if not isinstance(update, dict) or not isinstance(update.get("update_id"), int):
            return web.Response(status=400)
        try:
            await intake.store(update)
        except StoreDown:
            return web.Response(status=503, headers={"Retry-After": "1"})
        return web.Response()

    app = web.Application(client_max_size=LARGEST_BODY)
    app.router.add_post(path, receive)
    return app


class _Server(web.Server):
    def __call__(self) -> RequestHandler:
        return Handler(self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """Of a webhook's application."""

    __slots__ = ()

    async def _make_server(self) -> web.Server:
        inner = await super()._make_server()
        return _Server(inner.request_handler, request_factory=inner.request_factory, access_log=None)


def sender(update: dict[str, Any]) -> str:
    """The person who wrote, "" when it is not a person's new message in a private chat (security.md Q12)."""
    for kind in ALLOWED:
        event = update.get(kind)
        if not isinstance(event, dict):
            continue
        message = event if kind == "message" else event.get("message")
        chat = message.get("chat") if isinstance(message, dict) else None
        who = event.get("from")
        if not isinstance(chat, dict) or not isinstance(who, dict) or who.get("is_bot"):
            return ""
        number = who.get("id")
        mine = chat.get("type") == "private" and chat.get("id") == number
        return str(number) if mine and isinstance(number, int) and not isinstance(number, bool) and number > 0 else ""
    return ""
