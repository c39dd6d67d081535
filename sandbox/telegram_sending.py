"""What the bot does in a chat: send, edit, delete, show that it is typing, answer a pressed button."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.recent import Recent
from sandbox.telegram_chat import Chat, Chats, Message
from sandbox.telegram_files import Files
from sandbox.telegram_given import caption_of, entities_of, flag, markup_of, nested, number, text_of
from sandbox.telegram_orders import NAME, SENDING, Flood, ordered
from sandbox.telegram_profile import Profile
from sandbox.telegram_refusals import BadGateway, Forbidden, NeverAnswered, Refused, TooMany
from sandbox.world import World

DELETABLE_SECONDS = 48 * 3_600.0
CALLBACK_SECONDS = 60.0
MOST_DELETED = 100
LARGEST_PHOTO = 10 * 2**20
ACTIONS = frozenset(
    (
        *("typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice"),
        *("upload_document", "choose_sticker", "find_location", "record_video_note", "upload_video_note"),
    )
)
NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current "
    "content and reply markup of the message"
)
TOO_OLD = "query is too old and response timeout expired or query ID is invalid"
CODE = re.compile(r"[0-9]{6,10} ")
Given = Mapping[str, Any]
Uploads = Mapping[str, bytes]


class Callbacks:
    """Pressed buttons that the bot has not answered yet."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._waiting: Recent[str, tuple[Chat, float]] = Recent()

    def add(self, query_id: str, chat: Chat) -> None:
        self._waiting[query_id] = (chat, self._world.clock() + CALLBACK_SECONDS)

    def take(self, query_id: str) -> Chat:
        """Once. Raises `Refused`."""
        chat, until = self._waiting.pop(query_id, (None, 0.0))
        if chat is None or self._world.clock() > until:
            raise Refused(TOO_OLD)
        return chat


@dataclass(frozen=True, slots=True)
class Sending:
    chats: Chats
    files: Files
    profile: Profile
    callbacks: Callbacks
    flood: Flood

    async def message(self, given: Given, _: Uploads) -> dict[str, Any]:
        text, entities = text_of(given), entities_of(given)
        return self._send(given, {"text": text, **({"entities": entities} if entities else {})})

    async def photo(self, given: Given, uploads: Uploads) -> dict[str, Any]:
        sizes, caption = await self._sizes(given, uploads), caption_of(given)
        return self._send(given, {"photo": sizes, **({"caption": caption} if caption else {})})

    async def edit_text(self, given: Given, _: Uploads) -> dict[str, Any]:
        text, entities, markup = text_of(given), entities_of(given), markup_of(given)
        chat, message = self._own(given)
        if "text" not in message.api:
            raise Refused("there is no text in the message to edit")
        kept = {name: value for name, value in message.api.items() if name not in ("text", "entities", "reply_markup")}
        return self._edit(chat, message, {**kept, "text": text, **({"entities": entities} if entities else {})}, markup)

    async def edit_markup(self, given: Given, _: Uploads) -> dict[str, Any]:
        markup = markup_of(given)
        chat, message = self._own(given)
        kept = {name: value for name, value in message.api.items() if name != "reply_markup"}
        return self._edit(chat, message, kept, markup)

    async def delete(self, given: Given, _: Uploads) -> bool:
        chat = self._chat(given)
        message = chat.find(number(given, "message_id"))
        if message is None:
            raise Refused("message to delete not found")
        if not self._young(message):
            raise Refused("message can't be deleted for everyone")
        chat.delete(message)
        return True

    async def delete_many(self, given: Given, _: Uploads) -> bool:
        chat, numbers = self._chat(given), nested(given, "message_ids", "message_ids")
        if not isinstance(numbers, list) or not all(isinstance(one, int) and one > 0 for one in numbers):
            raise Refused("message identifiers are not specified")
        if len(numbers) > MOST_DELETED:
            raise Refused("too many message identifiers specified")
        for message in filter(None, map(chat.find, numbers)):
            if self._young(message):
                chat.delete(message)
        return True

    async def action(self, given: Given, _: Uploads) -> bool:
        if (action := str(given.get("action", ""))) not in ACTIONS:
            raise Refused("wrong parameter action in request")
        chat = self._chat(given)
        if chat.blocked:
            raise Forbidden("bot was blocked by the user")
        chat.act(action, self.chats.world.clock())
        return True

    async def answer(self, given: Given, _: Uploads) -> bool:
        """answerCallbackQuery: what it says appears over the chat."""
        chat = self.callbacks.take(str(given.get("callback_query_id", "")))
        text = str(given.get("text") or "")
        chat.notify(text, alert=flag(given, "show_alert"), url=str(given.get("url") or ""))
        return True

    def chat(self, given: Given) -> Chat:
        """Raises `Refused`."""
        if not given.get("chat_id"):
            raise Refused("chat_id is empty")
        if (chat := self.chats.find(number(given, "chat_id"))) is None:
            raise Refused("chat not found")
        return chat

    def _chat(self, given: Given) -> Chat:
        chat = self.chat(given)
        if not chat.started:
            raise Forbidden("bot can't initiate conversation with a user")
        return chat

    def _send(self, given: Given, content: dict[str, Any]) -> dict[str, Any]:
        markup, chat = markup_of(given), self._chat(given)
        self.flood.admit(chat.user.user_id)
        outcome = ordered(self.chats.world, chat.user.user_id, SENDING)
        _refuse(chat, outcome)
        extras = {**self._extras(chat, given), **({"reply_markup": markup} if markup.get("inline_keyboard") else {})}
        message = chat.add(
            self.chats.message(chat, self.profile.me, {**content, **extras}),
            by_bot=True,
            keyboard=_keyboard(chat, markup),
        )
        if chat.user.phone and CODE.match(text := str(content.get("text", ""))):
            self.chats.world.deliver(NAME, chat.user.phone, text)  # in the outbox too: who reads codes there finds it
        if outcome == "timeout-after":
            raise NeverAnswered
        return message.api

    def _extras(self, chat: Chat, given: Given) -> dict[str, Any]:
        extras: dict[str, Any] = {"has_protected_content": True} if flag(given, "protect_content") else {}
        reply = nested(given, "reply_parameters", "reply parameters") or {}
        if not isinstance(reply, dict):
            raise Refused("object expected as reply parameters")
        wanted = number(reply, "message_id") or number(given, "reply_to_message_id")
        if wanted and (replied := chat.find(wanted)) is not None:
            kept = ((name, value) for name, value in replied.api.items() if name != "reply_to_message")
            extras["reply_to_message"] = dict(kept)
        elif wanted and not (flag(reply, "allow_sending_without_reply") or flag(given, "allow_sending_without_reply")):
            raise Refused("message to be replied not found")
        return extras

    def _own(self, given: Given) -> tuple[Chat, Message]:
        chat = self._chat(given)
        message = chat.find(number(given, "message_id"))
        if message is None:
            raise Refused("message to edit not found")
        if not message.by_bot:
            raise Refused("message can't be edited")
        return chat, message

    def _edit(self, chat: Chat, message: Message, api: dict[str, Any], markup: Given) -> dict[str, Any]:
        if markup and "inline_keyboard" not in markup:
            raise Refused("inline keyboard expected")
        changed = {**api, **({"reply_markup": markup} if markup.get("inline_keyboard") else {})}
        if {**changed, "edit_date": 0} == {**message.api, "edit_date": 0}:
            raise Refused(NOT_MODIFIED)
        message.edited = message.edited or changed.get("text") != message.api.get("text")
        message.api = {**changed, "edit_date": int(self.chats.world.clock())}
        chat.change(message)
        return message.api

    def _young(self, message: Message) -> bool:
        return self.chats.world.clock() - float(message.api["date"]) < DELETABLE_SECONDS

    async def _sizes(self, given: Given, uploads: Uploads) -> list[dict[str, Any]]:
        named = str(given.get("photo") or "")
        upload = uploads.get(named.removeprefix("attach://")) or uploads.get("photo")
        if upload is None:
            if sizes := self.files.sizes(named):
                return sizes
            raise Refused("wrong file identifier/HTTP URL specified" if named else "there is no photo in the request")
        if len(upload) > LARGEST_PHOTO:
            raise Refused("file is too big")
        try:
            return self.files.photo(await self.files.render(upload))
        except ValueError:
            raise Refused("IMAGE_PROCESS_FAILED") from None


def _refuse(chat: Chat, outcome: str) -> None:
    if outcome == "429":
        raise TooMany(1)
    if outcome == "502":
        raise BadGateway
    if chat.blocked or outcome == "blocked":
        raise Forbidden("bot was blocked by the user")


def _keyboard(chat: Chat, markup: Given) -> list[list[dict[str, Any]]] | None:
    """The reply keyboard that a message brings ([]: takes away), which is the chat's from now on."""
    if "keyboard" in markup:
        chat.keyboard = dict(markup)
        return list(markup["keyboard"])
    if markup.get("remove_keyboard"):
        chat.keyboard = None
        return []
    return None
