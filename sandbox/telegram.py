"""Telegram: the Bot API as aiogram 3.31 calls it (Bot API 10.3, private chats), and the user's side of every chat.

/telegram/bot<token>/<method> in any case, by GET or POST, with a query, a form, multipart or JSON;
/telegram/file/bot<token>/<path>. `{"ok":true,"result":…}` or `{"ok":false,"error_code":…,"description":…}`.
"""

import json
import re
from functools import partial
from typing import Any

from aiohttp import web

from sandbox import telegram_page, telegram_talk
from sandbox.calls import parameters
from sandbox.gate import hang
from sandbox.telegram_chat import Chats
from sandbox.telegram_files import Files
from sandbox.telegram_methods import Methods, Said
from sandbox.telegram_mini_app import PUBLIC, MiniApps
from sandbox.telegram_orders import NAME, OUTCOMES, Flood
from sandbox.telegram_profile import Profile
from sandbox.telegram_refusals import NeverAnswered, NotFound, Refused, Unauthorized
from sandbox.telegram_sending import Callbacks, Sending
from sandbox.telegram_talk import Talk
from sandbox.telegram_updates import Updates
from sandbox.telegram_user import Acting
from sandbox.upstream import Upstream
from sandbox.world import World

TOKEN = "7000000001:sandbox-telegram-token-of-shinos-01"
DELAY = (0.03, 0.12)
POLLING = "getupdates"
CHUNK = 64 * 2**10
compact = partial(json.dumps, ensure_ascii=False, separators=(",", ":"))


class BotApi:
    def __init__(self, world: World, methods: Methods, files: Files) -> None:
        self._world = world
        self._draw = world.random(NAME)
        self._methods = methods
        self._files = files

    async def call(self, request: web.Request) -> web.StreamResponse:
        try:
            check_token(request)
            result = await self._result(request)
        except NeverAnswered:
            return await hang(self._world, request)
        except Refused as refused:
            return web.json_response(refused.body, status=refused.error_code)
        said = {"description": result.description} if isinstance(result, Said) else {}
        value = result.result if isinstance(result, Said) else result
        return web.json_response({"ok": True, "result": value, **said}, dumps=compact)

    async def _result(self, request: web.Request) -> Any:
        name = request.match_info["method"]
        method = self._methods.named(name)
        if name.lower() != POLLING:
            await self._world.pause(self._draw, *DELAY)
        return await method(parameters(request), await uploads(request))

    async def download(self, request: web.Request) -> web.StreamResponse:
        """In chunks, as its size allows no other way; 404 for a path that is unknown or older than an hour."""
        try:
            check_token(request)
            if (stored := self._files.at(request.match_info["path"])) is None:
                raise NotFound
        except Refused as refused:
            return web.json_response(refused.body, status=refused.error_code)
        await self._world.pause(self._draw, *DELAY)
        answer = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
        answer.content_length = len(stored.data)
        await answer.prepare(request)
        for start in range(0, len(stored.data), CHUNK):
            await answer.write(stored.data[start : start + CHUNK])
        return answer


def check_token(request: web.Request) -> None:
    if request.match_info["token"] != TOKEN:
        raise Unauthorized


async def uploads(request: web.Request) -> dict[str, bytes]:
    """The files of a form, which the gate has read already."""
    if request.content_type != "multipart/form-data":
        return {}
    form = (await request.post()).items()
    return {name: value.file.read() for name, value in form if isinstance(value, web.FileField)}


def without_token(path: str) -> str:
    """As calls show it; "" for the page and the user's side, which are no calls of the bot."""
    if not re.match("/telegram/(?:file/)?bot", path):
        return ""
    return re.sub(r"^/telegram/(file/)?bot[^/]*", r"/telegram/\1bot", path)


def routes(world: World) -> list[web.RouteDef]:
    chats, files, profile, updates = Chats(world), Files(world), Profile(), Updates(world)
    callbacks = Callbacks(world)
    sending = Sending(chats, files, profile, callbacks, Flood(world))
    bot = BotApi(world, Methods(chats, updates, files, profile, sending), files)
    apps = MiniApps(world, TOKEN)
    talk = Talk(chats, files, profile, Acting(chats, updates, files, profile, callbacks, apps=apps), apps)
    path = "/telegram/bot{token:[^/]*}/{method}"
    return [
        *telegram_page.routes(),
        *telegram_talk.routes(talk),
        web.get("/telegram/file/bot{token:[^/]*}/{path:.+}", bot.download),
        *(web.route(method, path, bot.call) for method in ("GET", "POST")),
    ]


UPSTREAM = Upstream(
    name=NAME,
    title="Telegram",
    prefixes=(NAME,),
    routes=routes,
    outcomes=OUTCOMES,
    credentials={"Токен бота": TOKEN, "Ed25519 для Mini Apps": PUBLIC},
    texts=frozenset({"text", "caption"}),
    secrets=frozenset({"secret_token"}),
    path=without_token,
    silent=frozenset({f"/telegram/bot/{POLLING}"}),
)
