"""The chat page: a messenger in the browser, for being the bot's user without a Telegram account."""

import secrets

import aiohttp_jinja2
from aiohttp import web

from sandbox.cast import CAST

FIRST = 1_000  # the user id of CAST's first; the others have their places as ids
STRANGER_FROM = 3_000_000  # user ids of people whom the page's form invents begin here


async def page(request: web.Request) -> web.Response:
    nonce = secrets.token_urlsafe(16)
    cast = [{"user_id": number or FIRST, "person": person} for number, person in enumerate(CAST)]
    content = {"cast": cast, "nonce": nonce, "stranger_from": STRANGER_FROM}
    response = aiohttp_jinja2.render_template("telegram.html", request, content)
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; img-src 'self' data: blob:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return response


async def with_slash(_: web.Request) -> web.Response:
    raise web.HTTPFound("/telegram/")


def routes() -> list[web.RouteDef]:
    return [web.get("/telegram/", page), web.get("/telegram", with_slash)]
