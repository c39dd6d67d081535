"""What a chat is shown: the newest reply, once; progress edited in place; what should not stay, taken away.

Telegram knows no idempotence. What was sent is written down right after, so a crash in between repeats one message.
"""

import asyncio
import hashlib
from collections.abc import Iterable
from contextlib import suppress

import structlog
from aiogram import Bot
from aiogram.exceptions import (
    AiogramError,
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
)
from aiogram.types import InlineKeyboardMarkup
from pydantic import BaseModel, ConfigDict, ValidationError

from bot.bare import SendMessage
from bot.render import Shown, shown
from flows.attendance import Attendance
from flows.model import Session
from flows.moves import Leased, Taken
from flows.shards import shard_of_fingerprint
from flows.wakes import LeaseLost

AGAIN_SECONDS = 2.0
GIVEN_UP_SECONDS = 60.0
SENDING = 6
"""Messages on their way at the same time: no more can be repeated by a crash."""
_log = structlog.get_logger("bot")


class Face(BaseModel):
    """What a chat shows now: of which turn and step, how it reads, the message that is edited while we wait (`live`),
    the one with buttons; progress that is over and buttons of questions long `passed`, which are still to be taken
    away (`passed`, `pressed`); and the person's messages that are to be, or were.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    turn: str = ""
    step: str = ""
    looks: str = ""
    live: int | None = None
    buttons: int | None = None
    passed: tuple[int, ...] = ()
    pressed: tuple[int, ...] = ()
    litter: tuple[int, ...] = ()
    gone: tuple[int, ...] = ()


class Showing:
    """Carries "show"."""

    def __init__(self, attendance: Attendance, bot: Bot) -> None:
        self._conversation = attendance.conversation
        self._store = attendance.store
        self._doors = attendance.doors
        self._settings = attendance.settings.bot
        self._bot = bot
        self._turns = asyncio.Semaphore(SENDING)

    async def carry(self, wake: Leased, _job: None) -> None:
        view = await self._conversation.view(wake.sid)
        face = _read(wake.sealed)
        if view.session is None:
            await self._store.finish(wake, wake.sealed)
            return
        try:
            face = await self._shown(wake, face, view, view.session)
            face = await self._tidied(face, view.session)
        except TelegramRetryAfter as wait:
            await self._store.put_back(wake, wait.retry_after)
            return
        except (TelegramNetworkError, TelegramServerError) as error:
            _log.warning("telegram_down", error=type(error).__name__)
            await self._store.put_back(wake, AGAIN_SECONDS)
            return
        except TelegramForbiddenError:
            _log.info("blocked", chat=wake.sid)
        if not await self._store.finish(wake, _written(face)):
            raise LeaseLost

    async def give_up(self, wake: Leased, _job: None) -> None:
        """Not now: others first. A person who is shown nothing is stuck."""
        await self._store.put_back(wake, GIVEN_UP_SECONDS)

    async def _shown(self, wake: Leased, face: Face, view: Taken, session: Session) -> Face:
        """What was sent is written down before anything else is done."""
        turn = f"{view.sid}:{view.rev}"
        if face.turn == turn:
            return face
        door = session.reply.expects.door
        link = self._doors.address(door, session.sid, shard_of_fingerprint(view.subject)) if door else ""
        what = shown(session, view.step_id, self._settings, link)
        looks = hashlib.sha256(f"{what.text}{what.markup}".encode()).hexdigest()[:16]
        litter = tuple(dict.fromkeys((*face.litter, *session.facts.there.litter)))
        fresh = face.model_copy(update={"turn": turn, "step": view.step_id, "looks": looks, "litter": litter})
        chat, place = int(session.facts.there.user), self._in_place(face, view, session, what)
        if place:
            if looks != face.looks:
                await self._edit(chat, place, what)
            return fresh
        async with self._turns:
            sent = await self._bot(SendMessage(chat_id=chat, text=what.text, reply_markup=what.markup))
            fresh = fresh if _is_aside(session) else _turned(face, fresh, what, int(sent["message_id"]))
            if not await self._store.hold(wake, _written(fresh)):
                raise LeaseLost
        return fresh

    @staticmethod
    def _in_place(face: Face, view: Taken, session: Session, what: Shown) -> int | None:
        """The message that becomes this one: progress, or a question whose buttons alone have changed."""
        if what.live:
            return face.live
        same = (
            session.reply.kind == "ask" and face.step == view.step_id and isinstance(what.markup, InlineKeyboardMarkup)
        )
        return face.buttons if same else None

    async def _edit(self, chat: int, message: int, what: Shown) -> None:
        markup = what.markup if isinstance(what.markup, InlineKeyboardMarkup) else None
        with suppress(TelegramBadRequest):  # it reads so already, or the person has taken it away
            await self._bot.edit_message_text(what.text, chat_id=chat, message_id=message, reply_markup=markup)

    async def _tidied(self, face: Face, session: Session) -> Face:
        """Secret words go at once, photos in the end."""
        visit = session.facts.there
        wanted = set(visit.whispered) | set(face.passed)
        if session.over and self._settings.delete_photos:
            wanted |= set(face.litter)
        left = wanted - set(face.gone)
        if not left and not face.pressed:
            return face
        await self._delete(int(visit.user), left)
        for message in face.pressed:
            with suppress(AiogramError):
                await self._bot.edit_message_reply_markup(chat_id=int(visit.user), message_id=message)
        litter = () if session.over else face.litter
        gone = (*face.gone, *left)[-100:]
        return face.model_copy(update={"gone": gone, "litter": litter, "passed": (), "pressed": ()})

    async def _delete(self, chat: int, messages: Iterable[int]) -> None:
        for message in messages:
            with suppress(TelegramBadRequest, TelegramForbiddenError):  # gone already, or older than two days
                await self._bot.delete_message(chat, message)


def _turned(face: Face, fresh: Face, what: Shown, sent: int) -> Face:
    """A new message stands below: progress above it is over, and earlier buttons no longer invite."""
    update = {
        "live": sent if what.live else None,
        "buttons": sent if isinstance(what.markup, InlineKeyboardMarkup) and not what.live else None,
        "passed": (*face.passed, face.live) if face.live else face.passed,
        "pressed": (*face.pressed, face.buttons) if face.buttons else face.pressed,
    }
    return fresh.model_copy(update=update)


def _is_aside(session: Session) -> bool:
    """A word between two edits: the progress above it goes on."""
    return session.reply.kind == "refuse" and session.reply.expects.kind == "nothing"


def _read(body: bytes) -> Face:
    try:
        return Face.model_validate_json(body or b"{}")
    except ValidationError:
        return Face()


def _written(face: Face) -> bytes:
    return face.model_dump_json(exclude_defaults=True).encode()
