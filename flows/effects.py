"""What a step may wish for. An effect is data; `service.py` performs it and hands back the result.

Two ways: `yield` it (through `perform`) when the step needs the answer now, or put it into an outcome's `post` when it
must be saved before it is done (a message, an upload): then a wake carries it out after the save, once.
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from flows.identifiers import Identifier
from flows.papers import Link, Proof, Reading, Task, Verdict

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
    chat: str | None = field(default=None, repr=False)
    since: int = 0
    """When the client was last identified with papers, in Unix seconds; 0: never."""


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
    chat: str | None = field(default=None, repr=False)


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
class PagesOf(Effect[tuple[str, ...]]):
    """The pages of a document, by its name in `upstream.humo.documents`; of all additional documents for "additional":
    then each as "<document>/<page>".
    """

    document: str


@dataclass(frozen=True, slots=True)
class OpenLink(Effect[None]):
    """Ask Humo what a presign key opens, "" for the bank's own; posted. Happens as a `Link`."""

    step: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Upload(Effect[None]):
    """Fetch a photo, look whether it will do, and hand it to Humo; posted, and never done twice. Happens as `Uploaded`,
    about the photo's `unique`.

    `page` "selfie" goes as a selfie. After `until` (Unix seconds) nobody waits for it any more. `refused` are the
    digests of photos that this page was refused with; `lenient`: do not mind how good it is.
    """

    step: str
    link: Link = field(repr=False)
    document: str
    page: str
    ref: str = field(repr=False)
    unique: str = field(repr=False)
    until: float
    tax_number: str | None = field(default=None, repr=False)
    refused: tuple[str, ...] = ()
    lenient: bool = False


@dataclass(frozen=True, slots=True)
class Uploaded:
    """Humo's task, the photo's digest, and the link when it had to be opened anew."""

    task: str
    digest: str
    link: Link | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class TaskStatus(Effect[Task]):
    """How does Humo's task stand?"""

    link: Link = field(repr=False)
    task: str


@dataclass(frozen=True, slots=True)
class OpenLiveness(Effect[None]):
    """Ask biometric.kz for a session; posted. Happens as a `LivenessSession`, about `nth`: which of the step's it is.

    `ref`: the photo that the face is compared with, "" for none. `phone` and `iin` fill the form of the e-document in,
    and are final when not `changeable`.
    """

    step: str
    nth: int
    ref: str = field(default="", repr=False)
    phone: str | None = field(default=None, repr=False)
    iin: str | None = field(default=None, repr=False)
    changeable: bool = True
    interchangeable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LivenessResult(Effect[Verdict]):
    """How does that session of biometric.kz stand?"""

    session: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LogIn(Effect[None]):
    """Give Aitu Passport the code that somebody has come back with; posted, and never done twice. Happens as a `Login`,
    about `nth`: which of the step's logins it is of.
    """

    step: str
    nth: int
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AskState(Effect[None]):
    """Ask the bank's COID adapter who that is; posted. Happens as a `Citizen`, about `nth`."""

    step: str
    nth: int
    iin: str = field(repr=False)
    request_id: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class EnrolClient(Effect[str]):
    """Write the client with what is proven, and return our id of it. Done twice it changes nothing.

    Fails with `ClientMismatch` when the phone is a client's of whom
    the bank knows another birth date or tax number.
    """

    user: str = field(repr=False)
    username: str | None = field(repr=False)
    phone: str = field(repr=False)
    crmid: str | None = field(repr=False)
    document: str
    reading: Reading = field(repr=False)
    proofs: tuple[Proof, ...]


@dataclass(frozen=True, slots=True)
class WordPrint(Effect[str]):
    """A keyed print of a word, to see whether it is typed the same twice; the word itself rests nowhere."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SetWord(Effect[None]):
    """From now on this is the client's secret word."""

    client: str = field(repr=False)
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class EraseClient(Effect[None]):
    """Destroy what is known of the client, everywhere. Done twice it changes nothing."""

    client: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Note(Effect[None]):
    """An audit event of this turn. It is written in the same script as the session."""

    event: str
    fields: dict[str, str | int | bool]
