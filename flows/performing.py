"""Performs what a step wishes for inside a turn, and hands the result, or an upstream's failure, back into it."""

import asyncio
from collections.abc import Collection, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from flows.effects import AllDown, CheckCode, Effect, FindClient, Found, LivenessResult, MatchBirthDate, MatchWord
from flows.errors import FlowError, StoreDown, Unavailable
from flows.identifiers import Identifier
from flows.keys import Keys
from flows.machine import Turn
from flows.model import Plan, Script
from flows.settings import Channel
from flows.upstream.biometric import Biometric

T = TypeVar("T")
GLANCE_SECONDS = 3.0


class Records(Protocol):
    """What a turn asks of the clients' records; see `flows/records/`."""

    async def find(self, names: tuple[Identifier, ...]) -> Found | None: ...

    async def check_word(self, client: str | None, text: str) -> bool: ...

    async def born_on(self, client: str | None, day: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Front:
    """A configured channel with its name and the flow that its clients go through."""

    name: str
    rules: Channel
    plan: Plan


@dataclass(slots=True)
class Call:
    """What one call carries through its turn. `attempt` "": nothing was answered. `down`: gateways known to be so."""

    front: Front
    names: tuple[Identifier, ...]
    attempt: str = ""
    answer: str = ""
    found: Found | None = None
    down: Collection[str] = ()
    sid: str = ""


class Performing:
    """`gateways` are the names of the delivery channels that are configured."""

    def __init__(
        self, records: Records, keys: Keys, gateways: Collection[str], biometric: Biometric | None = None
    ) -> None:
        self.records = records
        self.biometric = biometric
        self._keys = keys
        self._gateways = frozenset(gateways)

    async def drive(self, script: Script[Turn], call: Call) -> Turn:
        """Run the machine's script to its end. `StoreDown` ends the turn; other failures are the step's to handle."""
        result: Any = None
        error: FlowError | None = None
        while True:
            try:
                effect = script.send(result) if error is None else script.throw(error)
            except StopIteration as end:
                turn: Turn = end.value
                return turn
            result, error = None, None
            try:
                result = await self._perform(effect, call)
            except StoreDown:
                raise
            except FlowError as caught:
                error = caught

    async def _perform(self, effect: Effect[Any], call: Call) -> object:
        match effect:
            case FindClient():
                # The call has looked its client up already: the shard, the lock and the budget hang on who it is.
                return call.found if effect.names == call.names else await self.records.find(effect.names)
            case AllDown():
                return self._gateways.intersection(effect.channels) <= frozenset(call.down)
            case CheckCode():
                return self._keys.is_code(call.sid, effect.step, effect.digits, effect.text)
            case MatchWord():
                return await self.records.check_word(effect.client, effect.text)
            case MatchBirthDate():
                return await self.records.born_on(effect.client, effect.day)
            case LivenessResult() if self.biometric:
                return await glanced(self.biometric.result(effect.session))
        raise TypeError(f"no performer for {type(effect).__name__}")


async def glanced(asking: Coroutine[Any, Any, T]) -> T:
    """A look at an upstream is part of a turn, and a turn must be saved within five seconds of its reading."""
    try:
        async with asyncio.timeout(GLANCE_SECONDS):
            return await asking
    except TimeoutError:
        raise Unavailable from None
