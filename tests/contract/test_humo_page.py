"""Humo's client against the bank's own page, word for word: what goes out, and what it may be answered (H1-H8)."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from flows.errors import Refused, Unexpected
from flows.papers import Link, Reading, Task
from flows.upstream.humo import Humo, HumoOptions

KEY = "05a4ce19-de3c-4d2c-a464-7356dbdbd107"
PRESIGN = """{
  "key": "05a4ce19-de3c-4d2c-a464-7356dbdbd107",
  "source": "humo_online",
  "access_token": "own_access_token",
  "callback": "192.168.145.170/own/callback",
  "home_page": "humoOnline://app",
  "process": "identification",
  "depart_id": null,
  "staff_id": null,
  "external_id": "external_client_id",
  "queue_rank": 0,
  "other": {
    "additionalProp1": {}
  }
}"""
JPEG = b"\xff\xd8\xff\xe0 a photo \xff\xd9"


@dataclass
class Page:
    """`answers` by path; what is not there is answered with the page's task id."""

    answers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[web.Request, dict[str, Any]]] = field(default_factory=list)
    humo: Humo = field(init=False)

    async def handle(self, request: web.Request) -> web.Response:
        form = (await request.post()).items()
        told = {name: one.file.read() if isinstance(one, web.FileField) else one for name, one in form}
        self.asked.append((request, told))
        return web.Response(text=self.answers.get(request.path, '{\n    "id": 123213\n}'))


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    page = Page({f"/api/link/presign/{KEY}": PRESIGN})
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", page.handle)
    async with TestServer(app) as server:
        page.humo = Humo(HumoOptions(url=str(server.make_url("/"))))
        yield page
        await page.humo.close()


async def test_presign(page: Page) -> None:
    link = await page.humo.open_link(KEY)
    assert link == Link(
        key=KEY,
        source="humo_online",
        access_token="own_access_token",
        external_id="external_client_id",
        callback="192.168.145.170/own/callback",
        home_page="humoOnline://app",
    )
    ((request, _),) = page.asked
    assert (request.method, request.path_qs) == ("GET", f"/api/link/presign/{KEY}")
    assert request.headers["Content-Type"] == "application/json"
    assert "Authorization" not in request.headers


async def test_front(page: Page) -> None:
    link = await page.humo.open_link(KEY)
    task = await page.humo.submit_document(link, document="ID_NEW", page="front", image=JPEG, tax_number="020025781")
    request, form = page.asked[-1]
    assert task == "123213"
    assert (request.method, request.path) == ("POST", "/api/tasks/ocr/id_new/front")
    assert request.headers["Authorization"] == "Bearer own_access_token"
    assert request.content_type == "multipart/form-data"
    assert form == {"img": JPEG, "doc_type": "ID_NEW", "source": "humo_online", "key": KEY}


async def test_back_and_the_tax_number_that_was_typed(page: Page) -> None:
    link = await page.humo.open_link(KEY)
    for tax_number in ("020025781", None):
        await page.humo.submit_document(link, document="ID_NEW", page="back", image=JPEG, tax_number=tax_number)
    (_, _), (request, form), (_, without) = page.asked
    assert request.path == "/api/tasks/ocr/id_new/back"
    assert form.pop("tax_number") == "020025781"
    assert form == without == {"img": JPEG, "doc_type": "ID_NEW", "source": "humo_online", "key": KEY}


async def test_the_selfie_is_text(page: Page) -> None:
    link = await page.humo.open_link(KEY)
    assert await page.humo.submit_selfie(link, document="ID_NEW", token="aa.bb.cc") == "123213"
    request, form = page.asked[-1]
    assert (request.method, request.path) == ("POST", "/api/tasks/selfie")
    assert request.content_type == "multipart/form-data"
    assert form == {"img": "aa.bb.cc", "doc_type": "ID_NEW", "source": "humo_online", "key": KEY}


@pytest.mark.parametrize(
    ("answer", "task"),
    [
        ({"status": "SENT", "result": {}}, Task("running")),
        ({"status": "SENT"}, Task("running")),
        ({"status": "pending", "result": None}, Task("running")),
        ({"status": "STARTED", "result": {"tax_number": "020025781"}}, Task("running")),
        ({"status": "TELEPORTED"}, Task("running")),
        ({"status": ""}, Task("running")),
        ({"status": "SUCCESS", "result": {}}, Task("success")),
        ({"status": "success", "result": None}, Task("success")),
        ({"status": " Success "}, Task("success")),
        ({"status": "SUCCESS", "result": [{"sex": "M"}]}, Task("success")),
        ({"status": "SUCCESS", "result": {"sex": "M"}}, Task("success", reading=Reading(gender="M"))),
        ({"status": "FAILURE", "result": {}}, Task("failure")),
        ({"status": "failure", "result": "too BLURRY"}, Task("failure", "blurred")),
    ],
)
async def test_status(page: Page, answer: dict[str, Any], task: Task) -> None:
    page.answers["/api/tasks/status/123213"] = json.dumps(answer)
    link = await page.humo.open_link(KEY)
    found = await page.humo.task(link, "123213")
    assert (found, found.reading) == (task, task.reading)
    request, _ = page.asked[-1]
    assert request.method == "GET"
    assert request.headers["Authorization"] == "Bearer own_access_token"
    assert request.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(("nulls", "sent"), [("omit", {}), ("empty", {"depart_id": ""})])
async def test_a_null_in_a_form(page: Page, nulls: str, sent: dict[str, str]) -> None:
    humo = Humo(HumoOptions.model_validate({"url": page.humo.options.url, "nulls": nulls}))
    link = await humo.open_link(KEY)
    await humo.submit_selfie(link, document="ID_NEW", token="aa.bb.cc")
    await humo.submit_selfie(link.model_copy(update={"depart_id": "7"}), document="ID_NEW", token="aa.bb.cc")
    await humo.close()
    null, set_ = (form for _, form in page.asked[-2:])
    assert {name: null[name] for name in null if name == "depart_id"} == sent
    assert set_["depart_id"] == "7"


@pytest.mark.parametrize(
    "changed",
    [
        {"key": "05a4ce19-de3c-4d2c-a464-7356dbdbd108"},
        {"key": KEY.upper()},
        {"key": None},
        {"source": None},
        {"source": ""},
        {"access_token": None},
        {"access_token": ""},
        {"access_token": "a\r\nX-Evil: 1"},
        {"access_token": "a b"},
        {"access_token": "x" * 9000},
        {"depart_id": []},
        {"callback": "x" * 3000},
    ],
)
async def test_what_presign_may_not_say(page: Page, changed: dict[str, Any]) -> None:
    page.answers[f"/api/link/presign/{KEY}"] = json.dumps(json.loads(PRESIGN) | changed)
    with pytest.raises(Unexpected):
        await page.humo.open_link(KEY)


@pytest.mark.parametrize(
    ("changed", "link"),
    [
        ({"depart_id": 7, "external_id": 5}, {"depart_id": "7", "external_id": "5"}),
        ({"depart_id": "", "external_id": "", "callback": ""}, {"external_id": None, "callback": None}),
        ({"other": {"a": {"b": [1]}}, "queue_rank": None}, {}),
    ],
)
async def test_what_presign_may_say(page: Page, changed: dict[str, Any], link: dict[str, Any]) -> None:
    page.answers[f"/api/link/presign/{KEY}"] = json.dumps(json.loads(PRESIGN) | changed)
    opened = (await page.humo.open_link(KEY)).model_dump()
    assert opened == opened | link
    page.answers[f"/api/link/presign/{KEY}"] = json.dumps(
        {name: json.loads(PRESIGN)[name] for name in ("key", "source", "access_token")}
    )
    assert (await page.humo.open_link(KEY)).home_page is None


@pytest.mark.parametrize(("told", "task"), [('"a-B_9"', "a-B_9"), ('"' + "x" * 64 + '"', "x" * 64), ("0", "0")])
async def test_ids_are_numbers_or_text(page: Page, told: str, task: str) -> None:
    page.answers["/api/tasks/selfie"] = f'{{"id": {told}}}'
    link = await page.humo.open_link(KEY)
    assert await page.humo.submit_selfie(link, document="ID_NEW", token="aa.bb.cc") == task


@pytest.mark.parametrize(
    "told", ["null", "true", "1.5", "[]", '""', '"../status"', '"a/b"', '"a b"', '"' + "x" * 65 + '"', '"1\\n"']
)
async def test_ids_that_are_refused(page: Page, told: str) -> None:
    page.answers["/api/tasks/selfie"] = f'{{"id": {told}}}'
    link = await page.humo.open_link(KEY)
    with pytest.raises(Unexpected):
        await page.humo.submit_selfie(link, document="ID_NEW", token="aa.bb.cc")


@pytest.mark.parametrize("key", ["", "x", KEY.upper(), KEY + "\n", f"{{{KEY}}}", KEY.replace("-", ""), f"../{KEY}"])
async def test_a_key_that_is_none_is_not_asked_for(page: Page, key: str) -> None:
    with pytest.raises(Refused, check=lambda refused: refused.reason == "unknown"):
        await page.humo.open_link(key)
    assert page.asked == []


async def test_a_document_or_page_that_is_none_is_not_sent(page: Page) -> None:
    link = await page.humo.open_link(KEY)
    for document, side in (("ID_NEWER", "front"), ("ID_NEW", "cover"), ("ID_NEW", "../selfie")):
        with pytest.raises(Refused, check=lambda refused: refused.reason == "request"):
            await page.humo.submit_document(link, document=document, page=side, image=JPEG, tax_number=None)
    assert len(page.asked) == 1
