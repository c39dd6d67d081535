"""The words that every floor shares: what comes in, what a step answers, what is stored between turns.

*Stored* things (`Session`, `Facts`, `State`, `Reply`) are frozen pydantic models that refuse unknown fields, because
they come back from Redis. What lives only inside one turn (`Input`, `Outcome`) is a frozen dataclass.
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from flows.effects import Effect
from flows.errors import FlowError
from flows.identifiers import Identifier
from flows.texts import Text

T = TypeVar("T")
Script = Generator[Effect[Any], Any, T]
"""A step inside a turn: yields effects, receives their results, returns `T`. It does no I/O itself."""


class Stored(BaseModel):
    """Base of everything that rests in Redis: frozen, closed, and silent about its values in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class State(Stored):
    """Base of a step's own memory between turns."""


class Options(BaseModel):
    """Base of a step's options in its configuration stanza."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Proof(Stored):
    """One thing the person has proven in this dialogue: by which method and when (Unix seconds)."""

    method: str
    at: float


class Facts(Stored):
    """What a dialogue knows so far. A step's `needs` and `gives` name fields of this model.

    `client` is our own id of the bank's client; it stays None for somebody we do not know, in a channel that does not
    say so (a decoy): every question is asked as usual, and no answer satisfies it.
    """

    reveal_unknown: bool = False
    language: str = "ru"
    country: str = "TJ"
    names: tuple[Identifier, ...] = Field(default=(), repr=False)
    client: str | None = Field(default=None, repr=False)
    phone: str | None = Field(default=None, repr=False)
    email: str | None = Field(default=None, repr=False)
    has_secret_word: bool = True
    has_birth_date: bool = True
    proofs: tuple[Proof, ...] = ()


@dataclass(frozen=True, slots=True)
class Typed:
    """Text that the person typed."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Again:
    """The person, or the chat server, asks for the question once more."""


@dataclass(frozen=True, slots=True)
class Happened:
    """What that step posted could not be done."""

    step: str
    failed: FlowError


@dataclass(frozen=True, slots=True)
class Wake:
    """The time that the step asked to be woken at has come."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """The person wants to stop."""


Input = Typed | Again | Happened | Wake | Cancel


class Expects(Stored):
    """What kind of answer a question wants; `pattern` reads alike in Java, JavaScript and Python."""

    kind: Literal["text", "code", "date", "nothing"] = "text"
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the person. `tries` bounds the wrong answers (0: answers are not counted); `post` is done after the save.

    With an `error` the question stands, but for now that is what the person is told. `if_limited` is what to say when
    `post` goes over the send budget.
    """

    text: Text
    state: State
    expects: Expects = field(default_factory=Expects)
    tries: int = 0
    post: tuple[Effect[None], ...] = ()
    error: FlowError | None = None
    if_limited: FlowError | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to ask yet: look again at `until` (Unix seconds)."""

    text: Text
    state: State
    until: float
    post: tuple[Effect[None], ...] = ()


@dataclass(frozen=True, slots=True)
class Pass:
    """The step is satisfied; `facts` replaces what was known. Never leaves the machine."""

    facts: Facts


@dataclass(frozen=True, slots=True)
class Refuse:
    """Not so: say why and stay at the question."""

    error: FlowError


@dataclass(frozen=True, slots=True)
class Stop:
    """Not so, and the dialogue is over."""

    error: FlowError


@dataclass(frozen=True, slots=True)
class Done:
    """Everything required is proven."""


Outcome = Ask | Wait | Pass | Refuse | Stop | Done
Ending = Outcome | Script[Outcome]
"""What a step's methods return: the outcome outright, or a script that ends in it."""


class Reply(Stored):
    """What a front shows. `error` is the code of a `FlowError`; the token of `done` is derived, never stored."""

    kind: Literal["ask", "wait", "refuse", "stop", "done"]
    text: Text | None = None
    expects: Expects = Field(default_factory=Expects)
    error: str | None = None


class Session(Stored):
    """One dialogue between two turns. `step` is the *name* of the current step, `state` its own `State` as JSON."""

    sid: str
    flow: str
    plan: str
    channel: str
    step: str
    state: str = Field(repr=False)
    facts: Facts
    reply: Reply
    tries: int = 0
    over: bool = False


O = TypeVar("O", bound=Options)  # noqa: E741 - the field's letter for options
S = TypeVar("S", bound=State)


class Step(Generic[S, O]):
    """One kind of step: what it remembers, what its stanza may say, what it needs, what it gives.

    A file in `flows/steps/` defines one subclass and names it `STEP`. An instance is bound to one place in one flow;
    `name` is unique within the flow, `kind` is the file's name.
    """

    kind: ClassVar[str]
    state_type: type[S]
    options_type: type[O]
    needs: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, name: str, options: O) -> None:
        self.name = name
        self.options = options

    def enter(self, facts: Facts, now: float) -> Ending:
        """Begin the step: ask, or pass silently."""
        raise NotImplementedError

    def answer(self, state: S, given: Input, facts: Facts, now: float) -> Ending:
        """Take what came in while the step was asking. `now` is Unix seconds of the store's clock."""
        raise NotImplementedError


AnyStep = Step[Any, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked flow; see `plan.py`. `digest` changes with any change of its configuration."""

    name: str
    digest: str
    steps: tuple[AnyStep, ...]
