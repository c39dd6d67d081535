"""biometric.kz's client against its simulator: what is sent, every ending, every refusal, and what never shows."""

import hashlib
import json
import logging
import re
import time
import traceback
import tracemalloc
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from biometric_sandbox import ALIVE, DOCUMENT, EVERYBODY, LEGAL, NATURAL
from codes_sandbox import Sandbox
from pydantic import ValidationError

from flows.errors import FlowError, Refused, Unavailable, Unexpected
from flows.upstream.biometric import Biometric, BiometricOptions, _with_photo, biometric
from flows.upstream.code_gateway import SecretUnset
from sandbox.app import make_app
from sandbox.biometric import CREATING, KEYS, READING
from sandbox.biometric_flows import BACKEND_KEY, ENDINGS, PACE, SHAPES
from sandbox.cast import CAST, KAZAKHSTAN
from sandbox.drawn import draw

FIRUZ = CAST[1]
IIN, PHONE = "900101300126", "77071234567"
PHOTO = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 999 + b"!"
BOTH = {"liveness": 0.7, "face2face": 0.7}


@dataclass
class Desk:
    """The client, what it talks to, and short words for what a test does with them."""

    biometric: Biometric
    sandbox: Sandbox

    async def arm(self, key: str, outcome: str) -> None:
        await self.sandbox.arm("biometric", key, outcome)

    async def finish(self, session_id: str) -> None:
        await self.sandbox._post(f"/biometric/flow/{session_id}/finish", {})

    async def ended(self, outcome: str) -> str:
        """A session that has been gone through, with that outcome."""
        session = await self.biometric.create()
        await self.arm(session.id, outcome)
        await self.finish(session.id)
        return session.id

    async def calls(self, method: str) -> list[dict[str, Any]]:
        calls = await self.sandbox._get("/_calls", upstream="biometric")
        return [call for call in calls if call["method"] == method]


def arrived(call: dict[str, Any]) -> tuple[int, str]:
    """Bytes of the photo, and its SHA-256."""
    (photo,) = call["files"]
    assert photo["name"] == "photo1"
    return photo["size"], photo["sha256"]


@asynccontextmanager
async def open_desk(key: str = EVERYBODY, **options: object) -> AsyncIterator[Desk]:
    async with TestServer(make_app(speed=0, seed=1)) as server, aiohttp.ClientSession() as session:
        url = str(server.make_url("/")).rstrip("/")
        address = f"{url}/biometric"
        given = {"url": address, "pages": address, "key_env": "K", "require": BOTH, **options}
        client = biometric(BiometricOptions.model_validate(given), {"K": key})
        try:
            yield Desk(client, Sandbox(url, session))
        finally:
            await client.close()


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with open_desk() as desk:
        yield desk


class TestCreating:
    async def test_a_whole_way(self, desk: Desk) -> None:
        session = await desk.biometric.create(photo=draw(FIRUZ, "selfie"))
        assert session.technologies == ("Liveness", "Face2Face")
        assert (await desk.biometric.result(session.id)).status == "running"
        await desk.finish(session.id)
        verdict = await desk.biometric.result(session.id)
        assert verdict.status == "passed"
        assert [tuple(one) for one in verdict.technologies] == [("liveness", True, 0.998), ("face2face", True, 0.9712)]
        assert verdict.at is not None
        assert abs(verdict.at - time.time()) < 60
        assert len(verdict.model_dump_json()) < 500  # no picture in it

    async def test_without_anything_the_flow_goes_its_own_way(self, desk: Desk) -> None:
        await desk.biometric.create()
        (call,) = await desk.calls("POST")
        assert call["path"] == "/biometric/api/v1/flows/session/create/"
        assert "metadata" not in json.dumps(call["fields"])

    @pytest.mark.parametrize("size", [1, 2, 3, 48 * 1024, 48 * 1024 + 1, 10 * 2**20])
    async def test_a_photo_arrives_whole(self, desk: Desk, size: int) -> None:
        photo = (PHOTO * (size // len(PHOTO) + 1))[:size]
        await desk.biometric.create(photo=photo)
        (call,) = await desk.calls("POST")
        assert arrived(call) == (size, hashlib.sha256(photo).hexdigest())

    async def test_a_photo_is_not_copied_as_a_whole(self) -> None:
        photo = PHOTO * (10 * 2**20 // len(PHOTO))
        tracemalloc.start()
        sent = [len(part) async for part in _with_photo(b'{"photo1": ""}', photo)]
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert sum(sent) == len(b'{"photo1": ""}') + (len(photo) + 2) // 3 * 4
        assert most < 2**20

    @pytest.mark.parametrize("phone", [PHONE, f"+{PHONE}"])
    async def test_the_form_of_the_e_document_is_filled_in(self, phone: str) -> None:
        async with open_desk(NATURAL) as desk:
            await desk.biometric.create(
                iin=IIN, phone=phone, changeable=False, skip_input=True, interchangeable=("E-Document", '"photo1": "')
            )
            await desk.biometric.create(photo=PHOTO, phone=phone, interchangeable=('"photo1": "',))
            await desk.biometric.create(iin=IIN)
            fixed, open_, alone = await desk.calls("POST")
        phone, odd = PHONE, '"photo1": "'
        assert fixed["fields"]["metadata"] == {
            "edocument": {
                "iin": {"value": IIN, "changeable": False},
                "phone": {"value": phone, "changeable": False},
                "skip_input": True,
            },
            "general": {"interchangeable_tech": ["E-Document", odd]},
        }
        assert open_["fields"]["metadata"] == {
            "edocument": {"phone": {"value": phone, "changeable": True}},
            "general": {"interchangeable_tech": [odd]},
            "face2face": {},
        }
        assert arrived(open_)[0] == len(PHOTO)
        assert alone["fields"]["metadata"] == {"edocument": {"iin": {"value": IIN, "changeable": True}}}

    @pytest.mark.parametrize(
        "given",
        [
            {"skip_input": True},
            {"skip_input": True, "iin": IIN, "phone": PHONE},
            {"skip_input": True, "changeable": False, "iin": IIN},
            {"skip_input": True, "changeable": False, "phone": PHONE},
            {"phone": "+992900000001"},
            {"phone": "87071234567"},
            {"phone": "7707123456"},
            {"phone": "77071234567\n"},
            {"phone": "٧٧٠٧١٢٣٤٥٦٧"},
            {"iin": "90010130012"},
            {"iin": "9001013001266"},
            {"iin": "90010130012x"},
            {"photo": b""},
        ],
    )
    async def test_what_breaks_their_rules_is_not_sent(self, desk: Desk, given: dict[str, Any]) -> None:
        with pytest.raises(Refused) as refused:
            await desk.biometric.create(**given)
        assert refused.value.reason == "request"
        assert await desk.calls("POST") == []

    async def test_a_photo_for_a_flow_that_compares_none(self) -> None:
        async with open_desk(ALIVE) as desk:
            with pytest.raises(Refused) as refused:
                await desk.biometric.create(photo=PHOTO)
        assert refused.value.reason == "request"

    async def test_is_asked_once(self, desk: Desk) -> None:
        """Each would be a session."""
        for outcome, error in (("create_503", Unavailable), ("create_empty", Unexpected)):
            await desk.arm("*", outcome)
            with pytest.raises(error):
                await desk.biometric.create()
        assert set(CREATING) == {"create_503", "create_empty"}
        assert len(await desk.calls("POST")) == 2


VERDICTS: dict[str, tuple[str, str]] = {
    "pass": (EVERYBODY, "passed"),
    "fail_liveness": (EVERYBODY, "not_alive"),
    "fail_face": (EVERYBODY, "face"),
    "fail_face2face": (EVERYBODY, "mismatch face"),
    "fail_edocument": (NATURAL, "document"),
    "fail_otp": (NATURAL, "otp"),
    "fail_mcdb": (NATURAL, "mcdb"),
    "fail_document": (LEGAL, "document"),
    "fail_expired": (EVERYBODY, "expired"),
    "fail_unknown": (EVERYBODY, ""),
    "fail_no_reasons": (EVERYBODY, "not_alive"),
    "no_total": (EVERYBODY, "passed"),
    "no_total_fail": (EVERYBODY, "not_alive incomplete"),
    "total_lies": (EVERYBODY, "not_alive incomplete"),
    "nothing_done": (EVERYBODY, "incomplete"),
    "low_prediction": (EVERYBODY, "not_alive mismatch"),
    "odd_types": (NATURAL, "passed"),
    "iin_number": (NATURAL, "passed"),
    "iin_null": (LEGAL, "passed"),
    "big_photos": (EVERYBODY, "passed"),
}
RUNNING = {"late": 5, "progress_then_empty": 3, "unknown_status": 3}
"""Looks that see nothing yet."""


class TestVerdicts:
    @pytest.mark.parametrize("outcome", [*ENDINGS, *SHAPES])
    async def test_every_ending(self, outcome: str) -> None:
        key, end = VERDICTS[outcome]
        async with open_desk(key) as desk:
            verdict = await desk.biometric.result(await desk.ended(outcome))
        assert (" ".join(verdict.reasons) if verdict.status == "failed" else verdict.status) == end

    async def test_a_technology_that_the_flow_does_not_have_says_so_by_the_total(self, desk: Desk) -> None:
        assert (await desk.biometric.result(await desk.ended("fail_mcdb"))).reasons == ("mcdb",)

    @pytest.mark.parametrize("outcome", RUNNING)
    async def test_what_takes_its_time(self, outcome: str) -> None:
        async with open_desk() as desk:
            session = await desk.ended(outcome)
            looks = [(await desk.biometric.result(session)).status for _ in range(RUNNING[outcome] + 1)]
        assert looks == ["running"] * RUNNING[outcome] + ["passed"]
        assert set(PACE) == {*RUNNING, "never_ends"}

    async def test_what_never_ends(self, desk: Desk) -> None:
        session = await desk.ended("never_ends")
        assert {(await desk.biometric.result(session)).status for _ in range(20)} == {"running"}

    @pytest.mark.parametrize(("key", "outcome"), [(NATURAL, "pass"), (NATURAL, "iin_number"), (LEGAL, "odd_types")])
    async def test_whose_document_it_is(self, key: str, outcome: str) -> None:
        async with open_desk(key) as desk:
            photo = draw(KAZAKHSTAN, "selfie")
            session = await desk.biometric.create(photo=photo, iin="050101500123", phone=PHONE)
            await desk.arm(session.id, outcome)
            await desk.finish(session.id)
            verdict = await desk.biometric.result(session.id)
        assert verdict.iin == "050101500123"
        assert verdict.first_name
        assert verdict.last_name

    async def test_no_iin_is_none(self) -> None:
        async with open_desk(DOCUMENT, require={"edocument": 0.0}) as desk:
            verdict = await desk.biometric.result(await desk.ended("iin_null"))
        assert (verdict.status, verdict.iin) == ("passed", None)
        assert verdict.last_name

    async def test_of_another_session_is_not_taken(self) -> None:
        """Nor is anything else that is no result of the session that was asked for."""
        said: object = None

        async def handler(_: web.Request) -> web.Response:
            return web.json_response(said)

        app = web.Application()
        app.router.add_get("/api/v1/flows/session/result/", handler)
        passed = {"status": "FINISHED", "flow_session_result": True, "liveness_result": {"result": True}}
        ours = "2569aadc-9ff2-4da3-a1c8-44057520e1d6"
        async with TestServer(app) as server:
            options = BiometricOptions(url=str(server.make_url("/")).rstrip("/"), key_env="K")
            client = Biometric(options, EVERYBODY)
            for said in (passed, passed | {"id": ours}, passed | {"id": ours.upper()}, passed | {"id": None}):  # noqa: B007
                assert (await client.result(ours)).status == "passed"
            others: list[object] = [passed | {"id": ours[:-1] + "7"}, passed | {"id": 17}, [], None, "passed"]
            for said in others:  # noqa: B007 - the handler reads it
                with pytest.raises(Unexpected):
                    await client.result(ours)
            await client.close()


class TestRefusals:
    @pytest.mark.parametrize("outcome", KEYS)
    async def test_a_key_that_is_not_taken(self, desk: Desk, outcome: str) -> None:
        session = await desk.biometric.create()
        for call in (desk.biometric.create(), desk.biometric.result(session.id), desk.biometric.ping()):
            await desk.arm("*", outcome)
            with pytest.raises(Refused) as refused:
                await call
            assert refused.value.reason == "credentials"

    async def test_the_other_kind_of_key(self) -> None:
        async with open_desk(BACKEND_KEY) as desk:
            for call in (desk.biometric.create(), desk.biometric.ping()):
                with pytest.raises(Refused) as refused:
                    await call
                assert refused.value.reason == "credentials"

    @pytest.mark.parametrize("session", ["2569aadc-9ff2-4da3-a1c8-44057520e1d6", "x", "", "../x", "a&b=c", "я" * 36])
    async def test_a_session_that_nobody_has(self, desk: Desk, session: str) -> None:
        with pytest.raises(Refused) as refused:
            await desk.biometric.result(session)
        assert refused.value.reason == "unknown_session"

    async def test_a_session_that_is_over(self, desk: Desk) -> None:
        session = (await desk.biometric.create()).id
        await desk.arm(session, "expired")
        for _ in range(2):
            with pytest.raises(Refused) as refused:
                await desk.biometric.result(session)
            assert refused.value.reason == "unknown_session"

    @pytest.mark.parametrize("outcome", READING)
    async def test_a_result_is_asked_for_again(self, desk: Desk, outcome: str) -> None:
        session = await desk.ended("pass")
        await desk.arm(session, outcome)
        assert (await desk.biometric.result(session)).status == "passed"
        for _ in range(3):
            await desk.arm(session, outcome)
        with pytest.raises(Unavailable):
            await desk.biometric.result(session)

    async def test_an_address_that_is_not_theirs(self, desk: Desk) -> None:
        options = BiometricOptions(url=f"{desk.sandbox.url}/nowhere", key_env="K")
        client = Biometric(options, EVERYBODY)
        for call in (client.ping(), client.create(), client.result("x")):
            with pytest.raises(Unexpected):
                await call
        await client.close()

    async def test_ping_makes_no_session(self, desk: Desk) -> None:
        await desk.biometric.ping()
        assert await desk.calls("POST") == []
        await desk.sandbox.fault("biometric", "500", times=None)
        with pytest.raises(Unavailable):
            await desk.biometric.ping()


@pytest.mark.parametrize(("language", "locale"), [("ru", "ru"), ("en", "en"), ("kk", "kz"), ("tg", "ru")])
async def test_their_own_page(desk: Desk, language: str, locale: str) -> None:
    session = await desk.biometric.create()
    address = desk.biometric.hosted(session.id, language)
    assert address == f"{desk.sandbox.url}/biometric/flow/{session.id}?locale={locale}"
    async with aiohttp.ClientSession() as browser, browser.get(address) as answer:
        assert answer.status == 200


async def test_nothing_of_it_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG, over successes and failures: no key, number, name or picture; and the capture works."""
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []
    read: set[str] = set()
    async with open_desk(NATURAL) as desk:
        for outcome in (*ENDINGS, *SHAPES, *READING, *KEYS, *CREATING, "expired"):
            await desk.arm("*", outcome)
            try:
                session = await desk.biometric.create(photo=PHOTO, iin=IIN, phone=PHONE)
                if outcome != "expired":
                    await desk.finish(session.id)
                verdict = await desk.biometric.result(session.id)
                shown += [repr(session), repr(verdict)]
                read |= {verdict.last_name or IIN, verdict.first_name or IIN}
            except FlowError as error:
                shown += traceback.format_exception(error)
        shown += [repr(desk.biometric), repr(desk.biometric.options), str(vars(desk.biometric.options))]
    ours = [record for record in caplog.records if record.name not in {"aiohttp.access", "aiohttp.server"}]
    written = "".join(shown) + "".join(record.getMessage() for record in ours)
    assert {"passed", "failed", "Refused", "Unexpected", "Unavailable"} <= set(re.findall(r"\w+", written))
    assert len(read) > 2
    for secret in (NATURAL, IIN, PHONE, b64encode(PHOTO[:30]).decode(), "not available", *read):
        assert secret not in written
    logging.getLogger("control").debug(NATURAL)
    assert NATURAL in caplog.text


class TestOptions:
    def test_as_they_are_without_a_word(self) -> None:
        options = BiometricOptions(key_env="K")
        assert options.origins == ("https://remote.biometric.kz", "https://kyc.biometric.kz")
        assert options.require == {"liveness": 0.0}

    def test_further_hosts_are_let_in_too(self) -> None:
        hosts = ("https://cdn.biometric.kz", "wss://remote.biometric.kz", "https://remote.biometric.kz")
        assert BiometricOptions(key_env="K", hosts=hosts).origins[2:] == hosts[:2]

    @pytest.mark.parametrize(
        ("stanza", "named"),
        [
            ({"require": {"voice": 0.5}}, "voice"),
            ({"require": {"liveness": 1.5}}, "liveness"),
            ({"require": {}}, "require"),
            ({"hosts": ["remote.biometric.kz"]}, "hosts"),
            ({"hosts": ["https://x.kz; script-src *"]}, "hosts"),
            ({"hosts": ["https://x.kz/path"]}, "hosts"),
            ({"script": "javascript:alert(1)"}, "script"),
            ({"pages": "https://user:pass@remote.biometric.kz"}, "pages"),
            ({"kee_env": "X"}, "kee_env"),
        ],
    )
    def test_stanzas_that_are_refused(self, stanza: dict[str, Any], named: str) -> None:
        with pytest.raises(ValidationError, match=named):
            BiometricOptions.model_validate({"key_env": "K", **stanza})

    def test_a_variable_that_is_not_set_is_named(self) -> None:
        with pytest.raises(SecretUnset, match="SHINOS_BIOMETRIC_KEY"):
            biometric(BiometricOptions(key_env="SHINOS_BIOMETRIC_KEY"), {})
