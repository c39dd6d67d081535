"""A flow's stanza: read strictly, with a message that says where, what, and what was meant."""

from typing import Any

import pytest

from flows.plan import KINDS, PlanError, Stanza, check_proof, diagram, make_plan


def problem(*stanzas: Stanza) -> str:
    with pytest.raises(PlanError) as caught:
        make_plan("search", stanzas)
    return str(caught.value)


def test_the_kinds_are_the_files() -> None:
    assert {"client", "code", "secret_word", "birth_date"} <= set(KINDS)


def test_a_stanza_becomes_steps() -> None:
    plan = make_plan("search", ["client", {"kind": "code", "digits": 8}, "secret_word"])
    assert [(step.kind, step.name) for step in plan.steps] == [
        ("client", "client"),
        ("code", "code"),
        ("secret_word", "secret_word"),
    ]
    assert plan.steps[1].options.digits == 8
    assert plan.steps[1].options.tries == 5


def test_an_unknown_step_is_named_with_what_was_meant() -> None:
    said = problem("client", "secret_wrod")
    assert said.startswith("flow.search.steps: ")
    assert '"secret_wrod"' in said
    assert 'did you mean "secret_word"?' in said


def test_an_unknown_option_is_named_with_what_was_meant() -> None:
    said = problem("client", {"kind": "code", "digit": 8})
    assert "step code, key digit" in said
    assert 'did you mean "digits"?' in said


@pytest.mark.parametrize(
    "options",
    [
        {"digits": 5},
        {"digits": 11},
        {"tries": 6},
        {"tries": 2},
        {"lifetime": 3600},
        {"digits": "many"},
        {"channels": []},
    ],
)
def test_an_option_outside_its_range_is_refused(options: dict[str, Any]) -> None:
    (key,) = options
    assert f"step code, key {key}" in problem("client", {"kind": "code", **options})


def test_a_step_needs_what_an_earlier_one_gives() -> None:
    assert "step code needs client, which no earlier step gives" in problem("code", "client")


def test_two_steps_of_a_kind_need_two_names() -> None:
    assert 'two steps are called "code"' in problem("client", "code", "code")
    plan = make_plan("search", ["client", "code", {"kind": "code", "name": "second_code"}])
    assert [step.name for step in plan.steps] == ["client", "code", "second_code"]


def test_an_empty_flow_is_refused() -> None:
    assert "at least one step" in problem()


@pytest.mark.parametrize(
    "stanzas", [["client"], ["client", {"kind": "secret_word", "skip": "when_unset"}], ["client", "liveness"]]
)
def test_a_flow_that_proves_nothing_is_refused(stanzas: list[Stanza]) -> None:
    with pytest.raises(PlanError, match="nobody has to prove who they are"):
        check_proof(make_plan("search", stanzas))
    check_proof(make_plan("search", [*stanzas, "code"]))


@pytest.mark.parametrize("stanza", [{}, {"name": "code"}, {"kind": "../store"}, {"kind": "__init__"}, ""])
def test_what_names_no_kind_is_refused(stanza: Stanza) -> None:
    assert "there is no step" in problem(stanza)


def test_the_digest_follows_the_configuration() -> None:
    different: tuple[list[Stanza], ...] = (
        ["client", "code"],
        ["client", "secret_word"],
        ["client", "code", "secret_word"],
        ["client", {"kind": "code", "digits": 8}],
        ["client", {"kind": "code", "name": "second"}],
    )
    assert len({make_plan("search", stanzas).digest for stanzas in different}) == len(different)
    written_out: list[Stanza] = ["client", {"kind": "code", "digits": 6}]
    assert make_plan("search", ["client", "code"]).digest == make_plan("other", written_out).digest


def test_a_diagram_shows_order_tries_and_silence() -> None:
    drawn = diagram(make_plan("search", ["client", {"kind": "secret_word", "skip": "when_unset", "tries": 2}]))
    assert drawn.splitlines() == [
        "stateDiagram-v2",
        "    [*] --> client",
        "    client --> secret_word: right",
        "    secret_word --> [*]: identified",
        "    secret_word --> secret_word: wrong, at most 2",
        "    note right of secret_word: passed in silence when the client has none",
    ]
