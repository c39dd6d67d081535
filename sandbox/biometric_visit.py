"""What the widget asks of the simulated biometric.kz: what to do, and what to tell the page when it is done.

Any origin may ask: the widget runs in other people's pages. `POST /biometric/flow/<session id>/finish` without a body
ends a session as the widget does, for tests and the demo.
"""

from typing import Any

from aiohttp import web

from sandbox.biometric_edocument import Documents
from sandbox.biometric_flows import ENDINGS
from sandbox.biometric_refusals import ANY_ORIGIN, refusing
from sandbox.biometric_sessions import NAME, Session, Sessions
from sandbox.biometric_webhooks import Webhooks
from sandbox.world import World

TAKES, LEAST = 4.0, 0.5  # seconds before the camera; the first is scaled by speed
SILENT = 0.3  # of the passed, how many whose detail says nothing
WIDGET = {
    "never_finishes": "виджет показывает камеру, но не заканчивает",
    "no_camera_ui": "виджет грузится без конца и камеры не просит",
    "widget_broken": "виджет показывает свою ошибку, finish нет",
    "finish_says_failed": "finish.detail говорит «не пройдено»; верить ему всё равно нельзя",
}


class Visit:
    def __init__(self, world: World, sessions: Sessions, webhooks: Webhooks) -> None:
        self._world = world
        self._sessions = sessions
        self._webhooks = webhooks
        self._draw = world.random(f"{NAME}_visit")

    async def begin(self, request: web.Request) -> web.Response:
        """POST → what the widget has to do, for how long, and what the form of the e-document begins with."""
        session = self._sessions.alive(request.match_info["session_id"])
        self._begin(session)
        session.behaviour = self._world.arms.first_of(NAME, session.keys, WIDGET) or ""
        plan = {
            "technologies": [technology.name for technology in session.flow.technologies],
            "seconds": max(LEAST, TAKES * self._world.speed),
            "behaviour": session.behaviour,
            "edocument": session.metadata.edocument.model_dump(),
        }
        return web.json_response(plan, headers=ANY_ORIGIN)

    async def finish(self, request: web.Request) -> web.Response:
        """POST → `{"detail"}`, the widget's event's. It says "passed" of whoever fails, and of others not always."""
        session = self._sessions.alive(request.match_info["session_id"])
        self._begin(session)
        self._sessions.finish(session)
        self._webhooks.finished(session)
        return web.json_response({"detail": self._detail(session)}, headers=ANY_ORIGIN)

    def _detail(self, session: Session) -> dict[str, Any]:
        passes = ENDINGS.get(session.outcome, ENDINGS["pass"]).total is not False
        says = session.behaviour != "finish_says_failed"
        if says and passes and self._draw.random() < SILENT:
            return {}
        told = {technology.block: {"result": says} for technology in session.flow.technologies}
        return {"session_id": session.id, "flow_session_result": says, **told}

    def _begin(self, session: Session) -> None:
        if self._sessions.begin(session):
            self._webhooks.begun(session)


def routes(world: World, sessions: Sessions, webhooks: Webhooks) -> list[web.RouteDef]:
    visit, documents = Visit(world, sessions, webhooks), Documents(world, sessions)
    session = "/biometric/flow/{session_id:[0-9A-Za-z-]{1,64}}"
    calls = {"begin": visit.begin, "finish": visit.finish, "otp": documents.request, "otp/check": documents.check}
    return [web.post(f"{session}/{name}", refusing(call, ANY_ORIGIN)) for name, call in calls.items()]
