"""Redis scripts, gathered: the calls of a loop tick travel together, on a few connections that are kept.

A round trip through redis-py's pool and packer costs twice a whole bare HTTP request (235-310 µs of CPU against 96). So
redis-py connects, authenticates and reconnects; hiredis packs; and the trips are shared: while all
connections are under way, calls gather and go with the next one that lands.

Each trip is bounded. When the store does not answer in time, all in it are told `StoreDown`: nobody is let through.
So they are when the store has replicas, and not enough of them have what this trip has written: another master would
not know it (security.md Q9).
"""

import asyncio
import hashlib
import json
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import structlog
from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MovedError, NoScriptError, OutOfMemoryError, RedisError

from flows.errors import StoreDown

_FOLDER = Path(__file__).parent / "lua"
_WORST = (RedisError, OSError, TimeoutError, asyncio.CancelledError)
_WAIT_SHARE = 0.6
"""Of a trip's time: how long its replicas may take."""
FULL_SECONDS = 10.0
"""How often a process says that Redis is full."""
_FULL = "Redis has reached its maxmemory: raise it, or free memory. Cards and revocations go on, all else is refused"
_log = structlog.get_logger("shinos")
Argument = str | bytes | int | float
T = TypeVar("T")


class TooFewReplicas(RedisError):
    """The master alone, or nearly, has what was written: it counts as not done."""


class Script:
    """A Lua script by its file's name; the installation's limits as its first line, and what it shares before it.

    At Redis' maxmemory a script whose `room` is "needed" is refused from its first line, so it has counted nothing; one
    to which it is "granted" runs, for it writes little; else each command is judged for itself.
    """

    def __init__(
        self, name: str, limits: Mapping[str, object], *shared: str, room: Literal["", "needed", "granted"] = ""
    ) -> None:
        body = "".join((_FOLDER / f"{file}.lua").read_text(encoding="utf-8") for file in (*shared, name))
        flags = {"": "", "needed": "#!lua\n", "granted": "#!lua flags=allow-oom\n"}[room]
        self.source = f"{flags}local limits = cjson.decode('{json.dumps(limits)}')\n{body}"
        self.sha = hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest()


@dataclass(slots=True)
class _Call:
    script: Script
    packed: bytes = field(repr=False)
    future: asyncio.Future[Any]
    since: float


class Later(Generic[T]):
    """The result of a call that is on its way already; awaiting it reads the answer."""

    __slots__ = ("_future", "_read")

    def __init__(self, future: asyncio.Future[Any], read: Callable[[Any], T]) -> None:
        self._future = future
        self._read = read

    def __await__(self) -> Generator[Any, None, T]:
        return self._read((yield from self._future))


class Pipeline:
    """Calls scripts over these connections; `trips` counts the round trips.

    What a trip writes, so many `replicas` have before it is answered; one WAIT at its end asks for it.
    """

    def __init__(self, lanes: Sequence[AbstractConnection], *, seconds: float, replicas: int = 0) -> None:
        self.trips = 0
        self._seconds = seconds
        self._replicas = replicas
        self._wait = _packed("WAIT", replicas, int(seconds * _WAIT_SHARE * 1000)) if replicas else b""
        self._free = list(lanes)
        self._all = tuple(self._free)
        self._waiting: deque[_Call] = deque()
        self._flights: set[asyncio.Task[None]] = set()
        self._called = False
        self._closed = False
        self._said_full = -FULL_SECONDS

    def call(self, script: Script, key: str, *arguments: Argument) -> asyncio.Future[Any]:
        """Run `script` on the slot of `key`: the raw answer, or `StoreDown`. It is sent whether awaited or not."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        if self._closed:
            _settle(future, StoreDown())
            return future
        packed = _packed("EVALSHA", script.sha, 1, key, *arguments)
        self._waiting.append(_Call(script, packed, future, loop.time()))
        if not self._called:
            self._called = True
            loop.call_soon(self._depart)
        return future

    def _depart(self) -> None:
        self._called = False
        if not self._waiting or not self._free:
            return
        batch, self._waiting = tuple(self._waiting), deque()
        flight = asyncio.get_running_loop().create_task(self._fly(self._free.pop(), batch))
        self._flights.add(flight)
        flight.add_done_callback(self._flights.discard)

    async def _fly(self, connection: AbstractConnection, batch: Sequence[_Call]) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                answers = await self._send_anew(connection, batch)
                if any(isinstance(answer, NoScriptError) for answer in answers):
                    answers = await self._again(connection, batch, answers)
        except _WORST:
            await connection.disconnect(nowait=True)
            answers = [StoreDown(retry_after=1)] * len(batch)
            self._give_up_the_late()
        if any(isinstance(answer, OutOfMemoryError) for answer in answers):
            self._say_full()
        for call, answer in zip(batch, answers, strict=True):
            _settle(call.future, answer)
        self._free.append(connection)
        self._depart()

    async def _send_anew(self, connection: AbstractConnection, batch: Sequence[_Call]) -> list[Any]:
        """A connection that was lost, as by a restart while it was idle, is opened anew once: every script may be run
        again, for it knows its attempt, its revision or its send by an id.
        """
        try:
            return await self._send(connection, batch)
        except (RedisConnectionError, OSError):
            await connection.disconnect(nowait=True)
            return await self._send(connection, batch)

    async def _send(self, connection: AbstractConnection, batch: Sequence[_Call]) -> list[Any]:
        self.trips += 1
        if not connection.is_connected:
            # Through Sentinels this asks which server is the master.
            await connection.connect()  # type: ignore[no-untyped-call]  # redis-py has no types here
        packed = b"".join([call.packed for call in batch]) + self._wait
        await connection.send_packed_command(packed, check_health=False)
        answers = []
        for _ in batch:
            try:
                answers.append(await connection.read_response(disable_decoding=True))
            except RedisError as error:
                if not connection.is_connected:
                    raise
                answers.append(error)
        if self._replicas and await connection.read_response(disable_decoding=True) < self._replicas:
            raise TooFewReplicas
        return answers

    async def _again(self, connection: AbstractConnection, batch: Sequence[_Call], answers: list[Any]) -> list[Any]:
        """The script cache was lost (a restart): load what is missing, and repeat only what did not run."""
        missing = [i for i, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        for source in {batch[i].script.source for i in missing}:
            await connection.send_packed_command(_packed("SCRIPT", "LOAD", source), check_health=False)
            await connection.read_response(disable_decoding=True)
        repeated = await self._send(connection, [batch[i] for i in missing])
        for i, answer in zip(missing, repeated, strict=True):
            answers[i] = answer
        return answers

    def _give_up_the_late(self) -> None:
        """Who has waited for a connection as long as a trip may take is answered now, not after one more trip."""
        late = asyncio.get_running_loop().time() - self._seconds / 2
        while self._waiting and self._waiting[0].since < late:
            _settle(self._waiting.popleft().future, StoreDown(retry_after=1))

    def _say_full(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._said_full >= FULL_SECONDS:
            self._said_full = now
            _log.error("store_full", advice=_FULL)

    async def close(self) -> None:
        """What is on its way comes to its end; nothing starts any more."""
        self._closed = True
        while self._flights or self._waiting:
            await asyncio.sleep(0)
            await asyncio.gather(*self._flights, return_exceptions=True)
        for connection in self._all:
            await connection.disconnect()


def is_full(down: StoreDown) -> bool:
    """Is Redis there, but at its maxmemory?"""
    return isinstance(down.__cause__, OutOfMemoryError)


def _packed(*words: Argument) -> bytes:
    packed: bytes = pack_command(words)  # type: ignore[arg-type]  # its stub says "a tuple of one"
    return packed


def _settle(future: asyncio.Future[Any], answer: object) -> None:
    if future.done():
        return
    if isinstance(answer, RedisError | StoreDown):
        down = StoreDown(retry_after=1)
        # Moved: nothing was done, and may be elsewhere. Out of memory: see `is_full`.
        down.__cause__ = answer if isinstance(answer, MovedError | OutOfMemoryError) else None
        future.set_exception(down)
        future.exception()  # of two calls sent together, one may go unread when the other has failed
    else:
        future.set_result(answer)
