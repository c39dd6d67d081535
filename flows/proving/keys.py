"""When are two states of a proof the same? Then only the first that was come to is looked at.

Left out is what no step looks at any more, and what differs for no reason: names, references, the texts shown. Times
are "still to come", "a while ago" or "past every deadline"; counters that count without end go up to a bound.
"""

import json
from functools import cache, lru_cache
from typing import Any

from flows.model import Plan, State
from flows.proving.turns import Node, step_of, waits

HORIZON = 2000.0
"""Seconds after which every deadline has passed; a dialogue lives 1800 at most."""
EPOCH = 1e9
"""A number above it is a time."""
_EXACT = frozenset(("failures", "tries", "at"))
"""Counters that something hangs on at each value, and that end."""

Key = tuple[object, ...]


def key_of(plan: Plan, node: Node, bound: int) -> Key:
    """What tells this state from others; `bound` for counters without an end."""
    session, truth = node.session, node.truth
    step = step_of(plan, session)
    if session.over or step is None:
        return (session.flow, session.step, session.reply.kind, session.reply.error, session.facts.visit is None)
    state = _state(step.state_type, session.state, node, bound)
    expects = session.reply.expects
    asked = (expects.kind, len(expects.choices), expects.door is not None)
    earned = frozenset(place for place in truth.earned if place[0] == session.flow)
    marks = (truth.rights, truth.blames, truth.undelivered, truth.out, truth.pauses, earned)
    due = _moment(node.due or 0, node) if waits(session) else ""
    counted = (len(node.posted), session.tries, node.counted, due, _age(truth.sent, node))
    return (session.flow, session.step, state, asked, marks, counted, _facts(node))


def _facts(node: Node) -> Key:
    """What is proven by the way of another flow is left out, as it is asked anew in this one."""
    facts, truth = node.session.facts, node.truth
    visit = facts.visit
    known = (facts.client, facts.has_secret_word, facts.has_birth_date)
    if visit is None:
        return (known, facts.reveal_unknown, bool(facts.names), len(facts.proofs), truth.client)
    brought = (visit.link is None, visit.login is None, bool(visit.document), len(visit.photos))
    return (known, visit.purpose, visit.way, facts.phone is None, brought, truth.client if facts.client else None)


def _state(state_type: type[State], text: str, node: Node, bound: int) -> Key:
    vague = _vague(state_type)
    values = parsed(text).items()
    return tuple([bool(value) if name in vague else _plain(name, value, node, bound) for name, value in values])


@lru_cache(maxsize=10_000)
def parsed(text: str) -> dict[str, Any]:
    """A step's state."""
    found: dict[str, Any] = json.loads(text)
    return found


@cache
def _vague(state_type: type[State]) -> frozenset[str]:
    """The fields of which one value is as good as another: what is of a person, references, sentences."""
    fields = state_type.model_fields.items()
    return frozenset(name for name, field in fields if not field.repr or field.annotation is str)


def _plain(name: str, value: object, node: Node, bound: int) -> object:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | float):
        if value > EPOCH:
            return _moment(value, node)
        return value if name in _EXACT else min(value, bound)
    return len(value) if isinstance(value, list | dict) else value


def _age(sent: float, node: Node) -> float:
    """Of a code, in seconds."""
    return min(node.now - sent, HORIZON) if sent else -1.0


def _moment(at: float, node: Node) -> object:
    """A time, seen from now."""
    if not at:
        return "never"
    left = at - node.now
    if left > 0:
        return "soon" if at == node.due else round(left)
    return "ago" if left > -HORIZON else "long ago"
