"""Doors that people come back through: the way to Aitu Passport, and back from it.

GET /aitu/{ticket} says what will happen and uses nothing up, whoever opens it; its button leaves for Aitu, with a
cookie by which the browser is known again. Aitu sends it to /aitu/callback with a code, which goes on at once to the
ticket's page: no code stays in the address, and the page says how it stands. It works without a script.
"""

import re
from html import escape

from aiohttp import web

from flows.aitu_door import CALLBACK, AituDoor, LoginForeign, Standing
from flows.errors import FlowError, StepUnknown
from flows.texts import Text, render
from search_api.iq4 import HOUSE
from search_api.observing import OBSERVED
from search_api.pages import STATIC, chat_link, preferred, static, template

COOKIE = "aitu"
COOKIE_SECONDS = 900
_DEVICE = re.compile("[A-Za-z0-9_-]{22,64}")
_WITH_BUTTON = ("start", "leaving", "failed")
FILES = ("page.css", "again.js")


def routes(door: AituDoor) -> list[web.RouteDef]:
    page = LoginPage(door)
    return [
        *(web.get(f"/aitu/{name}", static(STATIC / name)) for name in FILES),
        web.get(CALLBACK, page.back),
        web.get("/aitu/{ticket}", page.shown),
        web.post("/aitu/{ticket}", page.go),
    ]


class LoginPage:
    def __init__(self, door: AituDoor) -> None:
        self._door = door
        self._secure = door.redirect_uri.startswith("https://")
        self._headers = {
            "Content-Security-Policy": (
                "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src data:; "
                f"form-action 'self' {door.aitu.origin}; base-uri 'none'; frame-ancestors 'none'"
            )
        }

    async def shown(self, request: web.Request) -> web.Response:
        """GET /aitu/{ticket}: how it stands; 410 when the link leads nowhere."""
        try:
            standing = await self._door.standing(request.match_info["ticket"], _device(request))
        except FlowError as error:
            return self._refused(request, error)
        request[OBSERVED].code = standing.phase
        return self._page(request, standing)

    async def go(self, request: web.Request) -> web.Response:
        """POST /aitu/{ticket}: 303 to Aitu Passport."""
        try:
            if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
                raise LoginForeign  # another site's page has sent the browser here
            address, device = await self._door.go(request.match_info["ticket"], _device(request))
        except FlowError as error:
            return self._refused(request, error)
        request[OBSERVED].code = "go"
        response = web.Response(status=303, headers={"Location": address})
        # Lax: it must come along when Aitu sends the browser back.
        kept = {"path": "/aitu", "max_age": COOKIE_SECONDS, "httponly": True, "secure": self._secure}
        response.set_cookie(COOKIE, device, samesite="Lax", **kept)  # type: ignore[arg-type]
        return response

    async def back(self, request: web.Request) -> web.Response:
        """GET /aitu/callback: 303 to the ticket's page; 403 with a page for what is not of this browser's login."""
        query = request.query
        given = {name: query[name] for name in query if len(query.getall(name)) == 1}
        try:
            ticket = await self._door.back(given, _device(request))
        except FlowError as error:
            return self._refused(request, error)
        request[OBSERVED].code = "back"
        return web.Response(status=303, headers={"Location": f"/aitu/{ticket}"})

    def _refused(self, request: web.Request, error: FlowError) -> web.Response:
        request[OBSERVED].code = error.code
        language = preferred(request)
        if isinstance(error, StepUnknown):
            return self._page(request, Standing("over", language), error.status)
        phase = "foreign" if isinstance(error, LoginForeign) else "trouble"
        return self._written(request, phase, language, render(Text(key=error.key), language), error.status)

    def _page(self, request: web.Request, standing: Standing, status: int = 200) -> web.Response:
        text = standing.text or render(
            Text(key=f"aitu.page.{standing.phase}_text", params={"whose": standing.whose}), standing.language
        )
        return self._written(request, standing.phase, standing.language, text, status)

    def _written(self, request: web.Request, phase: str, language: str, text: str, status: int) -> web.Response:
        given = {
            "lang": language,
            "title": render(Text(key=f"aitu.page.{phase}_title"), language),
            "text": text,
            "go": render(Text(key="aitu.page.go" if phase == "start" else "aitu.page.go_again"), language),
            "back": render(Text(key="aitu.page.back"), language),
            "chat": chat_link(request.app[HOUSE].settings.bot.name),
            "help": request.app[HOUSE].settings.bot.help,
            "form": "" if phase in _WITH_BUTTON else "hidden",
            "ring": "" if phase == "checking" else "hidden",
        }
        whole = template("aitu").substitute({name: escape(value) for name, value in given.items()})
        return web.Response(status=status, text=whole, content_type="text/html", headers=self._headers)


def _device(request: web.Request) -> str:
    """The secret that this browser was given; "" when it has none, or one that is none of ours."""
    given = request.cookies.get(COOKIE, "")
    return given if _DEVICE.fullmatch(given) else ""
