"""Humo CRM: presign links, OCR of papers, the selfie (protocols.md 2, after the bank's own page).

Whose paper it is: with a person's own presign key that person's; with the bank's standing key whoever sent the photo to
the sandbox's Telegram, known again by the look of it; else a person made up from the image. An armed outcome meets the
next upload with that key, or of that phone. `POST /humo/_callback` plays the receiver of Humo's own callbacks.
"""

import hashlib
import math
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from aiohttp import web

from sandbox.calls import masked, parameters
from sandbox.cast import CAST, Person
from sandbox.gate import ERROR_PAGE, abort
from sandbox.humo_answers import FAILURES, invented, read_off
from sandbox.humo_forms import Form, RefusedError, selfie_form, upload_form
from sandbox.recent import Recent
from sandbox.upstream import Upstream
from sandbox.world import World

STANDING_KEY = "05a4ce19-de3c-4d2c-a464-7356dbdbd107"
OTHER_KEY = "05a4ce19-de3c-4d2c-a464-7356dbdbd108"
SOURCE = "humo_online"
DELAY = (0.1, 0.3)
TAKES = (1.0, 3.0)  # seconds until a task is done
TAKES_LONG = (25.0, 30.0)
WEBHOOK = ("webhook-id", "webhook-timestamp", "webhook-signature")
BY_PHONE = {person.phone: person for person in CAST}
BY_KEY = {person.documents["presign_key"]: (number, person) for number, person in enumerate(CAST)}

PRESIGN = {
    "presign-401": "ссылка просрочена: 401",
    "presign-403": "ссылка просрочена: 403",
    "presign-404": "ссылки нет: 404",
    "presign-410": "ссылка просрочена: 410",
    "other-key": "в ответе чужой key",
}
CALLBACK = {
    "callback-500": "POST /humo/_callback отвечает 500",
    "callback-redirect": "POST /humo/_callback отвечает 302",
}
ANSWERED: dict[str, tuple[int, Any]] = {
    "422": (422, [{"loc": ["body", "img"], "msg": "bad image", "type": "value_error"}]),
    "413": (413, "Request Entity Too Large"),
    "401": (401, "Token expired"),
    "500": (500, "Internal Server Error"),
}
# What the first looks at a task see, whatever the time; then SENT until it is due.
FIRST: dict[str | None, tuple[str, ...]] = {"pending": ("PENDING", "STARTED", "RETRY"), "slow": ("SENT",) * 5}
UPLOAD = {
    **{name: f"FAILURE: {what}" for name, (what, _) in FAILURES.items()},
    **{name: f"загрузка отвечает {status}, задачи нет" for name, (status, _) in ANSWERED.items()},
    "401": "токен истёк: загрузка отвечает 401, новый токен — по той же ссылке",
    "html-502": "загрузка отвечает 502 страницей HTML, задачи нет",
    "upload-reset": "задача создана, но соединение оборвано до ответа",
    "unknown-task": "задача принята, но её статус — 404",
    "never": "вечный SENT",
    "slow": "SENT 25–30 с и не меньше пяти раз",
    "pending": "PENDING, STARTED, RETRY, затем success строчными",
    "empty": "SUCCESS с пустым result",
}
BACK = {"int-tax-number": "ИНН на обороте числом, без ведущих нулей"}


@dataclass(slots=True)
class Task:
    """`due` in Unix seconds; `result` is what it ends with."""

    key: str
    outcome: str | None
    due: float
    result: Any = field(repr=False)
    looks: int = 0


class Humo:
    def __init__(self, world: World) -> None:
        self._world = world
        self._draw = world.random("humo")
        self._ids = count(self._draw.randrange(100_000, 900_000))
        self._token_of: dict[str, str] = {}
        self._tasks: Recent[str, Task] = Recent()

    async def presign(self, request: web.Request) -> web.Response:
        """GET, no Authorization → what the key opens."""
        key = request.match_info["key"]
        await self._world.pause(self._draw, *DELAY)
        outcome = self._armed((key,), PRESIGN)
        if (key != STANDING_KEY and key not in BY_KEY) or outcome == "presign-404":
            return RefusedError(404, "Link not found").response()
        if outcome and outcome != "other-key":
            return RefusedError(int(outcome.removeprefix("presign-")), "Link expired").response()
        opened = link(key, self._token(key), f"{request.scheme}://{request.host}")
        return web.json_response(opened | ({"key": OTHER_KEY} if outcome == "other-key" else {}))

    async def ocr(self, request: web.Request) -> web.StreamResponse:
        """POST multipart: img (file), doc_type, depart_id, source, key[, tax_number] → `{"id":N}`."""
        path, page = request.match_info["path"], request.match_info["page"]
        return await self._upload(request, path, page)

    async def selfie(self, request: web.Request) -> web.StreamResponse:
        """POST multipart: img (text, a LUNA PASS JWT), doc_type, depart_id, source, key → `{"id":N}`."""
        return await self._upload(request, "", "selfie")

    async def _upload(self, request: web.Request, path: str, page: str) -> web.StreamResponse:
        await self._world.pause(self._draw, *DELAY)
        try:
            key = self._key(request)
            if page == "selfie":
                form = selfie_form(parameters(request), self._world.clock())
            else:
                form = await upload_form(request, path)
            self._belongs(form, key)
            whose = await self._world.aside(self._whose, key, form.image)
            task_id, outcome = self._accept(form, whose, key, path, page)
        except RefusedError as refused:
            return refused.response()
        if outcome == "html-502":
            return web.Response(status=502, text=ERROR_PAGE.replace("500", "502"), content_type="text/html")
        return abort(request) if outcome == "upload-reset" else web.json_response({"id": task_id})

    def _accept(
        self, form: Form, whose: tuple[Person, str], key: str, path: str, page: str
    ) -> tuple[int | str, str | None]:
        """The id, now a number and now text, and the outcome."""
        person, phone = whose
        outcome = self._armed((key, phone), UPLOAD | (BACK if page == "back" else {}))
        if outcome == "401":
            del self._token_of[key]
        if outcome in ANSWERED:
            raise RefusedError(*ANSWERED[outcome])
        number = next(self._ids)
        if outcome not in ("html-502", "unknown-task"):
            self._tasks[str(number)] = self._task(key, outcome, _result(person, outcome, form, path, page))
        return number if number % 2 else str(number), outcome

    def _task(self, key: str, outcome: str | None, result: Any) -> Task:
        takes = self._draw.uniform(*(TAKES_LONG if outcome == "slow" else TAKES)) * self._world.speed
        return Task(key, outcome, math.inf if outcome == "never" else self._world.clock() + takes, result)

    async def status(self, request: web.Request) -> web.Response:
        """GET → `{"status":"SENT"|"SUCCESS"|"FAILURE","result":{}}`; another key's task is not found."""
        await self._world.pause(self._draw, *DELAY)
        try:
            key = self._key(request)
        except RefusedError as refused:
            return refused.response()
        task = self._tasks.get(request.match_info["task"])
        if task is None or task.key != key:
            return RefusedError(404, "Task not found").response()
        task.looks += 1
        first = FIRST.get(task.outcome, ())
        if task.looks <= len(first):
            return web.json_response({"status": first[task.looks - 1], "result": {}})
        if self._world.clock() < task.due:
            return web.json_response({"status": "SENT", "result": {}})
        ended = "FAILURE" if task.outcome in FAILURES else "success" if task.outcome == "pending" else "SUCCESS"
        return web.json_response({"status": ended, "result": task.result})

    async def callback(self, request: web.Request) -> web.Response:
        """What we are told when a person has finished: any JSON, signed by headers."""
        told = parameters(request)
        shown = masked(told, texts=UPSTREAM.texts, secrets=UPSTREAM.secrets)
        for call in reversed(self._world.calls.received("humo")):
            if call["path"] == request.path and call["fields"] == shown:
                call["fields"] |= {name: request.headers[name] for name in WEBHOOK if name in request.headers}
                break
        match self._armed(tuple(str(told.get(name, "")) for name in ("key", "external_id")), CALLBACK):
            case "callback-500":
                return web.Response(status=500, text=ERROR_PAGE, content_type="text/html")
            case "callback-redirect":
                return web.Response(status=302, headers={"Location": "/humo/_elsewhere"})
        return web.json_response({"ok": True})

    def _token(self, key: str) -> str:
        return self._token_of.setdefault(key, f"sandbox-humo-{self._draw.getrandbits(160):040x}")

    def _key(self, request: web.Request) -> str:
        """The key whose token was shown."""
        header = request.headers.get("Authorization", "")
        found = next((key for key, token in self._token_of.items() if header == f"Bearer {token}"), None)
        if found is None:
            raise RefusedError(401, "Not authenticated")
        return found

    def _belongs(self, form: Form, key: str) -> None:
        depart_id = link(key, "", "")["depart_id"]
        if form.key != key:
            raise RefusedError(403, "The key does not belong to the token")
        if form.source != SOURCE or form.depart_id != ("" if depart_id is None else str(depart_id)):
            raise RefusedError.field("source" if form.source != SOURCE else "depart_id", "unexpected value")

    def _whose(self, key: str, image: bytes) -> tuple[Person, str]:
        """The person on the picture, and the phone (or "tg:<user id>") that outcomes are armed for."""
        if key in BY_KEY:
            person = BY_KEY[key][1]
            return person, person.phone
        who = self._world.photos.whose(image)
        stranger = who or hashlib.sha256(image).hexdigest()
        return BY_PHONE.get(stranger) or invented(stranger), who or ""

    def _armed(self, keys: tuple[str, ...], among: dict[str, str]) -> str | None:
        """The first armed outcome of these; the others of a key stay, in their order."""
        return self._world.arms.first_of("humo", keys, among)


def _result(person: Person, outcome: str | None, form: Form, path: str, page: str) -> Any:
    if outcome in FAILURES:
        return FAILURES[outcome][1]
    if outcome == "empty":
        return {}
    if page == "selfie":
        return {"similarity": 0.97, "liveness": 0.99}
    result = read_off(person, page, form.tax_number, old=path == "id_old")
    if outcome == "int-tax-number":
        result["tax_number"] = int(result["tax_number"] or 0)
    return result


def link(key: str, token: str, base: str) -> dict[str, Any]:
    """The presign answer. Of three people one has no depart_id, one a number, one text; `other` differs likewise."""
    opened = {"key": key, "source": SOURCE, "access_token": token, "process": "identification"}
    rest = {"staff_id": None, "queue_rank": 0}
    nothing = {"callback": None, "home_page": None, "external_id": None, "depart_id": None}
    if key not in BY_KEY:
        return opened | rest | nothing | {"other": {"additionalProp1": {}}}
    number, person = BY_KEY[key]
    other: dict[str, Any] = ({}, {"other": {}}, {"other": {"additionalProp1": {"n": [number]}}})[number % 3]
    theirs = {"callback": f"{base}/humo/_callback", "home_page": "humoOnline://app", "external_id": person.crmid}
    return opened | rest | theirs | {"depart_id": (None, 40 + number, f"D-{number}")[number % 3]} | other


def routes(world: World) -> list[web.RouteDef]:
    humo = Humo(world)
    return [
        web.get("/humo/api/link/presign/{key}", humo.presign),
        web.post("/humo/api/tasks/ocr/{path:[a-z0-9_]+}/{page:[a-z0-9_]+}", humo.ocr),
        web.post("/humo/api/tasks/selfie", humo.selfie),
        web.get("/humo/api/tasks/status/{task}", humo.status),
        web.post("/humo/_callback", humo.callback),
    ]


UPSTREAM = Upstream(
    name="humo",
    title="Humo CRM",
    prefixes=("humo",),
    routes=routes,
    outcomes=UPLOAD | BACK | PRESIGN | CALLBACK,
    credentials={"presign": STANDING_KEY},
    texts=frozenset({"img"}),
    secrets=frozenset({"access_token", "token"}),
)
