"""Photos and news that come early, late, or about something else."""

import pytest
from visits import Guest, at

from flows.effects import Uploaded
from flows.errors import FlowError
from flows.model import Again, Cancel, Happened, Other, Speak, Typed, Wake
from flows.papers import Task
from flows.uploading import Interrupted, PhotoUnfit

RUNNING = Task("running")
BLURRED = Task("failure", "blurred")


def sent(*looks: Task | FlowError) -> Guest:
    """The photo is with Humo."""
    guest = at("document", *looks)
    guest.photo("one")
    guest.uploaded()
    return guest


class TestAlbums:
    def test_a_photo_sent_ahead_is_kept_for_the_next_page(self) -> None:
        guest = at("document")
        guest.photo("front")
        guest.photo("back")
        assert (guest.kind, len(guest.uploads)) == ("wait", 1)
        guest.uploaded()
        guest.look()
        assert [(upload.page, upload.unique) for upload in guest.uploads] == [("front", "front"), ("back", "back")]
        guest.uploaded()
        guest.look()
        assert guest.step == "selfie"

    def test_more_than_there_are_pages_are_not_kept(self) -> None:
        guest = at("document")
        for photo in ("front", "back", "face"):
            guest.photo(photo)
        assert (guest.kind, guest.error) == ("refuse", "1016")

    def test_the_one_under_way_is_no_spare(self) -> None:
        guest = at("document")
        for photo in ("front", "front", "back", "back"):
            guest.photo(photo)
        assert (guest.kind, len(guest.uploads)) == ("wait", 1)
        guest.uploaded()
        guest.look()
        assert guest.upload.unique == "back"

    def test_after_a_refusal_nothing_of_the_album_is_taken_for_the_page(self) -> None:
        guest = at("document", BLURRED)
        guest.photo("front")
        guest.photo("back")
        guest.uploaded()
        guest.look()
        assert (guest.kind, guest.asks, len(guest.uploads)) == ("refuse", "document.ask_front", 1)


class TestLateAndForeign:
    def test_what_happened_to_another_photo_changes_nothing(self) -> None:
        guest = at("document")
        guest.photo("one")
        before = guest.session.state
        for result, failed in ((Uploaded("66", "d"), None), (None, Interrupted()), (None, PhotoUnfit())):
            guest.give(Happened("document", about="another", failed=failed, result=result))
            assert (guest.kind, guest.session.state) == ("wait", before)

    def test_what_happened_comes_in_once(self) -> None:
        guest = sent(RUNNING)
        before = guest.session.state
        guest.give(Happened("document", about="one", result=Uploaded("66", "d")))
        assert (guest.kind, guest.session.state) == ("wait", before)

    @pytest.mark.parametrize("given", [Wake(), Happened("document", about="one", result=Uploaded("66", "d"))])
    def test_what_comes_late_does_not_answer_the_question(self, given: Wake | Happened) -> None:
        guest = at("document")
        asked = guest.session
        guest.give(given)
        assert guest.session == asked
        assert guest.uploads == []

    def test_a_word_while_it_is_checked_is_told_to_wait_and_the_looking_goes_on(self) -> None:
        guest = sent(RUNNING)
        for given in (Typed("ну что?"), Other(), Speak("tg")):
            guest.give(given)
        assert (guest.error, guest.session.reply.expects.kind) == ("1016", "nothing")
        guest.look()
        guest.look()
        assert guest.asks == "document.ask_back"

    def test_it_can_be_stopped_while_it_is_checked(self) -> None:
        guest = sent(RUNNING)
        guest.give(Cancel())
        assert (guest.kind, guest.error) == ("stop", "1013")

    def test_asked_again_it_says_how_long_it_has_been(self) -> None:
        guest = sent(*[RUNNING] * 9)
        while guest.asks != "upload.checking":
            guest.look()
        due = guest.due
        guest.give(Again())
        assert (guest.kind, guest.asks, guest.due) == ("wait", "upload.checking", due)
