"""The HTTP client against servers that behave badly (security.md Q11, Q14, Q15, §7 row 28, U1)."""

import asyncio
import gzip
import io
import logging
import socket
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import TypeAdapter, ValidationError

from flows.errors import FlowError, Unavailable, Unexpected
from flows.upstream.answer import Told
from flows.upstream.web import BaseUrl, Web

SECRET = "s3cr3t-4567"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Named(Told):
    name: str


class Upstream:
    """Answers each call with the next of `handlers`; the last one stays."""

    def __init__(self, *handlers: Handler) -> None:
        self.handlers = list(handlers)
        self.seen: list[web.Request] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        handler = self.handlers.pop(0) if len(self.handlers) > 1 else self.handlers[0]
        return await handler(request)


@asynccontextmanager
async def calling(upstream: Upstream | Handler, total: float = 10.0) -> AsyncIterator[Web]:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", upstream.handle if isinstance(upstream, Upstream) else upstream)
    async with TestServer(app) as server, Web(f"http://127.0.0.1:{server.port}/api/", total=total) as client:
        yield client


@asynccontextmanager
async def raw(answer: bytes, *, hold: bool = False) -> AsyncIterator[Web]:
    """A TCP server that reads the head and sends these bytes."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        if hold:
            await reader.read()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server, Web(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", total=0.5) as client:
        yield client
        server.close()


def says(status: int = 200, body: bytes = b"{}", **headers: str) -> Handler:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(
            status=status, body=body, headers={name.replace("_", "-"): headers[name] for name in headers}
        )

    return handler


async def silent(_: web.Request) -> web.Response:
    await asyncio.sleep(0.6)
    return web.Response()


async def cut(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def in_doubt(error: FlowError) -> bool:
    return isinstance(error, Unavailable) and error.reached and not error.answered


def never_arrived(error: FlowError) -> bool:
    return isinstance(error, Unavailable) and not error.reached and not error.answered


async def refused(client: Web, **options: object) -> FlowError:
    with pytest.raises(FlowError) as caught:
        await client.call("GET", f"x/{SECRET}", params={"code": SECRET}, **options)  # type: ignore[arg-type]
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    assert SECRET not in "".join(traceback.format_exception(error))
    return error


async def test_an_answer() -> None:
    upstream = Upstream(says(201, '{"name": "Ҳумо", "more": [1]}'.encode()))
    async with calling(upstream) as client:
        answer = await client.call("GET", "a/b", params={"q": "a b+c&d=Ҳ"}, headers={"X-One": "1"})
    assert answer.status == 201
    assert answer.read(Named) == Named(name="Ҳумо")
    (request,) = upstream.seen
    assert request.path == "/api/a/b"
    assert request.query["q"] == "a b+c&d=Ҳ"
    assert request.headers["X-One"] == "1"
    assert request.headers["Accept-Encoding"] == "identity"


def shown(value: object) -> str:
    return f"{value.filename} {value.file.read()!r}" if isinstance(value, web.FileField) else str(value)


async def test_form_json_and_files() -> None:
    bodies: list[dict[str, str]] = []

    async def note(request: web.Request) -> web.Response:
        if request.content_type == "application/json":
            bodies.append(await request.json())
        else:
            form = await request.post()
            bodies.append({name: shown(value) for name, value in form.items()})
        return web.Response()

    async with calling(note) as client:
        await client.call("POST", "x", data={"text": "Ҳ+&="})
        await client.call("POST", "x", json={"text": "Ҳ"})
        await client.call("POST", "x", files={"img": ("a.jpg", io.BytesIO(b"\xff\xd8"), "image/jpeg")})
        await client.call("POST", "x", data={"a": "Ҳ"}, files={"img": (None, "a.b.c", None)})
    assert bodies == [{"text": "Ҳ+&="}, {"text": "Ҳ"}, {"img": r"a.jpg b'\xff\xd8'"}, {"a": "Ҳ", "img": "a.b.c"}]


async def test_4xx_is_the_callers_business() -> None:
    async with calling(says(409, b"taken")) as client:
        answer = await client.call("GET", "x")
    assert (answer.status, answer.text()) == (409, "taken")
    assert "taken" not in repr(answer)


@pytest.mark.parametrize(
    ("hint", "seconds"),
    [("7", 7), ("999999", 3600), ("soon", None), ("-1", None), ("Fri, 31 Dec 1999 23:59:59 GMT", None)],
)
@pytest.mark.parametrize("status", [429, 500, 503])
async def test_429_and_5xx_are_unavailable(status: int, hint: str, seconds: int | None) -> None:
    async with calling(says(status, Retry_After=hint)) as client:
        error = await refused(client)
    assert isinstance(error, Unavailable)
    assert error.retry_after == seconds
    assert (error.reached, error.answered) == (True, True)


@pytest.mark.parametrize("status", [301, 302, 307, 308, 304])
async def test_redirects_are_not_followed(status: int) -> None:
    upstream = Upstream(says(status, b"", Location="/api/elsewhere"))
    async with calling(upstream) as client:
        assert isinstance(await refused(client), Unexpected)
    assert len(upstream.seen) == 1


async def test_what_is_asked_once_is_sent_once() -> None:
    upstream = Upstream(says(500), says())
    async with calling(upstream) as client:
        assert isinstance(await refused(client), Unavailable)
    assert len(upstream.seen) == 1


async def test_what_may_be_repeated_is_tried_three_times() -> None:
    upstream = Upstream(says(500), says(503), says())
    async with calling(upstream) as client:
        assert (await client.call("GET", "x", retry=True)).status == 200
    worse = Upstream(says(500))
    async with calling(worse) as client:
        assert isinstance(await refused(client, retry=True), Unavailable)
    assert (len(upstream.seen), len(worse.seen)) == (3, 3)


async def test_a_file_is_sent_whole_each_time() -> None:
    sizes: list[int] = []

    async def note(request: web.Request) -> web.Response:
        sizes.append(len(await request.read()))
        return web.Response(status=500)

    async with calling(note) as client:
        with pytest.raises(Unavailable):
            await client.call("POST", "x", files={"a": ("a", io.BytesIO(b"a" * 9999), "image/png")}, retry=True)
    assert len(sizes) == 3
    assert min(sizes) > 9999


async def test_retry_after_is_waited_for_when_there_is_time() -> None:
    upstream = Upstream(says(429, Retry_After="1"), says())
    async with calling(upstream) as client:
        begun = time.monotonic()
        await client.call("GET", "x", retry=True)
        assert time.monotonic() - begun >= 1
    hurried = Upstream(says(429, Retry_After="1"), says())
    async with calling(hurried, total=1.5) as client:
        assert (await refused(client, retry=True)).retry_after == 1
    assert len(hurried.seen) == 1


async def test_a_silent_upstream_costs_one_try_when_repeats_are_allowed() -> None:
    upstream = Upstream(silent, says())
    async with calling(upstream, total=1.1) as client:
        assert (await client.call("GET", "x", retry=True)).status == 200
        begun = time.monotonic()
        upstream.handlers = [silent]
        assert isinstance(await refused(client, total=0.3), Unavailable)
        assert time.monotonic() - begun < 0.5


async def test_an_answer_that_trickles_is_left_in_time() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"
    async with raw(head, hold=True) as client:
        begun = time.monotonic()
        assert isinstance(await refused(client), Unavailable)
        assert time.monotonic() - begun < 0.8


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ],
)
async def test_a_connection_that_breaks(answer: bytes) -> None:
    async with raw(answer) as client:
        assert in_doubt(await refused(client))


@pytest.mark.parametrize(
    "answer", [b"220 mail ESMTP\r\n\r\n", b"HTTP/1.1 200 OK\r\nA" + b"a" * 70_000 + b": b\r\n\r\n"]
)
async def test_what_is_not_http(answer: bytes) -> None:
    async with raw(answer) as client:
        assert isinstance(await refused(client), Unexpected)


async def test_nobody_there(unused_tcp_port: int) -> None:
    async with Web(f"http://127.0.0.1:{unused_tcp_port}") as client:
        assert never_arrived(await refused(client))
        assert never_arrived(await refused(client, retry=True))


async def test_an_unknown_host() -> None:
    async with Web("http://nobody.invalid", total=5) as client:
        assert never_arrived(await refused(client))


async def test_a_connection_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue of a server that accepts nobody is full, so the next handshake goes unanswered."""
    monkeypatch.setattr("flows.upstream.web.CONNECT", 0.2)
    with socket.socket() as server, socket.socket() as first, socket.socket() as second:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for guest in (first, second):
            guest.settimeout(0)
            guest.connect_ex(server.getsockname())
        async with Web(f"http://127.0.0.1:{server.getsockname()[1]}") as client:
            assert never_arrived(await refused(client))


async def test_one_try_that_may_have_arrived_is_enough() -> None:
    """By POST: a GET that is cut is repeated by aiohttp itself."""
    for handlers in ((cut, says(503)), (says(503), cut, says(503)), (says(503), says(503), cut)):
        async with calling(Upstream(*handlers)) as client:
            with pytest.raises(Unavailable) as caught:
                await client.call("POST", "x", retry=True)
        assert in_doubt(caught.value)


async def test_silence_is_a_doubt() -> None:
    async with calling(silent, total=0.3) as client:
        assert in_doubt(await refused(client))


async def test_the_cap_counts_while_reading() -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(1000):
            await response.write(b"x" * 2**16)
            sent += 2**16
        return response

    async with calling(endless) as client:
        assert isinstance(await refused(client), Unexpected)
    assert sent < 16 * 2**20
    async with calling(says(body=b"x" * 2_000_000)) as client:
        assert len((await client.call("GET", "x", largest=2_000_000)).body) == 2_000_000


async def test_compressed_answers_are_refused() -> None:
    async with calling(says(body=gzip.compress(b"x" * 10**6), Content_Encoding="gzip")) as client:
        assert isinstance(await refused(client), Unexpected)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[" * 60_000,
        b'{"name": NaN}',
        b'{"name": "a", "name": "b"}',
        '{"name": "a"}'.encode("utf-16"),
        b"\xff",
        b"[]",
        b"null",
        b'{"name": 1}',
        b'{"name": ' + b"1" * 5000 + b"}",
    ],
)
async def test_hostile_bodies(body: bytes) -> None:
    async with calling(says(body=body)) as client:
        answer = await client.call("GET", "x")
    with pytest.raises(Unexpected) as caught:
        answer.read(Named)
    assert caught.value.__context__ is None


async def test_cookies_are_not_kept() -> None:
    upstream = Upstream(says(Set_Cookie="a=b; Path=/"))
    async with calling(upstream) as client:
        await client.call("GET", "x")
        await client.call("GET", "x")
    assert "Cookie" not in upstream.seen[1].headers


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    async with calling(says()) as client:
        assert (await client.call("GET", "x")).status == 200


async def test_cancellation_passes_through() -> None:
    upstream = Upstream(silent)
    async with calling(upstream) as client:
        task = asyncio.create_task(client.call("GET", "x", retry=True))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert len(upstream.seen) == 1


async def test_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG, with every failure there is, and with a control that the capture works."""
    caplog.set_level(logging.DEBUG)
    for handler in (says(500), says(302, Location="/"), silent, says(body=b"x" * 2**21)):
        async with calling(handler, total=0.3) as client:
            await refused(client)
    for answer in (
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nSet-Cookie: a=" + SECRET.encode() + b"\r\nContent-Length: 9\r\n\r\n",
    ):
        async with raw(answer) as client:
            await refused(client)
    ours = [record for record in caplog.records if record.name not in {"aiohttp.access", "aiohttp.server"}]
    assert not any(SECRET in record.getMessage() for record in ours)
    assert not any(record.name.startswith(("httpx", "httpcore", "aiohttp.client")) for record in ours)
    logging.getLogger("control").debug(SECRET)
    assert SECRET in caplog.text


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example",
        "a.example",
        "//a.example",
        "http://",
        f"https://user:{SECRET}@a.example",
        f"https://a.example/?k={SECRET}",
        f"https://a.example/#{SECRET}",
        "file:///etc/passwd",
    ],
)
def test_base_urls_that_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must") as caught:
        Web(url)
    assert SECRET not in str(caught.value)
    with pytest.raises(ValidationError):
        TypeAdapter(BaseUrl).validate_python(url)


async def test_many_at_once_share_connections() -> None:
    """200 calls over at most 100 connections, all answered."""
    ports: set[int] = set()

    async def note(request: web.Request) -> web.Response:
        assert request.transport is not None
        ports.add(request.transport.get_extra_info("peername")[1])
        await asyncio.sleep(0.01)
        return web.Response()

    async with calling(note) as client:
        answers = await asyncio.gather(*(client.call("GET", "x") for _ in range(200)))
    assert [answer.status for answer in answers] == [200] * 200
    assert len(ports) <= 100
