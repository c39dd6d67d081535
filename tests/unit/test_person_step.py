"""Who the state says that this is: confirmed, refused, away; and the way with papers instead."""

import pytest
from at_the_login import CITIZEN, IIN, at_person

from flows.effects import AskState, EnrolClient
from flows.errors import (
    FaceMismatch,
    FlowError,
    IinUnknown,
    Refused,
    StateDown,
    StateForbidden,
    Unavailable,
    Unexpected,
)
from flows.model import Again, Chosen, Happened, Typed
from flows.steps.person import PAUSES

AWAY = [StateDown(), Unavailable(), Unexpected(), Refused("credentials")]


class TestFound:
    def test_asked_with_what_the_login_has_proven(self) -> None:
        guest = at_person()
        assert guest.asked_state == [AskState("person", 1, IIN, "r-1")]
        assert (guest.kind, guest.asks) == ("wait", "person.looking")

    def test_shown_in_short_and_enrolled_when_it_is_they(self) -> None:
        guest = at_person()
        guest.told()
        assert guest.session.reply.text
        assert guest.session.reply.text.params == {"name": "Арман Бекұлы Р.", "year": "1990", "document": "0025"}
        guest.press("mine")
        assert guest.step == "new_secret_word"
        enrolled = guest.bank.of(EnrolClient)[0]
        assert (enrolled.reading, enrolled.document) == (CITIZEN.reading, "УДОСТОВЕРЕНИЕ РК")
        proof = enrolled.proofs[-1]
        assert (proof.method, proof.details) == ("person", {"citizenship": "КАЗАХСТАН", "confidence": "0.8000"})

    def test_who_says_that_it_is_somebody_else_is_sent_to_a_person(self) -> None:
        guest = at_person()
        guest.told()
        guest.press("not_mine")
        assert (guest.kind, guest.error, guest.bank.of(EnrolClient)) == ("stop", "1051", [])

    def test_the_dead_are_nobody_here(self) -> None:
        guest = at_person()
        guest.told(CITIZEN.model_copy(update={"alive": False}))
        assert (guest.kind, guest.error, guest.bank.of(EnrolClient)) == ("stop", "1051", [])

    def test_data_of_another_iin_that_the_client_lets_pass_stand_in_the_proof(self) -> None:
        guest = at_person()
        guest.told(CITIZEN.model_copy(update={"same_iin": False}))
        guest.press("mine")
        assert guest.bank.of(EnrolClient)[0].proofs[-1].details["same_iin"] == "no"

    @pytest.mark.parametrize("given", [Typed("да"), Chosen("again"), Chosen("papers"), Chosen("")])
    def test_only_the_two_buttons_answer(self, given: Typed | Chosen) -> None:
        guest = at_person()
        guest.told()
        guest.give(given)
        assert (guest.error, guest.step) == ("1024", "person")

    def test_told_twice_is_told_once(self) -> None:
        guest = at_person()
        guest.told()
        guest.not_told(StateDown())
        assert guest.asks == "person.confirm"


class TestRefused:
    @pytest.mark.parametrize("error", [FaceMismatch(), IinUnknown()])
    def test_what_coid_says_of_the_person_is_the_end(self, error: FlowError) -> None:
        guest = at_person()
        guest.not_told(error)
        assert (guest.kind, guest.error) == ("stop", error.code)

    @pytest.mark.parametrize("error", AWAY)
    def test_what_passes_is_asked_again_by_itself(self, error: FlowError) -> None:
        guest = at_person()
        for pause in PAUSES:
            guest.not_told(error)
            assert (guest.kind, guest.asks, guest.due) == ("wait", "person.slow", guest.now + pause)
            guest.look()
        assert [asked.nth for asked in guest.asked_state] == [1, 2, 3, 4]
        guest.told()
        assert guest.asks == "person.confirm"

    def test_then_the_person_decides(self) -> None:
        guest = at_person()
        for _ in PAUSES:
            guest.not_told(StateDown())
            guest.look()
        guest.not_told(StateDown())
        assert (guest.kind, guest.error, guest.asks) == ("refuse", "2006", "person.away")
        assert [option.id for option in guest.session.reply.expects.choices] == ["again", "papers"]
        guest.press("again")
        assert (guest.asks, guest.asked_state[-1].nth) == ("person.looking", 5)

    def test_an_answer_that_came_too_late_is_no_answer(self) -> None:
        guest = at_person()
        guest.not_told(StateDown())
        guest.look()
        guest.give(Happened("person", about="1", result=CITIZEN))
        assert guest.asks == "person.slow"

    def test_nothing_came_back_and_it_is_asked_anew(self) -> None:
        guest = at_person()
        guest.look()
        assert [asked.nth for asked in guest.asked_state] == [1, 2]

    def test_a_bank_without_access_has_only_the_way_with_papers(self) -> None:
        guest = at_person()
        guest.not_told(StateForbidden())
        assert (guest.error, guest.events[-1]) == ("2007", "alarm")
        assert [option.id for option in guest.session.reply.expects.choices] == ["papers"]

    def test_papers_are_another_flow_in_which_the_phone_is_not_asked_for_again(self) -> None:
        guest = at_person()
        guest.not_told(StateForbidden())
        guest.press("papers")
        assert (guest.session.flow, guest.step) == ("telegram", "link")
        guest.opened()
        assert guest.asks == "consent.ask", "photos need a consent of their own"
        guest.press("agree")
        assert guest.step == "passport_kind"
        assert guest.visit.login is None

    def test_asking_again_shows_how_it_stands(self) -> None:
        guest = at_person()
        guest.give(Again())
        guest.give(Typed("?"))
        assert (guest.kind, guest.asks, len(guest.asked_state)) == ("wait", "person.looking", 1)
