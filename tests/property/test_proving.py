"""The proof of the flows: the shipped ones hold, any sound one does, and what does not is shown as a dialogue."""

import subprocess
import sys
from pathlib import Path
from time import process_time

import pytest
from figures import FULL, Record
from visits import SHIPPED

from flows.effects import Effect
from flows.fronts import chat_front
from flows.model import Plan
from flows.plan import Stanza, make_plan
from flows.proving.bank import Unprovable, answers
from flows.proving.search import Counterexample, Walk, prove
from flows.proving.telling import tell
from flows.steps.secret_word import SecretWord

CONFIG = Path(__file__).parents[2] / "config.toml"


def proven(plan: Plan, *, deep: bool = False) -> Walk:
    found = prove(plan, deep=deep)
    assert isinstance(found, Walk), "\n".join(tell(plan.name, found))
    return found


@pytest.mark.proof
def test_the_shipped_flows_hold_and_that_is_known_within_ten_seconds(figure: Record) -> None:
    """At full size with larger bounds, in its own time."""
    began = process_time()
    search = proven(make_plan("search", SHIPPED.flow["search"].steps), deep=FULL)
    chat = proven(chat_front(SHIPPED).plan, deep=FULL)
    assert process_time() - began < 10 or FULL
    states, transitions = len(search.nodes) + len(chat.nodes), search.transitions + chat.transitions
    figure(
        "flows",
        value=f"0 counterexamples in {states:,} states and {transitions:,} transitions".replace(",", " "),
        met=True,
        method="every state of the pure core, with each answer of a bank and of its upstreams, larger bounds",
    )
    asked = {(node.session.flow, node.session.step) for node in (*search.nodes.values(), *chat.nodes.values())}
    steps = {(flow, step.name) for flow in SHIPPED.flow for step in make_plan(flow, SHIPPED.flow[flow].steps).steps}
    assert steps - asked == {("telegram", "enrol"), ("telegram_kz", "enrol")}


LONG: tuple[list[Stanza], ...] = (
    ["client", "code", {"kind": "code", "name": "second", "tries": 4}],
    ["client", "secret_word", "code", "liveness"],
    ["client", "birth_date", "code", {"kind": "secret_word", "skip": "when_unset"}],
)
FLOWS: tuple[list[Stanza], ...] = (
    ["client", {"kind": "secret_word", "tries": 5}],
    ["client", {"kind": "birth_date", "tries": 2}, {"kind": "code", "tries": 3}],
    *(LONG if FULL else ()),
)


@pytest.mark.parametrize("steps", FLOWS, ids=range(len(FLOWS)))
def test_other_flows_hold_too(steps: list[Stanza]) -> None:
    walk = proven(make_plan("any", steps))
    assert any(node.session.reply.kind == "done" for node in walk.nodes.values())


def test_who_is_let_through_without_a_proof_is_shown_as_a_dialogue(folder: Path) -> None:
    config = folder / "config.toml"
    shipped = CONFIG.read_text(encoding="utf-8")
    lax = 'steps = ["client", {kind = "secret_word", skip = "when_unset"}]'
    config.write_text(shipped.replace('steps = ["client", "code", "secret_word"]', lax), encoding="utf-8")
    command = [sys.executable, "-m", "shinos", "flows", "prove", "search", "--config", str(config)]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    assert shown.returncode == 1
    first, begins, led, wrong = shown.stdout.splitlines()
    assert first.startswith("search: NOT PROVEN: done only when")
    known = "[FindClient: the first client, of whom little is known]"
    assert begins == f"   1. a client begins, in a channel that says who is unknown {known}"
    assert led == "      → search/secret_word done"
    assert wrong == "  done, and nothing was proven"


def test_an_effect_that_the_proof_does_not_know_is_named() -> None:
    class Strange(Effect[None]):
        pass

    with pytest.raises(Unprovable, match="Strange"):
        answers(Strange())


def test_a_counterexample_is_the_shortest_way_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SecretWord, "answer", lambda self, *_: self._ask())
    found = prove(make_plan("any", ["client", "secret_word"]))
    assert isinstance(found, Counterexample)
    assert len(found.lines) <= 2
