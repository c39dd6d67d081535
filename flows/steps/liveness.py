"""The person is alive, and the one on the photo: on a page of ours, in biometric.kz's widget (protocols.md 3).

The question is a link. What comes back through it says where the person is and nothing of the verdict, which is asked
for by wakes: often once the widget has said that it is over, now and then before, in case it never does.

    opening ──session──▶ ready ──page opened──▶ running ──finished──▶ checking ──▶ passed
       ▲                                           │                      │
       └───── again, or the link opened anew ──────┴── failed, too late ──┘     after `tries` failures: to a person
"""

from typing import Literal

from pydantic import Field

from flows.effects import LivenessResult, Note, OpenLiveness, perform
from flows.errors import FlowError, Refused, Unavailable, Unexpected
from flows.model import (
    Again,
    Ask,
    Door,
    Expects,
    Facts,
    Happened,
    Input,
    Options,
    Outcome,
    Pass,
    Refuse,
    Returned,
    Script,
    State,
    Step,
    Stop,
    Typed,
    Wait,
    Wake,
)
from flows.papers import LivenessSession, Verdict
from flows.texts import Text

PAGE = "liveness"
FIRST, THEN, HOSTED, WATCHING = 5.0, 3.0, 5.0, 15.0
"""Seconds until the result is looked at: after the widget's end, then each time; while the person is on biometric.kz's
own page, which tells nobody when it is over; and before any end was told.
"""
NUDGED, SOON = 1.0, 0.1
"""Seconds between two looks, however often we are told that there might be something to see; and until such a look."""
SLOW_AFTER = 20
SESSIONS, OPENINGS = 3, 9
"""For each try, how many sessions, and how often one is asked for: a camera that fails costs no try, and a session that
could not be had is none, but neither is for ever.
"""
LINKS = 100
"""Times that the page is opened anew in one dialogue."""
TROUBLES = ("denied", "no_camera", "busy", "black", "frozen", "script", "start", "silent", "unsupported")


class LivenessWanted(FlowError):
    code, key, status = "1036", "error.liveness_wanted", 409


class LivenessFailed(FlowError):
    """biometric.kz says no, or not all that we require has passed; `because` is the key of its sentence."""

    code, key, status = "1037", "liveness.reason.unknown", 422

    def __init__(self, because: str = "") -> None:
        super().__init__()
        if because:
            self.key = because


class LivenessSpent(FlowError):
    """Enough tries; a person at the bank must look."""

    code, key, status, final = "1038", "error.liveness_spent", 403, True


class LivenessLate(FlowError):
    """No verdict within `patience`, or the session went past its time. Costs no try."""

    code, key, status = "2005", "error.liveness_late", 503


class LivenessOptions(Options):
    photo: Literal["none", "front", "selfie"] = Field(default="selfie", description="what the face is compared with")
    edocument: Literal["none", "fill", "fixed"] = Field(
        default="none", description="give phone and IIN to the e-document's form; fixed: they cannot be changed there"
    )
    interchangeable: tuple[str, ...] = Field(default=(), description="technologies that may stand for each other")
    tries: int = Field(default=3, ge=1, le=5)
    limit: int = Field(default=600, ge=60, le=1800, description="seconds that a session serves")
    patience: int = Field(default=120, ge=30, le=600, description="seconds until a verdict is given up")


class LivenessState(State):
    """`links` that were used: the next one is the only one that serves. `device`: the digest of what the browser that
    came last holds. `openings`: sessions asked for, `sessions`: those that were had.

    Unix seconds: `since` the session was asked for, then had, then its page opened; `ended`: so the widget said;
    `looked`, and `due` to look again. `code` and `because` are those of what it `failed` with.
    """

    phase: Literal["opening", "ready", "running", "checking", "failed"] = "opening"
    session: str = Field(default="", repr=False)
    openings: int = 1
    sessions: int = 0
    links: int = 0
    device: str = Field(default="", repr=False)
    since: float = 0
    ended: float = 0
    looked: float = 0
    due: float = 0
    hosted: bool = False
    trouble: str = ""
    failures: int = 0
    code: str = ""
    because: str = ""


class Liveness(Step[LivenessState, LivenessOptions]):
    kind = "liveness"
    state_type = LivenessState
    options_type = LivenessOptions
    gives = frozenset({"alive"})

    def enter(self, facts: Facts, now: float) -> Outcome:
        state = LivenessState(since=now)
        return self._stand(state, facts, now, post=(self._opening(state, facts),))

    def answer(self, state: LivenessState, given: Input, facts: Facts, now: float) -> Script[Outcome]:
        under_way = state.phase in ("ready", "running", "checking")
        if isinstance(given, Returned):
            return (yield from self._returned(state, given, facts, now))
        if isinstance(given, Happened):
            return self._opened(state, given, facts, now)
        if isinstance(given, Typed) and not facts.visit and under_way and now - state.looked >= NUDGED:
            return (yield from self._look(state, facts, now))  # a chat server's client says that they are back
        if isinstance(given, Wake):
            return (yield from self._woken(state.model_copy(update={"due": 0}), facts, now))
        return self._stand(state, facts, now) if isinstance(given, Again) else Refuse(LivenessWanted())

    def _opening(self, state: LivenessState, facts: Facts) -> OpenLiveness:
        visit = facts.visit
        photo = visit.photos.get(self.options.photo) if visit else None
        filled = self.options.edocument != "none"
        return OpenLiveness(
            self.name,
            state.openings,
            photo.ref if photo else "",
            facts.phone if filled else None,
            visit.reading.tax_number if filled and visit else None,
            changeable=self.options.edocument != "fixed",
            interchangeable=self.options.interchangeable,
        )

    def _opened(self, state: LivenessState, given: Happened, facts: Facts, now: float) -> Outcome:
        """The session that was asked for last; on the page somebody may be waiting for it."""
        if not given.about and state.phase in ("opening", "running", "checking"):  # whoever looked has died of it
            return self._failed(state, Unavailable(), facts, now)
        if state.phase != "opening" or given.about != str(state.openings):
            return self._stand(state, facts, now)
        if not isinstance(given.result, LivenessSession):
            return self._failed(state, Unavailable(), facts, now)
        phase = "running" if state.device else "ready"
        update = {"session": given.result.id, "sessions": state.sessions + 1, "since": now, "phase": phase}
        return self._stand(state.model_copy(update=update), facts, now)

    def _woken(self, state: LivenessState, facts: Facts, now: float) -> Script[Outcome]:
        if state.phase in ("running", "checking"):
            return (yield from self._look(state, facts, now))
        if state.phase == "opening" and now - state.since >= self.options.patience:
            return self._failed(state, Unavailable(), facts, now)
        return self._stand(state, facts, now)

    def _returned(self, state: LivenessState, given: Returned, facts: Facts, now: float) -> Script[Outcome]:
        """What is not for the device that came last, or by no link that still serves, changes nothing."""
        event, device = given.params.get("event"), given.params.get("device", "")
        if event == "nudge" and state.phase in ("running", "checking") and now - state.looked >= NUDGED:
            return self._stand(state.model_copy(update={"due": min(state.due, now + SOON)}), facts, now)
        serves = state.links < LINKS and (given.number == state.links + 1 or bool(given.params.get("launched")))
        if event == "open" and serves:
            yield Note("liveness_opened", {"link": state.links + 1})
            update: dict[str, object] = {"links": state.links + 1, "device": device, "trouble": "", "hosted": False}
            if state.phase == "ready":  # however long the link has lain there
                update |= {"phase": "running", "since": now}
            state = state.model_copy(update=update)
            return self._anew(state, facts, now) if state.phase == "failed" else self._stand(state, facts, now)
        if event == "again" and device and device == state.device and state.phase in ("running", "failed"):
            return self._anew(state, facts, now)
        if device and device == state.device and state.phase == "running":
            state = yield from self._told(state, event, given.params.get("what", ""), now)
        return self._stand(state, facts, now)

    @staticmethod
    def _told(state: LivenessState, event: str | None, what: str, now: float) -> Script[LivenessState]:
        """How it goes on the page. What it has told before changes nothing."""
        update: dict[str, object] = {}
        if event == "finish":
            update = {"phase": "checking", "ended": now, "due": 0}
        elif event == "hosted" and not state.hosted:
            update = {"hosted": True, "due": 0}
        elif event == "trouble" and what in TROUBLES and what != state.trouble:
            yield Note("liveness_trouble", {"what": what})
            update = {"trouble": what}
        return state.model_copy(update=update)

    def _anew(self, state: LivenessState, facts: Facts, now: float) -> Outcome:
        """Another session: each serves once."""
        tries = self.options.tries
        if state.sessions >= SESSIONS * tries or state.openings >= OPENINGS * tries:
            return Stop(LivenessSpent())
        kept = state.model_dump(include={"sessions", "links", "device", "failures"})
        fresh = LivenessState(**kept, openings=state.openings + 1, since=now)
        return self._stand(fresh, facts, now, post=(self._opening(fresh, facts),))

    def _look(self, state: LivenessState, facts: Facts, now: float) -> Script[Outcome]:
        verdict, state = Verdict(status="running"), state.model_copy(update={"looked": now})
        try:
            verdict = yield from perform(LivenessResult(state.session))
        except (Unavailable, Unexpected):
            pass  # looked at again, until the limit
        except Refused:
            return self._failed(state, LivenessLate(), facts, now)  # their time for it is over
        if verdict.status == "running":
            late = state.ended and now - state.ended >= self.options.patience
            if late or now - state.since >= self.options.limit:
                return self._failed(state, LivenessLate(), facts, now)
            return self._stand(state, facts, now)
        yield Note("liveness_checked", {"ok": verdict.status == "passed"})
        if verdict.status == "failed" or not (facts.visit or facts.client):  # a decoy passes nothing
            too_late = verdict.reasons[:1] == ("expired",)
            return self._failed(state, LivenessLate() if too_late else LivenessFailed(verdict.because), facts, now)
        if _is_another(verdict, facts):
            return self._failed(state, LivenessFailed("liveness.reason.mismatch"), facts, now)
        return Pass(facts.proven(self.name, now, _found(verdict)))

    def _failed(self, state: LivenessState, failed: FlowError, facts: Facts, now: float) -> Outcome:
        """Only biometric.kz's own no costs a try."""
        failures = state.failures + isinstance(failed, LivenessFailed)
        if failures >= self.options.tries:
            return Stop(LivenessSpent())
        update = {"phase": "failed", "failures": failures, "code": failed.code, "because": failed.key}
        return self._stand(state.model_copy(update=update), facts, now)

    def _stand(self, state: LivenessState, facts: Facts, now: float, post: tuple[OpenLiveness, ...] = ()) -> Ask | Wait:
        """What the chat shows: the link, or once it was opened where the person is, and a link for another device.

        A look that is due stays due, whatever is said meanwhile.
        """
        door = Door(page=PAGE, number=state.links + 1, inside=True)
        text = Text(key="liveness.ask" if facts.visit else "liveness.ask_there")
        if state.phase == "failed" or not state.device:
            state = state.model_copy(update={"due": 0})
            return Ask(text, state, Expects(kind="link", door=door), error=_error(state), post=post)
        text = _progress(state, now) if facts.visit else text
        due = state.due or now + self._pause(state)
        return Wait(text, state.model_copy(update={"due": due}), due, post, door=door)

    def _pause(self, state: LivenessState) -> float:
        if state.phase == "checking":
            return THEN if state.looked > state.ended else FIRST
        return HOSTED if state.hosted else WATCHING


def _progress(state: LivenessState, now: float) -> Text:
    if state.phase != "checking":
        return Text(key=f"liveness.trouble.{state.trouble}" if state.trouble else "liveness.running")
    passed = int(now - state.ended) // 5 * 5
    return (
        Text(key="liveness.slow", params={"seconds": passed}) if passed >= SLOW_AFTER else Text(key="liveness.checking")
    )


def _error(state: LivenessState) -> FlowError | None:
    """Why there is another question, as long as it stands."""
    if state.phase != "failed":
        return None
    known: dict[str, FlowError] = {Unavailable.code: Unavailable(), LivenessLate.code: LivenessLate()}
    return known.get(state.code) or LivenessFailed(state.because)


def _is_another(verdict: Verdict, facts: Facts) -> bool:
    """The e-document is somebody else's: another IIN than the one that was read off the paper."""
    known = facts.visit.reading.tax_number if facts.visit else None
    return bool(verdict.iin and known and len(known) == len(verdict.iin) and known != verdict.iin)


def _found(verdict: Verdict) -> dict[str, str]:
    """Which technologies passed, and how sure they were (0 to 1)."""
    return {
        one.word: "passed" if one.prediction is None else f"{one.prediction:.4f}"
        for one in verdict.technologies
        if one.result
    }


STEP = Liveness
