"""The machine itself: order, endings, what is saved, what is thrown into a step. No loop, no store."""

import pytest
from driving import CODE, PHONE, STRANGER, WORD, Bank, Dialogue
from hypothesis import given, settings
from hypothesis import strategies as st

from flows import machine, model
from flows.effects import Effect, FindClient, Note, perform
from flows.errors import FlowError, StepUnknown, Unavailable
from flows.model import Again, Facts, Happened, Input, Options, Outcome, Plan, Script, State, Step, Typed
from flows.steps.code import CodeUndelivered
from flows.texts import Text

RIGHT = {"code": CODE, "secret_word": WORD, "birth_date": "12.04.1989"}


def test_the_steps_come_in_the_order_of_the_plan() -> None:
    dialogue = Dialogue("client", "code", "secret_word")
    seen = [dialogue.step]
    while dialogue.kind == "ask":
        dialogue.say(RIGHT[dialogue.step])
        seen.append(dialogue.step if dialogue.kind == "ask" else dialogue.kind)
    assert seen == ["code", "secret_word", "done"]


def test_any_order_and_number_of_steps() -> None:
    second = {"kind": "code", "name": "second_code"}
    dialogue = Dialogue("client", "secret_word", "code", "birth_date", second)
    for text in (WORD, CODE, "12.04.1989", CODE):
        assert dialogue.kind == "ask"
        dialogue.say(text)
    assert dialogue.kind == "done"
    methods = [proof.method for proof in dialogue.turn.session.facts.proofs]
    assert methods == ["secret_word", "code", "birth_date", "second_code"]


def test_a_pass_moves_and_a_refusal_does_not() -> None:
    dialogue = Dialogue("client", "code", "secret_word")
    assert dialogue.turn.moved
    assert not dialogue.say("000000").moved
    assert not dialogue.ask_again().moved
    assert dialogue.say(CODE).moved


def test_each_step_has_attempts_of_its_own() -> None:
    dialogue = Dialogue("client", "code", "secret_word")
    for _ in range(4):
        dialogue.say("000000")
    dialogue.say(CODE)
    for _ in range(2):
        assert dialogue.say("лютик").verdict == "wrong"
    dialogue.say(WORD)
    assert dialogue.kind == "done"


@pytest.mark.parametrize("ending", ["done", "stop"])
def test_an_ended_session_accepts_nothing(ending: str) -> None:
    dialogue = Dialogue("client", "code")
    for text in [CODE] if ending == "done" else ["000000"] * 5:
        dialogue.say(text)
    assert dialogue.kind == ending
    ended = dialogue.turn.session
    for given_ in (Typed(CODE), Again(), Happened("code", failed=CodeUndelivered())):
        with pytest.raises(StepUnknown):
            dialogue.give(given_)
    assert dialogue.turn.session is ended


def test_a_changed_plan_is_answered_expired() -> None:
    dialogue = Dialogue("client", "code")
    dialogue.plan = Dialogue("client", {"kind": "code", "digits": 8}).plan
    with pytest.raises(StepUnknown):
        dialogue.say(CODE)


@pytest.mark.parametrize("broken", [{"step": "gone"}, {"state": "{"}, {"state": '{"expires":1,"more":1}'}])
def test_an_unreadable_session_is_answered_expired(broken: dict[str, str]) -> None:
    dialogue = Dialogue("client", "code")
    session = dialogue.turn.session.model_copy(update=broken)
    with pytest.raises(StepUnknown):
        dialogue.bank.drive(machine.advance(dialogue.plan, session, Typed(CODE), 1000, 1))


def test_a_session_survives_its_way_through_json() -> None:
    session = Dialogue("client", "code").turn.session
    assert model.Session.model_validate_json(session.model_dump_json(exclude_defaults=True)) == session


def test_notes_are_gathered_and_never_leave_as_effects() -> None:
    dialogue = Dialogue("client", "code")
    assert [event for event, _ in dialogue.events] == ["step_started"]
    dialogue.say(CODE)
    assert not [effect for effect in dialogue.bank.asked if isinstance(effect, Note)]


class Fallback(Step[State, Options]):
    """Asks the bank; when that is away, asks the person. Then waits."""

    kind = "fallback"
    state_type = State
    options_type = Options

    def enter(self, facts: Facts, now: float) -> Script[Outcome]:  # noqa: ARG002 - every step has it
        try:
            yield from perform(FindClient(facts.names))
        except Unavailable:
            yield Note("fell_back", {})
            return model.Ask(Text(key="client.ask"), State())
        return model.Pass(facts)

    def answer(self, state: State, given: Input, facts: Facts, now: float) -> Outcome:  # noqa: ARG002 - every step has them
        return model.Wait(Text(key="client.ask"), State(), until=now + 5)


PLAN = Plan("test", "digest", (Fallback("fallback", Options()),))


def _begin(bank: Bank) -> machine.Turn:
    return bank.drive(machine.begin(PLAN, "sid", "support", Facts(names=(PHONE,)), 1000))


def test_an_upstreams_failure_is_thrown_into_the_step() -> None:
    turn = _begin(Bank(fails=Unavailable()))
    assert turn.session.reply.kind == "ask"
    assert [note.event for note in turn.notes] == ["fell_back", "step_started"]
    assert _begin(Bank()).session.reply.kind == "done"


def test_a_wait_says_when_to_wake() -> None:
    bank = Bank(fails=Unavailable())
    asked = _begin(bank).session
    turn = bank.drive(machine.advance(PLAN, asked, Typed("x"), 1000, 1))
    assert (turn.session.reply.kind, turn.wake, turn.verdict) == ("wait", 1005, "void")


def test_a_turn_stops_at_the_first_effect_until_it_is_answered() -> None:
    script = machine.begin(PLAN, "sid", "support", Facts(names=(PHONE,)), 1000)
    effect: Effect[object] = next(script)
    assert effect == FindClient((PHONE,))
    with pytest.raises(FlowError):
        script.throw(StepUnknown())


KINDS = st.lists(st.sampled_from(["code", "secret_word", "birth_date"]), min_size=1, max_size=4)
ANSWERS = st.lists(st.sampled_from(["right", "wrong", "again", "undelivered", "late"]), max_size=30)


@settings(deadline=None)
@given(kinds=KINDS, answers=ANSWERS, known=st.booleans())
def test_nobody_is_done_without_every_proof(kinds: list[str], answers: list[str], *, known: bool) -> None:
    """Over any plan and any course: no ending but by all right answers, no more comparisons than tries."""
    stanzas = [{"kind": kind, "name": f"{kind}_{i}"} for i, kind in enumerate(kinds)]
    dialogue = Dialogue("client", *stanzas, who=PHONE if known else STRANGER)
    compared = dict.fromkeys(dialogue.plan.steps, 0)
    for answer in answers:
        if dialogue.turn.session.over:
            break
        step = next(step for step in dialogue.plan.steps if step.name == dialogue.step)
        if answer == "again":
            dialogue.ask_again()
        elif answer == "late":
            dialogue.now += 200
        elif answer == "undelivered":
            if step.kind == "code":
                dialogue.give(Happened("code", failed=CodeUndelivered()))
        else:
            turn = dialogue.say(RIGHT[step.kind] if answer == "right" else "nonsense")
            compared[step] += turn.verdict in ("right", "wrong")
    assert all(count <= step.options.tries for step, count in compared.items() if step.kind != "client")
    proofs = [proof.method for proof in dialogue.turn.session.facts.proofs]
    assert proofs == [stanza["name"] for stanza in stanzas][: len(proofs)]
    if dialogue.kind == "done":
        assert known
        assert len(proofs) == len(stanzas)
    if not known:
        assert proofs == []
