"""How a session moves.

Two rules. Everything that changes a session's step, state or facts lives in this file. And this file knows no concrete
step: it drives whatever plan it is given.

A turn is a generator, like the steps inside it: it yields effects and is handed their results, so it does no I/O, has
no clock, and a test can drive it in ten lines. Audit notes are gathered on the way and never leave as effects.

A session is over in two ways: `done` (everything proven) and `stopped` (refused for good). An ended session accepts
nothing; the store turns calls on it away before they reach this file, and `advance` refuses once more.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from flows.effects import Effect, Note
from flows.errors import AttemptsSpent, Cancelled, FlowError, StepUnknown
from flows.model import (
    AnyStep,
    Ask,
    Cancel,
    Done,
    Ending,
    Expects,
    Facts,
    Input,
    Outcome,
    Pass,
    Plan,
    Refuse,
    Reply,
    Script,
    Session,
    Speak,
    State,
    Stop,
    Wait,
)
from flows.texts import Text

Verdict = Literal["none", "right", "wrong", "void"]
"""What became of the counted attempt: passed, compared and wrong, or not compared at all (then it is given back)."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn has come to. `session` is what to save, `moved` says that the question is a new one."""

    session: Session
    moved: bool
    verdict: Verdict
    error: FlowError | None = None
    post: tuple[Effect[None], ...] = ()
    if_limited: FlowError | None = None
    wake: float | None = None
    notes: tuple[Note, ...] = ()


def begin(plan: Plan, sid: str, channel: str, facts: Facts, now: float) -> Script[Turn]:
    """Start a dialogue at the first step of the plan."""
    return (yield from _arrive(plan, blank(plan, sid, channel, facts), 0, facts=facts, now=now, notes=[]))


def blank(plan: Plan, sid: str, channel: str, facts: Facts) -> Session:
    """A dialogue that has come to no step yet."""
    return Session(
        sid=sid,
        flow=plan.name,
        plan=plan.digest,
        channel=channel,
        step="",
        state="{}",
        facts=facts,
        reply=Reply(kind="wait"),
    )


def advance(plan: Plan, session: Session, given: Input, now: float, nth: int) -> Script[Turn]:
    """Hand what came in to the current step. `nth` is the number of this attempt at it, counted before the call."""
    steps = plan.way(session.flow).steps
    index = next((i for i, step in enumerate(steps) if step.name == session.step), None)
    if index is None or session.plan != plan.digest or session.over:
        raise StepUnknown
    step = steps[index]
    notes: list[Note] = []
    try:
        state: State = step.state_type.model_validate_json(session.state)
    except ValidationError:
        raise StepUnknown from None
    if isinstance(given, Speak):
        return _turn({"facts": session.facts.model_copy(update={"language": given.language})}, session, None, notes)
    outcome: Outcome = Stop(Cancelled())
    if not isinstance(given, Cancel):
        outcome = yield from _gathering(step.answer(state, given, session.facts, now), notes)
    if isinstance(outcome, Pass):
        return (yield from _arrive(plan, session, index + 1, facts=outcome.facts, now=now, notes=notes))
    if isinstance(outcome, Refuse) and outcome.error.counts and 0 < session.tries <= nth:
        notes.append(Note("step_locked", {"step": step.name}))
        outcome = Stop(AttemptsSpent())
    return _turn(_change(outcome, session), session, outcome, notes)


def _arrive(plan: Plan, session: Session, index: int, *, facts: Facts, now: float, notes: list[Note]) -> Script[Turn]:
    """Enter the step at `index`, and the next ones as long as they pass in silence; those of another flow from where a
    step leads into it.
    """
    name = session.step
    outcome: Outcome = Done()
    flow = plan.way(session.flow)
    left = flow.steps[index:]
    if index:
        flow, left = _led(plan, flow, left, facts)
    while left:
        step, left = left[0], left[1:]
        if facts.visit and facts.visit.purpose not in step.purposes:
            continue
        name = step.name
        entered = yield from _gathering(step.enter(facts, now), notes)
        if not isinstance(entered, Pass):
            outcome = entered
            break
        facts = entered.facts
        flow, left = _led(plan, flow, left, facts)
    if isinstance(outcome, Ask | Wait):
        notes.append(Note("step_started", {"step": name}))
    change = {"flow": flow.name, "step": name, "facts": facts} | _change(outcome, session)
    return _turn(change, session, outcome, notes, moved="right" if index else "none")


def _led(plan: Plan, flow: Plan, left: tuple[AnyStep, ...], facts: Facts) -> tuple[Plan, tuple[AnyStep, ...]]:
    """The flow that goes on when a step has passed, and what is left of it."""
    wanted = plan.way(facts.visit.way) if facts.visit and facts.visit.way else flow
    return (flow, left) if wanted is flow else (wanted, wanted.steps)


def _turn(
    change: dict[str, object],
    session: Session,
    outcome: Outcome | None,
    notes: list[Note],
    moved: Verdict | None = None,
) -> Turn:
    """The one place where a session becomes another."""
    error = outcome.error if isinstance(outcome, Ask | Refuse | Stop) else None
    verdict: Verdict = "wrong" if error is not None and error.counts else "void"
    return Turn(
        session=session.model_copy(update=change) if change else session,
        moved=moved is not None,
        verdict=moved or verdict,
        error=error,
        post=outcome.post if isinstance(outcome, Ask | Wait) else (),
        if_limited=outcome.if_limited if isinstance(outcome, Ask) else None,
        wake=outcome.until if isinstance(outcome, Wait) else None,
        notes=tuple(notes),
    )


def _change(outcome: Outcome, session: Session) -> dict[str, object]:
    """What an outcome does to the session's fields."""
    match outcome:
        case Ask(text=text, state=state, expects=expects, tries=tries, error=error):
            reply = Reply(kind="refuse" if error else "ask", text=text, expects=expects, **_said(error))
            return {"reply": reply, "state": state.model_dump_json(), "tries": tries, **_known(outcome)}
        case Wait(text=text, state=state, door=door):
            reply = Reply(kind="wait", text=text, expects=Expects(kind="nothing", door=door))
            return {"reply": reply, "state": state.model_dump_json(), "tries": 0, **_known(outcome)}
        case Refuse(error=error) if session.facts.visit:
            # A chat shows what is stored: the refusal, and the question that still stands.
            return {"reply": session.reply.model_copy(update={"kind": "refuse", **_said(error)})}
        case Stop(error=error):
            return {"reply": Reply(kind="stop", **_said(error)), "over": True}
        case Done():
            return {"reply": Reply(kind="done"), "over": True, "tries": 0}
        case _:
            return {}


def _known(outcome: Ask | Wait) -> dict[str, object]:
    return {"facts": outcome.facts} if outcome.facts else {}


def _said(error: FlowError | None) -> dict[str, Any]:
    return {"error": error.code, "why": Text(key=error.key, params=error.params)} if error else {}


def _gathering(script: Ending, notes: list[Note]) -> Script[Outcome]:
    """Drive a step's script; keep its notes, pass its other effects on, throw an upstream's failure into it."""
    if not isinstance(script, Generator):
        return script
    result: Any = None
    error: FlowError | None = None
    while True:
        try:
            effect = script.send(result) if error is None else script.throw(error)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome
        result, error = None, None
        if isinstance(effect, Note):
            notes.append(effect)
            continue
        try:
            result = yield effect
        except FlowError as caught:
            error = caught
