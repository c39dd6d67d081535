"""The e-document within the simulated widget: the code of 1414, right, wrong, late, and a phone that nobody has."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from biometric_sandbox import ALIVE, DOCUMENT, Kz

from sandbox.app import WORLD, make_app

Connect = Callable[[web.Application], Awaitable[TestClient[web.Request, web.Application]]]
TYPED = {"iin": "900101300126", "phone": "77071234567"}


@pytest.fixture
async def kz(aiohttp_client: Connect) -> Kz:
    return Kz(await aiohttp_client(make_app(speed=0)))


async def ask(kz: Kz, session: str, **changed: str) -> tuple[int, Any]:
    return await kz.post(f"/biometric/flow/{session}/otp", **(TYPED | changed))


async def check(kz: Kz, session: str, code: str) -> tuple[int, Any]:
    return await kz.post(f"/biometric/flow/{session}/otp/check", code=code)


async def codes(kz: Kz) -> list[str]:
    outbox = await (await kz.http.get("/sms/outbox", params={"to": "+77071234567"})).json()
    assert {one["gateway"] for one in outbox} <= {"1414"}
    return [one["text"][:6] for one in outbox]


def told(*, passed: bool = False, finished: bool = False, problem: str = "") -> tuple[int, Any]:
    return 200, {"passed": passed, "finished": finished, "problem": problem}


async def reasons(kz: Kz, session: str) -> list[str]:
    await kz.finish(session)
    return list((await kz.result(session, DOCUMENT))[1]["flow_session_failure_reasons"])


async def test_the_right_code_passes_once(kz: Kz) -> None:
    session = await kz.session(DOCUMENT)
    assert await ask(kz, session) == told()
    (code,) = await codes(kz)
    assert await check(kz, session, code) == told(passed=True)
    assert await check(kz, session, code) == told(problem="otp_wrong")
    assert await reasons(kz, session) == []
    found = (await kz.result(session, DOCUMENT))[1]["edocument_result"]
    assert (found["phone"], found["result_json"]["common"]["docOwner"]["iin"]) == ("77071234567", TYPED["iin"])


async def test_the_third_wrong_one_fails_the_session(kz: Kz) -> None:
    session = await kz.session(DOCUMENT)
    await ask(kz, session)
    answers = [await check(kz, session, "x") for _ in range(3)]
    assert answers == [told(problem="otp_wrong")] * 2 + [told(finished=True, problem="otp_wrong")]
    assert (await ask(kz, session))[0] == 409
    assert await reasons(kz, session) == ["otp"]


async def test_a_late_code_brings_a_new_one(kz: Kz) -> None:
    session = await kz.session(DOCUMENT)
    await ask(kz, session)
    world = kz.http.app[WORLD] if kz.http.app else None
    assert world
    later = world.clock() + 301
    world.clock = lambda: later
    assert await check(kz, session, (await codes(kz))[-1]) == told(problem="otp_expired")
    await kz.arm(session, "otp_expired")
    assert await check(kz, session, (await codes(kz))[-1]) == told(problem="otp_expired")
    assert await check(kz, session, (await codes(kz))[-1]) == told(passed=True)
    assert len(await codes(kz)) == 3


async def test_a_phone_that_is_not_in_the_base(kz: Kz) -> None:
    session = await kz.session(DOCUMENT)
    await kz.arm(session, "mcdb")
    assert await ask(kz, session) == told(finished=True)
    assert await codes(kz) == []
    assert await reasons(kz, session) == ["mcdb"]


async def test_the_service_is_away(kz: Kz) -> None:
    session = await kz.session(DOCUMENT)
    await kz.arm(session, "edocument_503")
    assert await ask(kz, session) == (503, {"message": "e-document service is not available"})
    assert await ask(kz, session) == told()


@pytest.mark.parametrize("changed", [{"iin": "1"}, {"phone": "+77071234567"}, {"phone": ""}, {"iin": "900101300127"}])
async def test_what_is_typed_is_looked_at(kz: Kz, changed: dict[str, str]) -> None:
    """The IIN was given and may not be changed."""
    session = await kz.session(DOCUMENT, {"edocument": {"iin": {"value": TYPED["iin"], "changeable": False}}})
    assert (await ask(kz, session, **changed))[0] == 400
    assert await codes(kz) == []


async def test_a_flow_without_it_sends_no_codes(kz: Kz) -> None:
    session = await kz.session(ALIVE)
    assert (await ask(kz, session))[0] == 409
    assert (await check(kz, session, ""))[0] == 409
