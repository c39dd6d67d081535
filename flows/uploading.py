"""A photo on its way through Humo: asked for, uploaded, checked there, and asked for again when it will not do.

What the steps `document` and `selfie` share. The upload is posted, so it is never done twice; its task is written down
before the first look at it, and looked at by wakes: each second at first, then slower (security.md §7 #23), each photo
in a rhythm of its own.

    asking ──photo──▶ sending ──task──▶ checking ──success──▶ the next page, or passed
       ▲                 │                  │
       └──── refused ────┴───── failure ────┘        after `tries` refusals: to a person at the bank
"""

from hashlib import sha256
from typing import ClassVar, Literal

from pydantic import Field

from flows.effects import Note, TaskStatus, Upload, Uploaded, perform
from flows.errors import FlowError, Refused, StepUnknown, Unavailable, Unexpected
from flows.model import (
    Again,
    Ask,
    Expects,
    Facts,
    Happened,
    Input,
    Options,
    Outcome,
    Pass,
    Photo,
    Refuse,
    Script,
    Sent,
    State,
    Step,
    Stop,
    Wait,
    Wake,
)
from flows.papers import Reading, Task
from flows.texts import Text

POLLS = (1, 1, 1, 2, 2, 3)
SELDOM = 5
"""Seconds until the first looks, and between the later ones."""
JITTER = 0.2
"""The most that a pause is longer than that, as a share of it."""
SLOW_AFTER = 20
"""Seconds after which the person is told that it takes longer than usual."""
FORGETS = 5
LENIENT_AFTER = 2
"""Refusals after which a photo is no longer looked at for its quality."""


class PhotoWanted(FlowError):
    code, key, status = "1015", "error.photo_wanted", 400


class StillChecking(FlowError):
    code, key, status = "1016", "error.still_checking", 409


class PaperRefused(FlowError):
    """Humo could not accept the photo; `reason` is a word of our closed list."""

    code, key, status = "1017", "reason.unknown", 422

    def __init__(self, reason: str = "") -> None:
        super().__init__()
        if reason:
            self.key = f"reason.{reason}"


class PhotoUnfit(FlowError):
    """We have looked at the photo ourselves, and it will not do; `word` says why."""

    code, key, status = "1018", "image.broken", 422

    def __init__(self, word: str = "broken") -> None:
        super().__init__()
        self.key = f"image.{word}"


class SamePhoto(FlowError):
    """This very file was refused before."""

    code, key, status = "1019", "error.same_photo", 422


class PapersSpent(FlowError):
    """Enough tries; a person at the bank must look."""

    code, key, status, final = "1020", "error.papers_spent", 403, True


class Interrupted(FlowError):
    """We were cut off in the middle of the upload: it may have arrived, so it is not sent again by itself."""

    code, key, status = "1021", "error.interrupted", 503


class CheckTimedOut(FlowError):
    """Humo has not come to a result within `limit`."""

    code, key, status = "2004", "error.check_timed_out", 503


class UploadOptions(Options):
    tries: int = Field(default=3, ge=1, le=5)
    limit: int = Field(default=120, ge=30, le=600, description="seconds until a check is given up")


class UploadState(State):
    """`pages` are what is wanted, `at` the one that it is about; `due` is when to look again (Unix seconds).

    `photo` is the one under way, `ref` where it lies, `digest` its content's; `refused` holds the first and the last of
    those that would not do.
    """

    pages: tuple[str, ...]
    at: int = 0
    phase: Literal["asking", "sending", "checking"] = "asking"
    photo: str = Field(default="", repr=False)
    ref: str = Field(default="", repr=False)
    digest: str = ""
    task: str = ""
    since: float = 0
    due: float = 0
    looks: int = 0
    failures: int = 0
    refused: tuple[str, ...] = ()
    spare: tuple[Photo, ...] = ()


class Uploading(Step[UploadState, UploadOptions]):
    """`method` is what the person has proven in the end."""

    visits = True
    state_type = UploadState
    options_type = UploadOptions
    method: ClassVar[str]

    def wanted(self, facts: Facts) -> Script[tuple[str, ...]]:
        """The pages, in order; a page of another document than the chosen one as "<document>/<page>"."""
        raise NotImplementedError

    def question(self, page: str) -> Text:
        raise NotImplementedError

    def enter(self, facts: Facts, now: float) -> Script[Outcome]:
        pages = yield from self.wanted(facts)
        return self._ask(UploadState(pages=pages), facts) if pages else Pass(facts)

    def answer(self, state: UploadState, given: Input, facts: Facts, now: float) -> Script[Outcome]:
        asking = state.phase == "asking"
        if isinstance(given, Sent):
            return self._send(state, given.photo, facts, now) if asking else self._keep(state, given.photo, facts, now)
        if isinstance(given, Happened) and state.phase == "sending" and given.about == state.photo:
            return (yield from self._happened(state, given, facts, now))
        if isinstance(given, Happened) and not asking and not given.about:
            return (yield from self._failed(state, given.failed or Unexpected(), facts))
        if isinstance(given, Wake) and not asking:
            return (yield from self._look(state, facts, now))
        if isinstance(given, Again | Happened | Wake):
            return self._ask(state, facts) if asking else self._wait(state, facts, now, state.due - now)
        return Refuse(PhotoWanted() if asking else StillChecking())

    def _send(self, state: UploadState, photo: Photo, facts: Facts, now: float) -> Outcome:
        link = facts.there.link
        if link is None:
            return Stop(StepUnknown())
        if photo.unique in state.refused:
            return Refuse(SamePhoto())
        document, _, page = state.pages[state.at].rpartition("/")
        upload = Upload(
            self.name,
            link,
            document or facts.there.document,
            page,
            photo.ref,
            photo.unique,
            now + self.options.limit,
            facts.there.tax_number,
            state.refused,
            lenient=state.failures >= LENIENT_AFTER,
        )
        fresh = {"phase": "sending", "since": now, "photo": photo.unique, "ref": photo.ref}
        return self._wait(state.model_copy(update=fresh), facts, now, SELDOM, upload)

    def _keep(self, state: UploadState, photo: Photo, facts: Facts, now: float) -> Outcome:
        """Sent ahead, as in an album: kept for the pages that are still to come."""
        if photo.unique in {state.photo, *(kept.unique for kept in state.spare)}:
            return self._wait(state, facts, now, state.due - now)
        if len(state.pages) - state.at - 1 <= len(state.spare):
            return Refuse(StillChecking())
        return self._wait(state.model_copy(update={"spare": (*state.spare, photo)}), facts, now, state.due - now)

    def _happened(self, state: UploadState, given: Happened, facts: Facts, now: float) -> Script[Outcome]:
        uploaded = given.result
        if not isinstance(uploaded, Uploaded):
            return (yield from self._failed(state, given.failed or Unexpected(), facts))
        yield Note("ocr_submitted", {"page": state.pages[state.at]})
        if uploaded.link:
            facts = facts.visiting(link=uploaded.link)
        update = {"phase": "checking", "task": uploaded.task, "digest": uploaded.digest, "looks": 0}
        checking = state.model_copy(update=update)
        return self._wait(checking, facts, now, self._pause(checking, now, POLLS[0]))

    def _look(self, state: UploadState, facts: Facts, now: float) -> Script[Outcome]:
        link, task = facts.there.link, Task("running")
        if state.phase == "checking" and link:
            try:
                task = yield from perform(TaskStatus(link, state.task))
            except (Unavailable, Unexpected):
                pass  # looked at again, until the limit
            except Refused as refused:
                return (yield from self._failed(state, refused, facts))
        if task.status == "running":
            if now >= state.since + self.options.limit:
                return (yield from self._failed(state, CheckTimedOut(), facts))
            looked = state.model_copy(update={"looks": state.looks + 1})
            often = state.phase == "checking" and looked.looks < len(POLLS)
            return self._wait(looked, facts, now, self._pause(looked, now, POLLS[looked.looks] if often else SELDOM))
        yield Note("ocr_checked", {"page": state.pages[state.at], "ok": task.status == "success"})
        if task.status == "failure":
            return (yield from self._failed(state, PaperRefused(task.reason), facts))
        page, photo = state.pages[state.at], Photo(ref=state.ref, unique=state.photo)
        facts = self.learned(facts, task.reading).visiting(photos=facts.there.photos | {page: photo})
        return self._next(state, facts, now)

    def learned(self, facts: Facts, reading: Reading) -> Facts:
        """What a page has told, laid over what earlier ones did."""
        told = reading.model_dump(exclude_none=True)
        return facts.visiting(reading=facts.there.reading.model_copy(update=told))

    def _next(self, state: UploadState, facts: Facts, now: float) -> Outcome:
        following = UploadState(pages=state.pages, at=state.at + 1, spare=state.spare[1:])
        if following.at == len(following.pages):
            return Pass(facts.proven(self.method, now))
        return self._send(following, state.spare[0], facts, now) if state.spare else self._ask(following, facts)

    def _failed(self, state: UploadState, failed: FlowError, facts: Facts) -> Script[Outcome]:
        """What a photo is to blame for costs a try; what Humo, the network or we are to blame for does not."""
        blamed = isinstance(failed, PaperRefused | PhotoUnfit)
        failures = state.failures + blamed
        if blamed:
            yield Note("page_refused", {"page": state.pages[state.at], "why": failed.key})
        if failures >= self.options.tries:
            return Stop(PapersSpent())
        refused = (*state.refused, state.photo, state.digest) if blamed else state.refused
        again = UploadState(pages=state.pages, at=state.at, failures=failures, refused=refused[-2 * FORGETS :])
        return self._ask(again, facts, Unavailable() if isinstance(failed, Refused) else failed)

    def _ask(self, state: UploadState, facts: Facts, error: FlowError | None = None) -> Ask:
        return Ask(self.question(state.pages[state.at]), state, Expects(kind="photo"), error=error, facts=facts)

    def _pause(self, state: UploadState, now: float, seconds: float) -> float:
        """A little longer, by what chance has made of the photo's name: a step has no dice, and a crowd that sent its
        photos at once is spread. What the person is promised comes on time.
        """
        chance = int.from_bytes(sha256(f"{state.photo} {state.looks}".encode()).digest()[:4]) / 2**32
        pause = seconds * (1 + JITTER * chance)
        promised = (state.since + after - now for after in (SLOW_AFTER, self.options.limit))
        return min((pause, *(rest for rest in promised if rest > 0)))

    def _wait(self, state: UploadState, facts: Facts, now: float, seconds: float, *post: Upload) -> Wait:
        """The person sees how long it has taken, in steps that are worth an edit."""
        passed = int(round(now - state.since, 3)) // SELDOM * SELDOM
        key = "upload.slow" if passed >= SLOW_AFTER else "upload.checking" if passed else "upload.sent"
        params: dict[str, str | int] = {"seconds": passed} if passed else {}
        due = now + max(seconds, 0.1)
        return Wait(Text(key=key, params=params), state.model_copy(update={"due": due}), due, post, facts)
