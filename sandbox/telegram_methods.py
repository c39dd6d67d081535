"""The Bot API's methods by their lower-case names."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sandbox.telegram_chat import Chats
from sandbox.telegram_files import Files
from sandbox.telegram_given import flag, nested, number
from sandbox.telegram_people import as_chat
from sandbox.telegram_profile import LENGTHS, Profile
from sandbox.telegram_refusals import NotFound, Refused
from sandbox.telegram_sending import Given, Sending, Uploads
from sandbox.telegram_updates import Updates
from sandbox.telegram_webhook import Webhook

MOST_UPDATES = 100
LONGEST_POLL = 50.0
MOST_CONNECTIONS, CONNECTIONS = 100, 40
LONGEST_SECRET = 256
SECRET_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
GIFTS = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
CANNOT = ("join_groups", "read_all_group_messages", "connect_to_business", "manage_bots")
Method = Callable[[Given, Uploads], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Said:
    """A result with the words that Telegram adds to it."""

    result: Any
    description: str


class Methods:
    def __init__(self, chats: Chats, updates: Updates, files: Files, profile: Profile, sending: Sending) -> None:
        self._chats = chats
        self._updates = updates
        self._files = files
        self._profile = profile
        self._sending = sending
        self._hook: Webhook | None = None
        self._methods = self._table()

    def named(self, name: str) -> Method:
        """Raises `NotFound`."""
        if (method := self._methods.get(name.lower())) is None:
            raise NotFound(": method not found")
        return method

    def _table(self) -> dict[str, Method]:
        sending, profile = self._sending, self._profile
        return {
            "sendmessage": sending.message,
            "sendphoto": sending.photo,
            "editmessagetext": sending.edit_text,
            "editmessagereplymarkup": sending.edit_markup,
            "deletemessage": sending.delete,
            "deletemessages": sending.delete_many,
            "sendchataction": sending.action,
            "answercallbackquery": sending.answer,
            "getupdates": self.get_updates,
            "setwebhook": self.set_webhook,
            "deletewebhook": self.delete_webhook,
            "getwebhookinfo": _plain(lambda _: self._webhook_info()),
            "getme": _plain(lambda _: profile.me | {f"can_{ability}": False for ability in CANNOT}),
            "getchat": _plain(self._chat_info),
            "getfile": _plain(lambda given: self._files.get(str(given.get("file_id") or ""))),
            "setmycommands": _plain(profile.set_commands),
            "getmycommands": _plain(profile.commands),
            "deletemycommands": _plain(profile.delete_commands),
            "setchatmenubutton": _plain(profile.set_button),
            "getchatmenubutton": _plain(lambda given: profile.button_for(number(given, "chat_id"))),
            "logout": _plain(lambda _: True),
            "close": _plain(lambda _: True),
            **{f"setmy{_joined(kind)}": _plain(_setting(profile, kind)) for kind in LENGTHS},
            **{f"getmy{_joined(kind)}": _plain(_getting(profile, kind)) for kind in LENGTHS},
        }

    async def get_updates(self, given: Given, _: Uploads) -> list[dict[str, Any]]:
        """limit 1 … 100, timeout in seconds; allowed_updates stay until others are given."""
        self._allow(given)
        limit = number(given, "limit", MOST_UPDATES)
        seconds = min(LONGEST_POLL, max(0, number(given, "timeout")))
        return await self._updates.poll(
            number(given, "offset"), limit if 1 <= limit <= MOST_UPDATES else MOST_UPDATES, seconds
        )

    async def set_webhook(self, given: Given, _: Uploads) -> Said:
        url = str(given.get("url") or "")
        if not url:
            return await self.delete_webhook(given, {})
        secret = _checked(url, str(given.get("secret_token") or ""))
        connections = min(MOST_CONNECTIONS, max(1, number(given, "max_connections", CONNECTIONS)))
        self._allow(given)
        if self._hook is not None and (url, secret, connections) == self._hook.terms:
            return Said(result=True, description="Webhook is already set")
        await self._drop(given)
        self._hook = Webhook(self._chats.world, self._updates, url=url, secret=secret, connections=connections)
        self._updates.hand_to(self._hook)
        return Said(result=True, description="Webhook was set")

    async def delete_webhook(self, given: Given, _: Uploads) -> Said:
        was = "Webhook is already deleted" if self._hook is None else "Webhook was deleted"
        await self._drop(given)
        return Said(result=True, description=was)

    async def _drop(self, given: Given) -> None:
        hook, self._hook = self._hook, None
        self._updates.hand_to(None)
        if hook is not None:
            await hook.close()
        if flag(given, "drop_pending_updates"):
            self._updates.clear()

    def _allow(self, given: Given) -> None:
        kinds = nested(given, "allowed_updates", "allowed_updates")
        if isinstance(kinds, list):
            self._updates.allow([str(kind) for kind in kinds])

    def _webhook_info(self) -> dict[str, Any]:
        info: dict[str, Any] = {"url": "", "has_custom_certificate": False, "pending_update_count": len(self._updates)}
        info |= {} if self._hook is None else self._hook.info
        return info | ({"allowed_updates": self._updates.allowed} if self._updates.allowed else {})

    def _chat_info(self, given: Given) -> dict[str, Any]:
        """Bot API's ChatFullInfo."""
        chat = as_chat(self._sending.chat(given).user)
        gifts = dict.fromkeys(GIFTS, True)
        return {**chat, "accent_color_id": 1, "max_reaction_count": 11, "accepted_gift_types": gifts}


def _plain(method: Callable[[Given], Any]) -> Method:
    async def called(given: Given, _: Uploads) -> Any:
        return method(given)

    return called


def _joined(kind: str) -> str:
    return kind.replace("_", "")


def _setting(profile: Profile, kind: str) -> Callable[[Given], Any]:
    return lambda given: profile.set_text(kind, given)


def _getting(profile: Profile, kind: str) -> Callable[[Given], Any]:
    return lambda given: {kind: profile.text(kind, str(given.get("language_code") or ""))}


def _checked(url: str, secret: str) -> str:
    """The secret. Telegram takes only https; here the bot's webhook may be on this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Refused("invalid webhook URL specified") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Refused("invalid webhook URL specified")
    if len(secret) > LONGEST_SECRET:
        raise Refused("secret token is too long")
    if not SECRET_LETTERS.issuperset(secret):
        raise Refused("secret token contains unallowed characters")
    return secret
