"""What is promised of every flow. Each claim looks at one turn, and says what is wrong with it, or nothing.

They believe the world (`Truth`) and not the session: what a step has to show for itself is what is to be proven.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from flows import machine
from flows.effects import (
    AllDown,
    AskState,
    CheckCode,
    EraseClient,
    LogIn,
    MatchBirthDate,
    MatchWord,
    OpenLiveness,
    SendCode,
)
from flows.errors import FlowError, StepUnknown
from flows.model import AnyStep, Chosen, Happened, Input, Plan, Returned, Session, Speak, Typed, Wake
from flows.proving.bank import about
from flows.proving.given import anything
from flows.proving.keys import HORIZON, parsed
from flows.proving.turns import Given, Node, Run, is_decoy, step_of, taken, waits
from flows.steps.liveness import OPENINGS, SESSIONS
from flows.texts import sentences

SPENT = frozenset(("1003", "1020", "1038", "1049"))
"""The refusals that say: enough tries."""
UNPROVING = frozenset(("client", "link", "document", "new_secret_word"))
"""What steps give that is no proof of the person's."""
_COMPARING = (CheckCode, MatchWord, MatchBirthDate)


@dataclass(frozen=True, slots=True)
class Move:
    """One turn, from `node` to `after`."""

    plan: Plan
    node: Node
    given: Given
    run: Run
    after: Node

    @property
    def step(self) -> AnyStep | None:
        return step_of(self.plan, self.node.session)

    @property
    def unmoved(self) -> bool:
        """The same question, the same facts, nothing sent and nothing charged."""
        before, later = self.node.session, self.after.session
        same = (before.flow, before.step, before.facts, before.over) == (
            later.flow,
            later.step,
            later.facts,
            later.over,
        )
        return same and not self.run.turn.post and self.after.counted == self.node.counted


def _last_try(move: Move) -> str:
    right = any(said.right for effect, said in move.run.asked if isinstance(effect, _COMPARING))
    if not right or is_decoy(move.node.session) or _is_late(move):
        return ""
    passed = move.run.turn.moved and move.run.turn.verdict == "right"
    return "" if passed else f"the answer was right, the {move.node.counted + 1}. of {move.node.session.tries}"


def _undelivered(move: Move) -> str:
    truth, turn = move.node.truth, move.run.turn
    posted = any(isinstance(effect, SendCode) for effect in move.node.posted)
    if isinstance(move.given.input, Happened) and posted and turn.verdict != "void":
        return "that the code could not be delivered was charged as a wrong answer"
    if truth.undelivered and isinstance(move.given.input, Typed) and turn.verdict == "wrong":
        return "an answer was charged although the code was not delivered"
    down = any(isinstance(effect, AllDown) and said.result for effect, said in move.run.asked)
    return "an answer was charged while every gateway is down" if down and turn.verdict == "wrong" else ""


def _twice(move: Move) -> str:
    turn, before, after = move.run.turn, move.node.session, move.after.session
    if not turn.moved and (before.step != after.step or len(before.facts.proofs) < len(after.facts.proofs)):
        return "a step was passed under the same step id"
    if _is_late(move) and turn.moved and any(isinstance(effect, CheckCode) for effect, _ in move.run.asked):
        return "a code was taken after its time"
    once = LogIn | OpenLiveness | AskState
    known = {about(effect) for effect in move.node.posted if isinstance(effect, once)}
    if not turn.moved and any(about(effect) in known for effect in turn.post if isinstance(effect, once)):
        return "the same was posted twice"
    coded = any(isinstance(effect, CheckCode) for effect, _ in move.run.asked)
    if turn.moved and coded and not after.over:
        for again, _ in taken(move.plan, move.after, move.given):
            if again.turn.moved:
                return "the code that was taken passed the next step too"
    return ""


def _is_late(move: Move) -> bool:
    """Has the time of the code run out, from its first sending on?"""
    lifetime = getattr(move.step.options, "lifetime", 0) if move.step else 0
    return bool(lifetime and move.node.truth.sent) and move.node.now >= move.node.truth.sent + lifetime


def _proven(move: Move) -> str:
    before, after = move.node.session, move.after.session
    if (before.sid, before.plan, before.channel) != (after.sid, after.plan, after.channel):
        return "the dialogue has become another one's: sid, plan or channel"
    methods = {proof.method for proof in after.facts.proofs}
    earned = {word for _, name, kind in move.after.truth.earned for word in (name, kind)}
    if methods - earned:
        return f"a proof of {', '.join(sorted(methods - earned))} that nobody has given"
    return _done(move) if after.reply.kind == "done" else ""


def _wished(move: Move) -> str:
    erased = any(isinstance(effect, EraseClient) for effect, _ in move.run.asked)
    return "" if not erased or move.given.input == Chosen("erase_all") else "somebody was erased who did not wish it"


def _done(move: Move) -> str:
    after, truth = move.after.session, move.after.truth
    missing = sorted(_missing(move.plan, after, move.after))
    if missing:
        return f"done without {', '.join(missing)}"
    purpose = after.facts.visit.purpose if after.facts.visit else "identify"
    if purpose == "identify" and not truth.earned:
        return "done, and nothing was proven"
    if purpose != "erase" and (after.facts.client is None or after.facts.client != truth.client):
        return f"done for {after.facts.client or 'nobody'}, and it was {truth.client or 'nobody'}"
    return ""


def _hidden(move: Move) -> str:
    begins, facts = move.node.session.step == "", move.node.session.facts
    shown = begins and not facts.visit and not facts.reveal_unknown and move.after.session.over
    return "that nobody is known under that name shows at once" if shown else ""


def _missing(plan: Plan, session: Session, node: Node) -> Iterator[str]:
    """The steps of the flow that should have proven something, and have not."""
    purpose = session.facts.visit.purpose if session.facts.visit else "identify"
    unset = {"secret_word": not session.facts.has_secret_word, "birth_date": not session.facts.has_birth_date}
    for step in plan.way(session.flow).steps:
        if (session.facts.visit and purpose not in step.purposes) or not step.gives - UNPROVING:
            continue
        skipped = getattr(step.options, "skip", "never") == "when_unset" and unset.get(step.kind, False)
        pageless = getattr(step.options, "which", "") in node.truth.pageless
        elsewhere = step.kind == "contact" and any(kind == "contact" for _, _, kind in node.truth.earned)
        if not (skipped or pageless or elsewhere or (session.flow, step.name, step.kind) in node.truth.earned):
            yield step.name


def _late(move: Move) -> str:
    if isinstance(move.given.input, Speak):
        spoken = move.run.turn.session.facts.model_copy(update={"language": move.node.session.facts.language})
        same = spoken == move.node.session.facts and move.run.turn.session.state == move.node.session.state
        return "" if same else "another language changed more than the language"
    if move.given.stale:
        return (
            ""
            if move.unmoved and _at(move.node) == _at(move.after)
            else "what came late, or was told before, changed the dialogue"
        )
    if isinstance(move.given.input, Returned) and not move.after.session.over:
        for again, last in taken(move.plan, move.after, move.given):
            if not Move(move.plan, move.after, move.given, again, last).unmoved:
                return "the same return, told twice, changed the dialogue twice"
    return ""


def _at(node: Node) -> dict[str, object]:
    """How far the step is; when it looks again may change, for whoever says something is shown the time anew."""
    return {name: value for name, value in parsed(node.session.state).items() if name != "due"}


def _tries(move: Move) -> str:
    step, after = move.step, move.after
    most = getattr(step.options, "tries", 0) if step else 0
    here = not move.run.turn.moved
    if here and most and after.session.tries > most:
        return f"{after.session.tries} tries, and the configuration says {most}"
    blames = after.truth.blames
    if here and most and blames >= most and not after.session.over:
        return f"{blames} wrong answers of {most}, and the question still stands"
    spent = after.session.over and after.session.reply.error in SPENT
    if not spent or blames >= most or _worn_out(move, most):
        return ""
    return f"over after {blames} of {most} wrong answers"


def _worn_out(move: Move, tries: int) -> bool:
    """biometric.kz's sessions are not for ever, though none of them was to blame on the person."""
    state = parsed(move.node.session.state)
    sessions, openings = state.get("sessions", 0), state.get("openings", 0)
    return bool(sessions >= SESSIONS * tries) or openings >= OPENINGS * tries


def _wakes(move: Move) -> str:
    after = move.after
    if after.session.reply.kind == "wait" and (after.due is None or after.due > after.now + HORIZON):
        return "it waits, and no time is set to look again"
    if waits(after.session) and after.due is None:
        return "nothing is asked, and no time is set to look again"
    if not isinstance(move.given.input, Wake) or not _nothing_new(move.run, after):
        return ""
    later = taken(move.plan, replace(after, now=after.now + HORIZON), move.given)
    stuck = any(_nothing_new(run, then) for run, then in later)
    return "every deadline is past, nothing has come, and it goes on waiting" if stuck else ""


def _nothing_new(run: Run, after: Node) -> bool:
    """Does it still wait, with no answer of an upstream and without asking for one?"""
    told = all(said.failed or getattr(said.result, "status", "") == "running" for _, said in run.asked)
    return told and waits(after.session) and not run.turn.post and not run.turn.moved


def _ends(move: Move) -> str:
    reply = move.after.session.reply
    if reply.kind not in ("stop", "refuse"):
        return ""
    known = reply.why is not None and reply.why.key in sentences("ru")
    return "" if known else f"a {reply.kind} that says nothing: {reply.error}"


CLAIMS: dict[str, Callable[[Move], str]] = {
    "each refusal says what next": _ends,
    "a right answer passes, on the last try too": _last_try,
    "a code that was not delivered costs no try": _undelivered,
    "no code, step id or posted effect works twice, nor after its time": _twice,
    "done only when every step has proven what it gives, for that client, channel and plan": _proven,
    "erased is who wishes it": _wished,
    "who is unknown is asked like a client, where that is not said": _hidden,
    "what is repeated, late or out of order changes nothing": _late,
    "as many tries as the configuration says, no more and no less": _tries,
    "every wait has a time, and every wake leads on": _wakes,
}
REVIVED = "nothing revives a dialogue that is over"
FOREIGN = "a dialogue belongs to its plan"
REACHED = "from everywhere an end can be reached"
IDENTIFIED = "whoever answers right comes through"


def broken(move: Move) -> tuple[str, str] | None:
    """The first claim that this turn breaks, and how."""
    for claim, look in CLAIMS.items():
        wrong = look(move)
        if wrong:
            return claim, wrong
    return None


def revived(plan: Plan, node: Node) -> str:
    """What a dialogue that is over still takes."""
    return next((f"it took {type(one).__name__}" for one in anything() if _takes(plan, node, one)), "")


def foreign(plan: Plan, node: Node) -> str:
    """Is the dialogue taken by a flow that was configured otherwise?"""
    return "another plan took it" if _takes(replace(plan, digest="another"), node, Typed("")) else ""


def _takes(plan: Plan, node: Node, given: Input) -> bool:
    script = machine.advance(plan, node.session, given, node.now, 1)
    try:
        next(script)
    except StepUnknown:
        return False
    except (StopIteration, FlowError):
        return True
    return True
