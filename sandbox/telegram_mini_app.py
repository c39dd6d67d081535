"""Mini Apps: what Telegram hands to a page that an inline button or the menu opens (core.telegram.org/bots/webapps).

initData is signed in both ways: with the bot's token (`hash`), and with Telegram's own Ed25519 key (`signature`), here
the sandbox's, whose public half stands among its credentials.
"""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import Field

from sandbox.telegram_acts import Strict
from sandbox.telegram_people import User, as_sender
from sandbox.world import World

PRIVATE = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"Telegram of the sandbox, Mini Apps").digest())
PUBLIC = PRIVATE.public_key().public_bytes_raw().hex()
OTHER_TOKEN = "7000000009:sandbox-telegram-token-of-another-bot-9"
VERSION, PLATFORM = "9.1", "web"
THEME = {"bg_color": "#ffffff", "text_color": "#1d2327", "button_color": "#0b5f6b", "button_text_color": "#ffffff"}
Spoiled = Literal[
    "tampered",
    "tampered_hash",
    "tampered_signature",
    "no_hash",
    "no_signature",
    "non_ascii_hash",
    "non_ascii_signature",
    "duplicate",
    "duplicate_user",
    "other_bot",
    "empty",
]
compact = partial(json.dumps, ensure_ascii=False, separators=(",", ":"))


class Launching(Strict):
    """POST /telegram/_init_data/<user id>. `user`: what differs in the person, null takes a field out.

    `auth_date` in Unix seconds, now if absent; `fields` are further ones, such as start_param; `spoil` is done last.
    """

    auth_date: int | None = None
    user: dict[str, Any] | None = None
    fields: dict[str, str] = Field(default_factory=dict)
    spoil: Spoiled | None = None


class MiniApps:
    """Of the bot with that token."""

    def __init__(self, world: World, token: str) -> None:
        self._world = world
        self._token = token
        self._draw = world.random("telegram_mini_apps")

    def init_data(self, user: User, order: Launching | None = None) -> str:
        order = order or Launching()
        if order.spoil == "empty":
            return ""
        fields = {
            "query_id": "AA" + urlsafe_b64encode(self._draw.randbytes(15)).decode(),
            "user": slashed(_person(user, order.user or {})),
            "auth_date": str(int(self._world.clock()) if order.auth_date is None else order.auth_date),
            **order.fields,
        }
        signed_ = signed(fields, OTHER_TOKEN if order.spoil == "other_bot" else self._token)
        return urlencode(_spoiled(list(signed_.items()), order.spoil), quote_via=quote)

    def launch(self, user: User, url: str) -> str:
        """The address that the client opens: what is new stands behind `#`, which no server is told."""
        given = {
            "tgWebAppData": self.init_data(user),
            "tgWebAppVersion": VERSION,
            "tgWebAppPlatform": PLATFORM,
            "tgWebAppThemeParams": compact(THEME),
        }
        glue = "#" if "#" not in url else "&" if "?" in url.partition("#")[2] else "?"
        return f"{url}{glue}{urlencode(given, quote_via=quote)}"


def signed(fields: Mapping[str, str], token: str) -> dict[str, str]:
    """First Telegram's signature over the bot's number and all fields, then the bot's hash over that too."""
    message = f"{token.partition(':')[0]}:WebAppData\n{lines(fields)}".encode()
    whole = {**fields, "signature": urlsafe_b64encode(PRIVATE.sign(message)).decode().rstrip("=")}
    secret = hmac.digest(b"WebAppData", token.encode(), "sha256")
    return {**whole, "hash": hmac.digest(secret, lines(whole).encode(), "sha256").hex()}


def lines(fields: Mapping[str, str]) -> str:
    return "\n".join(f"{name}={fields[name]}" for name in sorted(fields))


def slashed(value: object) -> str:
    """JSON as Telegram writes it: with `\\/` for a slash."""
    return compact(value).replace("/", "\\/")


def _person(user: User, changed: Mapping[str, Any]) -> dict[str, Any]:
    """Bot API's WebAppUser."""
    known = {name: value for name, value in as_sender(user).items() if name != "is_bot"}
    photo = f"https://t.me/i/userpic/320/sandbox{user.user_id}.svg"
    whole = {**known, "allows_write_to_pm": True, "photo_url": photo, **changed}
    return {name: value for name, value in whole.items() if value is not None}


def _spoiled(fields: list[tuple[str, str]], how: Spoiled | None) -> list[tuple[str, str]]:
    if how == "duplicate":
        return [("auth_date", "1"), *fields]
    if how == "duplicate_user":
        return [("user", '{"id":1}'), *fields]
    if how == "tampered":
        return _with(fields, "auth_date", lambda date: str(int(date) + 1))
    what, _, name = (how or "").rpartition("_")
    if what == "no":
        return [field for field in fields if field[0] != name]
    if what == "tampered":
        return _with(fields, name, lambda text: ("1" if text[0] == "0" else "0") + text[1:])
    return _with(fields, name, lambda text: f"ж{text[1:]}") if what == "non_ascii" else fields


def _with(fields: list[tuple[str, str]], name: str, change: Callable[[str], str]) -> list[tuple[str, str]]:
    return [(one, change(value) if one == name else value) for one, value in fields]
