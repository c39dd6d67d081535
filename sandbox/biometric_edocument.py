"""The widget's E-Document: IIN and phone, then the code that "1414" sends, which the sandbox's outbox shows."""

import re
from typing import Any

from aiohttp import web

from sandbox.biometric_flows import EDOCUMENT
from sandbox.biometric_refusals import ANY_ORIGIN, RefusedError, body_of
from sandbox.biometric_sessions import NAME, Session, Sessions
from sandbox.phones import e164
from sandbox.world import World

SENDER = "1414"
LIFETIME = 300.0  # seconds of a code
MOST_WRONG = 3
SLOW = (26.0, 30.0)  # seconds
UNAVAILABLE = "e-document service is not available"
FORMATS = {"iin": "[0-9]{12}", "phone": "77[0-9]{9}"}
OTP = {
    "mcdb": "в виджете: телефона нет в Базе мобильных граждан, сессия кончится fail_mcdb",
    "edocument_503": f"в виджете: 503 {UNAVAILABLE}",
    "edocument_slow": "в виджете: код запрашивается 26–30 с",
    "otp_expired": "в виджете: верный код уже не действует, приходит новый",
}


class Documents:
    def __init__(self, world: World, sessions: Sessions) -> None:
        self._world = world
        self._sessions = sessions
        self._draw = world.random(f"{NAME}_otp")

    async def request(self, request: web.Request) -> web.Response:
        """POST `{"iin", "phone"}` → `{"finished"}`: true when there will be no code."""
        session = self._session(request)
        typed = _typed(session, await body_of(request))
        match self._world.arms.first_of(NAME, session.keys, OTP.keys() - {"otp_expired"}):
            case "mcdb":
                session.doom = "fail_mcdb"
                return _told(finished=True)
            case "edocument_503":
                raise RefusedError(503, UNAVAILABLE)
            case "edocument_slow":
                await self._world.pause(self._draw, *SLOW)
        session.phone, session.metadata.edocument.iin.value = e164(typed["phone"]), typed["iin"]
        self._send(session)
        return _told(finished=False)

    async def check(self, request: web.Request) -> web.Response:
        """POST `{"code"}` → `{"passed", "finished", "problem"}`; the third wrong one ends the session."""
        session = self._session(request)
        code, until = session.otp
        right = bool(code) and (await body_of(request)).get("code") == code
        if right and self._world.arms.first_of(NAME, session.keys, {"otp_expired"}):
            until = 0.0
        if right and self._world.clock() > until:
            self._send(session)
            return _told(finished=False, problem="otp_expired")
        if right:
            session.otp = ("", 0.0)
            return _told(passed=True, finished=False)
        session.wrong_otps += 1
        if session.wrong_otps >= MOST_WRONG:
            session.doom = "fail_otp"
        return _told(finished=bool(session.doom), problem="otp_wrong")

    def _session(self, request: web.Request) -> Session:
        session = self._sessions.alive(request.match_info["session_id"])
        self._sessions.unfinished(session)
        if EDOCUMENT not in session.flow.technologies or session.doom:
            raise RefusedError(409, "There is nothing to ask for")
        return session

    def _send(self, session: Session) -> None:
        code = f"{self._draw.randrange(10**6):06}"
        session.otp = (code, self._world.clock() + LIFETIME)
        self._world.deliver(SENDER, session.phone, f"{code} - код для получения документа")


def _typed(session: Session, body: dict[str, Any]) -> dict[str, str]:
    """By name. What may not be changed was not."""
    known = session.metadata.edocument
    typed = {name: str(body.get(name) or "") for name in FORMATS}
    for name, given in (("iin", known.iin), ("phone", known.phone)):
        fixed = given.value is not None and not given.changeable
        if not re.fullmatch(FORMATS[name], typed[name]) or (fixed and typed[name] != given.value):
            raise RefusedError(400, f"{name}: not as expected")
    return typed


def _told(*, finished: bool, passed: bool = False, problem: str = "") -> web.Response:
    return web.json_response({"passed": passed, "finished": finished, "problem": problem}, headers=ANY_ORIGIN)
