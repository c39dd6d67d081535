"""Posted effects as they rest in the store: what is to be done after the save, sealed, and how far it is."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from flows.effects import AskState, Effect, LogIn, OpenLink, OpenLiveness, SendCode, Upload
from flows.keys import Keys, Unsealable
from flows.model import Stored
from flows.moves import Move, Posting, Queue
from flows.papers import Link, LivenessSession, Login

HIDDEN_DELAY_MS = (40, 400)
"""In a channel that hides who is a client, sending starts a random while later, so that its work on this machine falls
on the next call of a known and of an unknown client alike."""


class _Job(Stored):
    id: str
    step: str
    channel: str


class SendJob(_Job):
    """A `SendCode` on its way. `started`: the gateways that were begun, written down before each try.

    `decoy`: nobody is behind it, and nothing is sent. `hidden`: the channel hides who is a client.
    """

    kind: Literal["send"] = "send"
    hidden: bool
    gateways: tuple[str, ...]
    phone: str | None = Field(default=None, repr=False)
    email: str | None = Field(default=None, repr=False)
    chat: str | None = Field(default=None, repr=False)
    language: str
    digits: int
    decoy: bool
    guard: str
    started: tuple[str, ...] = ()


class LinkJob(_Job):
    """An `OpenLink` on its way, for that person."""

    kind: Literal["link"] = "link"
    key: str = Field(repr=False)
    user: str = Field(repr=False)


class UploadJob(_Job):
    """An `Upload` on its way. `started`: the request went out, and may have arrived."""

    kind: Literal["upload"] = "upload"
    link: Link
    document: str
    page: str
    ref: str = Field(repr=False)
    unique: str = Field(repr=False)
    until: float
    tax_number: str | None = Field(default=None, repr=False)
    refused: tuple[str, ...] = ()
    lenient: bool = False
    started: bool = False
    tries: int = 0


class LivenessJob(_Job):
    """An `OpenLiveness` on its way. `made`: the session was opened, and is still to be told of."""

    kind: Literal["liveness"] = "liveness"
    nth: int
    ref: str = Field(default="", repr=False)
    phone: str | None = Field(default=None, repr=False)
    iin: str | None = Field(default=None, repr=False)
    changeable: bool = True
    interchangeable: tuple[str, ...] = ()
    made: LivenessSession | None = None


class LoginJob(_Job):
    """A `LogIn` on its way. `started`: the code was given, and may be spent. `made`: what came of it."""

    kind: Literal["login"] = "login"
    nth: int
    code: str = Field(repr=False)
    started: bool = False
    made: Login | None = None


class StateJob(_Job):
    """An `AskState` on its way."""

    kind: Literal["state"] = "state"
    nth: int
    iin: str = Field(repr=False)
    request_id: str = Field(repr=False)


class TellJob(_Job):
    """Humo's callback: who asked us is told that the person is identified."""

    kind: Literal["tell"] = "tell"
    url: str = Field(repr=False)
    key: str = Field(repr=False)
    external_id: str | None = Field(default=None, repr=False)
    at: int
    tries: int = 0


Job = SendJob | LinkJob | UploadJob | LivenessJob | LoginJob | StateJob | TellJob
_ANY: TypeAdapter[Job] = TypeAdapter(Annotated[Job, Field(discriminator="kind")])
QUEUES: dict[str, Queue] = {
    "send": "wakes",
    "link": "uploads",
    "upload": "uploads",
    "liveness": "uploads",
    "login": "uploads",
    "state": "uploads",
    "tell": "tells",
}
"""By kind, as a chat's are worked; of a channel's dialogue all are worked by the Search API."""
_KEEP_MS = {"tell": 24 * 3600 * 1000}


def make(effect: Effect[None], channel: str, *, guard: str = "", hidden: bool = False, user: str = "") -> Job:
    """An effect of a turn as a job."""
    whose = {"id": secrets.token_hex(8), "channel": channel}
    match effect:
        case SendCode():
            return SendJob(
                **whose,
                step=effect.step,
                hidden=hidden,
                gateways=effect.channels,
                phone=effect.phone,
                email=effect.email,
                chat=effect.chat,
                language=effect.language,
                digits=effect.digits,
                decoy=effect.client is None,
                guard=guard,
            )
        case OpenLink():
            return LinkJob(**whose, step=effect.step, key=effect.key, user=user)
        case Upload():
            return UploadJob(
                **whose,
                step=effect.step,
                link=effect.link,
                document=effect.document,
                page=effect.page,
                ref=effect.ref,
                unique=effect.unique,
                until=effect.until,
                tax_number=effect.tax_number,
                refused=effect.refused,
                lenient=effect.lenient,
            )
        case OpenLiveness():
            return LivenessJob(
                **whose,
                step=effect.step,
                nth=effect.nth,
                ref=effect.ref,
                phone=effect.phone,
                iin=effect.iin,
                changeable=effect.changeable,
                interchangeable=effect.interchangeable,
            )
        case LogIn():
            return LoginJob(**whose, step=effect.step, nth=effect.nth, code=effect.code)
        case AskState():
            return StateJob(**whose, step=effect.step, nth=effect.nth, iin=effect.iin, request_id=effect.request_id)
    raise TypeError(f"no performer for {type(effect).__name__}")


def post(move: Move, jobs: Sequence[Job], keys: Keys, queues: Mapping[str, Queue] = QUEUES) -> None:
    """Put the jobs into the move that they are saved with; what is in no queue of these the Search API works."""
    move.post = [_posting(job, move.sid, keys, queues.get(job.kind, "wakes")) for job in jobs]
    for job in jobs:
        if isinstance(job, SendJob):
            move.send = job.id
        elif isinstance(job, UploadJob):
            move.paper = (job.page, job.id)


def _posting(job: Job, sid: str, keys: Keys, queue: Queue) -> Posting:
    low, high = HIDDEN_DELAY_MS
    delay = low + secrets.randbelow(high - low) if isinstance(job, SendJob) and job.hidden else 0
    keep = _KEEP_MS.get(job.kind, 0)
    owner = f"{sid}-{job.id}" if keep else sid
    return Posting(job.id, sealed(job, owner, keys), delay, queue, keep)


def sealed(job: Job, sid: str, keys: Keys) -> bytes:
    return keys.sessions.seal(job.model_dump_json().encode(), f"job:{sid}")


def unsealed(body: bytes, sid: str, keys: Keys) -> Job | None:
    """None when the keys have changed since: then there is nothing that could be done."""
    try:
        return _ANY.validate_json(keys.sessions.unseal(body, f"job:{sid}"))
    except (Unsealable, ValueError):
        return None
