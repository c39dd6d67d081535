"""What a bot tells about itself: name, descriptions, menus of commands by scope and language, the menu button."""

import re
from collections.abc import Mapping
from typing import Any

from sandbox.telegram_given import inline, nested, number
from sandbox.telegram_refusals import Refused

BOT_ID = 7_000_000_001
USERNAME = "shinos_sandbox_bot"
MOST_COMMANDS = 100
SCOPES = ("default", "all_private_chats", "all_group_chats", "all_chat_administrators", "chat")
LENGTHS = {"name": 64, "description": 512, "short_description": 120}
Commands = list[dict[str, str]]


class Profile:
    def __init__(self) -> None:
        self._texts: dict[tuple[str, str], str] = {("name", ""): "Шинос"}
        self._commands: dict[tuple[str, int, str], Commands] = {}
        self._buttons: dict[int, dict[str, Any]] = {}

    @property
    def me(self) -> dict[str, Any]:
        """Bot API's User."""
        return {"id": BOT_ID, "is_bot": True, "first_name": self.text("name"), "username": USERNAME}

    def text(self, kind: str, language: str = "") -> str:
        """`kind` is of LENGTHS; the text without a language stands for those that have none."""
        return self._texts.get((kind, language)) or self._texts.get((kind, ""), "")

    def set_text(self, kind: str, given: Mapping[str, Any]) -> bool:
        """setMyName and its like; an empty one falls back."""
        text = str(given.get(kind) or "")
        if len(text) > LENGTHS[kind]:
            raise Refused(f"{kind.upper()}_TOO_LONG")
        self._texts[(kind, language_of(given))] = text
        return True

    def set_commands(self, given: Mapping[str, Any]) -> bool:
        commands = nested(given, "commands", "commands")
        if not isinstance(commands, list) or not all(isinstance(command, dict) for command in commands):
            raise Refused("expected an Array of BotCommand")
        if len(commands) > MOST_COMMANDS:
            raise Refused("BOT_COMMANDS_TOO_MUCH")
        self._commands[place(given)] = [_command(command) for command in commands]
        return True

    def commands(self, given: Mapping[str, Any]) -> Commands:
        """getMyCommands: of exactly that scope and language."""
        return self._commands.get(place(given), [])

    def delete_commands(self, given: Mapping[str, Any]) -> bool:
        self._commands.pop(place(given), None)
        return True

    def commands_for(self, chat_id: int, language: str) -> Commands:
        """What a user's menu shows: the first that is set, from the narrowest scope to the widest."""
        scopes = (("chat", chat_id), ("all_private_chats", 0), ("default", 0))
        places = ((*scope, code) for scope in scopes for code in (language, ""))
        return next((found for where in places if (found := self._commands.get(where))), [])

    def set_button(self, given: Mapping[str, Any]) -> bool:
        button = nested(given, "menu_button", "menu button") or {"type": "default"}
        if not isinstance(button, dict) or button.get("type") not in ("default", "commands", "web_app"):
            raise Refused("can't parse menu button: MenuButton has unsupported type")
        if button["type"] == "web_app":
            inline({"text": button.get("text"), "web_app": button.get("web_app") or {}})
        self._buttons[number(given, "chat_id")] = button
        return True

    def button_for(self, chat_id: int) -> dict[str, Any]:
        """The chat's own button, else that of all chats, else the commands."""
        buttons = (self._buttons.get(where, {"type": "default"}) for where in (chat_id, 0))
        return next((button for button in buttons if button["type"] != "default"), {"type": "commands"})


def place(given: Mapping[str, Any]) -> tuple[str, int, str]:
    """Scope, chat and language of a menu. Raises `Refused`."""
    scope = nested(given, "scope", "BotCommandScope") or {"type": "default"}
    if not isinstance(scope, dict) or scope.get("type") not in SCOPES:
        raise Refused("can't parse BotCommandScope: Unsupported type specified")
    if scope["type"] == "chat" and not number(scope, "chat_id"):
        raise Refused("can't parse BotCommandScope: Empty chat_id specified")
    return str(scope["type"]), number(scope, "chat_id"), language_of(given)


def language_of(given: Mapping[str, Any]) -> str:
    language = str(given.get("language_code") or "")
    if language and not re.fullmatch("[a-z]{2}", language):
        raise Refused("LANGUAGE_CODE_INVALID")
    return language


def _command(given: Mapping[str, Any]) -> dict[str, str]:
    command, description = str(given.get("command", "")).removeprefix("/"), str(given.get("description", ""))
    if not re.fullmatch("[a-z0-9_]{1,32}", command):
        raise Refused("BOT_COMMAND_INVALID")
    if not 1 <= len(description) <= 256:
        raise Refused("BOT_COMMAND_DESCRIPTION_INVALID")
    return {"command": command, "description": description}
