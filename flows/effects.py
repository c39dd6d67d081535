"""What a step may wish for. An effect is data; `service.py` performs it and hands back the result.

Two ways: `yield` it (through `perform`) when the step needs the answer now, or put it into an outcome's `post` when it
must be saved before it is done (a message, an upload): then a wake carries it out after the save, once.
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from flows.identifiers import Identifier

R = TypeVar("R")


class Effect(Generic[R]):
    """A wish whose result is an `R`."""

    __slots__ = ()


def perform(effect: Effect[R]) -> Generator[Effect[Any], Any, R]:
    """Yield one effect and return its result, typed."""
    result: R = yield effect
    return result


@dataclass(frozen=True, slots=True)
class Found:
    """What the records know of a client, as far as a dialogue needs it."""

    client: str
    phone: str | None = field(repr=False)
    email: str | None = field(repr=False)
    has_secret_word: bool
    has_birth_date: bool


@dataclass(frozen=True, slots=True)
class FindClient(Effect[Found | None]):
    """Look a client up under the first of these names that is known."""

    names: tuple[Identifier, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class SendCode(Effect[None]):
    """Send the step's one-time code; posted. `client` None is a decoy: the same work, and nothing is sent."""

    step: str
    channels: tuple[str, ...]
    phone: str | None = field(repr=False)
    email: str | None = field(repr=False)
    language: str
    client: str | None = field(repr=False)
    digits: int


@dataclass(frozen=True, slots=True)
class AllDown(Effect[bool]):
    """Is every one of these delivery channels known to be down?"""

    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckCode(Effect[bool]):
    """Is this the one-time code of that step of this session?"""

    step: str
    digits: int
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class MatchWord(Effect[bool]):
    """Is this the client's secret word? The same time for a decoy (`client` None)."""

    client: str | None = field(repr=False)
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class MatchBirthDate(Effect[bool]):
    """Was the client born on that day (ISO 8601)?"""

    client: str | None = field(repr=False)
    day: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Note(Effect[None]):
    """An audit event of this turn. It is written in the same script as the session."""

    event: str
    fields: dict[str, str | int | bool]
