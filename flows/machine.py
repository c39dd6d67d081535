"""How a session moves.

Two rules. Everything that changes a session's step, state or facts lives in this file. And this file knows no concrete
step: it drives whatever plan it is given.

A turn is a generator, like the steps inside it: it yields effects and is handed their results, so it does no I/O, has
no clock, and a test can drive it in ten lines. Audit notes are gathered on the way and never leave as effects.

A session is over in two ways: `done` (everything proven) and `stopped` (refused for good). An ended session accepts
nothing; the store turns calls on it away before they reach this file, and `advance` refuses once more.
"""

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import ValidationError

from flows.effects import Effect, Note
from flows.errors import AttemptsSpent, FlowError, StepUnknown
from flows.model import (
    Ask,
    Done,
    Ending,
    Facts,
    Input,
    Outcome,
    Pass,
    Plan,
    Refuse,
    Reply,
    Script,
    Session,
    State,
    Stop,
    Wait,
)

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
    wake: float | None = None
    notes: tuple[Note, ...] = ()


def begin(plan: Plan, sid: str, channel: str, facts: Facts, now: float) -> Script[Turn]:
    """Start a dialogue at the first step of the plan."""
    blank = Session(
        sid=sid,
        flow=plan.name,
        plan=plan.digest,
        channel=channel,
        step="",
        state="{}",
        facts=facts,
        reply=Reply(kind="wait"),
    )
    notes: list[Note] = []
    turn = yield from _arrive(plan, blank, 0, now, notes)
    return _closed(turn, notes)


def advance(plan: Plan, session: Session, given: Input, now: float, nth: int) -> Script[Turn]:
    """Hand what came in to the current step. `nth` is the number of this attempt at it, counted before the call."""
    index = next((i for i, step in enumerate(plan.steps) if step.name == session.step), None)
    if index is None or session.plan != plan.digest or session.over:
        raise StepUnknown
    step = plan.steps[index]
    notes: list[Note] = []
    try:
        state: State = step.state_type.model_validate_json(session.state)
    except ValidationError:
        raise StepUnknown from None
    outcome = yield from _gathering(step.answer(state, given, session.facts, now), notes)
    if isinstance(outcome, Pass):
        passed = session.model_copy(update={"facts": outcome.facts})
        turn = yield from _arrive(plan, passed, index + 1, now, notes)
        return _closed(turn, notes, verdict="right")
    if isinstance(outcome, Refuse) and outcome.error.counts and 0 < session.tries <= nth:
        notes.append(Note("step_locked", {"step": step.name}))
        outcome = Stop(AttemptsSpent())
    return _closed(_stayed(session, outcome), notes)


def _arrive(plan: Plan, session: Session, index: int, now: float, notes: list[Note]) -> Script[Turn]:
    """Enter the step at `index`, and the next ones as long as they pass in silence."""
    for step in plan.steps[index:]:
        outcome = yield from _gathering(step.enter(session.facts, now), notes)
        session = session.model_copy(update={"step": step.name})
        if not isinstance(outcome, Pass):
            if not isinstance(outcome, Stop):
                notes.append(Note("step_started", {"step": step.name}))
            turn = _stayed(session, outcome)
            return Turn(turn.session, moved=True, verdict="none", error=turn.error, post=turn.post, wake=turn.wake)
        session = session.model_copy(update={"facts": outcome.facts})
    turn = _stayed(session, Done())
    return Turn(turn.session, moved=True, verdict="none")


def _stayed(session: Session, outcome: Outcome) -> Turn:
    match outcome:
        case Ask():
            reply = Reply(
                kind="refuse" if outcome.error else "ask",
                text=outcome.text,
                expects=outcome.expects,
                error=outcome.error.code if outcome.error else None,
            )
            saved = _with(session, reply, outcome.state, outcome.tries)
            return Turn(saved, moved=False, verdict="void", error=outcome.error, post=outcome.post)
        case Wait():
            saved = _with(session, Reply(kind="wait", text=outcome.text), outcome.state, 0)
            return Turn(saved, moved=False, verdict="void", post=outcome.post, wake=outcome.until)
        case Refuse():
            return Turn(session, moved=False, verdict="wrong" if outcome.error.counts else "void", error=outcome.error)
        case Stop():
            over = session.model_copy(update={"over": True, "reply": Reply(kind="stop", error=outcome.error.code)})
            return Turn(over, moved=False, verdict="wrong" if outcome.error.counts else "void", error=outcome.error)
        case Done():
            over = session.model_copy(update={"over": True, "tries": 0, "reply": Reply(kind="done")})
            return Turn(over, moved=False, verdict="none")
        case Pass():
            raise TypeError("Pass never leaves the machine")


def _with(session: Session, reply: Reply, state: State, tries: int) -> Session:
    return session.model_copy(update={"reply": reply, "state": state.model_dump_json(), "tries": tries})


def _closed(turn: Turn, notes: list[Note], verdict: Verdict | None = None) -> Turn:
    return replace(turn, verdict=verdict or turn.verdict, notes=(*turn.notes, *notes))


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
