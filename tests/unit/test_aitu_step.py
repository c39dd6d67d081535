"""The login: whose it must be, what counts as coming back, and what a failure costs."""

import pytest
from at_the_login import IIN, LOGIN, OTHER_IIN, OTHER_PHONE, at_login
from visits import DEVICE

from flows.effects import LogIn
from flows.errors import (
    FaceMismatch,
    FlowError,
    IinUnknown,
    LoginCancelled,
    LoginMisconfigured,
    Refused,
    StateDown,
    Unavailable,
    Underage,
    Unexpected,
)
from flows.model import Again, Happened, Returned, Typed, Wake
from flows.steps.aitu import LOGIN_SECONDS, LOGINS, PATIENCE

OTHER = "digest of another browser's secret"


class TestItsWay:
    def test_from_the_link_to_the_person(self) -> None:
        guest = at_login()
        assert (guest.kind, guest.asks, guest.link) == ("ask", "aitu.ask", 1)
        guest.goes()
        assert (guest.kind, guest.asks, guest.link) == ("wait", "aitu.leaving", 2)
        guest.comes_back()
        assert (guest.kind, guest.asks) == ("wait", "aitu.checking")
        assert guest.codes == [LogIn("aitu", 1, "c-1")]
        guest.logged_in()
        assert (guest.step, guest.proven) == ("person", ["consent", "contact", "aitu"])
        assert guest.visit.login == LOGIN

    def test_each_beginning_and_each_end_is_written_down(self) -> None:
        guest = at_login()
        guest.goes()
        guest.comes_back()
        guest.not_logged_in(Unexpected())
        assert [event for event in guest.events if event.startswith("login")] == ["login_started", "login_checked"]

    def test_what_is_typed_meanwhile_is_answered_and_changes_nothing(self) -> None:
        guest = at_login()
        guest.goes()
        before = guest.session.state
        guest.say("?")
        assert (guest.error, guest.session.state) == ("1045", before)


class TestWhatCounts:
    @pytest.mark.parametrize("number", [2, 7, 65_535])
    def test_a_link_that_was_not_given_out_leads_nowhere(self, number: int) -> None:
        guest = at_login()
        guest.goes(number)
        assert guest.login.logins == 0

    def test_a_link_serves_one_browser_which_may_begin_anew_with_it(self) -> None:
        guest = at_login()
        guest.goes(1)
        guest.goes(1, OTHER)
        assert (guest.login.device, guest.login.logins) == (DEVICE, 1)
        guest.goes(1)
        assert guest.login.logins == 2

    def test_the_next_link_takes_over(self) -> None:
        guest = at_login()
        guest.goes(1)
        guest.goes(2, OTHER)
        guest.comes_back(1)
        assert (guest.login.phase, guest.codes) == ("leaving", [])
        guest.comes_back(2, OTHER)
        assert guest.login.phase == "checking"

    @pytest.mark.parametrize("event", ["code", "error"])
    def test_another_browser_brings_nothing(self, event: str) -> None:
        guest = at_login()
        guest.goes()
        guest.comes_back(device=OTHER, event=event, error="1044")
        guest.comes_back(device="", event=event, error="1044")
        assert (guest.login.phase, guest.login.failures) == ("leaving", 0)

    def test_nobody_comes_back_who_has_not_left(self) -> None:
        guest = at_login()
        guest.comes_back(1)
        assert (guest.login.phase, guest.codes) == ("ready", [])

    def test_a_code_counts_once(self) -> None:
        guest = at_login()
        guest.goes()
        for _ in range(3):
            guest.comes_back()
        assert len(guest.codes) == 1

    def test_not_a_login_that_a_later_one_has_replaced(self) -> None:
        guest = at_login()
        guest.goes()
        guest.goes(1)
        guest.comes_back(1)
        assert guest.codes == []

    def test_not_after_ten_minutes(self) -> None:
        guest = at_login()
        guest.goes()
        guest.now += LOGIN_SECONDS
        guest.comes_back()
        assert guest.codes == []

    def test_nothing_leaves_while_a_code_is_checked(self) -> None:
        guest = at_login()
        guest.goes()
        guest.comes_back()
        guest.goes(1)
        guest.goes(2)
        assert (guest.login.phase, guest.login.logins) == ("checking", 1)

    def test_an_answer_of_an_earlier_login_is_no_answer(self) -> None:
        guest = at_login()
        guest.goes()
        guest.comes_back()
        guest.not_logged_in(Unexpected())
        guest.goes()
        guest.comes_back()
        guest.give(Happened("aitu", about="1", result=LOGIN))
        assert guest.step == "aitu"
        guest.logged_in()
        assert guest.step == "person"

    def test_logins_are_bounded(self) -> None:
        guest = at_login()
        for _ in range(LOGINS + 5):
            guest.goes(1)
        assert guest.login.logins == LOGINS


class TestWhoseItIs:
    def test_an_account_of_another_phone_is_refused(self) -> None:
        """Somebody who was sent the link of another one's chat would identify that chat."""
        guest = at_login()
        guest.goes()
        guest.comes_back()
        guest.logged_in(LOGIN.model_copy(update={"phone": OTHER_PHONE}))
        assert (guest.step, guest.error, guest.visit.login) == ("aitu", "1047", None)

    def test_and_so_is_one_of_no_phone(self) -> None:
        guest = at_login()
        guest.goes()
        guest.comes_back()
        guest.logged_in(LOGIN.model_copy(update={"phone": None}))
        assert guest.error == "1047"

    def test_the_bank_may_choose_not_to_mind(self) -> None:
        guest = at_login(same_phone=False)
        guest.goes()
        guest.comes_back()
        guest.logged_in(LOGIN.model_copy(update={"phone": None}))
        assert guest.step == "person"

    def test_the_iin_that_was_named_must_be_the_one_that_is_proven(self) -> None:
        guest = at_login(iin="ask")
        assert guest.asks == "aitu.ask_iin"
        guest.say("9001 0130 0127")
        assert (guest.asks, guest.login.iin) == ("aitu.ask", OTHER_IIN)
        guest.goes()
        guest.comes_back()
        guest.logged_in()
        assert (guest.step, guest.error) == ("aitu", "1048")

    def test_a_named_iin_is_no_proof(self) -> None:
        guest = at_login(iin="ask")
        guest.say(IIN)
        assert guest.visit.reading.tax_number is None
        assert "aitu" not in guest.proven

    @pytest.mark.parametrize("text", ["90010130012", "9001013001266", "90010130012a", "９００１０１３００１２６", ""])
    def test_what_is_no_iin_is_asked_for_again(self, text: str) -> None:
        guest = at_login(iin="ask")
        guest.say(text)
        assert (guest.error, guest.login.phase) == ("1050", "asking")

    def test_the_question_may_be_passed_over(self) -> None:
        guest = at_login(iin="ask")
        guest.press("skip")
        guest.goes()
        guest.comes_back()
        guest.logged_in()
        assert guest.step == "person"


class TestFailures:
    @pytest.mark.parametrize("error", [FaceMismatch(), IinUnknown(), LoginCancelled()])
    def test_what_aitu_sends_back_is_told_with_the_next_link(self, error: FlowError) -> None:
        guest = at_login()
        guest.goes()
        guest.comes_back(event="error", error=error.code)
        assert (guest.kind, guest.error, guest.why) == ("refuse", error.code, error.key)
        assert (guest.link, guest.login.failures) == (2, 1)

    def test_who_is_too_young_is_at_the_end(self) -> None:
        guest = at_login()
        guest.goes()
        guest.comes_back(event="error", error=Underage.code)
        assert (guest.kind, guest.error, guest.session.over) == ("stop", "1042", True)

    @pytest.mark.parametrize("error", [StateDown(), Unavailable(), Refused("code"), LoginMisconfigured()])
    def test_what_is_nobodys_fault_costs_nothing(self, error: FlowError) -> None:
        guest = at_login()
        for _ in range(7):
            guest.goes()
            guest.comes_back(event="error", error=error.code)
        assert (guest.error, guest.login.failures) == (error.code, 0)

    def test_a_bank_that_aitu_does_not_know_is_an_alarm(self) -> None:
        guest = at_login()
        guest.goes()
        guest.comes_back(event="error", error=LoginMisconfigured.code)
        assert guest.events[-1] == "alarm"

    def test_after_so_many_tries_a_person_must_look(self) -> None:
        guest = at_login(tries=3)
        for _ in range(3):
            guest.goes()
            guest.comes_back(event="error", error=LoginCancelled.code)
        assert (guest.kind, guest.error) == ("stop", "1049")

    def test_ten_minutes_are_told_when_they_are_over(self) -> None:
        guest = at_login()
        guest.goes()
        guest.give(Wake())
        assert guest.login.phase == "leaving"
        guest.look()
        assert (guest.kind, guest.error, guest.link) == ("refuse", "1046", 2)

    def test_an_exchange_of_which_nothing_is_heard_is_given_up(self) -> None:
        guest = at_login()
        guest.goes()
        guest.comes_back()
        assert guest.due == guest.now + PATIENCE
        guest.look()
        assert (guest.error, guest.login.phase) == ("2001", "failed")

    def test_why_stays_until_the_next_login(self) -> None:
        guest = at_login()
        guest.goes()
        guest.comes_back(event="error", error=FaceMismatch.code)
        guest.give(Again())
        guest.give(Typed("?"))
        guest.give(Again())
        assert guest.error == "1041"
        guest.goes()
        assert guest.error is None

    @pytest.mark.parametrize("given", [Returned(1, {}), Returned(2, {"event": "go"}), Returned(1, {"event": "code"})])
    def test_odd_returns_change_nothing(self, given: Returned) -> None:
        guest = at_login()
        guest.goes()
        before = guest.session
        guest.give(given)
        assert guest.session == before
