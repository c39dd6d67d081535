"""The simulated Humo is held to its quirks: what it refuses, whose paper it reads, what it notes (protocols.md 2.3)."""

import base64
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from sandbox.app import WORLD, make_app
from sandbox.cast import CAST
from sandbox.drawn import PAGES, draw
from sandbox.humo import STANDING_KEY
from sandbox.humo_forms import LARGEST_IMAGE

Sandbox = TestClient[web.Request, web.Application]
Connect = Callable[[web.Application], Awaitable[Sandbox]]

FIRUZ, MADINA = CAST[1], CAST[2]
KEY, OTHER_KEY = FIRUZ.documents["presign_key"], MADINA.documents["presign_key"]
JPEG = b"\xff\xd8\xff\xe0 a photo \xff\xd9"
FRONT, SELFIE = "ocr/id_new/front", "selfie"


@pytest.fixture
async def sandbox(aiohttp_client: Connect) -> Sandbox:
    return await aiohttp_client(make_app(speed=0))


async def presign(sandbox: Sandbox, key: str = KEY) -> dict[str, Any]:
    async with sandbox.get(f"/humo/api/link/presign/{key}") as answer:
        return {"status": answer.status, **await answer.json()}


async def upload(
    sandbox: Sandbox, link: dict[str, Any], path: str = FRONT, *, img: bytes | str = JPEG, **changed: str | None
) -> tuple[int, Any]:
    """The page's form; a field that is changed to None is left out."""
    fields = {"doc_type": "ID_NEW", "source": link["source"], "key": link["key"], "depart_id": link["depart_id"]}
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in (fields | changed).items():
        if value is not None:
            form.add_field(name, str(value))
    if isinstance(img, bytes):
        form.add_field("img", img, filename="a.jpg", content_type="image/jpeg")
    elif "img" not in changed:
        form.add_field("img", img)
    return await post(sandbox, link, path, form)


async def post(sandbox: Sandbox, link: dict[str, Any], path: str, form: Any) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {link['access_token']}"}
    async with sandbox.post(f"/humo/api/tasks/{path}", data=form, headers=headers) as answer:
        return answer.status, await answer.json()


async def status(sandbox: Sandbox, link: dict[str, Any], task: Any) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {link['access_token']}"}
    async with sandbox.get(f"/humo/api/tasks/status/{task}", headers=headers) as answer:
        return answer.status, await answer.json()


async def arm(sandbox: Sandbox, key: str, outcome: str) -> None:
    order = {"upstream": "humo", "for": key, "outcome": outcome}
    assert (await sandbox.post("/_arm", json=order)).status == 200


def refused_fields(answer: tuple[int, Any]) -> list[str]:
    """The fields of FastAPI's 422."""
    code, body = answer
    assert code == 422
    return [one["loc"][1] for one in body["detail"]]


def jwt(claims: object = None, header: object = None, signature: str = "c2ln") -> str:
    whole = {"isOk": True, "bestshot": base64.b64encode(JPEG).decode()} if claims is None else claims
    parts = (json.dumps(part).encode() for part in ({"alg": "HS256"} if header is None else header, whole))
    return ".".join([*(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts), signature])


class TestPresign:
    async def test_the_standing_key_is_nobodys(self, sandbox: Sandbox) -> None:
        opened = await presign(sandbox, STANDING_KEY)
        assert opened.pop("access_token").startswith("sandbox-humo-")
        assert opened == {
            "status": 200,
            "key": STANDING_KEY,
            "source": "humo_online",
            "process": "identification",
            **dict.fromkeys(("callback", "home_page", "depart_id", "staff_id", "external_id")),
            "queue_rank": 0,
            "other": {"additionalProp1": {}},
        }

    async def test_each_of_the_cast_has_a_key(self, sandbox: Sandbox) -> None:
        people = await (await sandbox.get("/_people")).json()
        opened = [await presign(sandbox, person["documents"]["presign_key"]) for person in people]
        assert [one["external_id"] for one in opened] == [person.crmid for person in CAST]
        assert {one["callback"] for one in opened} == {str(sandbox.make_url("/humo/_callback"))}
        assert {type(one["depart_id"]) for one in opened} == {int, str, type(None)}
        assert {json.dumps(one.get("other"))[:4] for one in opened} == {"null", "{}", '{"ad'}
        assert len({one["access_token"] for one in opened}) == 22

    async def test_the_token_stays_until_it_expires(self, sandbox: Sandbox) -> None:
        first, again = await presign(sandbox), await presign(sandbox)
        assert first["access_token"] == again["access_token"]
        await arm(sandbox, KEY, "401")
        assert (await upload(sandbox, first))[0] == 401
        assert (await upload(sandbox, first))[0] == 401
        assert (await upload(sandbox, await presign(sandbox)))[0] == 200

    async def test_refusals(self, sandbox: Sandbox) -> None:
        assert (await presign(sandbox, "11111111-2222-4333-8444-555555555555"))["status"] == 404
        for code in (401, 403, 404, 410):
            await arm(sandbox, KEY, f"presign-{code}")
            assert (await presign(sandbox))["status"] == code
        assert (await presign(sandbox))["status"] == 200


class TestUploads:
    @pytest.mark.parametrize("header", [None, "", "Bearer ", "Bearer sandbox-humo-x", "own_access_token"])
    async def test_a_token_is_wanted(self, sandbox: Sandbox, header: str | None) -> None:
        await presign(sandbox)
        headers = {} if header is None else {"Authorization": header}
        calls = (
            sandbox.post("/humo/api/tasks/ocr/id_new/front", data={"img": "x"}, headers=headers),
            sandbox.post("/humo/api/tasks/selfie", data={"img": "x"}, headers=headers),
            sandbox.get("/humo/api/tasks/status/1", headers=headers),
        )
        assert [(await call).status for call in calls] == [401] * 3

    @pytest.mark.parametrize(
        ("path", "changed", "fields"),
        [
            (FRONT, {"doc_type": "ID_OLD"}, ["doc_type"]),
            (FRONT, {"doc_type": "id_new"}, ["doc_type"]),
            ("ocr/id_old/front", {}, ["doc_type"]),
            (FRONT, {"doc_type": None, "key": None}, ["doc_type", "key"]),
            (FRONT, {"source": None}, ["source"]),
            (FRONT, {"source": "other"}, ["source"]),
            (FRONT, {"depart_id": "7"}, ["depart_id"]),
            (FRONT, {"depart_id": None}, ["depart_id"]),
            (FRONT, {"img": b""}, ["img"]),
            (FRONT, {"img": "a.b.c"}, ["img"]),
            (SELFIE, {"img": JPEG}, ["img"]),
            (SELFIE, {"img": jwt(), "doc_type": ""}, ["doc_type"]),
        ],
    )
    async def test_forms_that_are_refused(
        self, sandbox: Sandbox, path: str, changed: dict[str, Any], fields: list[str]
    ) -> None:
        assert refused_fields(await upload(sandbox, await presign(sandbox), path, **changed)) == fields

    async def test_a_null_may_be_left_out_or_empty(self, sandbox: Sandbox) -> None:
        link = await presign(sandbox, STANDING_KEY)
        for sent in (None, ""):
            assert (await upload(sandbox, link, depart_id=sent))[0] == 200
        assert refused_fields(await upload(sandbox, link, depart_id="null")) == ["depart_id"]

    async def test_the_key_of_another_token(self, sandbox: Sandbox) -> None:
        assert (await upload(sandbox, await presign(sandbox), key=OTHER_KEY))[0] == 403

    @pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
    async def test_too_large_a_photo(self, sandbox: Sandbox) -> None:
        link = await presign(sandbox)
        assert (await upload(sandbox, link, img=JPEG + bytes(LARGEST_IMAGE)))[0] == 413
        assert (await upload(sandbox, link, img=JPEG + bytes(LARGEST_IMAGE - len(JPEG))))[0] == 200

    @pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "multipart/form-data", "application/json"])
    async def test_a_broken_body(self, sandbox: Sandbox, kind: str) -> None:
        link = await presign(sandbox)
        headers = {"Authorization": f"Bearer {link['access_token']}", "Content-Type": kind}
        async with sandbox.post(f"/humo/api/tasks/{FRONT}", data=b"--y\r\nnonsense", headers=headers) as answer:
            assert answer.status == 422

    async def test_ids_are_now_numbers_and_now_text(self, sandbox: Sandbox) -> None:
        link = await presign(sandbox)
        assert {type((await upload(sandbox, link))[1]["id"]) for _ in range(2)} == {int, str}


class TestSelfies:
    @pytest.mark.parametrize(
        "token",
        [
            jwt(),
            f'"{jwt()}"',
            f"{jwt()}\n",
            jwt({"isOk": True, "image": "data:image/jpeg;base64," + base64.b64encode(JPEG).decode().rstrip("=")}),
            jwt({"isOk": True, "best_shot": base64.b64encode(JPEG).decode(), "exp": 4_000_000_000}),
        ],
    )
    async def test_tokens_that_are_taken(self, sandbox: Sandbox, token: str) -> None:
        link = await presign(sandbox)
        code, body = await upload(sandbox, link, SELFIE, img=token)
        assert code == 200
        assert (await status(sandbox, link, body["id"]))[1]["status"] == "SUCCESS"

    @pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
    async def test_a_token_of_more_than_a_megabyte(self, sandbox: Sandbox) -> None:
        token = jwt({"isOk": True, "bestshot": base64.b64encode(JPEG + bytes(1_200_000)).decode()})
        assert (await upload(sandbox, await presign(sandbox), SELFIE, img=token))[0] == 200

    @pytest.mark.parametrize(
        "token",
        [
            "",
            "x",
            "a.b.c",
            base64.b64encode(JPEG).decode(),
            jwt(signature=""),
            jwt(header={"alg": "none"}),
            jwt(header={"alg": None}),
            jwt(header={}),
            jwt([]),
            jwt({"isOk": False, "bestshot": "eA=="}),
            jwt({"bestshot": "eA=="}),
            jwt({"isOk": True}),
            jwt({"isOk": True, "bestshot": "***"}),
            jwt({"isOk": True, "bestshot": 5}),
            jwt({"isOk": True, "bestshot": "eA==", "exp": 1}),
            jwt({"isOk": True, "bestshot": "eA==", "exp": "soon"}),
        ],
    )
    async def test_tokens_that_are_refused(self, sandbox: Sandbox, token: str) -> None:
        assert refused_fields(await upload(sandbox, await presign(sandbox), SELFIE, img=token)) == ["img"]


class TestTasks:
    async def test_one_is_sent_until_its_time_has_come(self, aiohttp_client: Connect) -> None:
        app = make_app(speed=0.01)
        app[WORLD].clock = lambda: 1_900_000_000.0
        sandbox = await aiohttp_client(app)
        link = await presign(sandbox)
        task = (await upload(sandbox, link))[1]["id"]
        for _ in range(3):
            assert await status(sandbox, link, task) == (200, {"status": "SENT", "result": {}})
        app[WORLD].clock = lambda: 1_900_000_000.0 + 0.031
        done = (await status(sandbox, link, task))[1]
        assert (done["status"], done["result"]["last_name"]) == ("SUCCESS", "Раҳимов")

    async def test_the_pace_is_that_of_a_real_one(self, aiohttp_client: Connect) -> None:
        sandbox = await aiohttp_client(make_app(speed=0.1))
        link = await presign(sandbox)
        task = (await upload(sandbox, link))[1]["id"]
        begun = time.monotonic()
        while (await status(sandbox, link, task))[1]["status"] == "SENT":
            assert time.monotonic() - begun < 5
        assert time.monotonic() - begun > 0.05

    async def test_of_another_key_and_unknown(self, sandbox: Sandbox) -> None:
        link, other = await presign(sandbox), await presign(sandbox, OTHER_KEY)
        task = (await upload(sandbox, link))[1]["id"]
        assert (await status(sandbox, other, task))[0] == 404
        assert (await status(sandbox, link, "1"))[0] == 404
        assert (await status(sandbox, link, task))[0] == 200

    async def test_outcomes_come_in_their_order_each_to_what_it_is_for(self, sandbox: Sandbox) -> None:
        for outcome in ("int-tax-number", "callback-500", "glare", "presign-410", "dark"):
            await arm(sandbox, KEY, outcome)
        assert (await presign(sandbox))["status"] == 410
        link = await presign(sandbox)
        results = []
        for page in ("front", "front", "front", "back", "back"):
            task = (await upload(sandbox, link, f"ocr/id_new/{page}"))[1]["id"]
            results.append((await status(sandbox, link, task))[1])
        assert [one["status"] for one in results] == ["FAILURE", "FAILURE", "SUCCESS", "SUCCESS", "SUCCESS"]
        assert results[0]["result"] == {"error": "glare"}
        assert [one["result"].get("tax_number") for one in results[3:]] == [20025781, "020025781"]
        assert (await sandbox.post("/humo/_callback", json={"key": KEY})).status == 500

    async def test_the_back_has_a_zone_for_machines(self, sandbox: Sandbox) -> None:
        link = await presign(sandbox)
        task = (await upload(sandbox, link, "ocr/id_new/back"))[1]["id"]
        result = (await status(sandbox, link, task))[1]["result"]
        assert result["mrz"][0].startswith("I<TJKA31950007")
        assert (result["issue_date"], result["expiry_date"]) == ("12.06.2019", "12/06/2029")

    async def test_the_same_seed_and_calls_give_the_same_answers(self, aiohttp_client: Connect) -> None:
        answers = []
        for seed in (7, 7, 8):
            sandbox = await aiohttp_client(make_app(speed=0, seed=seed))
            link = await presign(sandbox)
            answers.append((link["access_token"], await upload(sandbox, link)))
        assert answers[0] == answers[1] != answers[2]


class TestCallback:
    async def test_notes_what_it_was_told(self, sandbox: Sandbox) -> None:
        signed = {"webhook-id": "msg_1", "webhook-timestamp": "1900000000", "webhook-signature": "v1,abc="}
        told = {"external_id": FIRUZ.crmid, "status": "identified", "access_token": "secret-of-somebody"}
        answer = await sandbox.post("/humo/_callback", json=told, headers={**signed, "X-Other": "1"})
        await sandbox.post("/humo/_callback", json={"status": "identified"})
        assert answer.status == 200
        calls = await (await sandbox.get("/_calls?upstream=humo")).json()
        assert calls[0]["fields"] == {"external_id": FIRUZ.crmid, "status": "identified", **signed}
        assert calls[1]["fields"] == {"status": "identified"}

    @pytest.mark.parametrize(("outcome", "code"), [("callback-500", 500), ("callback-redirect", 302)])
    @pytest.mark.parametrize("told", [{"key": CAST[0].documents["presign_key"]}, {"external_id": CAST[0].crmid}])
    async def test_armed_once_by_key_or_crmid(
        self, sandbox: Sandbox, outcome: str, code: int, told: dict[str, str]
    ) -> None:
        await arm(sandbox, next(iter(told.values())), outcome)
        codes = [(await sandbox.post("/humo/_callback", json=told, allow_redirects=False)).status for _ in range(2)]
        assert codes == [code, 200]


class TestNotes:
    async def test_sizes_and_lengths_and_no_token(self, sandbox: Sandbox) -> None:
        link = await presign(sandbox)
        await upload(sandbox, link, tax_number="020025781")
        await upload(sandbox, link, SELFIE, img=jwt())
        calls = await (await sandbox.get("/_calls?upstream=humo")).json()
        assert [(one["method"], one["path"].rpartition("/")[2]) for one in calls] == [
            ("GET", KEY),
            ("POST", "front"),
            ("POST", "selfie"),
        ]
        ((file,), fields) = (calls[1]["files"], calls[2]["fields"])
        assert (file["name"], file["size"]) == ("img", len(JPEG))
        assert fields["img"] == {"length": len(jwt())}
        assert link["access_token"] not in json.dumps(calls)


class TestDrawings:
    @pytest.mark.parametrize("page", PAGES)
    async def test_are_served(self, sandbox: Sandbox, page: str) -> None:
        first = await sandbox.get(f"/_people/{FIRUZ.crmid}/{page}.jpg")
        second = await sandbox.get(f"/_people/{FIRUZ.crmid}/{page}.jpg?n=1")
        assert first.content_type == "image/jpeg"
        assert (await first.read(), await second.read()) == (draw(FIRUZ, page), draw(FIRUZ, page, 1))

    @pytest.mark.parametrize(
        ("path", "code"),
        [
            ("C-999999/front.jpg", 404),
            ("C-000001/cover.jpg", 404),
            ("C-000001/front.png", 404),
            ("C-000001/front.jpg?n=-1", 400),
            ("C-000001/front.jpg?n=1e9", 400),
            ("C-000001/front.jpg?n=9999999999", 400),
        ],
    )
    async def test_nonsense_is_refused(self, sandbox: Sandbox, path: str, code: int) -> None:
        assert (await sandbox.get(f"/_people/{path}")).status == code
