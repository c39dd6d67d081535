"""HTTP for the user's side: act, read, wait for what is new, forget; the page's list of chats and its files."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

from aiohttp import BodyPartReader, web
from aiohttp.helpers import content_disposition_header

from sandbox.control import order_of, readable, wrong
from sandbox.telegram_acts import Impossible, Order, Upload
from sandbox.telegram_chat import Chat, Chats
from sandbox.telegram_files import Files
from sandbox.telegram_mini_app import Launching, MiniApps
from sandbox.telegram_people import user_of
from sandbox.telegram_profile import Profile
from sandbox.telegram_user import Acting
from sandbox.telegram_view import listed, live, shown

LARGEST_UPLOAD = 64 * 2**20  # more than any bot may download: refusing that is for the bot and for getFile
CHUNK = 256 * 2**10
LONGEST_WAIT = 30.0
LISTED = 50
FILES = ("photo", "document")
FIELDS = ("caption", "file_name", "mime_type", "file_size", "forward", "via_bot")


class Talk:
    def __init__(self, chats: Chats, files: Files, profile: Profile, acting: Acting, apps: MiniApps) -> None:
        self._chats = chats
        self._apps = apps
        self._files = files
        self._profile = profile
        self._acting = acting

    async def act(self, request: web.Request) -> web.Response:
        user_id = id_of(request)
        try:
            if request.content_type.startswith("multipart/"):
                return readable(await self._upload(request, user_id))
            return readable(self._acting.act(user_id, await order_of(request, Order)))
        except Impossible as impossible:
            raise wrong(str(impossible)) from None

    async def read(self, request: web.Request) -> web.Response:
        """`?after=N&wait=s`: messages that changed since; waits for one when there is none."""
        after = whole(request, "after")
        chat = await self._news(request, lambda chat: bool(chat.since(after)))
        return readable([shown(message) for message in chat.since(after)])

    async def live(self, request: web.Request) -> web.Response:
        """The same with keyboard, action, notice, commands: for the page. `n` is small again after a DELETE."""
        after = whole(request, "after")
        chat = await self._news(request, lambda chat: chat.n > after)
        return readable(live(chat, self._profile, after, self._chats.world.clock()))

    async def forget(self, request: web.Request) -> web.Response:
        self._chats.forget(id_of(request))
        return readable({"ok": True})

    async def list(self, _: web.Request) -> web.Response:
        """The newest chats in which somebody has a name or has said something."""
        return readable([listed(chat) for chat in self._chats.newest(LISTED)])

    async def init_data(self, request: web.Request) -> web.Response:
        """What a Mini App would be handed now, in good or bad order; no chat comes into being."""
        order = await order_of(request, Launching) if request.can_read_body else Launching()
        chat = self._chats.find(user_id := id_of(request))
        return readable({"init_data": self._apps.init_data(user_of(user_id) if chat is None else chat.user, order)})

    async def file(self, request: web.Request) -> web.Response:
        """Photos as pictures, all else as a download that no browser runs."""
        if (stored := self._files.of(request.match_info["unique_id"])) is None:
            raise web.HTTPNotFound
        photo = stored.folder == "photos"
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, max-age=3600, immutable"}
        if not photo:
            headers["Content-Disposition"] = content_disposition_header("attachment", filename=stored.name)
        return web.Response(
            body=stored.data, content_type="image/jpeg" if photo else "application/octet-stream", headers=headers
        )

    async def _news(self, request: web.Request, ready: Callable[[Chat], bool]) -> Chat:
        """The chat once it is ready or `wait` seconds are over; a new one when it was forgotten meanwhile."""
        user_id, clock = id_of(request), asyncio.get_running_loop().time
        chat, until = self._chats.of(user_id), clock() + wait_of(request)
        closing = self._chats.world.closing
        while not ready(chat) and (left := until - clock()) > 0 and not closing.is_set():
            await chat.bell.heard(closing, left)
            if self._chats.find(user_id) is not chat:
                return self._chats.of(user_id)
        return chat

    async def _upload(self, request: web.Request, user_id: int) -> dict[str, Any]:
        uploads, fields = await parts(request)
        if not uploads:
            raise wrong("photo, document: one of them is expected")
        try:
            for upload in uploads:
                upload.name = fields.get("file_name", upload.name)
                upload.mime_type = fields.get("mime_type", upload.mime_type)
                upload.claimed = int(fields["file_size"]) if "file_size" in fields else None
            order = Order(forward=fields.get("forward") == "true", via_bot=fields.get("via_bot") == "true")
        except ValueError:
            raise wrong("file_size: a whole number is expected") from None
        return await self._acting.upload(user_id, uploads, fields.get("caption", ""), order)


async def parts(request: web.Request) -> tuple[list[Upload], dict[str, str]]:
    """A multipart body: its files, and the fields of FIELDS. Raises 400 with the name of what is wrong."""
    uploads: list[Upload] = []
    fields: dict[str, str] = {}
    left = LARGEST_UPLOAD
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader) or part.name not in {*FILES, *FIELDS}:
                raise wrong(
                    f"{getattr(part, 'name', None) or 'body'}: one of {', '.join((*FILES, *FIELDS))} is expected"
                )
            data = await content(part, left)
            left -= len(data)
            if part.name in FIELDS:
                fields[part.name] = data.decode("utf-8", "replace")
            else:
                kind = part.headers.get("Content-Type", "application/octet-stream")
                uploads.append(Upload(photo=part.name == "photo", data=data, name=part.filename or "", mime_type=kind))
    except (ValueError, RuntimeError):
        raise wrong("body: multipart/form-data is expected") from None
    return uploads, fields


async def content(part: BodyPartReader, most: int) -> bytes:
    data = bytearray()
    while chunk := await part.read_chunk(CHUNK):
        data += chunk
        if len(data) > most:
            raise wrong(f"{part.name}: at most {LARGEST_UPLOAD} bytes in all")
    return bytes(data)


def id_of(request: web.Request) -> int:
    return int(request.match_info["user_id"])


def whole(request: web.Request, name: str) -> int:
    value = request.query.get(name, "0")
    if not re.fullmatch("[0-9]{1,15}", value):
        raise wrong(f"{name}: a whole number is expected")
    return int(value)


def wait_of(request: web.Request) -> float:
    value = request.query.get("wait", "0")
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,6})?", value):
        raise wrong("wait: seconds are expected")
    return min(LONGEST_WAIT, float(value))


def routes(talk: Talk) -> list[web.RouteDef]:
    chat = "/telegram/_chat/{user_id:[0-9]{1,15}}"
    return [
        web.post(chat, talk.act),
        web.get(chat, talk.read),
        web.delete(chat, talk.forget),
        web.get(f"{chat}/live", talk.live),
        web.get("/telegram/_chats", talk.list),
        web.post("/telegram/_init_data/{user_id:[0-9]{1,15}}", talk.init_data),
        web.get("/telegram/_files/{unique_id:[A-Za-z0-9_-]+}", talk.file),
    ]
