"""The parameters of a Bot API method, from JSON or from a form whose nested values are JSON texts."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from sandbox.telegram_refusals import Refused

LONGEST_TEXT, LONGEST_CAPTION = 4096, 1024  # UTF-16 units
LONGEST_DATA = 64  # bytes of callback_data
LOOPBACK = ("localhost", "127.0.0.1", "::1")
Rows = list[list[dict[str, Any]]]


def units(text: str) -> int:
    """Telegram counts and addresses text in UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def number(given: Mapping[str, Any], name: str, default: int = 0) -> int:
    value = str(given.get(name, "")).strip()
    return int(value) if re.fullmatch(r"-?[0-9]{1,18}", value) else default


def flag(given: Mapping[str, Any], name: str) -> bool:
    return str(given.get(name, "")).lower() in ("true", "1", "yes", "y", "t")


def nested(given: Mapping[str, Any], name: str, what: str) -> Any:
    """An object or a list; None when it is absent. Raises `Refused`."""
    value = given.get(name)
    if not isinstance(value, str | bytes):
        return value
    try:
        return json.loads(value) if value else None
    except (ValueError, RecursionError):
        raise Refused(f"can't parse {what} JSON object") from None


def text_of(given: Mapping[str, Any]) -> str:
    text = str(given.get("text") or "").strip()
    if not text:
        raise Refused("message text is empty")
    if units(text) > LONGEST_TEXT:
        raise Refused("message is too long")
    return text


def caption_of(given: Mapping[str, Any]) -> str:
    caption = str(given.get("caption") or "").strip()
    if units(caption) > LONGEST_CAPTION:
        raise Refused("message caption is too long")
    return caption


def entities_of(given: Mapping[str, Any], name: str = "entities") -> list[dict[str, Any]]:
    entities = nested(given, name, "entities") or []
    if not isinstance(entities, list) or not all(isinstance(entity, dict) for entity in entities):
        raise Refused("expected an Array of MessageEntity")
    return entities


def markup_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """reply_markup, checked; {} when there is none. A reply keyboard's buttons come out as objects."""
    markup = nested(given, "reply_markup", "reply keyboard markup") or {}
    if not isinstance(markup, dict):
        raise Refused("object expected as reply markup")
    if "inline_keyboard" in markup:
        return {"inline_keyboard": [[inline(button) for button in row] for row in _rows(markup, "inline_keyboard")]}
    if "keyboard" in markup:
        return {**markup, "keyboard": [[_key(button) for button in row] for row in _rows(markup, "keyboard")]}
    return markup


def _rows(markup: Mapping[str, Any], name: str) -> list[list[Any]]:
    rows = markup[name]
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise Refused(f'field "{name}" must be an Array of Arrays')
    return [row for row in rows if row]


def _key(button: Any) -> dict[str, Any]:
    whole = {"text": button} if isinstance(button, str) else button
    if not isinstance(whole, dict) or not str(whole.get("text") or ""):
        raise Refused("can't parse keyboard button: KeyboardButton must be a String or an Object")
    return {name: value for name, value in whole.items() if value not in (None, False)}


def inline(button: Any) -> dict[str, Any]:
    if not isinstance(button, dict):
        raise Refused("can't parse inline keyboard button: InlineKeyboardButton must be an Object")
    whole = {name: value for name, value in button.items() if value is not None}
    if not whole.get("text"):
        raise Refused("inline keyboard button text must be non-empty")
    if "callback_data" in whole and not 1 <= len(str(whole["callback_data"]).encode()) <= LONGEST_DATA:
        raise Refused("BUTTON_DATA_INVALID")
    if len(whole) == 1:
        raise Refused("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    if "url" in whole:
        check_link(str(whole["url"]), "inline keyboard button URL", secure=False)
    if "web_app" in whole:
        app = whole["web_app"] if isinstance(whole["web_app"], dict) else {}
        check_link(str(app.get("url", "")), "inline keyboard button Web App URL", secure=True)
    return whole


def check_link(link: str, what: str, *, secure: bool) -> None:
    """http, https and tg; `secure` only https. The sandbox lets loopback pass in both, which Telegram does not."""
    if problem := _problem(link, secure=secure):
        raise Refused(f"{what} '{link}' is invalid: {problem}")


def _problem(link: str, *, secure: bool) -> str:
    try:
        parts = urlsplit(link if "://" in link or link.startswith("tg:") else f"http://{link}")
    except ValueError:
        return "Wrong HTTP URL"
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https", "tg"):
        return "Unsupported URL protocol"
    if secure and parts.scheme != "https" and host not in LOOPBACK:
        return "Only HTTPS links are allowed"
    if parts.scheme != "tg" and "." not in host and host not in LOOPBACK:
        return "Wrong HTTP URL"
    return ""
