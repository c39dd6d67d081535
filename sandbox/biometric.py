"""biometric.kz: Flow sessions, their results, the widget, the hosted page and webhooks (protocols.md 3).

Whom a session is about: whoever sent the photo to the sandbox's Telegram, known again by the look of it, else the phone
of the e-document. Outcomes are armed for that phone, the crmid, the session's id, or "*" for whoever comes next. The
widget's last call may be made by anybody, and is what ends a session without a browser:
`POST /biometric/flow/<session id>/finish`.
"""

import asyncio

from aiohttp import web

from sandbox import biometric_pages, biometric_visit
from sandbox.biometric_answers import result_of
from sandbox.biometric_edocument import OTP, UNAVAILABLE
from sandbox.biometric_flows import BACKEND_KEY, BY_KEY, FLOWS, VERDICTS, WEBHOOKS, Flow
from sandbox.biometric_metadata import metadata_of, photo_of
from sandbox.biometric_refusals import RefusedError, body_of, refusing
from sandbox.biometric_sessions import ANYBODY, BY_PHONE, EXPIRY, NAME, Sessions
from sandbox.biometric_webhooks import Webhooks
from sandbox.gate import ERROR_PAGE
from sandbox.phones import e164
from sandbox.upstream import Upstream
from sandbox.world import World

DELAY = (0.1, 0.3)
CREATE, RESULT = "/biometric/api/v1/flows/session/create", "/biometric/api/v1/flows/session/result"
JSON = "application/json"
REFUSALS: dict[str, tuple[int, str]] = {
    "key_400": (400, "message"),
    "key_401": (401, "detail"),
    "key_403": (403, "message"),
}
CREATING = {"create_503": "создание сессии отвечает 503", "create_empty": "создание отвечает 200 и {}"}
READING = {
    "error_503": "result отвечает 503: e-document service is not available",
    "error_500": "result отвечает 500 страницей HTML",
}
KEYS = {name: f"ключ не принят: {status}, {key}" for name, (status, key) in REFUSALS.items()}
SLASHES = {
    "slash_301": "путь без / в конце отвечает 301 (обычно 404)",
    "slash_500": "путь без / в конце отвечает 500 (обычно 404)",
}


class Biometric:
    def __init__(self, world: World) -> None:
        self._world = world
        self._draw = world.random(f"{NAME}_delays")
        self.sessions = Sessions(world)
        self.webhooks = Webhooks(world, self.sessions)

    async def create(self, request: web.Request) -> web.Response:
        """POST JSON `{"api_key", "metadata"?}` → `{"session_id", "technologies": ["Liveness", …]}`."""
        await self._world.pause(self._draw, *DELAY)
        if request.content_type != JSON:
            raise RefusedError(415, f'Unsupported media type "{request.content_type}" in request.', key="detail")
        given = await body_of(request)
        flow = self._flow(given.get("api_key"))
        metadata = metadata_of(given.get("metadata"), flow)
        who = await asyncio.to_thread(self._whose, photo_of(metadata))
        metadata.face2face = None  # no photo is kept
        outcome = self._armed((who, e164(metadata.edocument.phone.value or "")), CREATING)
        if outcome == "create_503":
            raise RefusedError(503, "Service is temporarily unavailable")
        if outcome == "create_empty":
            return web.json_response({})
        session = self.sessions.add(flow, metadata, who)
        names = [technology.name for technology in flow.technologies]
        return web.json_response({"session_id": session.id, "technologies": names})

    async def result(self, request: web.Request) -> web.Response:
        """GET ?session_id=…&flow_api_key=… → see `biometric_answers`."""
        await self._world.pause(self._draw, *DELAY)
        flow = self._flow(request.query.get("flow_api_key"))
        if not (session_id := request.query.get("session_id")):
            raise RefusedError(400, "session_id: this field is required", key="detail")
        session = self.sessions.alive(session_id, flow)
        match self._armed(session.keys, READING):
            case "error_503":
                raise RefusedError(503, UNAVAILABLE)
            case "error_500":
                return web.Response(status=500, text=ERROR_PAGE, content_type="text/html")
        told = result_of(session, self._world.clock())
        if "flow_session_failure_reasons" in told:
            self.webhooks.seen(session)
        return web.json_response(told)

    async def without_slash(self, request: web.Request) -> web.Response:
        match self._armed((), SLASHES):
            case "slash_301":
                return web.Response(status=301, headers={"Location": f"{request.path}/"})
            case "slash_500":
                return web.Response(status=500, text=ERROR_PAGE, content_type="text/html")
        return web.Response(status=404, text="<h1>Not Found</h1>", content_type="text/html")

    def _flow(self, key: object) -> Flow:
        """Raises `RefusedError`; the key is never repeated."""
        refusal = self._armed((), KEYS)
        flow = BY_KEY.get(key) if isinstance(key, str) and refusal is None else None
        if flow is not None:
            return flow
        status, name = REFUSALS[refusal or "key_403"]
        if key == BACKEND_KEY:
            raise RefusedError(status, "A flow api key is expected, this is a backend api key", key=name)
        raise RefusedError(status, "Invalid api key", key=name)

    def _whose(self, photo: bytes | None) -> str:
        return "" if photo is None else self._world.photos.whose(photo) or ""

    def _armed(self, keys: tuple[str, ...], among: dict[str, str]) -> str | None:
        crmids = tuple(BY_PHONE[key].crmid for key in keys if key in BY_PHONE)
        return self._world.arms.first_of(NAME, (*keys, *crmids, ANYBODY), among)


def noted(path: str) -> str:
    """Only the API's calls are ours; the widget's and the pages' are the browser's."""
    return path if path.startswith("/biometric/api/") else ""


def routes(world: World) -> list[web.RouteDef]:
    biometric = Biometric(world)
    subscriptions = "/biometric/_subscriptions"
    return [
        web.post(f"{CREATE}/", refusing(biometric.create)),
        web.get(f"{RESULT}/", refusing(biometric.result)),
        web.post(CREATE, biometric.without_slash),
        web.get(RESULT, biometric.without_slash),
        web.get(subscriptions, biometric.webhooks.subscriptions),
        web.post(subscriptions, biometric.webhooks.subscribe),
        web.delete(subscriptions, biometric.webhooks.unsubscribe),
        *biometric_pages.routes(world, biometric.sessions),
        *biometric_visit.routes(world, biometric.sessions, biometric.webhooks),
    ]


UPSTREAM = Upstream(
    name=NAME,
    title="biometric.kz",
    prefixes=(NAME,),
    routes=routes,
    outcomes=VERDICTS
    | EXPIRY
    | READING
    | CREATING
    | KEYS
    | WEBHOOKS
    | biometric_visit.WIDGET
    | biometric_pages.SCRIPT
    | OTP
    | SLASHES,
    credentials={flow.name: flow.key for flow in FLOWS} | {"Backend Api Key": BACKEND_KEY},
    texts=frozenset({"photo1"}),
    secrets=frozenset({"api_key", "flow_api_key"}),
    path=noted,
    embedded=("metadata", "face2face", "photo1"),
)
