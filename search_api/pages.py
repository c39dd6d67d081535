"""What our own pages share: templates, files beside them, the language that a browser asks for, the way to the chat."""

import re
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

from aiohttp import web

from flows.texts import LANGUAGES

HERE = Path(__file__).parent
STATIC = HERE / "static"
_TYPES = {".js": "text/javascript", ".css": "text/css"}


def static(file: Path) -> Any:
    """A handler that gives this file."""
    body = file.read_bytes()

    async def give(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type=_TYPES[file.suffix], charset="utf-8")

    return give


@cache
def template(name: str) -> Template:
    return Template((HERE / "templates" / f"{name}.html").read_text(encoding="utf-8"))


def chat_link(name: str) -> str:
    """The bot's chat, "" when its name is not configured."""
    return f"https://t.me/{name}" if name else ""


def preferred(request: web.Request) -> str:
    """What the browser asks for, of what we speak; else Russian."""
    asked = re.findall(r"\b[a-z]{2}\b", request.headers.get("Accept-Language", "").lower()[:200])
    return next((language for language in asked if language in LANGUAGES), "ru")
