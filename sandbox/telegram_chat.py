"""The chats: what bot and user see of each other's messages, and who waits for the next change."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from heapq import nlargest
from typing import Any

from sandbox.telegram_people import User, as_chat, user_of
from sandbox.world import World

LONGEST_CHAT = 1_000  # messages; older ones are forgotten
ACTION_SECONDS = 5.0


class Bell:
    """Wakes everybody who waits for it, at once."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()
        self._rung = asyncio.Event()

    async def heard(self, closing: asyncio.Event, seconds: float) -> None:
        """Until it rings, the sandbox stops or `seconds` have passed."""
        waits = [asyncio.ensure_future(event.wait()) for event in (self._rung, closing)]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


@dataclass(slots=True)
class Message:
    """`n` is its last change; `api` the Bot API's Message; `keyboard` the reply keyboard that came with it."""

    n: int
    api: dict[str, Any]
    by_bot: bool
    keyboard: list[list[dict[str, Any]]] | None = None
    edited: bool = False
    deleted: bool = False

    @property
    def message_id(self) -> int:
        return int(self.api["message_id"])

    @property
    def buttons(self) -> list[list[dict[str, Any]]]:
        return list(self.api.get("reply_markup", {}).get("inline_keyboard", []))


class Chat:
    """One user's private chat with the bot. `n` counts every change that a reader can see; `at` is its newest time."""

    def __init__(self, user: User, at: float) -> None:
        self.user = user
        self.at = at
        self.started = False
        self.blocked = False
        self.n = 0
        self.last_id = 0
        self.keyboard: dict[str, Any] | None = None
        self.notice: dict[str, Any] | None = None
        self.acting = ("", 0.0)
        self.bell = Bell()
        self._messages: OrderedDict[int, Message] = OrderedDict()

    def next_id(self) -> int:
        self.last_id += 1
        return self.last_id

    def add(self, api: dict[str, Any], *, by_bot: bool, keyboard: list[list[dict[str, Any]]] | None = None) -> Message:
        message = Message(0, api, by_bot, keyboard)
        if by_bot:
            self.acting = ("", 0.0)
        self._messages[message.message_id] = message
        if len(self._messages) > LONGEST_CHAT:
            self._messages.popitem(last=False)
        self.change(message)
        return message

    def change(self, message: Message | None = None) -> None:
        """Something is new; a message that was changed moves to the end of what `since` tells."""
        self.n += 1
        if message is not None:
            message.n = self.n
        self.bell.ring()

    def delete(self, message: Message) -> None:
        """Of its content nothing is kept."""
        message.deleted, message.keyboard = True, None
        message.api = {name: message.api[name] for name in ("message_id", "from", "chat", "date")}
        self.change(message)

    def notify(self, text: str, *, alert: bool, url: str) -> None:
        """What the bot says to a pressed button; it is no message."""
        self.notice = {"n": self.n + 1, "text": text, "alert": alert, "url": url}
        self.change()

    def find(self, message_id: int) -> Message | None:
        message = self._messages.get(message_id)
        return None if message is None or message.deleted else message

    def newest_first(self) -> list[Message]:
        return [message for message in reversed(self._messages.values()) if not message.deleted]

    def since(self, n: int) -> list[Message]:
        """What was added, edited or deleted after change `n`, in the order of the changes."""
        changed = (message for message in self._messages.values() if message.n > n)
        return sorted(changed, key=lambda message: message.n)

    def act(self, action: str, now: float) -> None:
        self.acting = (action, now + ACTION_SECONDS)
        self.change()

    def action(self, now: float) -> str:
        """ "typing" and the like; it passes after ACTION_SECONDS or with the bot's next message."""
        action, until = self.acting
        return action if now < until else ""


class Chats:
    """All chats by user id."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._chats: dict[int, Chat] = {}

    def find(self, user_id: int) -> Chat | None:
        return self._chats.get(user_id)

    def of(self, user_id: int) -> Chat:
        """The user's chat; a user who was unknown comes into being."""
        if user_id not in self._chats:
            self._chats[user_id] = Chat(user_of(user_id), self.world.clock())
        return self._chats[user_id]

    def newest(self, count: int) -> list[Chat]:
        """Those with the newest messages, of all in which anything has happened."""
        return nlargest(count, (chat for chat in self._chats.values() if chat.n), key=lambda chat: chat.at)

    def forget(self, user_id: int) -> None:
        if chat := self._chats.pop(user_id, None):
            chat.change()

    def message(self, chat: Chat, sender: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
        """Bot API's Message, new in that chat."""
        chat.at = self.world.clock()
        head = {"message_id": chat.next_id(), "from": sender, "chat": as_chat(chat.user)}
        return {**head, "date": int(chat.at), **content}
