"""COID's client before an adapter that does as it is told: carriers, refusals in every wrapping, whose data come."""

import base64
import json
import logging
import re
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import ValidationError

from flows.errors import (
    FaceMismatch,
    FlowError,
    IinUnknown,
    Refused,
    StateDown,
    StateForbidden,
    Unavailable,
    Underage,
    Unexpected,
)
from flows.papers import Citizen
from flows.upstream.code_gateway import SecretUnset
from flows.upstream.coid import Coid, CoidOptions, coid

IIN, OTHER, REQUEST_ID = "900101300126", "850505400015", "5f8bd0d4-7d3f-4c3c-9b2e-000000000001"
PASSWORD, PHOTO = "an invented: password", "/9j/4AAQSkZJRgABAQ"
FACE = "Ваше фото не совпадает с фото из государственной базы данных. Проверьте правильность введенного ИИН или …"
AGE = "Проверку можно пройти при достижении 16 летнего возраста"
UNKNOWN = "ИИН не найден в базе данных государственного органа. Проверку можно пройти при наличии гражданства …"
DOWN = "Ошибка на сервисе государственного органа"
FORBIDDEN = "Ошибка на сервисе государственного органа (Партнеру запрещен доступ к данным)"


def answer(iin: str = IIN, **more: Any) -> dict[str, Any]:
    papers = [{"number": "012345678", "beginDate": "2020-05-05", "endDate": None, "type": {"nameRu": "УДОСТОВЕРЕНИЕ"}}]
    person = {"iin": iin, "name": "АЙГЕРІМ", "surname": "САМАТОВА", "birthDate": "1990-01-01", "documents": papers}
    return {"person": person, "verifyResponse": {"minConfidenceLevel": 0.85, "photo": PHOTO}} | more


@dataclass
class Adapter:
    """What the server answers, and what it was asked: method, carrier, fields, account."""

    body: object = field(default_factory=answer)
    status: int = 200
    first: list[int] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str], str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        account = base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode()
        if request.query:
            self.asked.append((request.method, "query", dict(request.query), account))
        elif request.content_type == "application/json":
            self.asked.append((request.method, "json", await request.json(), account))
        else:
            form = {name: str(value) for name, value in (await request.post()).items()}
            self.asked.append((request.method, "form", form, account))
        text = self.body if isinstance(self.body, str) else json.dumps(self.body)
        return web.Response(status=self.first.pop(0) if self.first else self.status, text=text)


@asynccontextmanager
async def at_work(adapter: Adapter, *, production: bool = False, **options: Any) -> AsyncIterator[Coid]:
    app = web.Application()
    app.router.add_route("*", "/adapter/v1/personal-data", adapter.answer)
    async with TestServer(app) as server:
        stanza = {"url": str(server.make_url("/adapter/")), "login": "bank", "password_env": "P"} | options
        client = Coid(CoidOptions.model_validate(stanza), PASSWORD, production=production)
        try:
            yield client
        finally:
            await client.close()


async def ask(adapter: Adapter, **options: Any) -> Citizen:
    async with at_work(adapter, **options) as client:
        return await client.person(IIN, REQUEST_ID)


@pytest.mark.parametrize(
    ("method", "carrier"), [("POST", "json"), ("POST", "form"), ("POST", "query"), ("GET", "query")]
)
async def test_each_carrier(method: str, carrier: str) -> None:
    adapter = Adapter()
    found = await ask(adapter, method=method, carrier=carrier)
    assert (found.reading.last_name, found.reading.tax_number, found.same_iin) == ("САМАТОВА", IIN, True)
    fields = {"iin": IIN, "requestId": REQUEST_ID}
    assert adapter.asked == [(method, carrier, fields, f"bank:{PASSWORD}")]


WRAPPINGS = ["message", "error", "text", "html"]


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("status", [200, 400, 403, 404, 422, 429, 500, 502, 503])
@pytest.mark.parametrize(
    ("message", "refusal"),
    [
        (FACE, FaceMismatch),
        (AGE, Underage),
        (UNKNOWN, IinUnknown),
        (DOWN, StateDown),
        (FORBIDDEN, StateForbidden),
    ],
)
async def test_the_five_causes_by_their_words(
    wrapping: str, status: int, message: str, refusal: type[FlowError]
) -> None:
    body: object = {"message": message} if wrapping == "message" else {"error": {"code": 16, "text": message}}
    if wrapping in ("text", "html"):
        body = message if wrapping == "text" else f"<html><body><h1>{status}</h1><p>{message}</p></body></html>"
    if refusal is StateDown and status == 403:
        refusal = StateForbidden
    adapter = Adapter(body, status)
    with pytest.raises(FlowError) as caught:
        await ask(adapter)
    assert type(caught.value) is refusal
    assert caught.value.params == {}
    assert len(adapter.asked) == 1


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (403, "{}", StateForbidden),
        (403, "<html>Forbidden", StateForbidden),
        (400, {"message": "Bad request"}, Unexpected),
        (404, "<html>Not found", Unexpected),
        (422, {"error": "requestId"}, Unexpected),
        (200, "<html>", Unexpected),
        (200, {}, Unexpected),
        (200, {"person": None}, Unexpected),
        (200, {"message": "OK"}, Unexpected),
        (201, answer(), Unexpected),
        (302, "", Unexpected),
        (500, {"message": "Internal Server Error"}, Unavailable),
        (503, "", Unavailable),
        (429, "", Unavailable),
    ],
)
async def test_what_says_no_cause(status: int, body: object, error: type[FlowError]) -> None:
    with pytest.raises(FlowError) as caught:
        await ask(Adapter(body, status))
    assert type(caught.value) is error


@pytest.mark.parametrize("body", ["", {"message": "Unauthorized"}, {"message": FORBIDDEN}])
async def test_a_wrong_password(body: object) -> None:
    adapter = Adapter(body, 401)
    with pytest.raises(Refused, check=lambda refused: refused.reason == "credentials"):
        await ask(adapter)
    async with at_work(adapter) as client:
        with pytest.raises(Refused, check=lambda refused: refused.reason == "credentials"):
            await client.ping()


async def test_words_of_a_refusal_beside_a_person_are_no_refusal() -> None:
    assert (await ask(Adapter(answer(message=DOWN)))).reading.last_name == "САМАТОВА"


async def test_trouble_once_is_asked_again() -> None:
    adapter = Adapter(first=[503, 500])
    assert (await ask(adapter)).same_iin
    assert len(adapter.asked) == 3


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        ({"production": True}, True),
        ({"production": False}, False),
        ({"production": True, "strict_iin": False}, False),
        ({"production": False, "strict_iin": True}, True),
    ],
)
@pytest.mark.parametrize("theirs", [OTHER, None, ""])
async def test_data_of_somebody_else(options: dict[str, bool], refused: bool, theirs: Any) -> None:  # noqa: FBT001
    with structlog.testing.capture_logs() as logged:
        if refused:
            with pytest.raises(Unexpected):
                await ask(Adapter(answer(theirs)), **options)
        else:
            found = await ask(Adapter(answer(theirs)), **options)
            assert (found.same_iin, found.reading.tax_number) == (False, IIN)
    assert logged == [{"event": "coid_other_iin", "log_level": "warning", "refused": refused}]


async def test_a_photo_of_ten_megabytes_is_read_and_dropped() -> None:
    adapter = Adapter(answer(verifyResponse={"minConfidenceLevel": 0.5, "photo": "A" * 10 * 2**20}))
    assert (await ask(adapter)).confidence == 0.5
    adapter.body = answer(verifyResponse={"photo": "A" * 15 * 2**20})
    with pytest.raises(Unexpected):
        await ask(adapter)


class TestPing:
    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (404, {"message": "requestId"}),
            (200, answer()),
            (500, {"message": UNKNOWN}),
            (404, UNKNOWN),
            (422, {"message": FACE}),
        ],
    )
    async def test_it_is_there(self, status: int, body: object) -> None:
        adapter = Adapter(body, status)
        async with at_work(adapter) as client:
            await client.ping()
        assert {tuple(fields.values()) for _, _, fields, _ in adapter.asked} == {("0" * 12, "0" * 12)}

    @pytest.mark.parametrize(
        ("status", "body", "error"),
        [
            (503, "", Unavailable),
            (503, {"message": DOWN}, StateDown),
            (404, "<html>", Unexpected),
            (200, "<html>", Unexpected),
        ],
    )
    async def test_it_is_not(self, status: int, body: object, error: type[FlowError]) -> None:
        async with at_work(Adapter(body, status)) as client:
            with pytest.raises(error):
                await client.ping()


async def test_nobody_there(unused_tcp_port: int) -> None:
    client = Coid(CoidOptions(url=f"http://127.0.0.1:{unused_tcp_port}", login="x", password_env="P"), PASSWORD)
    with pytest.raises(Unavailable, check=lambda error: not error.reached):
        await client.person(IIN, REQUEST_ID)
    await client.close()


async def test_nothing_of_it_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG, over successes and failures: no name, number, photo or password; and the capture works."""
    caplog.set_level(logging.DEBUG)
    adapter, shown = Adapter(), []
    async with at_work(adapter) as client:
        for body, status in ((answer(), 200), (answer(OTHER), 200), ({"person": [IIN]}, 200), (FACE, 422), (IIN, 404)):
            adapter.body, adapter.status = body, status
            try:
                shown.append(repr(await client.person(IIN, REQUEST_ID)))
            except FlowError as error:
                shown += traceback.format_exception(error)
        shown += [repr(client), repr(client.options)]
    ours = [record for record in caplog.records if record.name not in {"aiohttp.access", "aiohttp.server"}]
    written = "".join(shown) + "".join(record.getMessage() for record in ours)
    assert {"Citizen", "FaceMismatch", "Unexpected"} <= set(re.findall(r"\w+", written))
    for secret in (IIN, OTHER, REQUEST_ID, "САМАТОВА", "012345678", PHOTO, PASSWORD, "фото"):
        assert secret not in written
    logging.getLogger("control").debug(IIN)
    assert IIN in caplog.text


class TestOptions:
    @pytest.mark.parametrize(
        ("stanza", "named"),
        [
            ({"url": None}, "url"),
            ({"login": ""}, "login"),
            ({"login": "a:b"}, "login"),
            ({"method": "GET"}, "carrier"),
            ({"method": "GET", "carrier": "json"}, "carrier"),
            ({"method": "PUT"}, "method"),
            ({"password": "x"}, "password"),
        ],
    )
    def test_stanzas_that_are_refused(self, stanza: dict[str, Any], named: str) -> None:
        whole = {"url": "https://coid.bank.example", "login": "bank", "password_env": "P"}
        with pytest.raises(ValidationError, match=named):
            CoidOptions.model_validate(whole | stanza)

    def test_a_variable_that_is_not_set_is_named(self) -> None:
        options = CoidOptions(url="https://coid.bank.example", login="bank", password_env="COID_PASSWORD")
        with pytest.raises(SecretUnset, match="COID_PASSWORD"):
            coid(options, {}, production=True)
