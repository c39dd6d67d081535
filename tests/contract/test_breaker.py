"""An upstream that has failed five times in a row is left alone for half a minute (security.md U1, §7 #28)."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from humo_sandbox import FIRUZ
from paper_room import ME, PaperRoom, paper_room
from servers import RedisServer

from flows.attendance import open_upstreams
from flows.errors import FlowError, StateDown, Unavailable
from flows.images import Images
from flows.model import Session
from flows.settings import Limits, Settings, load
from flows.upstream import breaker as breaking
from flows.upstream.breaker import Breaker
from flows.upstream.coid import Coid, CoidOptions
from flows.upstream.web import Web
from flows.wiring import open_aitu, open_biometric, open_coid
from sandbox.drawn import draw

LIMITS = Limits()
MOST, SECONDS = LIMITS.breaker_failures, LIMITS.breaker
CONFIG = Path(__file__).parents[2] / "config.toml"


class Clock:
    """Stands in for the breaker's; moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(breaking, "monotonic", clock.monotonic)
    return clock


class Upstream:
    """Answers as `how` says, and counts what reaches it."""

    def __init__(self) -> None:
        self.how = "200"
        self.seen = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen += 1
        if self.how == "cut":
            assert request.transport is not None
            request.transport.abort()
        if self.how == "silent":
            await asyncio.sleep(2)
        if self.how == "slow":
            await asyncio.sleep(0.1)
        status = int(self.how) if self.how.isdigit() else 200
        return web.Response(status=status, text="{}" if status != 302 else "")


@asynccontextmanager
async def watched(upstream: Upstream, *, total: float = 0.5) -> AsyncIterator[Web]:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", upstream.handle)
    async with TestServer(app) as server, Web(str(server.make_url("/")), total=total, breaker=new()) as client:
        yield client


def new() -> Breaker:
    return Breaker("upstream", LIMITS)


async def ask(client: Web, times: int = 1, *, retry: bool = False) -> FlowError | None:
    """What the last call ended with. By POST: a GET that is cut is repeated by aiohttp itself."""
    ended: FlowError | None = None
    for _ in range(times):
        try:
            await client.call("POST", "x", retry=retry)
            ended = None
        except FlowError as error:
            ended = error
    return ended


async def asked(client: Web, upstream: Upstream) -> bool:
    """Whether one more call goes out."""
    before = upstream.seen
    await ask(client)
    return upstream.seen > before


@pytest.mark.parametrize("how", ["500", "503", "504", "cut", "silent"])
async def test_after_five_failures_nothing_goes_out_for_half_a_minute(clock: Clock, how: str) -> None:
    upstream = Upstream()
    async with watched(upstream, total=0.1) as client:
        upstream.how = how
        await ask(client, MOST - 1)
        upstream.how = "200"
        assert await asked(client, upstream), "four failures are not five, and an answer ends a row"
        upstream.how = how
        await ask(client, MOST)
        upstream.how, seen = "200", upstream.seen
        clock.now += SECONDS - 1
        begun = time.monotonic()
        refused = await ask(client, 10)
        assert time.monotonic() - begun < 0.1, "nobody waits for it"
        assert isinstance(refused, Unavailable)
        assert (refused.reached, refused.answered, refused.__cause__, refused.__context__) == (False, False, None, None)
        assert upstream.seen == seen
        clock.now += 1
        assert await asked(client, upstream)
        assert await asked(client, upstream)


async def test_nobody_there_is_a_failure_too(clock: Clock, unused_tcp_port: int) -> None:
    breaker = new()
    async with Web(f"http://127.0.0.1:{unused_tcp_port}", breaker=breaker) as client:
        await ask(client, MOST)
        assert not breaker.lets()
        clock.now += SECONDS
        assert breaker.lets()


@pytest.mark.parametrize("how", ["200", "302", "400", "401", "404", "409", "422", "429"])
async def test_what_is_answered_is_no_failure(clock: Clock, how: str) -> None:
    upstream = Upstream()
    async with watched(upstream) as client:
        upstream.how = how
        await ask(client, 2 * MOST)
        assert upstream.seen == 2 * MOST


async def test_of_many_that_wait_one_goes_out(clock: Clock) -> None:
    upstream = Upstream()
    async with watched(upstream) as client:
        upstream.how = "500"
        await ask(client, MOST)
        for how, then in (("500", False), ("silent", False), ("slow", True)):
            upstream.how, seen = how, upstream.seen
            clock.now += SECONDS
            await asyncio.gather(*(ask(client) for _ in range(10)))
            assert upstream.seen == seen + 1
            assert await asked(client, upstream) == then


async def test_a_call_with_all_its_tries_is_one_failure(clock: Clock) -> None:
    upstream = Upstream()
    async with watched(upstream, total=5) as client:
        upstream.how = "500"
        await ask(client, MOST - 1, retry=True)
        assert upstream.seen == 3 * (MOST - 1)
        assert await asked(client, upstream)
        assert not await asked(client, upstream)


async def test_a_call_that_somebody_was_tired_of_is_a_failure(clock: Clock) -> None:
    """A look inside a turn waits three seconds for what may take ten."""
    upstream = Upstream()
    async with watched(upstream, total=10) as client:
        upstream.how = "silent"
        for _ in range(MOST):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await ask(client)
        assert not await asked(client, upstream)


async def test_one_that_was_let_out_and_never_ends_holds_nobody_for_ever(clock: Clock) -> None:
    breaker = new()
    for _ in range(MOST):
        breaker.note(well=False)
    clock.now += SECONDS
    assert [breaker.lets() for _ in range(3)] == [True, False, False]
    clock.now += SECONDS
    assert breaker.lets()


async def test_a_state_data_base_that_is_away_is_no_failure_of_the_banks_adapter(clock: Clock) -> None:
    """So people go on hearing which of the two it is, and may go another way."""
    told = {"message": "Ошибка на сервисе государственного органа"}

    async def away(_: web.Request) -> web.Response:
        return web.json_response(told, status=503)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", away)
    async with TestServer(app) as server:
        options = CoidOptions(url=str(server.make_url("/")), login="bank", password_env="P")
        client = Coid(options, "password", breaker=new())
        for _ in range(2 * MOST):
            with pytest.raises(StateDown):
                await client.person("900514300123", "request")
        await client.close()


class Client(Protocol):
    async def ping(self) -> None: ...

    async def close(self) -> None: ...


OPENED: dict[str, Callable[[Settings], Client | None]] = {
    "humo": lambda settings: open_upstreams(settings)[1],
    "biometric": open_biometric,
    "aitu": open_aitu,
    "coid": open_coid,
}


@pytest.mark.parametrize("name", OPENED)
async def test_each_upstream_has_one_as_it_is_configured(name: str, clock: Clock, tmp_path: Path) -> None:
    upstream = Upstream()
    upstream.how = "500"
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", upstream.handle)
    async with TestServer(app) as server:
        environ = {f"SHINOS_UPSTREAM__{name.upper()}__URL": str(server.make_url("/")).rstrip("/")}
        settings = load(CONFIG, {**environ, "SHINOS_LIMITS__BREAKER_FAILURES": "2", "SHINOS_LIMITS__BREAKER": "7"})
        client = OPENED[name](settings)
        assert client
        for _ in range(4):
            with pytest.raises(Unavailable):
                await client.ping()
        assert upstream.seen == 2 * 3
        clock.now += 7
        with pytest.raises(Unavailable):
            await client.ping()
        assert upstream.seen == 3 * 3
        await client.close()


async def test_a_photo_that_is_being_checked_goes_on_when_humo_is_well_again(
    redis_server: RedisServer, clock: Clock
) -> None:
    """Looked at in vain while Humo is left alone, and then not: the page has passed, and no try is used up."""

    async def looks(room: PaperRoom) -> int:
        calls = await room.sandbox._get("/_calls", upstream="humo")
        return sum("/status/" in call["path"] for call in calls)

    async def looked(room: PaperRoom) -> Session:
        """Once more."""
        due = (await room.chats.session(ME)).state
        await room.chats.hurry(ME)
        return await room.chats.until(ME, lambda session: session.state != due)

    async with Images() as images, paper_room(redis_server, images) as room:
        breaker = room.humo._web._breaker = Breaker("humo", Limits(breaker_failures=2))
        await room.ready()
        assert '"checking"' in (await room.sent(draw(FIRUZ, "front"))).state
        await room.sandbox.fault("humo", "500", times=None)
        while breaker.lets():
            await looked(room)
        seen = await looks(room)
        async with room.http.delete(f"{room.sandbox.url}/_faults") as response:
            assert response.status == 200
        for _ in range(2):
            assert '"checking"' in (await looked(room)).state
        assert await looks(room) == seen, "nothing goes out while it is left alone"
        clock.now += SECONDS
        session = await looked(room)
        assert (session.reply.text and session.reply.text.key) == "document.ask_back"
        assert '"failures":0' in session.state
        assert len(await room.uploads()) == 1
