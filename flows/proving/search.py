"""Walks every state of a flow, the nearest first, so that what is found wrong comes with the shortest way to it."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from flows import machine
from flows.identifiers import Identifier
from flows.model import Cancel, Facts, Plan, Typed, Visit
from flows.plan import PURPOSES
from flows.proving.bank import PHONE, STRANGER, USER, Unprovable
from flows.proving.claims import FOREIGN, IDENTIFIED, REACHED, REVIVED, Move, broken, foreign, revived
from flows.proving.given import inputs, later
from flows.proving.keys import Key, key_of
from flows.proving.turns import Given, Node, Run, after, runs, taken

NOW = 1_800_000_000.0
CHANNEL = "the channel"
USUAL, DEEP = (1, 100_000), (2, 2_000_000)
"""How far counters without an end are told apart, and how many states are too many."""


@dataclass(frozen=True, slots=True)
class Said:
    """One line of a dialogue: what came, where it led."""

    told: str
    node: Node
    error: str = ""


@dataclass(frozen=True, slots=True)
class Counterexample:
    """`claim` does not hold, as `lines` show."""

    claim: str
    wrong: str
    lines: tuple[Said, ...]


@dataclass(slots=True)
class Walk:
    """How far a proof is. `came` is how each state was come to first, `back` where each can be come to from."""

    plan: Plan
    deep: bool
    bound: int
    most: int
    nodes: dict[Key, Node] = field(default_factory=dict)
    came: dict[Key, tuple[Key | None, Said]] = field(default_factory=dict)
    back: dict[Key, set[Key]] = field(default_factory=dict)
    waiting: deque[Key] = field(default_factory=deque)
    starts: list[Key] = field(default_factory=list)
    transitions: int = 0

    def come(self, node: Node, source: Key | None, said: Said, *, counts: bool = True) -> Key:
        """A state was come to. `counts`: that way is open to everybody, and not only to who gives up."""
        key = key_of(self.plan, node, self.bound)
        self.transitions += 1
        if key not in self.nodes:
            if len(self.nodes) >= self.most:
                raise Unprovable(f"more than {self.most} states")
            self.nodes[key] = node
            self.came[key] = (source, said)
            self.waiting.append(key)
        if source is not None and counts and source != key:
            self.back.setdefault(key, set()).add(source)
        return key

    def lines(self, key: Key | None) -> tuple[Said, ...]:
        """The dialogue that leads there."""
        found: list[Said] = []
        while key is not None:
            key, said = self.came[key]
            found.append(said)
        return tuple(reversed(found))


def prove(plan: Plan, way: str = "", *, deep: bool = False) -> Walk | Counterexample:
    """Every state of the flow, or of those that begin in that `way`. `deep`: counters that have no end are told apart
    further, and more can come. Raises `Unprovable`.
    """
    walk = Walk(plan, deep, *(DEEP if deep else USUAL))
    for told, facts in beginnings(plan, way):
        found = _begin(walk, told, facts)
        if found:
            return found
    while walk.waiting:
        found = _look(walk, walk.waiting.popleft())
        if found:
            return found
    return _reached(walk) or walk


def beginnings(plan: Plan, only: str = "") -> Iterator[tuple[str, Facts]]:
    """Everybody who may begin."""
    if not any(step.visits for step in plan.all_steps()):
        whose = {"a client": (PHONE,), "somebody unknown": (STRANGER,), "nobody yet": ()}
        for reveal in (True, False):
            channel = "a channel that says who is unknown" if reveal else "a channel that hides it"
            for who, phones in whose.items():
                names = tuple(Identifier(kind="phone", value=phone) for phone in phones)
                yield f"{who} begins, in {channel}", Facts(reveal_unknown=reveal, names=names)
        return
    for purpose in PURPOSES:
        for way in [only] if only else ["", *(way.name for way in plan.ways)]:
            for key in (None, "key"):
                visit = Visit(user=USER, purpose=purpose, key=key, way=way)
                told = f"a person comes to {purpose}{' with a link of Humo' if key else ''}{way and ', way ' + way}"
                yield told, Facts(reveal_unknown=True, visit=visit)


def _begin(walk: Walk, told: str, facts: Facts) -> Counterexample | None:
    blank = machine.blank(walk.plan, "sid", CHANNEL, facts)
    for run in runs(lambda: machine.begin(walk.plan, "sid", CHANNEL, facts, NOW), blank):
        if not run.saved:
            continue
        start = Node(blank, NOW)
        given = Given(Typed(""), told)
        node = after(walk.plan, start, given, run)
        move = Move(walk.plan, start, given, run, node)
        said = _said(told, run, node)
        wrong = broken(move)
        if wrong:
            return Counterexample(*wrong, (said,))
        key = walk.come(node, None, said)
        known = node.session.facts
        able = known.has_secret_word and known.has_birth_date and (facts.visit or known.client or not facts.names)
        if able and not node.session.over:
            walk.starts.append(key)
    return None


def _look(walk: Walk, key: Key) -> Counterexample | None:
    node = walk.nodes[key]
    if node.session.over:
        wrong = revived(walk.plan, node)
        return Counterexample(REVIVED, wrong, walk.lines(key)) if wrong else None
    wrong = foreign(walk.plan, node)
    if wrong:
        return Counterexample(FOREIGN, wrong, walk.lines(key))
    for given in inputs(walk.plan, node, deep=walk.deep):
        for run, then in taken(walk.plan, node, given):
            said = _said(given.told, run, then)
            found = broken(Move(walk.plan, node, given, run, then))
            if found:
                return Counterexample(*found, (*walk.lines(key), said))
            if run.saved:
                walk.come(then, key, said, counts=not isinstance(given.input, Cancel))
    for told, then in later(walk.plan, node, deep=walk.deep):
        walk.come(then, key, Said(told, then))
    return None


def _said(told: str, run: Run, node: Node) -> Said:
    answered = ", ".join(f"{type(effect).__name__}: {said.what}" for effect, said in run.asked)
    error = run.turn.error.code if run.turn.error else ""
    return Said(f"{told}{f' [{answered}]' if answered else ''}", node, error)


def _reached(walk: Walk) -> Counterexample | None:
    """Are there states from which nothing leads to an end; or people whom nothing leads through?"""
    ends = _towards(walk, lambda node: node.session.over)
    stuck = next((key for key in walk.nodes if key not in ends), None)
    if stuck is not None:
        return Counterexample(REACHED, "from here no answer leads to an end", walk.lines(stuck))
    done = _towards(walk, lambda node: node.session.reply.kind == "done")
    barred = next((key for key in walk.starts if key not in done), None)
    return None if barred is None else Counterexample(IDENTIFIED, "from here nothing leads through", walk.lines(barred))


def _towards(walk: Walk, aim: Callable[[Node], bool]) -> set[Key]:
    """The states that lead to one that is aimed at."""
    found = {key for key, node in walk.nodes.items() if aim(node)}
    waiting = list(found)
    while waiting:
        sources = walk.back.get(waiting.pop(), set()) - found
        found |= sources
        waiting += sources
    return found
