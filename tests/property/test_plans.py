"""Whole plans: any steps, options and order, driven with any input. What comes out is foretold turn by turn.

The model beside the machine knows the rules in words: which step asks, what an answer is worth, when it is over.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from flows import machine
from flows.effects import AllDown, CheckCode, Effect, FindClient, Found, MatchBirthDate, MatchWord
from flows.errors import StepUnknown
from flows.identifiers import Identifier
from flows.keys import Keys
from flows.machine import Turn
from flows.model import Again, AnyStep, Cancel, Facts, Happened, Input, Plan, Script, Session, Typed, Wake
from flows.plan import KINDS, PURPOSES, PlanError, Stanza, check_proof, make_plan
from flows.steps.code import CodeUndelivered

STEADY = settings(deadline=None, derandomize=True, database=None)
PHONE = Identifier(kind="phone", value="+992900000001")
STRANGER = Identifier(kind="phone", value="+992900000999")
WORD, DAY = "ромашка", "1989-04-12"
KEYS = Keys(b"secret of the property tests, 32 bytes")
SID = KEYS.new_sid()
DIALOGUE = ("client", "code", "secret_word", "birth_date")
"""The kinds of steps that a chat server's dialogue consists of; those of a visit are driven in `test_visits.py`."""
EVALUATES = {"code": "otp_evaluated", "secret_word": "word_evaluated", "birth_date": "birth_date_evaluated"}

OPTIONS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "client": st.just({}),
    "code": st.fixed_dictionaries(
        {}, optional={"digits": st.integers(6, 10), "tries": st.integers(3, 5), "lifetime": st.integers(60, 600)}
    ),
    "secret_word": st.fixed_dictionaries(
        {}, optional={"tries": st.integers(2, 5), "skip": st.sampled_from(["never", "when_unset"])}
    ),
    "birth_date": st.fixed_dictionaries(
        {}, optional={"tries": st.integers(2, 5), "skip": st.sampled_from(["never", "when_unset"])}
    ),
}


@st.composite
def stanzas(draw: st.DrawFn, kind: st.SearchStrategy[str]) -> dict[str, Any]:
    chosen = draw(kind)
    return {"kind": chosen, **draw(OPTIONS[chosen])}


def named(tables: list[dict[str, Any]]) -> list[Stanza]:
    return [{"name": f"step_{number}", **table} for number, table in enumerate(tables)]


PLANS = st.builds(
    lambda rest, last: named([{"kind": "client"}, *rest, {"kind": last}]),
    st.lists(stanzas(st.sampled_from(DIALOGUE)), max_size=4),
    st.sampled_from(["code", "secret_word", "birth_date"]),
)


@dataclass
class Bank:
    """Knows one client, or has it vanish; `down` are its gateways."""

    found: Found
    down: bool = False
    asked: list[Effect[Any]] = field(default_factory=list)

    def perform(self, effect: Effect[Any]) -> object:
        self.asked.append(effect)
        match effect:
            case FindClient():
                return self.found if PHONE in effect.names else None
            case AllDown():
                return self.down
            case CheckCode():
                return KEYS.is_code(SID, effect.step, effect.digits, effect.text)
            case MatchWord():
                return effect.client is not None and self.found.has_secret_word and effect.text == WORD
            case MatchBirthDate():
                return effect.client is not None and self.found.has_birth_date and effect.day == DAY
        raise TypeError(type(effect).__name__)

    def drive(self, script: Script[Turn]) -> Turn:
        result: object = None
        while True:
            try:
                effect = script.send(result)
            except StopIteration as end:
                turn: Turn = end.value
                return turn
            result = self.perform(effect)


@dataclass
class Foretold:
    """What a turn must come to. `over` is "done", "stop" or ""."""

    index: int
    verdict: str = "void"
    moved: bool = False
    error: str | None = None
    over: str = ""
    posts: int = 0


class AnyPlan(RuleBasedStateMachine):
    @initialize(
        stanzas=PLANS,
        who=st.sampled_from([PHONE, PHONE, PHONE, STRANGER, None]),
        reveal=st.booleans(),
        has_word=st.booleans(),
        has_day=st.booleans(),
        down=st.sampled_from([False, False, False, True]),
    )
    def begin(
        self,
        stanzas: list[Stanza],
        who: Identifier | None,
        *,
        reveal: bool,
        has_word: bool,
        has_day: bool,
        down: bool,
    ) -> None:
        self.plan: Plan = make_plan("any", stanzas)
        found = Found("c1", PHONE.value, None, has_secret_word=has_word, has_birth_date=has_day)
        self.bank = Bank(found, down)
        self.names, self.reveal, self.known = (who,) if who else (), reveal, who == PHONE
        self.now, self.counted, self.undelivered, self.expires = 1000.0, 0, False, 0.0
        self.proofs: list[str] = []
        self.compared: Counter[str] = Counter()
        facts = Facts(names=self.names, reveal_unknown=reveal)
        foretold = self._arriving(0, verdict="none")
        self._check(self.bank.drive(machine.begin(self.plan, SID, "web", facts, self.now)), foretold)

    @property
    def step(self) -> AnyStep:
        return self.plan.steps[self.index]

    # What must come

    def _arriving(self, index: int, verdict: str = "right") -> Foretold:
        """The first step from `index` on that does not pass in silence."""
        for place in range(index, len(self.plan.steps)):
            step = self.plan.steps[place]
            coming = Foretold(place, verdict, moved=True)
            if step.kind == "client" and not self.names:
                return coming
            if step.kind == "client" and not self.known and self.reveal:
                coming.error, coming.over = "1001", "stop"
                return coming
            if step.kind == "code":
                self.expires = self.now + step.options.lifetime
                return self._sending(coming)
            unset = {
                "secret_word": not self.bank.found.has_secret_word,
                "birth_date": not self.bank.found.has_birth_date,
            }
            if unset.get(step.kind) and self.known and (self.reveal or self.proofs):
                if step.options.skip == "when_unset":
                    continue
                coming.error, coming.over = "1011" if step.kind == "secret_word" else "1012", "stop"
                return coming
            if step.kind != "client":
                return coming
        return Foretold(len(self.plan.steps) - 1, verdict, moved=True, over="done")

    def _sending(self, coming: Foretold) -> Foretold:
        self.undelivered = self.bank.down
        coming.error, coming.posts = ("1007", 0) if self.bank.down else (None, 1)
        return coming

    def _staying(self, given: Input) -> Foretold:
        """For all that is no right answer."""
        here = Foretold(self.index)
        step, typed = self.step, isinstance(given, Typed)
        if isinstance(given, Cancel):
            here.error, here.over = "1013", "stop"
        elif step.kind == "code" and self.now >= self.expires:
            here.error, here.over = "1004", "stop"
        elif step.kind == "code" and isinstance(given, Happened):
            self.undelivered, here.error = True, "1007"
        elif step.kind == "code" and not typed:
            here = self._sending(here)
        elif step.kind == "code" and (self.undelivered or self._shut()):
            here.error = "1007"
        elif step.kind != "client" and typed:
            here.verdict, here.error = "wrong", "1002"
            if self.counted >= step.options.tries:
                here.error, here.over = "1003", "stop"
        return here

    def _shut(self) -> bool:
        """Where it is hidden who is a client, no code is compared while every gateway is down."""
        return self.bank.down and not self.reveal

    # What comes

    def _give(self, given: Input, foretold: Foretold | None = None) -> None:
        counts = isinstance(given, Typed) and self.session.tries > 0
        self.counted += counts
        foretold = foretold or self._staying(given)
        nth = self.counted if counts else 0
        self._check(self.bank.drive(machine.advance(self.plan, self.session, given, self.now, nth)), foretold)
        if foretold.moved:
            self.counted = 0
        elif foretold.verdict == "void":
            self.counted -= counts

    def _check(self, turn: Turn, foretold: Foretold) -> None:
        error = turn.error.code if turn.error else None
        found = (turn.moved, turn.verdict, error, len(turn.post))
        assert found == (foretold.moved, foretold.verdict, foretold.error, foretold.posts)
        session = turn.session
        assert Session.model_validate_json(session.model_dump_json(exclude_defaults=True)) == session
        self.session = Session.model_validate_json(session.model_dump_json(exclude_defaults=True))
        self.index, self.over = foretold.index, foretold.over
        assert session.over is bool(self.over)
        stuck = self.undelivered and session.tries == 0
        assert session.reply.kind == (self.over or ("refuse" if stuck else "ask"))
        if self.over != "done":
            assert session.step == self.step.name
        self._check_notes(turn, foretold)

    def _check_notes(self, turn: Turn, foretold: Foretold) -> None:
        names = {step.name for step in self.plan.steps}
        events = [note.event for note in turn.notes]
        assert all(note.fields["step"] in names for note in turn.notes if "step" in note.fields)
        started = [note.fields["step"] for note in turn.notes if note.event == "step_started"]
        assert started == ([turn.session.step] if foretold.moved and not foretold.over else [])
        assert ("step_locked" in events) is (foretold.error == "1003")
        for note in turn.notes:
            if note.event in EVALUATES.values():
                assert note.fields["ok"] is (turn.verdict == "right")
        if turn.verdict == "wrong":
            self.compared[turn.session.step] += 1
            assert EVALUATES[self.step.kind] in events
        assert not turn.if_limited or turn.post

    @rule()
    @precondition(lambda self: not self.over)
    def right(self) -> None:
        step, given = self.step, Typed(self._right(self.step))
        stuck = step.kind == "code" and (self.undelivered or self._shut() or self.now >= self.expires)
        if step.kind != "client" and (stuck or not self.known or self._passed_over(step)):
            self._give(given)
            return
        if step.kind == "client":
            self.names, self.known = (PHONE,), True
        else:
            self.proofs.append(step.name)
        self._give(given, self._arriving(self.index + 1))

    def _right(self, step: AnyStep) -> str:
        if step.kind == "code":
            return KEYS.code(SID, step.name, step.options.digits)
        return {"client": "+992 90 000-00-01", "secret_word": WORD, "birth_date": "12.04.1989"}[step.kind]

    @rule()
    @precondition(lambda self: not self.over and self.step.kind == "client")
    def a_stranger_is_named(self) -> None:
        self.names = (STRANGER,)
        self._give(Typed(STRANGER.value), self._named_stranger())

    def _named_stranger(self) -> Foretold:
        coming = self._arriving(self.index)
        if coming.error == "1001":
            coming.moved, coming.verdict = False, "void"
        return coming

    @rule(text=st.sampled_from(["", "000000", "лютик", "31.02.1990", "9" * 64, "\ud800", "٣٣٣٣٣٣"]))
    @precondition(lambda self: not self.over)
    def wrong(self, text: str) -> None:
        self._give(Typed("" if self.step.kind == "client" else text))

    @rule()
    @precondition(lambda self: not self.over and self.step.kind != "client" and self.session.tries)
    def wrong_up_to_the_last_try(self) -> None:
        while not self.over and self.counted < self.session.tries - 1:
            self._give(Typed("нет"))

    @rule(given=st.sampled_from([*(Again(), Wake()) * 4, Cancel()]))
    @precondition(lambda self: not self.over)
    def again(self, given: Input) -> None:
        self._give(given)

    @rule()
    @precondition(lambda self: not self.over)
    def it_was_not_delivered(self) -> None:
        self._give(Happened("code", failed=CodeUndelivered()))

    @rule(seconds=st.sampled_from([1, 30, 59, 60, 299, 300, 601]))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @rule(down=st.booleans())
    def gateways_change(self, *, down: bool) -> None:
        self.bank.down = down

    @rule(
        given=st.sampled_from([Typed("000000"), Again(), Happened("code", failed=CodeUndelivered()), Wake(), Cancel()])
    )
    @precondition(lambda self: self.over)
    def the_end_is_the_end(self, given: Input) -> None:
        for nth in (0, 1, 9):
            with pytest.raises(StepUnknown):
                self.bank.drive(machine.advance(self.plan, self.session, given, self.now, nth))

    @invariant()
    def what_is_proven_was_proven_in_order(self) -> None:
        if not hasattr(self, "session"):
            return
        facts = self.session.facts
        assert [proof.method for proof in facts.proofs] == self.proofs
        assert self.known or not (self.proofs or facts.client)
        passed = self.plan.steps if self.over == "done" else self.plan.steps[: self.index]
        required = [step.name for step in passed if step.kind != "client" and not self._passed_over(step)]
        assert self.proofs == required
        assert self.over != "done" or (self.known and self.proofs)

    def _passed_over(self, step: AnyStep) -> bool:
        has = {"secret_word": self.bank.found.has_secret_word, "birth_date": self.bank.found.has_birth_date}
        return self.known and not has.get(step.kind, True)

    @invariant()
    def no_step_compares_more_than_its_tries(self) -> None:
        if hasattr(self, "session"):
            tries = {step.name: getattr(step.options, "tries", 0) for step in self.plan.steps}
            assert all(count <= tries[name] for name, count in self.compared.items())


TestAnyPlan = AnyPlan.TestCase
TestAnyPlan.settings = settings(STEADY, max_examples=120, stateful_step_count=30)


@STEADY
@given(
    tables=st.lists(
        st.one_of(
            st.sampled_from(KINDS),
            stanzas(st.sampled_from(DIALOGUE)),
            st.dictionaries(
                st.sampled_from(["kind", "name", "tries", "skip", "digits", "channels", "tires"]),
                st.one_of(st.text(max_size=8), st.integers(-9, 99), st.sampled_from(KINDS), st.none()),
                max_size=4,
            ),
        ),
        max_size=5,
    )
)
def test_a_plan_is_sound_or_refused(tables: list[Stanza]) -> None:
    """No other error; in what is accepted each step has what it needs, and a name; and something must be proven."""
    try:
        plan = make_plan("any", tables)
        check_proof(plan)
    except PlanError:
        return
    for purpose in PURPOSES:
        mine = [step for step in plan.steps if purpose in step.purposes]
        assert all(step.needs <= {fact for one in mine[:at] for fact in one.gives} for at, step in enumerate(mine))
    assert len({step.name for step in plan.steps}) == len(plan.steps)
    assert any(getattr(step.options, "skip", "never") == "never" for step in plan.steps if step.kind != "client")


@STEADY
@given(kind=st.sampled_from(["code", "secret_word", "birth_date"]), tries=st.integers(3, 5), wrong=st.integers(0, 5))
def test_right_on_the_last_try_passes(kind: str, tries: int, wrong: int) -> None:
    course = AnyPlan()
    table = {"kind": kind, "tries": tries}
    course.begin(named([{"kind": "client"}, table]), PHONE, reveal=True, has_word=True, has_day=True, down=False)
    for _ in range(wrong):
        if not course.over:
            course.wrong("нет")
    if not course.over:
        course.right()
    assert course.over == ("done" if wrong < tries else "stop")
