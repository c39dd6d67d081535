"""When the verdict is looked at, what it costs when there is none or a bad one, and what the chat says meanwhile."""

import pytest
from at_the_page import (
    IIN,
    OLDER,
    OTHER_IIN,
    RUNNING,
    failed_of,
    finished,
    link_of,
    looks_of,
    no,
    opened,
    pauses_of,
    state_of,
    there,
)
from visits import ALIVE, DEVICE, LINK, READING

from flows.errors import FlowError, Refused, Unavailable, Unexpected
from flows.model import Again, Happened, Input, Other, Photo, Sent, Typed
from flows.papers import Reading
from flows.steps.liveness import TROUBLES
from flows.texts import LANGUAGES, render


class TestLooking:
    def test_five_seconds_after_the_end_then_each_three(self) -> None:
        assert pauses_of(finished(*[RUNNING] * 9), 5) == [5, 3, 3, 3, 3]

    def test_each_fifteen_while_it_runs(self) -> None:
        assert pauses_of(opened(*[RUNNING] * 9), 3) == [15, 15, 15]

    def test_each_five_while_the_person_is_on_their_own_page(self) -> None:
        guest = opened(*[RUNNING] * 9)
        guest.on_page("hosted")
        for _ in range(9):
            guest.now += 0.5
            guest.on_page("hosted")
        assert pauses_of(guest, 3) == [0.5, 5, 5]
        guest.on_page("finish")
        assert pauses_of(guest, 3) == [5, 3, 3]

    def test_on_another_device_it_is_our_page_again(self) -> None:
        guest = opened(*[RUNNING] * 9)
        guest.on_page("hosted")
        guest.on_page("open", device="digest of another phone")
        assert pauses_of(guest, 3) == [5, 15, 15]

    def test_who_is_told_that_there_is_something_looks_at_once(self) -> None:
        guest = opened()
        guest.on_page("nudge", device="")
        assert guest.due - guest.now < 0.2
        guest.look()
        assert guest.step == "new_secret_word"

    def test_and_not_twice_in_a_second(self) -> None:
        guest = finished(*[RUNNING] * 9)
        guest.look()
        due = guest.due
        guest.now += 0.9
        guest.on_page("nudge", device="")
        assert guest.due == due
        guest.now += 0.1
        guest.on_page("nudge", device="")
        assert guest.due - guest.now < 0.2

    @pytest.mark.parametrize("event", ["finish", "hosted", "trouble", "nudge", "open", "again", "nonsense"])
    @pytest.mark.parametrize("device", [DEVICE, OLDER, ""])
    def test_nobody_can_put_a_look_off_by_talking(self, event: str, device: str) -> None:
        guest = finished()
        due = guest.due
        for number in range(40):
            guest.now += 0.05
            guest.on_page(event, number=9, device=device, what=TROUBLES[number % 2])
            assert guest.due <= due
            due = guest.due

    @pytest.mark.parametrize("given", [Again(), Typed("ну что?"), Other()])
    def test_nor_by_writing_in_the_chat(self, given: Input) -> None:
        guest = finished()
        due = guest.due
        guest.now += 4
        guest.give(given)
        assert guest.due == due

    def test_one_that_is_overdue_stays_due(self) -> None:
        guest = finished()
        guest.now += 60
        guest.on_page("trouble", what="black")
        assert guest.due < guest.now

    @pytest.mark.parametrize("error", [Unavailable(), Unexpected()])
    def test_one_that_fails_is_no_failure(self, error: FlowError) -> None:
        guest = finished(error, error)
        for _ in range(3):
            assert guest.kind == "wait"
            guest.look()
        assert guest.step == "new_secret_word"

    def test_one_that_kills_whoever_looks_is_not_done_again(self) -> None:
        guest = finished()
        guest.give(Happened("liveness", failed=Unavailable()))
        assert failed_of(guest) == ("refuse", "2001", 0)
        guest.on_page("again")
        assert state_of(guest).phase == "opening"

    def test_a_verdict_is_given_up_after_its_patience(self) -> None:
        guest = finished(*[RUNNING] * 99)
        began = guest.now
        while guest.kind == "wait":
            guest.look()
        assert 120 <= guest.now - began < 123
        assert failed_of(guest) == ("refuse", "2005", 0)

    def test_a_page_that_never_ends_is_given_up_after_its_limit(self) -> None:
        guest = opened(*[RUNNING] * 99)
        began = guest.now
        while guest.kind == "wait":
            guest.look()
        assert (guest.now - began, looks_of(guest)) == (600, 40)
        assert failed_of(guest) == ("refuse", "2005", 0)

    def test_the_limit_is_the_sessions_and_not_of_what_came_before(self) -> None:
        guest = there(*[RUNNING] * 99)
        guest.on_page("open")
        guest.now += 100
        guest.ready()
        began = guest.now
        while guest.kind == "wait":
            guest.look()
        assert guest.now - began >= 600

    def test_a_session_that_they_know_no_more_is_over_at_no_cost(self) -> None:
        guest = finished(Refused("unknown_session"))
        guest.look()
        assert failed_of(guest) == ("refuse", "2005", 0)
        guest.on_page("again")
        assert guest.openings[-1].nth == 2


class TestBlame:
    def test_three_refusals_end_it(self) -> None:
        guest = finished(no(), no(), no())
        errors = []
        for number in range(3):
            guest.look()
            errors.append((guest.kind, guest.error))
            if number < 2:
                guest.on_page("again")
                guest.ready(f"s-{number}")
                guest.on_page("finish")
        assert errors == [("refuse", "1037"), ("refuse", "1037"), ("stop", "1038")]

    def test_a_third_that_passes_passes(self) -> None:
        guest = finished(no(), no())
        for number in range(2):
            guest.look()
            guest.on_page("again")
            guest.ready(f"s-{number}")
            guest.on_page("finish")
        guest.look()
        assert guest.step == "new_secret_word"

    def test_a_session_past_its_time_costs_no_try(self) -> None:
        guest = finished(no("expired"))
        guest.look()
        assert (guest.error, guest.why) == ("2005", "error.liveness_late")
        for _ in range(3):
            guest.on_page("again")
            guest.ready()
            guest.bank.verdicts.append(no("expired"))
            guest.on_page("finish")
            guest.look()
        assert not guest.session.over

    @pytest.mark.parametrize("reason", ["not_alive", "mismatch", "otp", "mcdb", "document", "incomplete", ""])
    def test_the_reason_is_told_in_its_own_words(self, reason: str) -> None:
        guest = finished(no(reason))
        guest.look()
        assert guest.why == f"liveness.reason.{reason or 'unknown'}"
        guest.give(Again())
        assert (guest.error, guest.why) == ("1037", f"liveness.reason.{reason or 'unknown'}"), "as long as it stands"

    def test_what_the_camera_is_to_blame_for_costs_no_try(self) -> None:
        guest = opened()
        for number in range(8):
            guest.on_page("trouble", what="no_camera")
            guest.on_page("again")
            guest.ready(f"s-{number}")
        assert (guest.kind, state_of(guest).failures, state_of(guest).trouble) == ("wait", 0, "")
        guest.on_page("again")
        assert (guest.kind, guest.error, len(guest.openings)) == ("stop", "1038", 9)

    def test_again_is_for_what_runs_or_has_failed(self) -> None:
        for guest in (there(), finished()):
            if not state_of(guest).device:
                guest.on_page("open")
            guest.on_page("again")
            assert len(guest.openings) == 1

    @pytest.mark.parametrize(
        ("read", "told", "passes"),
        [(IIN, IIN, True), (IIN, OTHER_IIN, False), (None, IIN, True), ("020025789", IIN, True), (IIN, None, True)],
    )
    def test_the_e_document_must_be_the_papers_owners(
        self, read: str | None, told: str | None, *, passes: bool
    ) -> None:
        guest = finished(ALIVE.model_copy(update={"iin": told}))
        facts = guest.session.facts.visiting(reading=Reading(tax_number=read))
        guest.session = guest.session.model_copy(update={"facts": facts})
        guest.look()
        assert (guest.step == "new_secret_word") == passes
        assert passes or (failed_of(guest), guest.why) == (("refuse", "1037", 1), "liveness.reason.mismatch")


class TestWhatTheChatSays:
    @pytest.mark.parametrize("given", [Typed("готово"), Other(), Sent(Photo(ref="r", unique="u"))])
    def test_writing_is_no_answer_and_costs_nothing(self, given: Input) -> None:
        for guest in (there(), opened(), finished()):
            for _ in range(10):
                guest.give(given)
            assert (guest.kind, guest.error, looks_of(guest)) == ("refuse", "1036", 0)
            assert link_of(guest) in (1, 2), "and the way there still stands beside it"

    @pytest.mark.parametrize("what", TROUBLES)
    def test_each_trouble_is_told_with_a_way_out(self, what: str) -> None:
        guest = opened()
        guest.on_page("trouble", what=what)
        assert (guest.asks, link_of(guest)) == (f"liveness.trouble.{what}", 2)
        for language in LANGUAGES:
            assert guest.session.reply.text
            assert render(guest.session.reply.text, language)

    def test_a_trouble_is_noted_once_and_only_one_that_there_is(self) -> None:
        guest = opened()
        for what in ("black", "black", "<script>", "", "black"):
            guest.on_page("trouble", what=what)
        assert (guest.events.count("liveness_trouble"), guest.asks) == (1, "liveness.trouble.black")

    def test_it_is_forgotten_when_somebody_goes_on(self) -> None:
        guest = opened()
        guest.on_page("trouble", what="black")
        guest.on_page("open", device="digest of another phone")
        assert guest.asks == "liveness.running"

    def test_it_counts_the_seconds_from_the_twentieth_on(self) -> None:
        guest = finished(*[RUNNING] * 99)
        began, said = guest.now, {}
        while guest.kind == "wait":
            text = guest.session.reply.text
            assert text
            said[round(guest.now - began)] = (text.key, text.params.get("seconds"))
            guest.look()
        assert {key for at, (key, _) in said.items() if at < 20} == {"liveness.checking"}
        assert all(key == "liveness.slow" for at, (key, _) in said.items() if at >= 20)
        assert [seconds for _, seconds in said.values() if seconds][:4] == [20, 20, 25, 25]

    def test_personal_things_do_not_show_in_a_repr(self) -> None:
        guest = finished()
        shown = repr((guest.session, guest.turn, guest.posted, state_of(guest)))
        for secret in ("s-1", DEVICE, "ref face", READING.last_name or "", LINK.access_token):
            assert secret not in shown
