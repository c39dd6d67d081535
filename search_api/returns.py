"""Doors that people come back through: the liveness page, and biometric.kz's webhook.

The page is for any browser and for Telegram's own. Its address holds a ticket, which a GET never uses up: whoever looks
at links before a person does, burns none. What the page says is told by POST to the same address.
"""

import json
from collections.abc import Iterable
from html import escape
from io import BytesIO
from typing import Literal

import segno
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flows.errors import FlowError, Malformed, StepUnknown
from flows.liveness_door import LivenessDoor, Phase, Said, Standing
from flows.texts import Text, render, sentences
from flows.upstream.biometric import locale_of
from search_api.answers import answered, refused
from search_api.iq4 import HOUSE
from search_api.observing import OBSERVED
from search_api.pages import STATIC, chat_link, preferred, static, template
from search_api.parameters import read_body

SAID_LIMIT, WEBHOOK_LIMIT = 16 * 1024, 2**20
_WORDS = "liveness.page."
_TELEGRAM = "https://web.telegram.org"


class PageCall(BaseModel):
    """What the liveness page says of itself; never a verdict."""

    model_config = ConfigDict(extra="ignore")

    event: Literal["open", "look", "finish", "hosted", "trouble", "again", "another"]
    device: str = Field(default="", max_length=64, description="the secret of this browser")
    init_data: str = Field(default="", description="how Telegram has launched the page as a Mini App")
    what: str = Field(default="", max_length=32, description="what is wrong with the camera")


class Handover(BaseModel):
    """A link for another device, and the same as a QR code (SVG)."""

    address: str
    qr: str


class PageShape(BaseModel):
    """Status 200: how it stands."""

    model_config = ConfigDict(extra="forbid")

    phase: Phase
    device: str | None = None
    session: str | None = Field(default=None, description="biometric.kz's, for its widget")
    hosted: str | None = Field(default=None, description="biometric.kz's own page for it")
    text: str | None = None
    link: Handover | None = None


class Nudge(BaseModel):
    """Of it only the session's name is looked at."""

    model_config = ConfigDict(extra="allow")

    session_id: str = Field(min_length=1, max_length=64)


def routes(door: LivenessDoor) -> list[web.RouteDef]:
    """Of the page, its script and its style, and of the webhook."""
    page = LivenessPage(door)
    return [
        *(web.get(f"/liveness/{file.name}", static(file)) for file in sorted(STATIC.iterdir())),
        web.get("/liveness/{ticket}", page.shown),
        web.post("/liveness/{ticket}", page.told),
        web.post("/biometric/webhook", page.nudged),
    ]


class LivenessPage:
    def __init__(self, door: LivenessDoor) -> None:
        self._door = door
        self._headers = _headers(door.options.origins)

    async def shown(self, request: web.Request) -> web.Response:
        """GET /liveness/{ticket}: the page; 410 with a page too when the link leads nowhere."""
        try:
            language = await self._door.language(request.match_info["ticket"])
        except StepUnknown as error:
            request[OBSERVED].code = error.code
            return self._over(request)
        settings = request.app[HOUSE].settings
        words = {key.removeprefix(_WORDS): text for key, text in sentences(language).items() if key.startswith(_WORDS)}
        given = {
            "lang": language,
            "locale": locale_of(language),
            "script": self._door.options.script,
            "chat": chat_link(settings.bot.name),
            "help": settings.bot.help,
            "title": words["intro_title"],
            "late": words["late"],
        }
        # Within a script element only "<" could end it.
        inside = json.dumps(words, ensure_ascii=False).replace("<", "\\u003c")
        filled = {name: escape(value) for name, value in given.items()} | {"words": inside}
        return self._page(template("liveness").substitute(filled))

    async def told(self, request: web.Request) -> web.Response:
        """POST /liveness/{ticket}: what the page says; the answer is how it stands."""
        ticket, language = request.match_info["ticket"], preferred(request)
        try:
            called = _called(await read_body(request, request.app[HOUSE].settings.server.read_seconds, SAID_LIMIT))
            language = await self._door.language(ticket)
            standing = await self._door.hears(ticket, Said(**called.model_dump()))
        except FlowError as error:
            request[OBSERVED].code = error.code
            return refused(error, language)
        request[OBSERVED].code = standing.phase
        return answered(_shape(standing))

    async def nudged(self, request: web.Request) -> web.Response:
        """POST /biometric/webhook: a hint to look, from anybody. Nothing that it says is believed."""
        body = await read_body(request, request.app[HOUSE].settings.server.read_seconds, WEBHOOK_LIMIT)
        try:
            known = await self._door.nudge(Nudge.model_validate_json(body).session_id)
        except ValidationError:
            known = False
        request[OBSERVED].code = "nudge" if known else "unknown"
        return web.json_response({})

    def _over(self, request: web.Request) -> web.Response:
        language = preferred(request)
        title, text, back = (render(Text(key=_WORDS + key), language) for key in ("over_title", "over_text", "back"))
        chat = chat_link(request.app[HOUSE].settings.bot.name)
        given = {"lang": language, "title": title, "text": text, "back": back, "chat": chat}
        whole = template("liveness_over").substitute({name: escape(value) for name, value in given.items()})
        return self._page(whole, status=410)

    def _page(self, whole: str, status: int = 200) -> web.Response:
        return web.Response(status=status, text=whole, content_type="text/html", headers=self._headers)


def _headers(origins: Iterable[str]) -> dict[str, str]:
    """Only our own and the widget's hosts; camera and microphone for them alone.

    The widget is the vendor's: it brings styles, pictures, workers and WebAssembly of its own (security.md E7; a script
    without SRI is the documented exception).
    """
    theirs = " ".join(origins)
    policy = (
        f"default-src 'none'; script-src 'self' 'wasm-unsafe-eval' {theirs}; connect-src 'self' {theirs}; "
        f"style-src 'self' 'unsafe-inline' {theirs}; font-src {theirs} data:; img-src 'self' data: blob: {theirs}; "
        f"media-src 'self' data: blob: {theirs}; worker-src 'self' blob:; frame-src {theirs}; "
        f"base-uri 'none'; form-action 'none'; frame-ancestors {_TELEGRAM}"
    )
    devices = " ".join(["self", *(f'"{origin}"' for origin in origins if origin.startswith("http"))])
    allowed = f"camera=({devices}), microphone=({devices}), geolocation=(), payment=(), usb=(), display-capture=()"
    return {"Content-Security-Policy": policy, "Permissions-Policy": allowed}


def _called(body: bytes) -> PageCall:
    try:
        return PageCall.model_validate_json(body)
    except ValidationError as error:
        where = error.errors(include_input=False, include_url=False)[0]["loc"]
        raise Malformed(str(where[0]) if where else "body", "json") from None


def _shape(standing: Standing) -> PageShape:
    told = {name: getattr(standing, name) or None for name in ("device", "session", "hosted", "text")}
    link = Handover(address=standing.link, qr=_qr(standing.link)) if standing.link else None
    return PageShape(phase=standing.phase, link=link, **told)


def _qr(address: str) -> str:
    """As an SVG image."""
    image = BytesIO()
    segno.make(address, error="m", micro=False).save(image, kind="svg", scale=4, border=2, xmldecl=False)
    return image.getvalue().decode()
