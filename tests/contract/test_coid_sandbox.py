"""The simulated COID adapter is held to its rules: carriers, passwords, numbers, refusals, shapes (4.7, 4.8)."""

import base64
import io
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from aitu_sandbox import IIN, Aitu, basic
from PIL import Image

from sandbox.app import make_app
from sandbox.cast import KAZAKHSTAN
from sandbox.coid import LOGIN, PASSWORD, PASSWORD_OF_AITU
from sandbox.coid_refusals import CAUSES, Cause

Connect = Callable[[web.Application], Awaitable[TestClient[web.Request, web.Application]]]
OTHER = "850615400125"
PATH = "/coid/v1/personal-data"
CARRIERS = ("json", "form", "query")
LATER = "2026-11-22"


@pytest.fixture
async def aitu(aiohttp_client: Connect) -> Aitu:
    return Aitu(await aiohttp_client(make_app(speed=0)))


async def person(aitu: Aitu, *outcomes: str) -> dict[str, Any]:
    """The whole answer about whoever has just logged in."""
    for outcome in outcomes:
        await aitu.arm(outcome, IIN, "coid")
    status, _, told = await aitu.person(await aitu.checked())
    assert status == 200, told
    return dict(told)


def found(told: Any, name: str) -> Iterator[Any]:
    """Every value of that name, however deep."""
    if isinstance(told, list):
        for one in told:
            yield from found(one, name)
    if isinstance(told, dict):
        for key, value in told.items():
            if key == name:
                yield value
            yield from found(value, name)


class TestAsking:
    @pytest.mark.parametrize("carrier", CARRIERS)
    async def test_each_carrier(self, aitu: Aitu, carrier: str) -> None:
        status, kind, told = await aitu.person(await aitu.checked(), carrier)
        assert (status, kind, told["person"]["iin"]) == (200, "application/json", IIN)

    @pytest.mark.parametrize("password", ["", "coidtestpassworD", PASSWORD_OF_AITU])
    async def test_only_the_second_password_opens(self, aitu: Aitu, password: str) -> None:
        assert (await aitu.person(await aitu.checked(), password=password))[0] == 401

    async def test_a_number_is_of_its_iin(self, aitu: Aitu) -> None:
        mine, others = await aitu.checked(), await aitu.checked(OTHER)
        for number, status in (("of nobody", 404), (others["requestId"], 403)):
            told = await aitu.person({"iin": mine["iin"], "requestId": number})
            assert (told[0], list(told[2])) == (status, ["message"])
        await aitu.checked(Refresh_request_id_coid="true")
        assert (await aitu.person(mine))[0] == 200

    @pytest.mark.parametrize("carrier", CARRIERS)
    @pytest.mark.parametrize("fields", [{"iin": IIN}, {"requestId": "x"}, {"iin": "90010130012", "requestId": "x"}])
    async def test_what_is_missing(self, aitu: Aitu, carrier: str, fields: dict[str, Any]) -> None:
        assert (await aitu.person(fields, carrier))[0] == 400

    async def test_a_number_is_no_iin_and_a_query_is_no_body(self, aitu: Aitu) -> None:
        checked = await aitu.checked()
        assert (await aitu.person(checked | {"iin": int(IIN)}))[0] == 400
        for data, kind in ((b"", "application/x-www-form-urlencoded"), (b"\xff{", "application/json")):
            headers = basic(LOGIN, PASSWORD) | {"Content-Type": kind}
            async with aitu.http.post(PATH, params=checked, data=data, headers=headers) as answer:
                assert answer.status == 400

    async def test_anybody_is_one_and_the_same(self, aitu: Aitu) -> None:
        _, _, told = await aitu.person(await aitu.checked(OTHER))
        assert told["person"]["iin"] == KAZAKHSTAN.documents["iin"] == IIN

    async def test_calls_tell_neither_iin_nor_number(self, aitu: Aitu) -> None:
        checked = await aitu.checked()
        for carrier in CARRIERS:
            await aitu.person(checked, carrier)
        calls = await (await aitu.http.get("/_calls?upstream=coid")).json()
        assert [one["fields"] for one in calls] == [{"iin": {"length": 12}, "requestId": {"length": 36}}] * 3


class TestRefusals:
    @pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: str(cause.name))
    async def test_by_the_magic_iin_and_by_order(self, aitu: Aitu, cause: Cause) -> None:
        told = await aitu.person({"iin": cause.iin, "requestId": "any"})
        assert told == (cause.status, "application/json", {"message": cause.text})
        checked = await aitu.checked()
        await aitu.arm(cause.name, IIN, "coid")
        assert await aitu.person(checked) == told
        assert (await aitu.person(checked))[0] == 200

    def test_statuses(self) -> None:
        assert [cause.status for cause in CAUSES] == [422, 422, 404, 503, 403]

    async def test_other_spellings(self, aitu: Aitu) -> None:
        checked, seen = await aitu.checked(), []
        for said in ("said_200", "said_error", "said_plain"):
            await aitu.arm("unknown", "*", "coid")
            await aitu.arm(said, "*", "coid")
            seen.append(await aitu.person(checked))
        text = CAUSES[2].text
        assert seen == [
            (200, "application/json", {"message": text}),
            (404, "application/json", {"error": text}),
            (404, "text/plain", text),
        ]

    @pytest.mark.parametrize(
        ("outcome", "carrier", "status"),
        [
            ("error_503", "json", 503),
            ("error_500", "json", 500),
            ("html", "json", 200),
            ("empty", "json", 200),
            ("wants_get", "json", 405),
            ("wants_get", "query", 200),
            ("wants_form", "json", 415),
            ("wants_form", "form", 200),
        ],
    )
    async def test_trouble(self, aitu: Aitu, outcome: str, carrier: str, status: int) -> None:
        checked = await aitu.checked()
        await aitu.arm(outcome, IIN, "coid")
        told = await aitu.person(checked, carrier)
        assert told[0] == status
        assert ("person" in told[2]) == outcome.startswith("wants_") & (status == 200)
        assert "person" in (await aitu.person(checked))[2]


class TestShapes:
    async def test_the_usual_one(self, aitu: Aitu) -> None:
        told = await person(aitu)
        one = told["person"]
        assert (one["surname"], one["name"], one["patronymic"]) == ("Сейтқали", "Арман", "Бекұлы")
        assert (one["birthDate"], one["citizenship"]["nameRu"]) == ("1990-01-01", "КАЗАХСТАН")
        assert (one["regAddress"]["city"], one["lifeStatus"]["nameRu"]) == ("АЛМАТЫ", "ЖИВОЙ")
        for item in (one["gender"], one["regAddress"]["country"], one["documents"][0]["issueOrganization"]):
            assert set(item) == {"code", "nameKz", "nameRu", "changeDate"}
        assert set(told["verifyResponse"]) == {"minConfidenceLevel", "photo", "requisites"}
        assert len(json.dumps(told)) < 20_000
        with Image.open(io.BytesIO(base64.b64decode(told["verifyResponse"]["photo"]))) as picture:
            assert picture.format == "JPEG"

    async def test_one_document_is_valid_one_has_run_out_one_has_no_end(self, aitu: Aitu) -> None:
        expired, valid, endless = (await person(aitu))["person"]["documents"]
        assert expired["endDate"] < LATER < valid["endDate"]
        assert "endDate" not in endless
        assert endless["beginDate"] < valid["beginDate"] < LATER

    @pytest.mark.parametrize(
        ("outcome", "born"),
        [
            ("dates_datetime", "1990-01-01T00:00:00"),
            ("dates_ms", 631152000000),
            ("dates_dotted", "01.01.1990"),
        ],
    )
    async def test_dates(self, aitu: Aitu, outcome: str, born: str | int) -> None:
        told = await person(aitu, outcome)
        assert set(found(told, "birthDate")) == {born}
        assert {type(one) for name in ("beginDate", "endDate") for one in found(told, name)} == {type(born)}

    async def test_three_places_of_the_verification_and_none(self, aitu: Aitu) -> None:
        inside, flat = await person(aitu, "verify_in_person"), await person(aitu, "verify_flat")
        assert ("verifyResponse" in inside, inside["person"]["verifyResponse"]["minConfidenceLevel"]) == (False, 0.8)
        assert ("verifyResponse" in flat, flat["minConfidenceLevel"]) == (False, 0.8)
        assert list(found(await person(aitu, "verify_absent"), "minConfidenceLevel")) == []

    async def test_what_may_be_missing(self, aitu: Aitu) -> None:
        assert (await person(aitu, "no_documents"))["person"]["documents"] == []
        assert (await person(aitu, "documents_null"))["person"]["documents"] is None
        assert list(found(await person(aitu, "no_patronymic"), "patronymic")) == []
        bare = (await person(aitu, "items_null"))["person"]
        assert {bare["gender"], bare["birthPlace"]["country"], bare["documents"][0]["status"]} == {None}

    async def test_several_at_once(self, aitu: Aitu) -> None:
        told = await person(aitu, "dates_ms", "verify_flat", "no_patronymic", "deceased", "unknown_fields")
        assert told["person"]["lifeStatus"]["nameRu"] == "УМЕР"
        assert ("extra" in told["person"], "patronymic" in told["person"], "photo" in told) == (True, False, True)
        assert (await person(aitu))["person"]["lifeStatus"]["nameRu"] == "ЖИВОЙ"
