"""What a reader of a chat is told: the contract's list of messages, and the same with all that a messenger shows.

Contract: `{"n","from":"bot"|"user","text","buttons":[[{"text","callback_data"|"url"|"web_app"}]],"photo"?,"edited"?}`;
besides `id` the message_id, `deleted`, `keyboard` the reply keyboard that came along ([]: was taken away), `at`.
"""

from typing import Any

from sandbox.telegram_chat import Chat, Message
from sandbox.telegram_profile import LENGTHS, USERNAME, Profile

FILES = "/telegram/_files/"
AS_THEY_ARE = (
    "contact",
    "entities",
    "sticker",
    "voice",
    "video",
    "video_note",
    "media_group_id",
    "has_protected_content",
)


def shown(message: Message) -> dict[str, Any]:
    """One entry; of a deleted message only its numbers."""
    api = message.api
    entry: dict[str, Any] = {"n": message.n, "id": message.message_id, "from": "bot" if message.by_bot else "user"}
    if message.deleted:
        return {**entry, "text": "", "buttons": [], "deleted": True}
    entry |= {"text": api.get("text", api.get("caption", "")), "buttons": message.buttons, "at": api["date"]}
    entry |= {name: api[name] for name in AS_THEY_ARE if name in api} | _files(api)
    if message.keyboard is not None:
        entry["keyboard"] = message.keyboard
    if "forward_origin" in api:
        entry["forwarded"] = True
    return {**entry, "edited": True} if message.edited else entry


def _files(api: dict[str, Any]) -> dict[str, Any]:
    if "photo" in api:
        largest = api["photo"][-1]
        sides = {"width": largest["width"], "height": largest["height"]}
        return {"photo": FILES + largest["file_unique_id"], "size": sides}
    if "document" in api:
        document = api["document"]
        told = {name: document[name] for name in ("file_name", "mime_type", "file_size") if name in document}
        return {"document": {**told, "url": FILES + document["file_unique_id"]}}
    return {}


def live(chat: Chat, profile: Profile, after: int, now: float) -> dict[str, Any]:
    """For the chat page: `messages` after that change, and what stands around them."""
    language = chat.user.language_code[:2]
    return {
        "n": chat.n,
        "messages": [shown(message) for message in chat.since(after)],
        "user": person(chat),
        "bot": {"username": USERNAME} | {kind: profile.text(kind, language) for kind in LENGTHS},
        "commands": profile.commands_for(chat.user.user_id, language),
        "menu": profile.button_for(chat.user.user_id),
        "keyboard": chat.keyboard,
        "action": chat.action(now),
        "notice": chat.notice,
        "blocked": chat.blocked,
    }


def person(chat: Chat) -> dict[str, Any]:
    user = chat.user
    told = {"id": user.user_id, "name": user.name, "username": user.username}
    return {**told, "phone": user.phone, "language_code": user.language_code}


def listed(chat: Chat) -> dict[str, Any]:
    """One line of the list of chats: who, and the newest message in short."""
    newest = next(iter(chat.newest_first()), None)
    line = {**person(chat), "n": chat.n, "text": "", "at": 0, "from": ""}
    if newest is not None:
        entry = shown(newest)
        line |= {"text": entry["text"][:80] or _kind(entry), "at": entry["at"], "from": entry["from"]}
    return line


def _kind(entry: dict[str, Any]) -> str:
    names = {"photo": "Фото", "document": "Файл", "contact": "Контакт", "sticker": "Стикер", "voice": "Голос"}
    return next((name for kind, name in names.items() if kind in entry), "Видео")
