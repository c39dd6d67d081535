"""The words that every floor shares: what comes in, what a step answers, what is stored between turns.

*Stored* things (`Session`, `Facts`, `State`, `Reply`) are frozen pydantic models that refuse unknown fields, because
they come back from Redis. What lives only inside one turn (`Input`, `Outcome`) is a frozen dataclass.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from flows.effects import Effect
from flows.errors import FlowError
from flows.identifiers import Identifier
from flows.papers import Link, Login, Proof, Reading
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


Purpose = Literal["identify", "word", "erase"]
"""What a person came to a chat for; a step belongs to one purpose or several."""


class Photo(Stored):
    """Where a photo lies at the chat's server: a reference, never the bytes. `unique` stays when it is sent again."""

    ref: str = Field(repr=False)
    unique: str = Field(repr=False)


class Visit(Stored):
    """What a dialogue in a chat knows besides: who writes there, what for, and how far the papers are.

    `user` is the chat's own number of the person; `way` is the flow they go through, "" while there is but one or they
    have not said. `photos` are those that Humo has accepted, by their page. `litter`
    are the numbers of the person's messages that hold photos, `whispered` of those that hold a secret word.
    """

    user: str = Field(repr=False)
    username: str | None = Field(default=None, repr=False)
    purpose: Purpose = "identify"
    way: str = ""
    key: str | None = Field(default=None, repr=False)
    link: Link | None = None
    document: str = ""
    types_tax_number: bool = False
    tax_number: str | None = Field(default=None, repr=False)
    login: Login | None = None
    reading: Reading = Reading()
    photos: dict[str, Photo] = Field(default_factory=dict)
    home_page: str | None = Field(default=None, repr=False)
    litter: tuple[int, ...] = ()
    whispered: tuple[int, ...] = ()


class Facts(Stored):
    """What a dialogue knows so far. A step's `needs` and `gives` name what it stands on and what it adds.

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
    chat: str | None = Field(default=None, repr=False)
    has_secret_word: bool = True
    has_birth_date: bool = True
    proofs: tuple[Proof, ...] = ()
    visit: Visit | None = None

    def proven(self, method: str, now: float, details: dict[str, str] | None = None) -> "Facts":
        return self.model_copy(update={"proofs": (*self.proofs, Proof(method=method, at=now, details=details or {}))})

    def visiting(self, **update: Any) -> "Facts":
        """The same, with that changed about the visit."""
        return self.model_copy(update={"visit": self.there.model_copy(update=update)})

    @property
    def there(self) -> Visit:
        """The visit of a dialogue that is known to be one; a step that needs it has it."""
        if self.visit is None:
            raise TypeError("not a dialogue in a chat")
        return self.visit


@dataclass(frozen=True, slots=True)
class Typed:
    """Text that the person typed."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The choice that the person made, by its id."""

    id: str


@dataclass(frozen=True, slots=True)
class Shared:
    """A contact. `own`: the chat's server vouches that it is the sender's, and it was not forwarded."""

    phone: str = field(repr=False)
    own: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """A photo."""

    photo: Photo


@dataclass(frozen=True, slots=True)
class Other:
    """Something that no step asks for: a voice message, a sticker, a place."""


@dataclass(frozen=True, slots=True)
class Speak:
    """From now on in that language. Changes nothing else."""

    language: str


@dataclass(frozen=True, slots=True)
class Again:
    """The person, or the chat server, asks for the question once more."""


@dataclass(frozen=True, slots=True)
class Happened:
    """What became of what that step posted: `result`, or why it could not be done; `about` tells one from another."""

    step: str
    about: str = field(default="", repr=False)
    failed: FlowError | None = None
    result: object = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Returned:
    """Somebody came back through the step's door, by its link of that `number`, and brought this."""

    number: int
    params: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Wake:
    """The time that the step asked to be woken at has come."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """The person wants to stop."""


Input = Typed | Chosen | Shared | Sent | Other | Speak | Again | Happened | Returned | Wake | Cancel


class Option(Stored):
    """One of the choices of a question."""

    id: str
    text: Text


class Door(Stored):
    """A page of ours, and the number of the link that leads there: each serves once.

    `inside`: it may be shown inside the chat's own program; else in the person's browser alone.
    """

    page: str
    number: int
    inside: bool = False


class Expects(Stored):
    """What kind of answer a question wants; `pattern` reads alike in Java, JavaScript and Python.

    `choices` and a `door` may stand beside any kind. `secret`: what is answered is not to stay in the chat.
    """

    kind: Literal["text", "code", "date", "choice", "contact", "photo", "link", "nothing"] = "text"
    pattern: str | None = None
    choices: tuple[Option, ...] = ()
    door: Door | None = None
    secret: bool = False


def choice_of(*ids: str) -> Expects:
    """These choices, as the texts name them: `choice.<id>`."""
    return Expects(kind="choice", choices=tuple(Option(id=one, text=Text(key=f"choice.{one}")) for one in ids))


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the person. `tries` bounds the wrong answers (0: answers are not counted); `post` is done after the save.

    With an `error` the question stands, but for now that is what the person is told. `if_limited` is what to say when
    `post` goes over the send budget. `facts`, when given, replaces what was known.
    """

    text: Text
    state: State
    expects: Expects = field(default_factory=Expects)
    tries: int = 0
    post: tuple[Effect[None], ...] = ()
    error: FlowError | None = None
    if_limited: FlowError | None = None
    facts: Facts | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to ask yet: look again at `until` (Unix seconds). `facts`, when given, replaces what was known.

    Meanwhile the person may go through the `door`.
    """

    text: Text
    state: State
    until: float
    post: tuple[Effect[None], ...] = ()
    facts: Facts | None = None
    door: Door | None = None


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
    """What a front shows. `error` is the code of a `FlowError`, `why` its words; the token of `done` is derived, never
    stored.
    """

    kind: Literal["ask", "wait", "refuse", "stop", "done"]
    text: Text | None = None
    expects: Expects = Field(default_factory=Expects)
    error: str | None = None
    why: Text | None = None


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
    visits: ClassVar[bool] = False
    """It stands in a chat's flow alone: it wants a visit."""
    serves: ClassVar[frozenset[Purpose]] = frozenset({"identify"})
    """The purposes of a visit that this step belongs to; its stanza may say otherwise (`purposes = [...]`)."""

    def __init__(self, name: str, options: O, purposes: frozenset[Purpose] | None = None) -> None:
        self.name = name
        self.options = options
        self.purposes = purposes or self.serves

    def enter(self, facts: Facts, now: float) -> Ending:
        """Begin the step: ask, or pass silently."""
        raise NotImplementedError

    def answer(self, state: S, given: Input, facts: Facts, now: float) -> Ending:
        """Take what came in while the step was asking. `now` is Unix seconds of the store's clock."""
        raise NotImplementedError


AnyStep = Step[Any, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked flow; see `plan.py`. `digest` changes with any change of its configuration.

    `ways` are further flows that a step may lead into, by `Visit.way`: the dialogue goes on at the beginning of that.
    """

    name: str
    digest: str
    steps: tuple[AnyStep, ...]
    ways: tuple["Plan", ...] = ()

    def way(self, name: str) -> "Plan":
        """The flow of that name; this one itself when it is none of the ways."""
        return next((way for way in self.ways if way.name == name), self)

    def all_steps(self) -> tuple[AnyStep, ...]:
        """Its own and those of its ways."""
        return (*self.steps, *(step for way in self.ways for step in way.steps))
