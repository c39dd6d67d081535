"""What goes into the store's scripts and what comes out of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from flows.effects import Note
from flows.errors import AttemptsSpent
from flows.model import Reply, Session

Queue = Literal["wakes", "talks", "shows", "uploads", "tells"]
"""Who works what is due: the Search API its sends; the bot what it hears, shows, the uploads, the callbacks."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What `take` found. `nth` is the number of the counted attempt; of a pair, the ms that it stays locked.

    `wait` is ms until the next send, or until the lock's end.
    """

    verdict: Literal["ok", "live", "none", "repeat", "unknown", "spent", "foreign", "locked"]
    now: float
    sid: str = ""
    rev: int = 0
    session: Session | None = None
    step_id: str = ""
    nth: int = 0
    tries: int = 0
    wait: int = 0
    pair: str = ""
    subject: str = ""
    guard: str = ""


@dataclass(frozen=True, slots=True)
class Admitted:
    """`verdict` limit: `layer` says which; `down` are the gateways known to be down."""

    verdict: Literal["ok", "limit", "audit"]
    now: float
    wait: int
    layer: str = ""
    down: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Posting:
    """A posted effect on its way into the store: sealed JSON, done `delay` ms after the save by who works its queue.

    With `keep` (ms) it rests by itself for that long, past the end of its dialogue.
    """

    id: str
    sealed: bytes = field(repr=False)
    delay: int = 0
    queue: Queue = "wakes"
    keep: int = 0


@dataclass(slots=True)
class Move:
    """One change of a dialogue; see `lua/move.lua`. `rev` None writes only the verdict and the audit entries.

    `at` is when the dialogue was read (Unix seconds); `kind` is the kind of the step that it comes to. `paper` is the
    page and the id of an upload, which a chat has not many of. `chosen`: what a person has, and the chat remembers,
    `language` or `way`. `show`: the chat that is to see the reply. `cause`: the
    wake in our hands that all this comes of; it is done with in the same script.
    """

    shard: int
    sid: str
    pair: str
    subject: str
    channel: str
    guard: str = ""
    kind: str = ""
    at: float = 0
    rev: int | None = None
    was: str = ""
    who: str = ""
    session: Session | None = None
    step_id: str = ""
    previous: str | None = None
    answer: str = ""
    attempt: str = ""
    verdict: str = "none"
    send: str | None = None
    paper: tuple[str, str] | None = None
    post: Sequence[Posting] = ()
    wake: float | None = None
    queue: Queue = "wakes"
    show: str | None = None
    chosen: Mapping[str, str] = field(default_factory=dict)
    cause: "Leased | None" = None
    token: str | None = None
    card: bytes = field(default=b"", repr=False)
    notes: Sequence[Note] = ()


@dataclass(frozen=True, slots=True)
class Leased:
    """A due wake in our hands, since `at` (Unix seconds, of Redis' clock) and for `length` ms.

    `job` is "" when the step only wants to look again.
    """

    shard: int
    lease: str
    sid: str
    job: str
    sealed: bytes = field(repr=False)
    nth: int = 0
    queue: Queue = "wakes"
    length: int = 0
    at: float = 0


def as_todo(move: Move) -> dict[str, Any]:
    """Absent keys stand for None: cjson reads null as something true."""
    todo = {
        "sid": move.sid,
        "rev": move.rev,
        "was": move.was,
        "pair": move.pair,
        "subject": move.subject,
        "guard": move.guard,
        "kind": move.kind,
        "at": int(move.at * 1000),
        "channel": move.channel,
        "who": move.who,
        "step": move.step_id,
        "prev": move.previous,
        "answer": move.answer,
        "tries": move.session.tries if move.session else None,
        "over": _over(move.session.reply) if move.session else "0",
        "attempt": move.attempt,
        "verdict": move.verdict,
        "send": move.send,
        "post": [{"id": p.id, "delay": p.delay, "queue": p.queue, "keep": p.keep} for p in move.post],
        "paper": {"page": move.paper[0], "id": move.paper[1]} if move.paper else None,
        "wake": int(move.wake * 1000) if move.wake else None,
        "queue": move.queue,
        "show": move.show,
        "chosen": move.chosen,
        "cause": _cause(move.cause) if move.cause else None,
        "token": move.token,
        "audit": [(note.event, note.fields) for note in move.notes],
    }
    return {key: value for key, value in todo.items() if value is not None}


def _cause(wake: Leased) -> dict[str, str]:
    return {"sid": wake.sid, "job": wake.job, "lease": wake.lease, "queue": wake.queue}


def _over(reply: Reply) -> str:
    """How a dialogue is over, "0" when it is not: a later call is told that its attempts are spent only if they are."""
    if reply.kind == "stop":
        return "stopped" if reply.error == AttemptsSpent.code else "ended"
    return "done" if reply.kind == "done" else "0"
