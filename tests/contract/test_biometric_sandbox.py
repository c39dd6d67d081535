"""The simulated biometric.kz is held to its rules: keys, metadata, phases, endings, webhooks (protocols.md 3.8)."""

import asyncio
import base64
import hashlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from biometric_sandbox import ALIVE, DOCUMENT, EVERYBODY, LEGAL, NATURAL, Kz

from sandbox.app import WORLD, make_app
from sandbox.biometric_flows import BACKEND_KEY, ENDINGS, FLOWS
from sandbox.cast import CAST, KAZAKHSTAN
from sandbox.drawn import draw

Connect = Callable[[web.Application], Awaitable[TestClient[web.Request, web.Application]]]
FIRUZ, MADINA = CAST[1], CAST[2]
CREATE, RESULT = "/biometric/api/v1/flows/session/create", "/biometric/api/v1/flows/session/result"
BLOCKS = ("liveness_result", "face2face_result", "edocument_result", "document_recognition_result")
ARMAN = {"iin": {"value": "900101300126"}, "phone": {"value": "77071234567"}}
FIXED = {name: {**one, "changeable": False} for name, one in ARMAN.items()}


@pytest.fixture
async def kz(aiohttp_client: Connect) -> Kz:
    return Kz(await aiohttp_client(make_app(speed=0)))


def blocks(told: dict[str, Any]) -> list[str]:
    return [name for name in BLOCKS if name in told]


class TestKeys:
    async def test_are_as_long_as_real_ones(self) -> None:
        assert all(len(flow.key) >= 47 for flow in FLOWS)
        assert len(BACKEND_KEY) >= 47

    @pytest.mark.parametrize("key", ["", "x", BACKEND_KEY, 5, None])
    async def test_another_is_refused_and_never_repeated(self, kz: Kz, key: Any) -> None:
        session = await kz.session()
        refusals = [await kz.create(key)]
        if isinstance(key, str):
            refusals.append(await kz.result(session, key))
        for status, body in refusals:
            assert status == 403
            assert list(body) == ["message"]
            assert not key or len(str(key)) < 2 or str(key) not in json.dumps(body)

    async def test_a_session_is_its_flows_alone(self, kz: Kz) -> None:
        assert (await kz.result(await kz.session(), LEGAL))[0] == 404

    @pytest.mark.parametrize(
        ("outcome", "status", "name"),
        [("key_400", 400, "message"), ("key_401", 401, "detail"), ("key_403", 403, "message")],
    )
    async def test_the_form_of_a_refusal_may_be_chosen(self, kz: Kz, outcome: str, status: int, name: str) -> None:
        await kz.arm("*", outcome)
        told, body = await kz.create()
        assert (told, list(body)) == (status, [name])
        assert (await kz.create())[0] == 200


class TestCreate:
    @pytest.mark.parametrize(
        ("key", "names"),
        [
            (EVERYBODY, ["Liveness", "Face2Face"]),
            (NATURAL, ["Liveness", "E-Document", "Face2Face"]),
            (LEGAL, ["Liveness", "Document Recognition", "Face2Face"]),
            (ALIVE, ["Liveness"]),
            (DOCUMENT, ["E-Document"]),
        ],
    )
    async def test_technologies_are_texts_and_in_the_result_objects(self, kz: Kz, key: str, names: list[str]) -> None:
        status, body = await kz.create(key)
        assert (status, body["technologies"]) == (200, names)
        assert re.fullmatch("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", body["session_id"])
        told = (await kz.result(body["session_id"], key))[1]
        assert [one["name"] for one in told["technologies"]] == names
        assert all(one["description"] for one in told["technologies"])

    @pytest.mark.parametrize(
        ("key", "metadata", "place"),
        [
            (EVERYBODY, [], "metadata"),
            (EVERYBODY, {"liveness": {}}, "metadata.liveness"),
            (EVERYBODY, {"face2face": {"photo": "eA=="}}, "metadata.face2face.photo"),
            (EVERYBODY, {"face2face": {"photo1": "not base64!"}}, "metadata.face2face.photo1"),
            (EVERYBODY, {"face2face": {"photo1": "data:image/jpeg;base64,eA=="}}, "metadata.face2face.photo1"),
            (EVERYBODY, {"face2face": {"photo1": ""}}, "metadata.face2face.photo1"),
            (ALIVE, {"face2face": {"photo1": "eA=="}}, "metadata.face2face"),
            (NATURAL, {"edocument": {"phone": {"value": "+77071234567"}}}, "metadata.edocument.phone.value"),
            (NATURAL, {"edocument": {"phone": {"value": "87071234567"}}}, "metadata.edocument.phone.value"),
            (NATURAL, {"edocument": {"phone": {"value": 77071234567}}}, "metadata.edocument.phone.value"),
            (NATURAL, {"edocument": {"phone": "77071234567"}}, "metadata.edocument.phone"),
            (NATURAL, {"edocument": {"iin": {"value": "90010130012"}}}, "metadata.edocument.iin.value"),
            (NATURAL, {"edocument": {"iin": {"changeable": "no"}}}, "metadata.edocument.iin.changeable"),
            (NATURAL, {"edocument": {"skip_input": True}}, "metadata.edocument"),
            (NATURAL, {"edocument": {**ARMAN, "skip_input": True}}, "metadata.edocument"),
            (NATURAL, {"edocument": {**FIXED, "phone": ARMAN["phone"], "skip_input": True}}, "metadata.edocument"),
            (NATURAL, {"edocument": {"iin": FIXED["iin"], "skip_input": True}}, "metadata.edocument"),
            (NATURAL, {"general": {"interchangeable_tech": "edocument"}}, "metadata.general.interchangeable_tech"),
        ],
    )
    async def test_metadata_that_is_refused(self, kz: Kz, key: str, metadata: Any, place: str) -> None:
        status, body = await kz.create(key, metadata)
        assert status == 400
        assert body["message"].startswith(f"{place}: ")

    @pytest.mark.parametrize(
        "metadata",
        [
            {},
            {"edocument": ARMAN},
            {"edocument": {**FIXED, "skip_input": True}},
            {"edocument": {**FIXED, "skip_input": False}},
            {"edocument": {"iin": FIXED["iin"], "phone": ARMAN["phone"]}},
            {"general": {"interchangeable_tech": ["edocument", "document_recognition"]}},
        ],
    )
    async def test_metadata_that_is_taken(self, kz: Kz, metadata: Any) -> None:
        assert (await kz.create(NATURAL, metadata))[0] == 200

    @pytest.mark.parametrize(
        ("body", "kind", "status"),
        [
            (b"{}", "text/plain", 415),
            (b"{}", "application/x-www-form-urlencoded", 415),
            (b"{", "application/json", 400),
            (b"[]", "application/json", 400),
            (b"\xff", "application/json", 400),
        ],
    )
    async def test_only_a_json_object_is_taken(self, kz: Kz, body: bytes, kind: str, status: int) -> None:
        async with kz.http.post(f"{CREATE}/", data=body, headers={"Content-Type": kind}) as answer:
            assert answer.status == status
            assert "detail" in await answer.json()

    @pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
    async def test_a_photo_of_ten_megabytes_and_one_that_is_larger(self, kz: Kz) -> None:
        assert await kz.session_of(bytes(10 * 2**20))
        photo = base64.b64encode(bytes(10 * 2**20 + 1)).decode()
        assert (await kz.create(EVERYBODY, {"face2face": {"photo1": photo}}))[0] == 413

    async def test_the_slash_at_the_end_belongs_to_the_path(self, kz: Kz) -> None:
        for outcome, status in ((None, 404), ("slash_301", 301), ("slash_500", 500)):
            if outcome:
                await kz.arm("*", outcome)
                await kz.arm("*", outcome)
            created = await kz.http.post(CREATE, json={"api_key": EVERYBODY}, allow_redirects=False)
            read = await kz.http.get(RESULT, allow_redirects=False)
            assert (created.status, read.status) == (status, status)

    async def test_trouble_that_is_armed(self, kz: Kz) -> None:
        await kz.arm("*", "create_503")
        await kz.arm("*", "create_empty")
        assert [(await kz.create())[0], await kz.create()] == [503, (200, {})]
        assert (await kz.create())[0] == 200


class TestPhases:
    async def test_from_created_to_finished(self, aiohttp_client: Connect) -> None:
        app = make_app(speed=0.01)
        app[WORLD].clock = lambda: 1_900_000_000.0
        kz = Kz(await aiohttp_client(app))
        session = await kz.session()
        for _ in range(2):
            told = (await kz.result(session))[1]
            assert (told["id"], told["status"], blocks(told)) == (session, "PROGRESS", [])
            await kz.begin(session)
        await kz.finish(session)
        told = (await kz.result(session))[1]
        assert told["status"] == "PROGRESS"
        assert (told["liveness_result"], told["face2face_result"]) == ({}, {})
        app[WORLD].clock = lambda: 1_900_000_000.0 + 0.041
        told = (await kz.result(session))[1]
        assert (told["status"], told["flow_session_result"]) == ("FINISHED", True)
        assert told["finished_at"].startswith("2030-03-17T22:46:40")

    async def test_a_session_is_finished_once(self, kz: Kz) -> None:
        session = await kz.session()
        assert [(await kz.finish(session))[0] for _ in range(2)] == [200, 409]
        assert (await kz.begin(session))[0] == 409
        assert (await kz.result(session))[1]["status"] == "FINISHED"

    async def test_a_widget_that_is_loaded_anew_begins_anew(self, kz: Kz) -> None:
        session = await kz.session()
        assert [(await kz.begin(session))[0] for _ in range(2)] == [200, 200]

    async def test_nobodys_session(self, kz: Kz) -> None:
        nobodys = "11111111-2222-4333-8444-555555555555"
        answers = [await kz.result(nobodys), await kz.begin(nobodys), await kz.finish(nobodys)]
        assert [status for status, _ in answers] == [404] * 3

    async def test_after_half_an_hour_it_is_over_unless_it_was_finished(self, kz: Kz) -> None:
        waiting, done = await kz.session(), await kz.session()
        await kz.finish(done)
        world = kz.http.app[WORLD] if kz.http.app else None
        assert world
        later = world.clock() + 1_801
        world.clock = lambda: later
        answers = [await kz.result(waiting), await kz.begin(waiting), await kz.finish(waiting), await kz.result(done)]
        assert [status for status, _ in answers] == [410, 410, 410, 200]

    async def test_expired_by_order(self, kz: Kz) -> None:
        session = await kz.session()
        await kz.arm(session, "expired")
        assert [(await kz.result(session))[0], (await kz.finish(session))[0]] == [410, 410]

    @pytest.mark.parametrize(
        ("outcome", "statuses"),
        [
            ("late", ["PROGRESS"] * 5),
            ("unknown_status", ["VALIDATION"] * 3),
            ("progress_then_empty", ["PROGRESS", "PROGRESS", "FINISHED"]),
            ("never_ends", ["PROGRESS"] * 12),
        ],
    )
    async def test_results_that_keep_one_waiting(self, kz: Kz, outcome: str, statuses: list[str]) -> None:
        session = await kz.session()
        await kz.arm(session, outcome)
        await kz.finish(session)
        told = [(await kz.result(session))[1] for _ in statuses]
        assert [one["status"] for one in told] == statuses
        assert not any("flow_session_result" in one for one in told)
        assert all(one.get("liveness_result", {}) == {} for one in told)
        if outcome != "never_ends":
            assert (await kz.result(session))[1]["flow_session_result"] is True

    async def test_a_result_that_cannot_be_had_just_now(self, kz: Kz) -> None:
        session = await kz.session()
        await kz.finish(session)
        await kz.arm(session, "error_503")
        assert await kz.result(session) == (503, {"message": "e-document service is not available"})
        assert (await kz.result(session))[0] == 200


class TestEndings:
    async def test_every_block_of_a_passed_session(self, kz: Kz) -> None:
        session = await kz.session(NATURAL, {"edocument": ARMAN})
        await kz.finish(session)
        told = (await kz.result(session, NATURAL))[1]
        assert blocks(told) == ["liveness_result", "face2face_result", "edocument_result"]
        assert told["liveness_result"]["prediction"] == "0.9980"
        assert told["face2face_result"]["prediction_percent"] == "97.12"
        owner = told["edocument_result"]["result_json"]["common"]["docOwner"]
        assert owner == {"iin": "900101300126", "firstName": "Арман", "lastName": "Сейтқали", "middleName": "Бекұлы"}
        assert len(base64.b64decode(told["edocument_result"]["document_pdf"])) > 20_000

    async def test_a_document_that_was_recognised(self, kz: Kz) -> None:
        kz.remember(photo := draw(FIRUZ, "front"), FIRUZ.phone)
        session = await kz.session_of(photo, LEGAL)
        await kz.finish(session)
        found = (await kz.result(session, LEGAL))[1]["document_recognition_result"]
        assert (found["last_name"], found["date_of_birth"]) == ("Раҳимов", "14.05.1990")
        assert (found["document_number"], found["result"]) == (FIRUZ.documents["id_card"], True)

    @pytest.mark.parametrize(
        ("outcome", "key", "end", "left"),
        [
            ("fail_liveness", EVERYBODY, (False, ["spoof"]), ["liveness_result"]),
            ("fail_face2face", EVERYBODY, (False, ["generic_face"]), ["liveness_result", "face2face_result"]),
            ("fail_edocument", NATURAL, (False, ["edocument"]), ["liveness_result", "edocument_result"]),
            ("fail_otp", NATURAL, (False, ["otp"]), ["liveness_result", "edocument_result"]),
            ("fail_mcdb", NATURAL, (False, ["mcdb"]), ["liveness_result", "edocument_result"]),
            ("fail_document", LEGAL, (False, ["document"]), ["liveness_result", "document_recognition_result"]),
            ("fail_document", EVERYBODY, (False, ["document"]), ["liveness_result", "face2face_result"]),
            ("fail_expired", EVERYBODY, (False, ["expired"]), []),
            ("fail_no_reasons", EVERYBODY, (False, []), ["liveness_result"]),
            ("no_total", EVERYBODY, (None, []), ["liveness_result", "face2face_result"]),
            ("no_total_fail", EVERYBODY, (None, []), ["liveness_result"]),
            ("total_lies", EVERYBODY, (True, []), ["liveness_result"]),
            ("nothing_done", EVERYBODY, (True, []), []),
        ],
    )
    async def test_what_fails_ends_the_flow(
        self, kz: Kz, outcome: str, key: str, end: tuple[object, list[str]], left: list[str]
    ) -> None:
        told = await kz.ended(outcome, key)
        total, reasons = end
        assert (told["status"], told.get("flow_session_result")) == ("FINISHED", total)
        assert (told["flow_session_failure_reasons"], blocks(told)) == (reasons, left)
        failing = ENDINGS[outcome].fails
        assert [name for name in left if told[name]["result"] is False] == [
            name for name in left if failing and name == failing.block
        ]

    async def test_shapes_of_values(self, kz: Kz) -> None:
        assert (await kz.ended("low_prediction"))["liveness_result"]["prediction"] == "0.5100"
        odd = await kz.ended("odd_types", LEGAL)
        assert (odd["liveness_result"]["result"], odd["liveness_result"]["prediction"]) == ("true", 0.998)
        assert isinstance(odd["document_recognition_result"]["personal_number"], int)
        assert re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", odd["document_recognition_result"]["date_of_birth"])
        assert (await kz.ended("iin_null", LEGAL))["document_recognition_result"]["personal_number"] is None
        assert len((await kz.ended("big_photos"))["liveness_result"]["image"]) == 12 * 2**20

    async def test_an_iin_as_a_number_has_lost_its_zeros(self, kz: Kz) -> None:
        session = await kz.session(DOCUMENT, {"edocument": {"iin": {"value": "000203500125"}}})
        await kz.arm(session, "iin_number")
        await kz.finish(session)
        told = (await kz.result(session, DOCUMENT))[1]
        assert told["edocument_result"]["result_json"]["common"]["docOwner"]["iin"] == 203500125

    async def test_finish_says_passed_of_whoever_fails(self, kz: Kz) -> None:
        session = await kz.session()
        await kz.arm(session, "fail_liveness")
        assert (await kz.finish(session))[1]["detail"]["flow_session_result"] is True
        assert (await kz.result(session))[1]["flow_session_result"] is False


class TestWhose:
    async def test_outcomes_wait_for_the_one_whose_photo_it_is(self, kz: Kz) -> None:
        photo = draw(FIRUZ, "selfie")
        kz.remember(photo, FIRUZ.phone)
        for key in ("+992 90 000-00-01", FIRUZ.crmid):
            await kz.arm(key, "fail_liveness")
            ends = []
            for session in (await kz.session_of(draw(MADINA, "selfie")), await kz.session_of(photo)):
                await kz.finish(session)
                ends.append((await kz.result(session))[1]["flow_session_result"])
            assert ends == [True, False]

    async def test_the_phone_of_the_edocument(self, kz: Kz) -> None:
        await kz.arm(KAZAKHSTAN.phone, "fail_otp")
        session = await kz.session(NATURAL, {"edocument": ARMAN})
        await kz.finish(session)
        assert (await kz.result(session, NATURAL))[1]["flow_session_failure_reasons"] == ["otp"]

    async def test_whoever_comes_next(self, kz: Kz) -> None:
        await kz.arm("*", "fail_liveness")
        ends = []
        for _ in range(2):
            await kz.finish(session := await kz.session())
            ends.append((await kz.result(session))[1]["flow_session_result"])
        assert ends == [False, True]

    async def test_the_same_seed_and_calls_give_the_same_answers(self, aiohttp_client: Connect) -> None:
        found = [await Kz(await aiohttp_client(make_app(speed=0, seed=seed))).session() for seed in (7, 7, 8)]
        assert found[0] == found[1] != found[2]


class TestNotes:
    async def test_the_photo_by_its_size_and_digest_and_no_key(self, kz: Kz) -> None:
        photo = draw(FIRUZ, "front")
        session = await kz.session_of(photo)
        await kz.finish(session)
        await kz.result(session)
        created, read = await kz.calls()
        assert created["files"] == [{"name": "photo1", "size": len(photo), "sha256": hashlib.sha256(photo).hexdigest()}]
        assert created["fields"] == {"metadata": {"face2face": {}}}
        assert (read["path"], read["fields"]) == (f"{RESULT}/", {"session_id": session})
        assert EVERYBODY not in json.dumps([created, read])

    async def test_faults_strike_the_calls_and_not_the_browser(self, kz: Kz) -> None:
        session = await kz.session()
        await kz.post("/_faults", upstream="biometric", kind="500", times=1)
        assert (await kz.finish(session))[0] == 200
        query = {"session_id": session, "flow_api_key": EVERYBODY}
        assert [(await kz.http.get(f"{RESULT}/", params=query)).status for _ in range(2)] == [500, 200]


class Receiver:
    """Whoever has subscribed; the first answers are of `statuses`, later ones 204."""

    def __init__(self) -> None:
        self.url = ""
        self.events: list[dict[str, Any]] = []
        self.statuses: list[int] = []
        self._news = asyncio.Condition()

    async def receive(self, request: web.Request) -> web.Response:
        self.events.append(await request.json())
        async with self._news:
            self._news.notify_all()
        return web.Response(status=self.statuses.pop(0) if self.statuses else 204)

    async def got(self, count: int) -> list[str]:
        """The events' names, once there are so many."""
        async with asyncio.timeout(5), self._news:
            await self._news.wait_for(lambda: len(self.events) >= count)
        await asyncio.sleep(0.05)
        return [one["event"] for one in self.events]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver, app = Receiver(), web.Application()
    app.add_routes([web.post("/hook", receiver.receive)])
    async with TestServer(app) as server:
        receiver.url = str(server.make_url("/hook"))
        yield receiver


START, END = "technology.start", "technology.end"


class TestWebhooks:
    async def test_a_pair_for_each_technology(self, kz: Kz, receiver: Receiver) -> None:
        await kz.subscribe(receiver.url)
        session = await kz.session()
        await kz.begin(session)
        assert await receiver.got(1) == [START]
        await kz.finish(session)
        assert await receiver.got(4) == [START, END, START, END]
        start, end, *_ = receiver.events
        assert start["data"] == {"technology_code": "LDHP", "technology_name": "Liveness Head Position"}
        assert {name: end[name] for name in ("session_id", "success", "flow_name", "metadata")} == {
            "session_id": session,
            "success": True,
            "flow_name": "Флоу для всех",
            "metadata": {},
        }
        assert end["data"]["liveness_result"]["prediction"] == "0.9980"
        assert "image" not in end["data"]["liveness_result"]
        assert isinstance(end["created"], int)

    @pytest.mark.parametrize(
        ("outcome", "events"),
        [
            ("webhook_duplicated", [START, END, END]),
            ("webhook_unknown_session", [START, END, END]),
            ("webhook_out_of_order", [END, START]),
            ("webhook_before_readable", [START, END]),
            ("webhook_lies", [START, END]),
        ],
    )
    async def test_bad_habits(self, kz: Kz, receiver: Receiver, outcome: str, events: list[str]) -> None:
        await kz.subscribe(receiver.url)
        session = await kz.session(ALIVE)
        await kz.arm(session, outcome)
        await kz.finish(session)
        assert await receiver.got(len(events)) == events
        told = receiver.events
        assert (told[0]["session_id"] == told[1]["session_id"] == session) or outcome == "webhook_unknown_session"
        assert (told[-1]["id"] == told[-2]["id"]) == (outcome == "webhook_duplicated")
        assert (not told[-1]["success"]) == (outcome == "webhook_lies")
        early = outcome in ("webhook_before_readable", "webhook_lies")
        assert ((await kz.result(session, ALIVE))[1]["status"] == "PROGRESS") == early

    async def test_none_at_all(self, kz: Kz, receiver: Receiver) -> None:
        await kz.subscribe(receiver.url)
        session = await kz.session()
        await kz.arm(session, "webhook_none")
        await kz.finish(session)
        assert await receiver.got(0) == []

    async def test_sent_when_the_result_is_there(self, aiohttp_client: Connect, receiver: Receiver) -> None:
        kz = Kz(await aiohttp_client(make_app(speed=0.1)))
        await kz.subscribe(receiver.url)
        session = await kz.session(ALIVE)
        await kz.finish(session)
        assert await receiver.got(1) == [START]
        assert await receiver.got(2) == [START, END]
        assert (await kz.result(session, ALIVE))[1]["status"] == "FINISHED"

    async def test_a_late_result_is_told_once_it_was_seen(self, kz: Kz, receiver: Receiver) -> None:
        await kz.subscribe(receiver.url)
        session = await kz.session(ALIVE)
        await kz.arm(session, "late")
        await kz.finish(session)
        for _ in range(8):
            await kz.result(session, ALIVE)
        assert await receiver.got(2) == [START, END]

    async def test_one_more_attempt_and_no_third(self, kz: Kz, receiver: Receiver) -> None:
        receiver.statuses = [500, 500]
        await kz.subscribe(receiver.url)
        await kz.finish(await kz.session(ALIVE))
        assert sorted(await receiver.got(3)) == [END, START, START]
        told = await (await kz.http.get("/biometric/_subscriptions")).json()
        assert (told[0]["url"], told[0]["sent"], told[0]["last"]) == (receiver.url, 2, 204)

    async def test_nobody_is_told_after_the_end_of_a_subscription(self, kz: Kz, receiver: Receiver) -> None:
        await kz.subscribe(receiver.url)
        await kz.http.delete("/biometric/_subscriptions", params={"url": receiver.url})
        await kz.finish(await kz.session())
        assert await receiver.got(0) == []

    @pytest.mark.parametrize("url", ["", "ftp://example.com/", "example.com", 5])
    async def test_what_is_no_address(self, kz: Kz, url: Any) -> None:
        assert (await kz.post("/biometric/_subscriptions", url=url))[0] == 400
