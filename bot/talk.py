"""One router: whatever a person sends becomes an input of the dialogue. It knows no step and keeps nothing itself."""

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from aiogram import Bot, Dispatcher, F, Router
from aiogram.exceptions import AiogramError
from aiogram.filters import Command, CommandObject, CommandStart
from aiogram.types import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message, Update, User
from pydantic import ValidationError

from flows.attendance import Attendance
from flows.conversation import Arrival, Visitor
from flows.conversation import Message as Heard
from flows.keys import Unsealable
from flows.model import Cancel, Chosen, Input, Other, Photo, Sent, Shared, Speak, Typed
from flows.moves import Leased
from flows.texts import LANGUAGES, Text, render

COMMANDS = ("start", "help", "cancel", "language", "delete")
OF_SEVERAL_WAYS = "citizenship"
"""The command that a bot of several flows has besides."""
_KEY = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_PRESSED = re.compile(r"([A-Za-z0-9_-]{22})\.([0-9]{1,2})")
_LANGUAGE = re.compile(rf"language\.({'|'.join(LANGUAGES)})")
_log = structlog.get_logger("bot")


@dataclass(frozen=True, slots=True)
class Letter:
    """The update that is being handled, and our lease on it."""

    update: int
    wake: Leased


class Hearing:
    """Carries "in": the head of a chat's inbox, through the router into its dialogue."""

    def __init__(self, attendance: Attendance, bot: Bot) -> None:
        self._attendance = attendance
        self._bot = bot
        self._dispatcher = Dispatcher(disable_fsm=True)
        self._dispatcher.include_router(_router(Talk(attendance)))

    async def carry(self, wake: Leased, _job: None) -> None:
        update = self._read(wake)
        if update is not None:
            await self._dispatcher.feed_update(self._bot, update, letter=Letter(update.update_id, wake))
        await self._attendance.store.finish(wake)  # passed over by the router, or unreadable; else it is done with

    async def give_up(self, wake: Leased, _job: None) -> None:
        await self._attendance.conversation.drop(self._attendance.front, wake)

    def _read(self, wake: Leased) -> Update | None:
        try:
            told: dict[str, Any] = json.loads(self._attendance.keys.sessions.unseal(wake.sealed, f"in:{wake.sid}"))
            return Update.model_validate(told, context={"bot": self._bot})
        except (Unsealable, ValidationError, ValueError):
            return None


class Talk:
    def __init__(self, attendance: Attendance) -> None:
        self._attendance = attendance
        self._bot_settings = attendance.settings.bot

    async def start(self, message: Message, command: CommandObject, letter: Letter) -> None:
        key = command.args if command.args and _KEY.fullmatch(command.args) else None
        await self._hear(message, Arrival(key=key), letter)

    async def delete(self, message: Message, letter: Letter) -> None:
        await self._hear(message, Arrival(purpose="erase"), letter)

    async def citizenship(self, message: Message, letter: Letter) -> None:
        await self._hear(message, Arrival(which_way=True), letter)

    async def cancel(self, message: Message, letter: Letter) -> None:
        await self._hear(message, Cancel(), letter)

    async def help(self, message: Message) -> None:
        language = await self._language(message)
        told = [Text(key="chat.help")] + [Text(key="chat.help_citizenship")] * bool(self._attendance.front.plan.ways)
        await message.answer("\n".join(render(text, language) for text in told), protect_content=True)

    async def language(self, message: Message) -> None:
        names = [
            [InlineKeyboardButton(text=render(Text(key="chat.language_name"), name), callback_data=f"language.{name}")]
            for name in LANGUAGES
        ]
        text = render(Text(key="chat.which_language"), await self._language(message))
        await message.answer(text, reply_markup=InlineKeyboardMarkup(inline_keyboard=names), protect_content=True)

    async def message(self, message: Message, letter: Letter) -> None:
        await self._hear(message, heard(message), letter)

    async def pressed(self, query: CallbackQuery, letter: Letter) -> None:
        """A button; forged or old data asks for the question that stands."""
        with suppress(AiogramError):  # too late to be thanked for, and not worth a wait
            await query.answer()
        data = query.data or ""
        language, button = _LANGUAGE.fullmatch(data), _PRESSED.fullmatch(data)
        given: Input = Speak(language[1]) if language else Chosen(button[2] if button else "")
        said = Heard(given, str(letter.update), step=button[1] if button else "")
        await self._attendance.conversation.hear(
            self._attendance.front, self._visitor(query.from_user), said, letter.wake
        )

    async def _hear(self, message: Message, given: Input | Arrival, letter: Letter) -> None:
        if message.from_user is None:
            return
        said = Heard(given, str(letter.update), number=message.message_id)
        visitor = self._visitor(message.from_user)
        await self._attendance.conversation.hear(self._attendance.front, visitor, said, letter.wake)

    def _visitor(self, user: User) -> Visitor:
        spoken = (user.language_code or "").partition("-")[0]
        return Visitor(str(user.id), user.username, spoken if spoken in LANGUAGES else self._bot_settings.language)

    async def _language(self, message: Message) -> str:
        """As the person has chosen, else as the chat's program speaks."""
        if message.from_user is None:
            return self._bot_settings.language
        visitor = self._visitor(message.from_user)
        chosen, _ = await self._attendance.store.chosen(self._attendance.conversation.chat_of(visitor.user))
        return chosen or visitor.language


def heard(message: Message) -> Input:
    """What a message is to a dialogue. What was forwarded, or came through another bot, is not the sender's own."""
    strange = message.forward_origin is not None or message.via_bot is not None
    if message.contact:
        own = message.from_user is not None and message.contact.user_id == message.from_user.id
        return Shared(message.contact.phone_number, own=own and not strange)
    if strange:
        return Other()
    if message.photo:
        largest = max(message.photo, key=lambda size: size.width * size.height)
        return Sent(Photo(ref=largest.file_id, unique=largest.file_unique_id))
    if message.document:
        return Sent(Photo(ref=message.document.file_id, unique=message.document.file_unique_id))
    return Typed(message.text) if message.text else Other()


def _router(talk: Talk) -> Router:
    router = Router(name="talk")
    router.message.filter(F.chat.type == "private")
    router.message.register(talk.start, CommandStart())
    router.message.register(talk.help, Command("help"))
    router.message.register(talk.cancel, Command("cancel"))
    router.message.register(talk.language, Command("language"))
    router.message.register(talk.delete, Command("delete"))
    router.message.register(talk.citizenship, Command(OF_SEVERAL_WAYS))
    router.message.register(talk.message)
    router.callback_query.register(talk.pressed)
    return router
