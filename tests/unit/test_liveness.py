"""The check on the page: its session, its links, and who may say what about it."""

from collections.abc import Callable

import pytest
from at_the_page import (
    IIN,
    RUNNING,
    failed_of,
    finished,
    link_of,
    looks_of,
    no,
    opened,
    state_of,
    there,
    with_options,
)
from visits import DEVICE, PHONE

from flows.effects import LivenessResult, OpenLiveness
from flows.errors import FlowError, Refused, Unavailable, Unexpected
from flows.model import Cancel, Happened
from flows.papers import Checked, LivenessSession, Verdict


class TestItsWay:
    def test_a_session_is_asked_for_with_the_selfie_and_the_link_is_there_at_once(self) -> None:
        guest = there()
        assert guest.openings == [OpenLiveness("liveness", 1, "ref face")]
        assert (guest.kind, guest.asks, link_of(guest)) == ("ask", "liveness.ask", 1)
        guest.ready()
        assert (guest.kind, guest.asks, link_of(guest)) == ("ask", "liveness.ask", 1)

    def test_from_the_link_to_the_next_step(self) -> None:
        guest = there()
        said: tuple[Callable[[], object], ...] = (
            guest.ready,
            lambda: guest.on_page("open"),
            lambda: guest.on_page("finish"),
        )
        phases = [state_of(guest).phase]
        for say in said:
            say()
            phases.append(state_of(guest).phase)
        assert phases == ["opening", "ready", "running", "checking"]
        assert looks_of(guest) == 0, "what the page says is no verdict, and none is asked for at once"
        guest.look()
        assert guest.step == "new_secret_word"
        assert guest.bank.of(LivenessResult) == [LivenessResult("s-1")]

    def test_the_page_may_be_open_before_there_is_a_session(self) -> None:
        guest = there()
        guest.on_page("open")
        assert (guest.kind, guest.asks) == ("wait", "liveness.running")
        guest.ready()
        assert (state_of(guest).phase, state_of(guest).session) == ("running", "s-1")

    def test_a_verdict_is_believed_though_the_page_never_said_that_it_was_over(self) -> None:
        guest = opened()
        guest.look()
        assert (guest.step, guest.proven[-1]) == ("new_secret_word", "liveness")

    def test_what_was_found_is_the_proof(self) -> None:
        checked = (
            Checked("liveness", result=True, prediction=0.998),
            Checked("face2face", result=True, prediction=0.91),
            Checked("edocument", result=True),
            Checked("document_recognition", result=False, prediction=0.2),
        )
        guest = finished(Verdict(status="passed", technologies=checked))
        guest.look()
        proof = guest.session.facts.proofs[-1]
        assert (proof.method, proof.at) == ("liveness", guest.now)
        assert proof.details == {"liveness": "0.9980", "face2face": "0.9100", "edocument": "passed"}

    def test_each_opening_and_each_verdict_is_written_down(self) -> None:
        guest = finished(RUNNING)
        guest.look()
        assert (guest.events.count("liveness_opened"), guest.events.count("liveness_checked")) == (1, 0)
        guest.look()
        assert guest.events.count("liveness_checked") == 1

    def test_it_can_be_stopped(self) -> None:
        guest = finished()
        guest.give(Cancel())
        assert (guest.kind, guest.error) == ("stop", "1013")


class TestTheSession:
    @pytest.mark.parametrize(("photo", "ref"), [("none", ""), ("front", "ref page 0"), ("selfie", "ref face")])
    def test_the_face_is_compared_with_the_photo_that_the_stanza_names(self, photo: str, ref: str) -> None:
        assert with_options(photo=photo).openings[0].ref == ref

    @pytest.mark.parametrize(("edocument", "changeable"), [("fill", True), ("fixed", False)])
    def test_the_form_of_the_e_document_is_filled_in(self, edocument: str, *, changeable: bool) -> None:
        opening = with_options(edocument=edocument, interchangeable=["A", "B"]).openings[0]
        assert (opening.phone, opening.iin) == (PHONE, IIN)
        assert (opening.changeable, opening.interchangeable) == (changeable, ("A", "B"))

    def test_by_default_nothing_of_the_person_but_the_photo_goes_there(self) -> None:
        opening = there().openings[0]
        assert (opening.phone, opening.iin) == (None, None)

    @pytest.mark.parametrize("failed", [Unavailable(), Unexpected(), Refused("credentials")])
    def test_one_that_cannot_be_had_costs_no_try_and_may_be_asked_for_again(self, failed: FlowError) -> None:
        guest = there()
        guest.give(Happened("liveness", about="1", failed=failed))
        assert failed_of(guest) == ("refuse", "2001", 0)
        guest.on_page("open")
        assert [opening.nth for opening in guest.openings] == [1, 2]
        assert (guest.kind, state_of(guest).phase) == ("wait", "opening")

    def test_an_outage_does_not_use_the_sessions_up(self) -> None:
        guest = there()
        guest.on_page("open")
        for _ in range(12):
            guest.give(Happened("liveness", about=str(guest.openings[-1].nth), failed=Unavailable()))
            guest.on_page("again")
        guest.ready()
        assert (guest.kind, state_of(guest).sessions) == ("wait", 1)

    def test_nor_is_it_asked_for_one_for_ever(self) -> None:
        guest = there()
        guest.on_page("open")
        while guest.kind != "stop":
            guest.give(Happened("liveness", about=str(guest.openings[-1].nth), failed=Unavailable()))
            guest.on_page("again")
        assert (guest.error, len(guest.openings)) == ("1038", 27)

    def test_one_that_nothing_is_heard_of_is_given_up(self) -> None:
        guest = there()
        guest.on_page("open")
        began = guest.now
        while guest.kind == "wait":
            guest.look()
        assert (round(guest.now - began), failed_of(guest)) == (120, ("refuse", "2001", 0))

    def test_news_of_an_older_one_change_nothing(self) -> None:
        guest = opened()
        guest.on_page("again")
        for result, failed in ((LivenessSession(id="s-0"), None), (None, Unavailable())):
            guest.give(Happened("liveness", about="1", failed=failed, result=result))
            assert (state_of(guest).phase, state_of(guest).session) == ("opening", "")
        guest.ready("s-2")
        guest.give(Happened("liveness", about="1", result=LivenessSession(id="s-0")))
        guest.give(Happened("liveness", about="2", result=LivenessSession(id="s-3")))
        assert state_of(guest).session == "s-2"

    def test_the_one_that_counts_is_the_newest(self) -> None:
        guest = opened()
        guest.on_page("again")
        guest.ready("s-2")
        guest.look()
        assert guest.bank.of(LivenessResult) == [LivenessResult("s-2")]


class TestLinks:
    def test_each_serves_once(self) -> None:
        guest = opened()
        assert link_of(guest) == 2
        before = state_of(guest)
        guest.on_page("open", number=1, device="digest of a thief's browser")
        assert state_of(guest) == before
        assert guest.events.count("liveness_opened") == 1

    @pytest.mark.parametrize("number", [0, 3, 65535, -1])
    def test_one_that_was_never_given_out_serves_nobody(self, number: int) -> None:
        guest = opened()
        before = state_of(guest)
        guest.on_page("open", number=number or 65534, device="digest of a thief's browser")
        assert state_of(guest) == before

    def test_the_newest_device_has_the_page(self) -> None:
        guest = opened()
        guest.on_page("open", device="digest of another phone")
        assert (state_of(guest).device, link_of(guest), state_of(guest).phase) == (
            "digest of another phone",
            3,
            "running",
        )

    @pytest.mark.parametrize("event", ["finish", "hosted", "trouble", "again", "nonsense"])
    @pytest.mark.parametrize("device", [DEVICE, ""])
    def test_what_the_device_before_says_changes_nothing(self, event: str, device: str) -> None:
        guest = opened()
        guest.on_page("open", device="digest of another phone")
        before = guest.session
        guest.on_page(event, device=device, what="black")
        assert guest.session == before
        assert len(guest.openings) == 1

    def test_without_any_device_nobody_speaks_for_the_page(self) -> None:
        guest = there()
        guest.ready()
        before = guest.session
        for event in ("finish", "hosted", "trouble", "again", "nudge"):
            guest.on_page(event, device="", what="black")
        assert guest.session == before

    def test_whom_telegram_vouches_for_opens_a_used_one(self) -> None:
        guest = opened()
        guest.on_page("open", number=1, device="digest of telegram's browser", launched="yes")
        assert (state_of(guest).device, link_of(guest)) == ("digest of telegram's browser", 3)

    def test_the_page_is_not_opened_anew_for_ever(self) -> None:
        guest = there()
        for number in range(1, 101):
            guest.on_page("open", number=number, device=f"digest of device {number}")
        for _ in range(3):
            guest.on_page("open", device="digest of one too many")
            guest.on_page("open", number=1, device="digest of one too many", launched="yes")
        assert (state_of(guest).device, guest.events.count("liveness_opened")) == ("digest of device 100", 100)

    def test_one_may_be_opened_long_after_its_session_was_had(self) -> None:
        guest = there(*[RUNNING] * 3)
        guest.ready()
        guest.now += 800
        guest.on_page("open")
        guest.look()
        assert (guest.kind, guest.error) == ("wait", None)

    def test_after_a_failure_the_new_link_leads_to_a_new_session(self) -> None:
        guest = finished(no())
        guest.look()
        assert (guest.kind, link_of(guest)) == ("refuse", 2)
        guest.on_page("open", device="digest of another phone")
        assert (guest.kind, guest.openings[-1].nth, state_of(guest).phase) == ("wait", 2, "opening")

    def test_a_new_device_does_not_undo_that_it_was_over(self) -> None:
        guest = finished()
        guest.on_page("open", device="digest of another phone")
        assert state_of(guest).phase == "checking"
