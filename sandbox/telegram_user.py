"""The user's side of a chat: what they write, share, press, edit, block and upload becomes messages and updates.

Contract: POST /telegram/_chat/<user id> → `{"ok":true,"n":…,"update_id":…}`; `n` is the chat's newest change.
"""

import asyncio
from collections.abc import Mapping
from itertools import count
from typing import Any

from sandbox.telegram_acts import Contact, Edit, Impossible, Order, Upload, card, introduce, text_content
from sandbox.telegram_chat import Chat, Chats, Message
from sandbox.telegram_files import Files, Rendition
from sandbox.telegram_given import LONGEST_TEXT, units
from sandbox.telegram_mini_app import MiniApps
from sandbox.telegram_people import User, as_chat, as_sender, user_of
from sandbox.telegram_profile import Profile
from sandbox.telegram_sending import Callbacks
from sandbox.telegram_updates import Updates

VIA_BOT = {"id": 7_000_000_002, "is_bot": True, "first_name": "Визитки", "username": "sandbox_cards_bot"}
FORWARDED_FROM = 2_000_017  # the user id of the one whose message is passed on
HOUR = 3_600
MEDIA: dict[str, dict[str, Any]] = {
    "sticker": {"type": "regular", "width": 512, "height": 512, "is_animated": False, "is_video": False, "emoji": "👍"},
    "voice": {"duration": 3, "mime_type": "audio/ogg"},
    "video": {"width": 1280, "height": 720, "duration": 5, "mime_type": "video/mp4"},
    "video_note": {"length": 384, "duration": 4},
}
ENDINGS = {"sticker": ".webp", "voice": ".oga", "video": ".mp4", "video_note": ".mp4"}


class Acting:
    def __init__(
        self, chats: Chats, updates: Updates, files: Files, profile: Profile, callbacks: Callbacks, *, apps: MiniApps
    ) -> None:
        self._chats = chats
        self._apps = apps
        self._updates = updates
        self._files = files
        self._profile = profile
        self._callbacks = callbacks
        self._ids = count(chats.world.random("telegram_user").randrange(10**17, 9 * 10**17))

    def act(self, user_id: int, order: Order) -> dict[str, Any]:
        """Raises `Impossible`."""
        if len(order.acts) > 1 or not (order.acts or order.user):
            raise Impossible("text, contact, press, update, edit, block, kind: one of them is expected")
        if order.text is not None and units(order.text) > LONGEST_TEXT:
            raise Impossible(f"text: at most {LONGEST_TEXT} UTF-16 units")
        chat = self._chats.of(user_id)
        if order.user is not None:
            introduce(chat, order.user)
        return self._do(chat, order) if order.acts else answer(chat)

    async def upload(self, user_id: int, uploads: list[Upload], caption: str, order: Order) -> dict[str, Any]:
        """One message per file; several files are one album. Raises `Impossible`."""
        chat = self._chats.of(user_id)
        pictures = await asyncio.gather(*(self._look(chat.user, upload) for upload in uploads))
        contents = [self._content(upload, found) for upload, found in zip(uploads, pictures, strict=True)]
        album = {"media_group_id": str(next(self._ids))} if len(contents) > 1 else {}
        told = answer(chat)
        for number, content in enumerate(contents):
            said = {"caption": caption} if caption and number == 0 else {}
            told = self._say(chat, {**content, **said, **album}, order)
        return told

    def _do(self, chat: Chat, order: Order) -> dict[str, Any]:
        if order.update is not None:
            chat.started = True
            return answer(chat, self._updates.give(chat.user.user_id, order.update))
        if order.block is not None:
            return self._block(chat, blocked=order.block)
        if order.press is not None:
            return self._press(chat, order.press, order)
        if order.edit is not None:
            return self._edit(chat, order.edit)
        return self._say(chat, self._said(chat, order), order)

    def _said(self, chat: Chat, order: Order) -> dict[str, Any]:
        """What a new message holds."""
        if order.contact is not None:
            return {"contact": card(chat.user, order.contact)}
        if order.kind is not None:
            stored = self._files.keep(b"\0" * 64, f"{order.kind}s", ENDINGS[order.kind])
            return {order.kind: {**stored.api, **MEDIA[order.kind]}}
        return text_content(order.text or "")

    def _say(self, chat: Chat, content: Mapping[str, Any], order: Order) -> dict[str, Any]:
        if chat.blocked:
            raise Impossible("block: the user has blocked the bot")
        chat.started = True
        extras = self._origin(forward=order.forward, via_bot=order.via_bot)
        api = self._chats.message(chat, as_sender(chat.user), {**content, **extras})
        chat.add(api, by_bot=False)
        return answer(chat, self._updates.add(chat.user.user_id, "message", api))

    def _origin(self, *, forward: bool, via_bot: bool) -> dict[str, Any]:
        extras: dict[str, Any] = {"via_bot": VIA_BOT} if via_bot else {}
        if forward:
            date, sender = int(self._chats.world.clock()) - HOUR, as_sender(user_of(FORWARDED_FROM))
            extras["forward_origin"] = {"type": "user", "date": date, "sender_user": sender}
        return extras

    def _press(self, chat: Chat, pressed: str, order: Order) -> dict[str, Any]:
        """Callback data before the reply keyboard's texts before inline buttons' texts and links before the menu."""
        messages = [one for one in chat.newest_first() if order.id in (None, one.message_id)]
        inline = [(one, button) for one in messages for row in one.buttons for button in row]
        for message, button in inline:
            if button.get("callback_data") == pressed:
                return self._call_back(chat, message, button)
        for button in (button for row in (chat.keyboard or {}).get("keyboard", []) for button in row):
            if button["text"] == pressed:
                return self._key(chat, button, order)
        for message, button in inline:
            if pressed in (button["text"], button.get("url"), button.get("web_app", {}).get("url")):
                return self._call_back(chat, message, button)
        menu = self._profile.button_for(chat.user.user_id)
        if menu["type"] == "web_app" and pressed in (menu["text"], menu["web_app"]["url"]):
            return self._opened(chat, menu)
        raise Impossible("press: there is no such button")

    def _call_back(self, chat: Chat, message: Message, button: Mapping[str, Any]) -> dict[str, Any]:
        """A button with a link opens it, and the bot hears nothing."""
        if "callback_data" not in button:
            return self._opened(chat, button)
        if chat.blocked:
            raise Impossible("block: the user has blocked the bot")
        query_id, user = str(next(self._ids)), chat.user
        self._callbacks.add(query_id, chat)
        instance = str(user.user_id * 2_654_435_761 % 10**18)
        query = {"id": query_id, "from": as_sender(user), "message": message.api, "chat_instance": instance}
        return answer(
            chat, self._updates.add(user.user_id, "callback_query", {**query, "data": button["callback_data"]})
        )

    def _opened(self, chat: Chat, button: Mapping[str, Any]) -> dict[str, Any]:
        """`launch`: the Mini App's address with what Telegram hands to it."""
        told = {**answer(chat), **{name: button[name] for name in ("url", "web_app") if name in button}}
        if "web_app" in button:
            told["launch"] = self._apps.launch(chat.user, button["web_app"]["url"])
        return told

    def _key(self, chat: Chat, button: Mapping[str, Any], order: Order) -> dict[str, Any]:
        """A reply keyboard's button says its text or shares the user's own number, in digits only."""
        if "request_contact" in button:
            own = Contact(phone_number=chat.user.phone.removeprefix("+") or "0", user_id=chat.user.user_id)
            return self._say(chat, {"contact": card(chat.user, own)}, order)
        return self._say(chat, text_content(str(button["text"])), order)

    def _edit(self, chat: Chat, edit: Edit) -> dict[str, Any]:
        own = (one for one in chat.newest_first() if one.n == edit.n and not one.by_bot and "text" in one.api)
        if (message := next(own, None)) is None:
            raise Impossible("edit.n: no text of the user's has that n")
        kept = {name: value for name, value in message.api.items() if name != "entities"}
        message.api = {**kept, **text_content(edit.text), "edit_date": int(self._chats.world.clock())}
        message.edited = True
        chat.change(message)
        return answer(chat, self._updates.add(chat.user.user_id, "edited_message", message.api))

    def _block(self, chat: Chat, *, blocked: bool) -> dict[str, Any]:
        if chat.blocked == blocked:
            return answer(chat)
        chat.blocked = blocked
        chat.change()
        bot = self._profile.me
        member, kicked = {"status": "member", "user": bot}, {"status": "kicked", "user": bot, "until_date": 0}
        old, new = (member, kicked) if blocked else (kicked, member)
        told = {"chat": as_chat(chat.user), "from": as_sender(chat.user), "date": int(self._chats.world.clock())}
        content = {**told, "old_chat_member": old, "new_chat_member": new}
        return answer(chat, self._updates.add(chat.user.user_id, "my_chat_member", content))

    async def _look(self, user: User, upload: Upload) -> list[Rendition]:
        """A photo's renditions; and the sandbox remembers whose picture it is."""
        await self._chats.world.aside(
            self._chats.world.photos.remember, upload.data, user.phone or f"tg:{user.user_id}"
        )
        try:
            return await self._files.render(upload.data) if upload.photo else []
        except ValueError as error:
            raise Impossible(f"photo: {error}") from None

    def _content(self, upload: Upload, found: list[Rendition]) -> dict[str, Any]:
        if upload.photo:
            return {"photo": self._files.photo(found)}
        return {"document": self._files.document(upload.data, upload.name, upload.mime_type, upload.claimed)}


def answer(chat: Chat, update_id: int | None = None) -> dict[str, Any]:
    return {"ok": True, "n": chat.n, "update_id": update_id}
