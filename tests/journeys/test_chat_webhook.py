"""Webhook mode: only Telegram's secret opens it, what is no update is refused, and what was not stored comes again."""

import asyncio
import io
import json
import re
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import pytest
from chat_stand import ChatStand, chat_stand, own_redis
from cradle import Cradle
from guests import Guest
from log_events import logged
from raw import JSON, request, say
from servers import RedisServer

SECRET = "webhook-secret-of-the-tests-0123456789"
HEADER = "X-Telegram-Bot-Api-Secret-Token"
TELEGRAMS_OWN = "149.154.167.220"
"""An address that Telegram calls from; anybody can claim it."""
OURS = {
    "cache-control": ["no-store"],
    "x-content-type-options": ["nosniff"],
    "referrer-policy": ["no-referrer"],
    "server": ["shinos"],
}
_UPDATES = count(2_000_000_001)


@dataclass
class Hooked:
    stand: ChatStand
    redis: RedisServer
    url: str

    async def post(self, body: bytes, secret: str | None = SECRET, **headers: str) -> int:
        given = headers | ({} if secret is None else {HEADER: secret})
        async with self.stand.session.post(self.url, data=io.BytesIO(body), headers=given) as answer:
            return answer.status


@pytest.fixture(scope="module")
async def hooked(tmp_path_factory: pytest.TempPathFactory, cradle: Cradle) -> AsyncIterator[Hooked]:
    folder = tmp_path_factory.mktemp("hooked")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/hook"
    more: dict[str, Any] = {"BOT__WEBHOOK_URL": url, "BOT__WEBHOOK_PORT": str(port), "WEBHOOK_SECRET": SECRET}
    with own_redis(folder) as redis:
        async with chat_stand(folder, redis, cradle, **more) as standing:
            yield Hooked(standing, redis, url)


def shared(guest: Guest) -> bytes:
    """An update with the person's own contact."""
    sender = {"id": guest.user, "is_bot": False, "first_name": "Сино"}
    contact = {"phone_number": guest.phone, "user_id": guest.user, "first_name": "Сино"}
    chat = {"id": guest.user, "type": "private"}
    message = {"message_id": 900_000, "date": 1_760_000_000, "chat": chat, "from": sender, "contact": contact}
    return json.dumps({"update_id": next(_UPDATES), "message": message}).encode()


async def test_a_chat_with_a_photo(hooked: Hooked) -> None:
    guest = hooked.stand.guest()
    await guest.to_photo()
    await guest.shoot("front")
    await guest.told("document.ask_back")


async def test_only_the_secret_opens_it(hooked: Hooked) -> None:
    guest = hooked.stand.guest()
    await guest.to_contact()
    before = await guest.said()
    update = shared(guest)
    for secret in (None, "", "x", SECRET[:-1], SECRET + "0", SECRET.upper(), f" {SECRET[1:]}", "ключ", "é" * 38):
        assert await hooked.post(update, secret) == 401, secret
    claimed = {"X-Forwarded-For": TELEGRAMS_OWN, "X-Real-IP": TELEGRAMS_OWN, "Forwarded": f"for={TELEGRAMS_OWN}"}
    assert await hooked.post(update, None, **claimed) == 401
    assert await hooked.post(update, SECRET, **{"X-Forwarded-For": "203.0.113.7"}) == 200
    await guest.told("passport_kind.ask")
    assert await guest.said() == [*before, guest.words("passport_kind.ask")]


async def test_what_is_no_update_is_refused(hooked: Hooked) -> None:
    for body, status in (
        (b"", 400),
        (b"{", 400),
        (b"[1]", 400),
        (b"null", 400),
        (b'"1"', 400),
        (b'{"update_id": "1"}', 400),
        (b'{"update_id": 1.5}', 400),
        (b'{"update_id": null}', 400),
        (b'{"message": {}}', 400),
        (b'{"update_id": 1, "message": "\xff"}', 400),
        (b"[" * 200_000, 400),
        (b'{"update_id": 1, "message": "' + b"a" * 2**21 + b'"}', 413),
        (b'{"update_id": 2000000000}', 200),
        (b'{"update_id": 2000000000000000000000, "message": {"chat": 1, "from": []}}', 200),
        (b'{"update_id": 1999999999, "callback_query": [1]}', 200),
    ):
        assert await hooked.post(body) == status, body[:60]
    async with hooked.stand.session.get(hooked.url, headers={HEADER: SECRET}) as answer:
        assert answer.status == 405
    async with hooked.stand.session.post(hooked.url + "s", data=b"{}", headers={HEADER: SECRET}) as answer:
        assert answer.status == 404


async def test_every_answer_has_our_headers_and_what_is_no_http_is_no_alarm(hooked: Hooked) -> None:
    path, right = urlsplit(hooked.url).path, f"{HEADER}: {SECRET}"
    for sent, status in (
        (request(path, b'{"update_id": 2000000000}', JSON, right), 200),
        (request(path, b"{", JSON, right), 400),
        (request(path, b"{}", JSON), 401),
        (request(path + "s", b"{}", JSON, right), 404),
        (request(path, b"", None, right, method="GET"), 405),
        (request(path, b" " * (2**20 + 1), JSON, right), 413),
        (request(path, b"{}", JSON, right, "Expect: anything"), 417),
        (request(path, b"{}", JSON, right, "Content-Length: -1"), 400),
        (request(path, b"", JSON, right, f"X-Long: {'a' * 20_000}"), 400),
        (b"\x16\x03\x01\0\xee\x01\0\r\n\r\n", 400),
    ):
        heard = await say(hooked.url, sent)
        assert heard, sent[:80]
        assert heard.status == status, sent[:80]
        assert {name: heard.headers.get(name) for name in OURS} == OURS, sent[:80]
        assert not re.search(rb"[Pp]ython|aiohttp|\.py|Traceback", heard.body), heard.body
    log = hooked.stand.bots[0].log
    for _ in range(100):
        if sum(event["event"] == "not_http" for event in logged(log)) >= 3:
            break
        await asyncio.sleep(0.05)
    else:
        raise TimeoutError("what is no HTTP was not noted")
    assert [event for event in logged(log) if event["level"] == "error" or "where" in event] == []


async def test_an_update_counts_once_however_often_it_comes(hooked: Hooked) -> None:
    guest = hooked.stand.guest()
    await guest.to_contact()
    update = shared(guest)
    assert set(await asyncio.gather(*(hooked.post(update) for _ in range(20)))) == {200}
    await guest.told("passport_kind.ask")
    await guest.choose("choice.passport_new")
    await guest.told("document.ask_front")
    assert (await guest.said()).count(guest.words("passport_kind.ask")) == 1
    assert guest.words("error.kind_wanted") not in "".join(await guest.said())


async def test_while_redis_is_away_nothing_is_acknowledged_and_then_it_comes_once(hooked: Hooked) -> None:
    hooked.redis.command("CONFIG SET appendfsync always")  # else a busy disk keeps two seconds of it from the file
    guest = hooked.stand.guest()
    await guest.to_contact()
    hooked.redis.kill()
    update = shared(guest)
    async with asyncio.timeout(3):
        assert await hooked.post(update) == 503
    await guest.choose("chat.share_phone")
    await asyncio.to_thread(hooked.redis.start)
    await guest.told("passport_kind.ask")
    await guest.choose("choice.passport_new")
    await guest.told("document.ask_front")
    assert (await guest.said()).count(guest.words("passport_kind.ask")) == 1


async def test_what_was_not_stored_is_not_known_when_telegram_brings_it_again(hooked: Hooked) -> None:
    guest = hooked.stand.guest()
    await guest.to_contact()
    hooked.redis.command("CONFIG SET appendfsync always")
    hooked.redis.kill()
    update = shared(guest)
    assert await hooked.post(update) == 503
    await asyncio.to_thread(hooked.redis.start)
    async with asyncio.timeout(20):
        while await hooked.post(update) != 200:  # noqa: ASYNC110 - the bot looks for Redis now and then
            await asyncio.sleep(0.1)
    await guest.told("passport_kind.ask")


async def test_bodies_that_never_end_do_not_hold_others_up(hooked: Hooked) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"a"
            await asyncio.sleep(0.05)

    async def sent() -> None:
        async with hooked.stand.session.post(hooked.url, data=endless(), headers={HEADER: SECRET}):
            raise AssertionError("nobody can have read it")

    slow = [asyncio.create_task(sent()) for _ in range(20)]
    await hooked.stand.guest().to_contact()
    assert not any(task.done() for task in slow)
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)
