"""Callbacks: told once, signed, to those who may be told and to nobody else, however their address is written."""

import asyncio
import base64
import hashlib
import hmac
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from chat_process import KEYS
from figures import Record
from servers import RedisServer

from flows import jobs, telling
from flows.errors import Unavailable
from flows.jobs import TellJob
from flows.moves import Move
from flows.redis_client import open_redis
from flows.settings import Limits
from flows.shards import prefix
from flows.store import Store
from flows.telling import Telling, allowed
from flows.turns import Posted
from flows.upstream.resolving import is_public
from flows.upstream.web import Web
from flows.wakes import Wakes

SECRET = b"callback secret of the contract tests"
KEY = "05a4ce19-de3c-4d2c-a464-7356dbdbd107"
HOSTS = frozenset({"bank.example", "bank.example:8443", "10.1.2.3", "10.1.2.4:8080", "[fd00::7]", "[fd00::7]:8080"})
HOSTILE = (
    "",
    "/",
    "https://",
    "https:///own/callback",
    "https://evil.example/",
    "https://bank.example.evil.example/",
    "https://evil.example/bank.example",
    "https://bank.example@evil.example/",
    "https://evil.example@bank.example/",
    "https://user:word@bank.example/",
    "https://bank.example:443/",
    "https://bank.example:8444/",
    "https://bank.example:0/",
    "https://bank.example:99999/",
    "https://bank.example:x/",
    "https://bank.example./",
    "https://.bank.example/",
    "https://bank.example\\@evil.example/",
    "https:\\\\bank.example\\",
    "https://bank.example/callback?to=evil.example",
    "https://bank.example/#evil",
    "https://bank.example/ HTTP/1.1",
    "https://bank.example/\r\nX-Evil: 1",
    "https://bank.example/\x00",
    "https://bаnk.example/",
    "https://ⓑank.example/",
    "ftp://bank.example/",
    "file:///etc/passwd",
    "gopher://bank.example/",
    "javascript:bank.example",
    "http://10.1.2.4/",
    "http://10.1.2.3:8080/",
    "http://10.1.2.5/",
    "http://167838211/",
    "http://0x0a010203/",
    "http://012.1.2.3/",
    "http://10.1.515/",
    "http://127.0.0.1/",
    "http://[::ffff:10.1.2.3]/",
    "http://[fd00::8]/",
    "http://[fd00::7:8080]/",
    "http://[::1",
)


class TestAddresses:
    @pytest.mark.parametrize("url", HOSTILE)
    def test_what_is_not_in_the_list_to_the_letter_is_refused(self, url: str) -> None:
        assert allowed(url, HOSTS) is None

    @pytest.mark.proof
    def test_none_of_them_gets_through(self, figure: Record) -> None:
        called = [url for url in HOSTILE if allowed(url, HOSTS)]
        figure(
            "G9", value=f"{len(called)} of {len(HOSTILE)} hostile addresses called", met=not called, method="callback"
        )
        assert called == []

    @pytest.mark.parametrize(
        ("url", "base", "path"),
        [
            ("bank.example/own/callback", "https://bank.example", "own/callback"),
            ("HTTPS://BANK.example/own", "https://bank.example", "own"),
            ("https://bank.example:8443//own", "https://bank.example:8443", "own"),
            ("http://bank.example/~own/@1", "http://bank.example", "~own/@1"),
            ("10.1.2.3/own/callback", "http://10.1.2.3", "own/callback"),
            ("10.1.2.4:8080", "http://10.1.2.4:8080", ""),
            ("https://10.1.2.3/own", "https://10.1.2.3", "own"),
            ("[fd00::7]/own", "http://[fd00::7]", "own"),
            ("http://[fd00::7]:8080/own", "http://[fd00::7]:8080", "own"),
        ],
    )
    def test_what_is_may_be_called(self, url: str, base: str, path: str) -> None:
        assert allowed(url, HOSTS) == (base, path)

    @pytest.mark.parametrize("inside", [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.1", "224.0.0.1",
        "255.255.255.255", "192.0.2.1", "::", "::1", "fe80::1", "fe80::1%2", "fd00::1", "ff02::1", "::ffff:127.0.0.1",
        "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1", "bank.example", "",
    ])  # fmt: skip
    def test_inside_is_told_from_outside(self, inside: str) -> None:
        assert not is_public(inside)

    @pytest.mark.parametrize("outside", ["8.8.8.8", "2a00:1450::5", "::ffff:8.8.8.8", "64:ff9b::808:808"])
    def test_and_outside_from_inside(self, outside: str) -> None:
        assert is_public(outside)


@dataclass
class Receiver:
    """Who is told. `statuses` are the next answers; after them 204."""

    told: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    host: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.told.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        status = self.statuses.pop(0) if self.statuses else 204
        return web.Response(status=status, headers={"Location": f"http://{self.host}/elsewhere"})


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", made.handle)
    async with TestServer(app) as server:
        made.host = f"{server.host}:{server.port}"
        yield made


@dataclass
class Desk:
    """What is to be told, and its worker."""

    store: Store
    telling: Telling

    async def tell(self, url: str) -> None:
        sid = KEYS.new_sid()
        move = Move(3, sid, "pair", "subject", "telegram")
        whose: dict[str, Any] = {"id": "whose-letter", "step": "enrol", "channel": "telegram"}
        job = TellJob(**whose, url=url, key=KEY, external_id="C-1", at=1_800_000_000)
        jobs.post(move, [job], KEYS)
        await self.store.move(move)
        wakes = Wakes(self.store, KEYS, Posted(), {"tell": self.telling}, queue="tells", lease=5)
        task = asyncio.create_task(wakes.run())
        await self._emptied()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await wakes.drain(5)

    async def _emptied(self) -> None:
        for _ in range(800):
            if not await self.store.redis.zcard(prefix(3) + "tells"):
                return
            await asyncio.sleep(0.01)
        raise AssertionError("it is still to be told")

    async def events(self) -> list[str]:
        entries: Any = await self.store.redis.xrange(prefix(0) + "audit")
        return [fields[b"event"].decode() + fields[b"fields"].decode() for _, fields in entries]


@pytest.fixture
async def desk(redis_server: RedisServer, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setattr(telling, "PAUSES", (0.01,) * 9)
    monkeypatch.setattr("flows.wakes.IDLE_SECONDS", 0.02)
    store = Store(open_redis(redis_server.url, 2), KEYS, Limits())
    yield Desk(store, Telling(store, KEYS, hosts=[receiver.host.upper()], secret=SECRET))
    await store.close()


class TestTold:
    async def test_once_and_signed(self, desk: Desk, receiver: Receiver) -> None:
        await desk.tell(f"{receiver.host}/own/callback")
        ((headers, body),) = receiver.told
        assert json.loads(body) == {
            "type": "identification.done",
            "timestamp": 1_800_000_000,
            "data": {"key": KEY, "status": "identified", "external_id": "C-1"},
        }
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        mac = hmac.new(SECRET, signed, hashlib.sha256).digest()
        assert headers["webhook-signature"] == f"v1,{base64.b64encode(mac).decode()}"
        assert headers["webhook-id"] == "whose-letter"
        assert await desk.events() == ['callback_told{"nth":1}']

    @pytest.mark.parametrize("status", [500, 404, 302, 307, 429])
    async def test_again_until_it_is_taken_and_never_where_a_redirect_leads(
        self, desk: Desk, receiver: Receiver, status: int
    ) -> None:
        receiver.statuses = [status] * 4
        await desk.tell(receiver.host)
        assert [headers["webhook-id"] for headers, _ in receiver.told] == ["whose-letter"] * 5
        assert await desk.events() == ['callback_told{"nth":5}']

    async def test_in_the_end_it_is_a_dead_letter(self, desk: Desk, receiver: Receiver) -> None:
        receiver.statuses = [500] * 99
        await desk.tell(receiver.host)
        assert len(receiver.told) == 10
        assert await desk.events() == ['alarm{"kind":"callback_dead"}']

    async def test_nobody_else_is_called(self, desk: Desk, receiver: Receiver) -> None:
        await desk.tell(f"http://localhost:{receiver.host.partition(':')[2]}/own/callback")
        assert receiver.told == []
        assert await desk.events() == ["callback_refused{}"]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What bank.example stands for at the first look, at the second, and so on."""
    answers: list[list[str]] = []
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
        if host != "bank.example":
            return real(host, port, *rest, **more)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answers.pop(0)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return answers


async def reached(receiver: Receiver, *private: str) -> bool:
    """Is it called under a name of the list?"""
    port = receiver.host.partition(":")[2]
    async with Web(f"http://bank.example:{port}", private=frozenset(private)) as web:
        try:
            return (await web.call("POST", "own/callback")).status == 204
        except Unavailable as unavailable:
            return unavailable.reached


class TestNames:
    async def test_one_that_stands_for_an_inside_address_is_not_called(
        self, receiver: Receiver, names: list[list[str]]
    ) -> None:
        port = receiver.host.partition(":")[2]
        for answer in (["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"], ["169.254.169.254"]):
            names.append(answer)
            assert not await reached(receiver, f"bank.example:{port}", "127.0.0.1:1", "127.0.0.2")
        assert receiver.told == []

    async def test_without_the_rule_it_would_be(self, receiver: Receiver, names: list[list[str]]) -> None:
        names.append(["127.0.0.1"])
        port = receiver.host.partition(":")[2]
        async with Web(f"http://bank.example:{port}") as web:
            await web.call("POST", "own/callback")
        assert len(receiver.told) == 1

    @pytest.mark.parametrize("entry", ["{host}", "127.0.0.1"])
    async def test_one_whose_address_is_listed_is(self, receiver: Receiver, names: list[list[str]], entry: str) -> None:
        names.append(["127.0.0.1"])
        assert await reached(receiver, entry.format(host=receiver.host))
        ((headers, _),) = receiver.told
        assert headers["host"].startswith("bank.example:")

    async def test_it_is_looked_up_once_and_what_was_looked_at_is_called(
        self, receiver: Receiver, names: list[list[str]]
    ) -> None:
        names += [["127.0.0.1"], ["10.0.0.1"]]
        assert await reached(receiver, receiver.host)
        assert names == [["10.0.0.1"]]

    async def test_the_whole_way(self, desk: Desk, receiver: Receiver, names: list[list[str]]) -> None:
        port = receiver.host.partition(":")[2]
        names += [["127.0.0.1"]] * 10
        desk.telling = Telling(desk.store, KEYS, hosts=[f"bank.example:{port}"], secret=SECRET)
        await desk.tell(f"http://bank.example:{port}/own/callback")
        assert receiver.told == []
        assert await desk.events() == ['alarm{"kind":"callback_dead"}']
