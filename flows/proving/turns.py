"""A state of a proof, and one turn from it: with the counting as the store does it, and errors as the fronts take them.

`take.lua` counts an answer before anybody compares it, `move.lua` gives back what was not compared; `service.py` saves
nothing of a turn that broke off, `conversation.py` saves the refusal.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from flows import machine
from flows.effects import Effect, EnrolClient, FindClient, Found, PagesOf, SendCode
from flows.errors import FlowError
from flows.machine import Turn
from flows.model import (
    AnyStep,
    Chosen,
    Happened,
    Input,
    Other,
    Plan,
    Script,
    Sent,
    Session,
    Shared,
    Speak,
    Typed,
    Wake,
)
from flows.proving.bank import NOTHING, Said, about, answers
from flows.texts import Text

Asked = tuple[Effect[Any], Said]


@dataclass(frozen=True, slots=True)
class Truth:
    """What has truly come about, whatever the session says.

    At the step: `rights` seen of those `needed`, `blames`, whether the code lies `undelivered`, when it was first
    `sent`, whether the last posted effect is still `out`, how often time was let pass. In the dialogue: the steps
    that were `earned` (flow, name, kind), the documents that have no pages, whose dialogue it is.
    """

    rights: int = 0
    needed: int = 1
    blames: int = 0
    undelivered: bool = False
    sent: float = 0
    out: bool = False
    pauses: int = 0
    earned: frozenset[tuple[str, str, str]] = frozenset()
    pageless: frozenset[str] = frozenset()
    client: str | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """`counted` answers stand counted; `due` is the wake; `posted` are this step's last effects, the newest first."""

    session: Session
    now: float
    counted: int = 0
    due: float | None = None
    posted: tuple[Effect[None], ...] = ()
    truth: Truth = Truth()


@dataclass(frozen=True, slots=True)
class Given:
    """An input, and how a dialogue is told of it. `stale`: late, repeated or somebody else's; it may change nothing."""

    input: Input
    told: str
    said: Said = NOTHING
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """One way that a turn can go: what was `asked` and answered, what it came to."""

    turn: Turn
    asked: tuple[Asked, ...]
    saved: bool = True


def runs(script: Callable[[], Script[Turn]], session: Session) -> Iterator[Run]:
    """The turn with each combination of answers to what it asks."""
    waiting: list[tuple[int, ...]] = [()]
    while waiting:
        path = waiting.pop()
        asked, turn, saved = _run(script(), path, session, waiting)
        yield Run(turn, tuple(asked), saved)


def _run(
    script: Script[Turn], path: tuple[int, ...], session: Session, waiting: list[tuple[int, ...]]
) -> tuple[list[Asked], Turn, bool]:
    asked: list[Asked] = []
    result: object = None
    error: FlowError | None = None
    try:
        while True:
            effect = script.send(result) if error is None else script.throw(error)
            choices = answers(effect)
            at = len(asked)
            if at >= len(path):
                waiting += ((*path, *(0,) * (at - len(path)), other) for other in range(1, len(choices)))
            said = choices[path[at] if at < len(path) else 0]
            asked.append((effect, said))
            result, error = said.result, said.failed
    except StopIteration as end:
        turn: Turn = end.value
        return asked, turn, True
    except FlowError as broke:
        return asked, _broken(session, broke), session.facts.visit is not None


def _broken(session: Session, error: FlowError) -> Turn:
    """A refusal that no step has foreseen: the end, or for the time being a reason to try the same again."""
    said: dict[str, Any] = {"error": error.code, "why": Text(key=error.key, params=error.params)}
    change: dict[str, Any] = {"reply": session.reply.model_copy(update={"kind": "refuse", **said})}
    if error.final:
        change = {"reply": session.reply.model_copy(update={"kind": "stop", **said}), "over": True}
    saved = session.model_copy(update=change) if session.facts.visit else session
    return Turn(saved, moved=False, verdict="void", error=error)


def counts(session: Session, given: Input) -> bool:
    """Is that an attempt? Of a chat server an answer is; in a chat every message of the person."""
    people = Typed | Chosen | Shared | Sent | Other | Speak
    return session.tries > 0 and isinstance(given, people if session.facts.visit else Typed)


def taken(plan: Plan, node: Node, given: Given) -> Iterator[tuple[Run, Node]]:
    """Each way that an input can go, and the state after it."""
    waking = isinstance(given.input, Wake)
    now = max(node.now, node.due or 0) if waking else node.now
    counting = counts(node.session, given.input)
    nth = node.counted + 1 if counting else 0
    node = node if now == node.now else replace(node, now=now)
    for run in runs(lambda: machine.advance(plan, node.session, given.input, now, nth), node.session):
        yield run, after(plan, node, given, run, counting=counting)


def after(plan: Plan, node: Node, given: Given, run: Run, *, counting: bool = False) -> Node:
    """The state that a turn leaves behind."""
    turn = run.turn
    counted = node.counted + counting
    if turn.moved:
        counted = 0
    elif turn.verdict == "void":
        counted -= counting
    kept = None if isinstance(given.input, Wake) or turn.moved else node.due
    posted = turn.post if turn.moved else (*turn.post, *node.posted)
    due = kept if turn.wake is None else turn.wake
    return Node(turn.session, node.now, counted, due, posted[:2], _truth(plan, node, given, run))


def waits(session: Session) -> bool:
    """Is nothing asked of the person, so that only time or an upstream leads on?"""
    return not session.over and session.reply.expects.kind == "nothing"


def is_decoy(session: Session) -> bool:
    """A dialogue with nobody, in a channel that does not say so."""
    return session.facts.visit is None and session.facts.client is None


_STEPS: dict[tuple[str, str, str], AnyStep | None] = {}


def step_of(plan: Plan, session: Session) -> AnyStep | None:
    """The step that a session stands at."""
    place = (plan.digest, session.flow, session.step)
    if place not in _STEPS:
        steps = plan.way(session.flow).steps
        _STEPS[place] = next((step for step in steps if step.name == session.step), None)
    return _STEPS[place]


def _truth(plan: Plan, node: Node, given: Given, run: Run) -> Truth:
    truth, turn = _seen(node, given, run), run.turn
    if turn.moved:
        truth = _passed(plan, node, run, truth)
    if any(isinstance(effect, SendCode) for effect in turn.post):
        truth = replace(truth, undelivered=False, sent=truth.sent or node.now)
    elif isinstance(given.input, Happened) and any(isinstance(effect, SendCode) for effect in node.posted):
        truth = replace(truth, undelivered=True)
    told = isinstance(given.input, Happened) and not given.stale and _is_newest(node, given.input)
    given_up = waits(node.session) and not waits(turn.session)
    out = any(about(effect) for effect in turn.post) or (truth.out and not told and not given_up and not turn.moved)
    return truth if out == truth.out else replace(truth, out=out)


def _is_newest(node: Node, happened: Happened) -> bool:
    """Is it what became of the last effect that was posted?"""
    return bool(node.posted) and happened.about == about(node.posted[0])


def _seen(node: Node, given: Given, run: Run) -> Truth:
    """What this turn has seen, marked as the world knows it."""
    truth = node.truth
    if not run.asked and (given.stale or not (given.said.right or given.said.blamed)):
        return truth
    seen = [said for _, said in run.asked] + ([] if given.stale else [given.said])
    right, blamed = sum(said.right for said in seen), any(said.blamed for said in seen)
    if is_decoy(node.session):
        right, blamed = 0, blamed or right > 0
    pageless = {effect.document for effect, said in run.asked if isinstance(effect, PagesOf) and not said.result}
    blames = 0 if right else truth.blames + blamed
    whose = [_client(effect, said) for effect, said in run.asked if isinstance(effect, FindClient | EnrolClient)]
    client = next(reversed(whose), truth.client)
    rights = min(truth.rights + right, truth.needed)
    return replace(truth, rights=rights, blames=blames, pageless=truth.pageless | pageless, client=client)


def _client(effect: Effect[Any], said: Said) -> str | None:
    if isinstance(said.result, Found):
        return said.result.client
    return said.result if isinstance(effect, EnrolClient) and isinstance(said.result, str) else None


def _passed(plan: Plan, node: Node, run: Run, truth: Truth) -> Truth:
    """The step is behind: it was earned, if enough was right. The next one begins."""
    step = step_of(plan, node.session)
    left = {(node.session.flow, step.name, step.kind)} if step and truth.rights >= truth.needed else set()
    coming = step_of(plan, run.turn.session)
    pages = [said.result for effect, said in run.asked if isinstance(effect, PagesOf) and said.result]
    needed = 1
    if coming and coming.kind == "document" and pages and isinstance(pages[-1], tuple):
        needed = len(pages[-1])
    if coming and coming.kind == "person":
        needed = 1 + coming.options.confirm
    return Truth(needed=needed, earned=truth.earned | left, pageless=truth.pageless, client=truth.client)
