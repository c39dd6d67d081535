"""The bot as a whole: `run_bot(settings, ready, stop)` until it is told to stop."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from urllib.parse import urlsplit

import structlog
from aiogram import Bot
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import AiogramError
from aiogram.types import BotCommand
from aiohttp import web

from bot.bare import Outspoken
from bot.face import Showing
from bot.intake import ALLOWED, Intake, Runner, webhook
from bot.talk import COMMANDS, OF_SEVERAL_WAYS, Hearing
from flows.attendance import Attendance, open_attendance
from flows.settings import Settings, SettingsError
from flows.texts import LANGUAGES, Text, render

SESSIONS = 64
"""Calls to Telegram at the same time."""
CALL_SECONDS = 10.0
"""A message whose answer is lost is sent once more after that."""
_log = structlog.get_logger("bot")


async def run_bot(settings: Settings, ready: Callable[[str], None], stop: asyncio.Event) -> None:
    """`ready` is told the bot's name, or the address of its webhook. Raises `SettingsError`, `StoreDown`."""
    async with AsyncExitStack() as stack:
        attendance = await stack.enter_async_context(open_attendance(settings))
        bot = await stack.enter_async_context(_open_bot(attendance))
        intake = Intake(attendance, bot)
        working = attendance.working(Hearing(attendance, bot), Showing(attendance, bot))
        await stack.enter_async_context(working)
        own = (*COMMANDS, OF_SEVERAL_WAYS) if attendance.front.plan.ways else COMMANDS
        greeting = asyncio.create_task(_greet(bot, own))
        stack.callback(greeting.cancel)
        if settings.bot.webhook_url:
            ready(await stack.enter_async_context(_webhook(settings, intake, bot)))
        else:
            await stack.enter_async_context(_polling(intake, bot))
            ready("polling")
        await stop.wait()


@asynccontextmanager
async def _open_bot(attendance: Attendance) -> AsyncIterator[Bot]:
    telegram = attendance.telegram
    session = Outspoken(api=TelegramAPIServer.from_base(telegram.url), limit=SESSIONS, timeout=CALL_SECONDS)
    try:
        bot = Bot(telegram.token, session=session)
    except ValueError:
        raise SettingsError("upstream.telegram.token_env: this is no token of a Telegram bot") from None
    try:
        yield bot
    finally:
        await session.close()


@asynccontextmanager
async def _polling(intake: Intake, bot: Bot) -> AsyncIterator[None]:
    task = asyncio.create_task(_poll(intake, bot))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await intake.give_up_lead()


async def _poll(intake: Intake, bot: Bot) -> None:
    """A webhook that was set once would take the updates away from us."""
    await _until_done(partial(bot.delete_webhook, drop_pending_updates=False))
    await intake.poll()


@asynccontextmanager
async def _webhook(settings: Settings, intake: Intake, bot: Bot) -> AsyncIterator[str]:
    own = settings.bot
    secret = settings.secret(own.webhook_secret_env)
    if not secret or not re.fullmatch("[A-Za-z0-9_-]{22,256}", secret):
        raise SettingsError(
            f"bot.webhook_url: set {own.webhook_secret_env} to 22-256 of the characters A-Z a-z 0-9 _ -"
        )
    path = urlsplit(own.webhook_url).path or "/"
    runner = Runner(webhook(intake, secret, path), access_log=None, handle_signals=False)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, own.webhook_host, own.webhook_port).start()
        except OSError as error:
            place = f"{own.webhook_host}:{own.webhook_port}"
            raise SettingsError(f"bot.webhook_port: cannot listen on {place}: {error.strerror}") from None
        setting = asyncio.create_task(
            _until_done(partial(bot.set_webhook, own.webhook_url, secret_token=secret, allowed_updates=list(ALLOWED)))
        )
        yield f"http://{own.webhook_host}:{runner.addresses[0][1]}{path}"
        setting.cancel()
    finally:
        await runner.cleanup()


async def _greet(bot: Bot, own: tuple[str, ...]) -> None:
    """Commands and what the bot says of itself, in each language; Telegram's default is Russian."""
    for language in (None, *LANGUAGES):
        words = language or "ru"
        commands = [BotCommand(command=name, description=render(Text(key=f"command.{name}"), words)) for name in own]
        about = render(Text(key="chat.about"), words)
        await _until_done(partial(bot.set_my_commands, commands, language_code=language))
        await _until_done(partial(bot.set_my_short_description, about, language_code=language))


async def _until_done(call: Callable[[], Awaitable[object]]) -> None:
    while True:
        try:
            await call()
        except AiogramError as error:
            _log.warning("telegram_down", error=type(error).__name__)
            await asyncio.sleep(5)
        else:
            return
