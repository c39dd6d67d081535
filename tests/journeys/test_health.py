"""What an operator sees: health that follows Redis within two seconds, metrics and logs that name nobody."""

import asyncio
import re
import time
from collections.abc import AsyncIterator

import pytest
from log_events import EVENTS, logged, undeclared
from servers import RedisServer
from stand import KEY, WORD, Said, Stand, person, stand, wrong

PHONE = person(1)


@pytest.fixture(scope="module")
async def redis_of_ours(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RedisServer]:
    """One to be killed."""
    server = RedisServer(tmp_path_factory.mktemp("redis-to-kill"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
async def standing(tmp_path_factory: pytest.TempPathFactory, redis_of_ours: RedisServer) -> AsyncIterator[Stand]:
    async with stand(tmp_path_factory.mktemp("health"), redis_of_ours, LOG__LEVEL="debug") as running:
        yield running


async def get(standing: Stand, path: str) -> Said:
    async with standing.session.get(f"{standing.url}{path}") as response:
        raw = await response.read()
        body = await response.json() if response.content_type == "application/json" else {}
        return Said(response.status, body, dict(response.headers), raw)


async def seconds_until(standing: Stand, status: int) -> float:
    started = time.monotonic()
    while (await get(standing, "/health/ready")).status != status:
        assert time.monotonic() - started < 10
        await asyncio.sleep(0.05)
    return time.monotonic() - started


async def test_all_is_well(standing: Stand) -> None:
    assert (await get(standing, "/health/live")).body["status"] == "ok"
    ready = await get(standing, "/health/ready")
    assert ready.status == 200
    assert ready.body == {"status": "ok", "dependencies": {"redis": "ok", "database": "ok", "audit": "ok"}}


async def test_ready_follows_redis(standing: Stand, redis_of_ours: RedisServer) -> None:
    asked = await standing.search(PHONE)
    code = await standing.code(PHONE)
    redis_of_ours.kill()
    try:
        started = time.monotonic()
        down = await get(standing, "/health/ready")
        assert time.monotonic() - started < 2
        assert down.status == 503
        assert int(down.headers["Retry-After"]) >= 1
        assert down.body["status"] == "down"
        assert down.body["dependencies"]["redis"] == "down"
        assert down.body["dependencies"]["database"] == "ok"
        assert (await get(standing, "/health/live")).status == 200
        assert (await get(standing, "/metrics")).status == 200
        for refused in await asyncio.gather(
            standing.search(PHONE),
            standing.search(PHONE, asked.step, wrong(code)),
            standing.search(PHONE, asked.step),
            standing.card("a" * 44),
            standing.call(f"revoke/{KEY}", {"token": "a" * 44}),
        ):
            assert (refused.status, refused.code) == (503, "9002")
            assert int(refused.headers["Retry-After"]) >= 1
        assert time.monotonic() - started < 4
    finally:
        redis_of_ours.start()
    assert await seconds_until(standing, 200) < 2
    word = await standing.search(PHONE, asked.step, code)
    assert (await standing.search(PHONE, word.step, WORD)).body["answerType"] == 2


async def test_ready_and_calls_while_redis_is_frozen(standing: Stand, redis_of_ours: RedisServer) -> None:
    redis_of_ours.signal(19)
    try:
        started = time.monotonic()
        down, refused = await asyncio.gather(get(standing, "/health/ready"), standing.search(person(2)))
        assert time.monotonic() - started < 2
        assert (down.status, refused.status) == (503, 503)
    finally:
        redis_of_ours.signal(18)
    assert await seconds_until(standing, 200) < 2
    assert (await standing.search(person(2))).status == 200


async def test_metrics_count_calls_and_name_nobody(standing: Stand) -> None:
    await standing.search(PHONE, key="not-a-key-of-anybody")
    async with standing.session.get(f"{standing.url}/who/are/{PHONE}?client={PHONE}") as response:
        assert response.status == 404
    found = await get(standing, "/metrics")
    assert found.headers["Content-Type"].startswith("text/plain; version=")
    text = found.raw.decode()
    route = 'channel="support",code="done",route="/rest/chat/client/search/{key}"'
    done = re.search(rf"^shinos_calls_total\{{{re.escape(route)}\}} (\S+)$", text, re.MULTILINE)
    assert done
    assert float(done[1]) == 1
    assert 'shinos_call_seconds_bucket{le="0.3",route="/rest/chat/client/search/{key}"}' in text
    assert 'code="3002"' in text
    assert 'route="unknown"' in text
    for secret in (KEY, PHONE[1:], PHONE[-9:], "not-a-key", WORD):
        assert secret not in text


async def test_log_lines_are_json_with_declared_fields_only(standing: Stand) -> None:
    """Of all that was done in this file, with Redis dead and frozen."""
    await asyncio.sleep(0.2)
    events = logged(standing.api[0].log)
    assert undeclared(events) == []
    seen = {event["event"] for event in events}
    assert seen >= {"call", "code_sent"}
    assert {event["route"] for event in events if event["event"] == "call"} >= {
        "/rest/chat/client/search/{key}",
        "/health/ready",
        "unknown",
    }


def test_an_undeclared_field_is_seen() -> None:
    """The control: the test above would notice."""
    fine = {"event": "call", "level": "info", "at": "now", **dict.fromkeys(EVENTS["call"], 1)}
    assert undeclared([fine]) == []
    assert undeclared([{**fine, "phone": PHONE}]) == ["call: ['phone']"]
    assert undeclared([{**fine, "event": "something"}])
    assert undeclared([{"event": "call", "level": "info"}])
