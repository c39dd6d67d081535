"""What the simulated biometric.kz shows in a browser: the widget's script, and the hosted page that runs it."""

import json
import secrets
from pathlib import Path

import aiohttp_jinja2
from aiohttp import web

from sandbox.biometric_refusals import ANY_ORIGIN, RefusedError
from sandbox.biometric_sessions import ANYBODY, NAME, Sessions
from sandbox.gate import ERROR_PAGE
from sandbox.world import World

SLOW = 10.0  # seconds of a script that is slow to come
SCRIPT = {
    "script_500": "for: *; скрипт виджета отвечает 500",
    "script_slow": "for: *; скрипт виджета приходит через 10 с",
    "script_empty": "for: *; скрипт виджета пуст, FlowWidget нет",
}
TEMPLATES = Path(__file__).parent / "templates"
PARTS = ("words", "camera", "edocument", "widget")
HOSTED = {
    "ru": {
        "title": "Проверка лица",
        "done": "Готово. Вернитесь туда, откуда пришли.",
        "used": "Проверка уже пройдена.",
        "over": "Сессия не найдена или истекла.",
    },
    "en": {
        "title": "Face check",
        "done": "Done. Go back to where you came from.",
        "used": "The check is done already.",
        "over": "The session is unknown or over.",
    },
    "kz": {
        "title": "Бетті тексеру",
        "done": "Дайын. Келген жеріңізге оралыңыз.",
        "used": "Тексеру аяқталған.",
        "over": "Сессия табылмады немесе мерзімі өткен.",
    },
}


class Pages:
    def __init__(self, world: World, sessions: Sessions) -> None:
        self._world = world
        self._sessions = sessions
        self._style = (TEMPLATES / "biometric_widget.css").read_text(encoding="utf-8")
        scripts = (TEMPLATES / f"biometric_{part}.js" for part in PARTS)
        self._script = "\n".join(script.read_text(encoding="utf-8") for script in scripts)

    async def widget(self, request: web.Request) -> web.Response:
        """The same script under both names; it talks to the host that it came from."""
        armed = self._world.arms.first_of(NAME, (ANYBODY,), SCRIPT)
        if armed == "script_500":
            return web.Response(status=500, text=ERROR_PAGE, content_type="text/html", headers=ANY_ORIGIN)
        if armed == "script_slow":
            await self._world.rest(SLOW)
        host = json.dumps(f"{request.scheme}://{request.host}/{NAME}")
        constants = f'"use strict";\nconst HOST = {host};\nconst STYLE = {json.dumps(self._style)};\n'
        text = "" if armed == "script_empty" else f"(() => {{\n{constants}{self._script}}})();\n"
        return web.Response(text=text, content_type="text/javascript", headers=ANY_ORIGIN)

    async def hosted(self, request: web.Request) -> web.Response:
        """`?locale=ru|kz|en`, `?web_view=true` without a head; posts a message to its opener and parent at the end."""
        session_id, locale, status = request.match_info["session_id"], request.query.get("locale", ""), 200
        try:
            self._sessions.unfinished(self._sessions.alive(session_id))
        except RefusedError as refused:
            status = refused.status
        nonce = secrets.token_urlsafe(16)
        locale = locale if locale in HOSTED else "ru"
        shown = {"locale": locale, "words": HOSTED[locale], "nonce": nonce, "session_id": session_id}
        content = {**shown, "state": status, "web_view": request.query.get("web_view") == "true"}
        answer = aiohttp_jinja2.render_template("biometric_flow.html", request, content, status=status)
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["Content-Security-Policy"] = (
            f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; "
            "img-src data:; base-uri 'none'; form-action 'none'"
        )
        return answer


def routes(world: World, sessions: Sessions) -> list[web.RouteDef]:
    pages = Pages(world, sessions)
    return [
        web.get("/biometric/widget/flow-widget.js", pages.widget),
        web.get("/biometric/widget/flow-widget.umd.js", pages.widget),
        web.get("/biometric/flow/{session_id:[0-9A-Za-z-]{1,64}}", pages.hosted),
    ]
