"""Draws the simulated Aitu Passport's pages: no script, nothing loaded, forms that lead here or back to the bank."""

import secrets
from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

import aiohttp_jinja2
from aiohttp import web

from sandbox.aitu_asked import Asked, language
from sandbox.aitu_refusals import ShownError
from sandbox.aitu_words import WORDS

View = Literal["login", "consent", "refused", "closed", "error", "out"]
PATH = "/aitu/oauth2/auth"


def screen(
    request: web.Request, view: View, given: Mapping[str, str], status: int = 200, **content: object
) -> web.Response:
    nonce, chosen = secrets.token_urlsafe(16), language(given, WORDS)
    shown = {"view": view, "given": given, "lang": chosen, "words": WORDS[chosen], "nonce": nonce, "path": PATH}
    answer = aiohttp_jinja2.render_template("aitu.html", request, shown | content, status=status)
    bank = _origin(given.get("redirect_uri", ""))
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; img-src data:; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self'{bank}"  # a browser applies it to where the form's answer leads, too
    )
    return answer


def lines(wish: Asked) -> list[str]:
    """What the bank will get, in words; scopes without words as they are."""
    words = WORDS[language(wish.given, WORDS)]
    return [words.get(f"scope_{one}", one) for one in sorted(wish.scopes)]


def trouble(request: web.Request, given: Mapping[str, str], shown: ShownError) -> web.Response:
    return screen(request, "error", given, 400, error=shown.error, description=shown.description)


def _origin(uri: str) -> str:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return ""
    safe = parts.scheme in ("http", "https") and parts.netloc and not set(parts.netloc) & set(" ;,'\"\t\r\n")
    return f" {parts.scheme}://{parts.netloc}" if safe else ""
