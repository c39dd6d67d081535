"""What a POST to /telegram/_chat/<user id> may hold, and what text and contact cards become in the Bot API."""

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from sandbox.phones import e164
from sandbox.telegram_chat import Chat
from sandbox.telegram_given import units
from sandbox.telegram_people import User, user_of

COMMAND = re.compile(r"(?<!\S)/[A-Za-z0-9_]{1,32}(?:@\w{5,32})?(?!\S)")


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Contact(Strict):
    """`user_id` absent: a card from the address book of somebody who is not in Telegram."""

    phone_number: str = Field(min_length=1, max_length=32)
    user_id: int | None = None
    first_name: str = Field(default="", max_length=64)


class Edit(Strict):
    """`n` of the user's own text."""

    n: int
    text: str = Field(min_length=1)


class Person(Strict):
    """The profile; what is absent stays."""

    first_name: str | None = Field(default=None, min_length=1, max_length=64)
    last_name: str | None = Field(default=None, max_length=64)
    username: str | None = Field(default=None, pattern="^([A-Za-z0-9_]{5,32})?$")
    language_code: str | None = Field(default=None, pattern="^([a-z]{2}(-[A-Za-z]{2,8})?)?$")
    phone: str | None = None


class Order(Strict):
    """One act, or `user` alone. `id` says which message's button is pressed; without it the newest that fits."""

    text: str | None = Field(default=None, min_length=1)
    contact: Contact | None = None
    press: str | None = None
    update: dict[str, Any] | None = None
    edit: Edit | None = None
    block: bool | None = None
    kind: Literal["sticker", "voice", "video", "video_note"] | None = None
    id: int | None = None
    forward: bool = False
    via_bot: bool = False
    user: Person | None = None

    @property
    def acts(self) -> list[str]:
        names = ("text", "contact", "press", "update", "edit", "block", "kind")
        return [name for name in names if getattr(self, name) is not None]


class Upload(Strict):
    """One file of a multipart body; `claimed` is the size that the sender pretends."""

    photo: bool
    data: bytes = Field(repr=False)
    name: str = Field(default="", max_length=255)
    mime_type: str = Field(default="application/octet-stream", max_length=128)
    claimed: int | None = None


class Impossible(Exception):
    """The user cannot do that; the text begins with the field's name."""


def text_content(text: str) -> dict[str, Any]:
    """With entities of type bot_command, placed in UTF-16 units."""
    entities = [
        {"type": "bot_command", "offset": units(text[: found.start()]), "length": units(found.group())}
        for found in COMMAND.finditer(text)
    ]
    return {"text": text, **({"entities": entities} if entities else {})}


def card(owner: User, contact: Contact) -> dict[str, Any]:
    """Bot API's Contact."""
    if contact.user_id is None:
        return {"phone_number": contact.phone_number, "first_name": contact.first_name or "Знакомый"}
    whose = owner if contact.user_id == owner.user_id else user_of(contact.user_id)
    names = {"first_name": contact.first_name or whose.first_name, "last_name": whose.last_name}
    shown = {name: value for name, value in names.items() if value}
    return {"phone_number": contact.phone_number, **shown, "user_id": contact.user_id}


def introduce(chat: Chat, person: Person) -> None:
    given = person.model_dump(exclude_none=True)
    if given.get("phone"):
        given["phone"] = e164(given["phone"])
        if not 8 <= len(given["phone"]) <= 16:
            raise Impossible("user.phone: a number with its country code is expected")
    for name, value in given.items():
        setattr(chat.user, name, value)
    chat.change()
