"""A photo's way: uploaded once, looked at with growing patience, blamed only for what it is to blame for."""

import pytest
from visits import LINK, READING, Bank, Guest, at

from flows.effects import TaskStatus, Upload
from flows.errors import FlowError, Refused, Unavailable, Unexpected
from flows.model import Again, Facts
from flows.papers import Reading, Task
from flows.uploading import CheckTimedOut, Interrupted, PhotoUnfit, SamePhoto

RUNNING = Task("running")
BLURRED = Task("failure", "blurred")


def sent(*looks: Task | FlowError) -> Guest:
    """The photo is with Humo."""
    guest = at("document", *looks)
    guest.photo("one")
    guest.uploaded()
    return guest


def checked(guest: Guest, photo: str, task: Task) -> None:
    guest.bank.looks.append(task)
    guest.photo(photo)
    guest.uploaded()
    guest.look()


class TestItsWay:
    def test_it_is_posted_once_with_all_that_humo_wants(self) -> None:
        guest = at("document")
        turn = guest.photo("one")
        (upload,) = turn.post
        assert upload == Upload("document", LINK, "ID_NEW", "front", "ref one", "one", until=guest.now + 120)
        assert (guest.kind, guest.asks) == ("wait", "upload.sent")

    def test_page_after_page_then_the_face(self) -> None:
        guest = at("document")
        asked = [guest.asks]
        for photo in ("front", "back", "face"):
            guest.page(photo)
            asked.append(guest.asks)
        assert asked == ["document.ask_front", "document.ask_back", "selfie.ask", "liveness.ask"]
        assert [upload.page for upload in guest.uploads] == ["front", "back", "selfie"]
        assert guest.proven == ["consent", "contact", "document", "selfie"]

    def test_what_the_pages_tell_is_laid_together(self) -> None:
        back = Reading(tax_number="020025789", address="Душанбе")
        guest = at("document", Task("success", reading=READING), Task("success", reading=back))
        guest.page("front")
        guest.page("back")
        assert guest.visit.reading == READING.model_copy(update={"tax_number": "020025789", "address": "Душанбе"})

    def test_a_link_that_was_opened_anew_is_kept(self) -> None:
        anew = LINK.model_copy(update={"access_token": "another token"})
        guest = at("document")
        guest.photo("one")
        guest.uploaded(link=anew)
        guest.look()
        assert guest.visit.link == anew
        assert guest.bank.of(TaskStatus) == [TaskStatus(anew, "77")]


class TestLooking:
    def test_each_second_at_first_then_seldom_and_never_more_than_sixty_times(self) -> None:
        guest = sent(*[RUNNING] * 100)
        pauses = []
        while guest.kind == "wait":
            pauses.append(guest.due - guest.now)
            guest.look()
        least = [1, 1, 1, 2, 2, 3] + [5] * len(pauses)
        shares = [pause / seconds for pause, seconds in zip(pauses, least, strict=False)]
        assert max(shares) <= 1.2 + 1e-6
        assert sum(share < 1 for share in shares) <= 2, "the looks at 20 and at 120 seconds, which are promised"
        assert len({round(share, 4) for share in shares}) > len(shares) - 3, "each is longer by a share of its own"
        assert len(guest.bank.of(TaskStatus)) == len(pauses) <= 60
        assert sum(pauses) == pytest.approx(120)

    def test_a_crowd_that_sent_at_once_is_spread(self) -> None:
        crowd = []
        for number in range(50):
            guest = at("document", *[RUNNING] * 4)
            guest.photo(f"photo {number}")
            guest.uploaded()
            began = guest.now
            for _ in range(4):
                guest.look()
            crowd.append(guest.now - began)
        assert 5 <= min(crowd) < 5.4
        assert 5.6 < max(crowd) <= 6
        assert len({round(seconds, 2) for seconds in crowd}) > 25

    def test_the_rhythm_is_the_same_however_often_it_is_asked_for(self) -> None:
        """A turn that is repeated after a crash comes to the same, and what is said meanwhile changes nothing."""
        guest, twin = sent(RUNNING), sent(RUNNING)
        due = guest.due
        assert due == twin.due > guest.now
        guest.say("?")
        guest.give(Again())
        assert guest.due == due

    def test_the_person_is_told_at_twenty_seconds_and_it_is_given_up_at_120(self) -> None:
        guest = sent(*[RUNNING] * 100)
        began, said = guest.now, {}
        while guest.kind == "wait":
            said[round(guest.now - began)] = guest.asks
            guest.look()
        assert {at for at, text in said.items() if text == "upload.slow"} == {at for at in said if at >= 20}
        assert min(at for at in said if at >= 20) == 20
        assert (round(guest.now - began), guest.error, guest.kind) == (120, "2004", "refuse")

    def test_what_is_shown_changes_in_steps_of_five_seconds(self) -> None:
        guest = sent(*[RUNNING] * 100)
        shown = []
        while guest.kind == "wait":
            text = guest.session.reply.text
            shown.append(text.params.get("seconds", 0) if text else None)
            guest.look()
        assert all(isinstance(seconds, int) and seconds % 5 == 0 for seconds in shown)

    @pytest.mark.parametrize("error", [Unavailable(), Unexpected()])
    def test_a_look_that_fails_is_no_failure(self, error: FlowError) -> None:
        guest = sent(error, error, RUNNING)
        for _ in range(4):
            assert guest.kind == "wait"
            guest.look()
        assert guest.asks == "document.ask_back"

    def test_humo_may_take_as_long_for_each_photo(self) -> None:
        """The 120 seconds are one photo's, not the visit's."""
        guest = at("document", *[RUNNING] * 20)
        guest.now += 600
        guest.page("one")
        assert guest.kind == "wait"

    def test_an_upload_that_took_all_the_time_is_still_looked_at(self) -> None:
        guest = at("document")
        guest.photo("one")
        guest.now += 130
        guest.uploaded()
        assert guest.now + 1 <= guest.due <= guest.now + 1.2
        guest.look()
        assert guest.asks == "document.ask_back"

    def test_an_upload_that_nothing_is_heard_of_is_given_up_too(self) -> None:
        guest = at("document")
        guest.photo("one")
        while guest.kind == "wait":
            guest.look()
        assert (guest.error, guest.bank.of(TaskStatus)) == ("2004", [])


class TestBlame:
    def test_three_refusals_end_it(self) -> None:
        guest = at("document")
        errors = []
        for number in range(3):
            checked(guest, f"photo {number}", BLURRED)
            errors.append((guest.kind, guest.error))
        assert errors == [("refuse", "1017"), ("refuse", "1017"), ("stop", "1020")]
        assert guest.why == "error.papers_spent"
        assert guest.events.count("page_refused") == 3

    def test_a_third_that_passes_passes(self) -> None:
        guest = at("document")
        for number in range(2):
            checked(guest, f"photo {number}", BLURRED)
        guest.page("good")
        assert guest.asks == "document.ask_back"

    def test_each_page_has_tries_of_its_own(self) -> None:
        guest = at("document")
        for page in ("front", "back", "face"):
            for number in range(2):
                checked(guest, f"{page} {number}", BLURRED)
                assert guest.kind == "refuse"
            guest.page(f"good {page}")
        assert guest.step == "liveness"

    def test_the_reason_is_told_in_its_own_words(self) -> None:
        guest = at("document")
        checked(guest, "one", Task("failure", "glare"))
        assert guest.why == "reason.glare"
        checked(guest, "two", Task("failure"))
        assert guest.why == "reason.unknown"

    def test_a_photo_that_we_refuse_ourselves_costs_a_try(self) -> None:
        guest = at("document")
        for number in range(3):
            guest.photo(f"photo {number}")
            guest.not_uploaded(PhotoUnfit("dark"))
        assert (guest.error, guest.uploads[-1].lenient) == ("1020", True)

    def test_quality_is_not_minded_on_the_third_try(self) -> None:
        guest = at("document")
        for number in range(3):
            guest.photo(f"photo {number}")
            guest.not_uploaded(PhotoUnfit("blurred"))
        assert [upload.lenient for upload in guest.uploads] == [False, False, True]

    @pytest.mark.parametrize(
        "error", [Unavailable(), Unexpected(), Refused("credentials"), Interrupted(), SamePhoto(), CheckTimedOut()]
    )
    def test_what_the_photo_is_not_to_blame_for_costs_no_try(self, error: FlowError) -> None:
        guest = at("document")
        for number in range(10):
            guest.photo(f"photo {number}")
            guest.not_uploaded(error)
            assert (guest.kind, guest.step) == ("refuse", "document")
        assert guest.error == ("2001" if isinstance(error, Refused) else error.code)
        assert not guest.upload.lenient
        guest.photo("photo 9")
        assert guest.kind == "wait", "and the very same photo may be sent again"

    def test_a_task_that_humo_refuses_to_tell_of_costs_no_try(self) -> None:
        guest = sent(Refused("unknown_task"))
        guest.look()
        assert (guest.kind, guest.error) == ("refuse", "2001")


class TestTheSamePhoto:
    def test_one_that_was_refused_is_not_even_uploaded(self) -> None:
        guest = at("document")
        checked(guest, "one", BLURRED)
        guest.photo("one")
        assert (guest.kind, guest.error, len(guest.uploads)) == ("refuse", "1019", 1)
        guest.photo("two")
        assert guest.kind == "wait"

    def test_its_digest_goes_along_so_that_a_copy_is_known_again(self) -> None:
        guest = at("document")
        checked(guest, "one", BLURRED)
        guest.photo("a copy")
        assert guest.upload.refused == ("one", "digest of one")

    def test_the_next_page_may_not_be_refused_for_it(self) -> None:
        guest = at("document")
        checked(guest, "one", BLURRED)
        guest.page("two")
        guest.photo("one")
        assert (guest.kind, guest.upload.page) == ("wait", "back")


def test_without_a_link_there_is_nothing_to_send_to() -> None:
    guest = at("document")
    facts: Facts = guest.session.facts.visiting(link=None)
    guest.session = guest.session.model_copy(update={"facts": facts})
    guest.photo("one")
    assert (guest.kind, guest.error) == ("stop", "1004")


def test_personal_things_do_not_show_in_a_repr() -> None:
    guest = Guest(bank=Bank()).reach("new_secret_word")
    shown = repr((guest.session, guest.turn, guest.posted, guest.bank.asked))
    for secret in ("+992900000001", "Раҳимов", "1990-12-31", "A00000025", LINK.access_token, LINK.key, "ref page"):
        assert secret not in shown
