"""What a person may do at any step of the chat: something else than asked, another language, stop, ask again."""

import pytest
from visits import PHONE, at

from flows.errors import StepUnknown
from flows.model import Again, Cancel, Happened, Input, Other, Photo, Sent, Shared, Speak, Typed, Wake
from flows.texts import LANGUAGES, render

ASKING = ["consent", "contact", "passport_kind", "tax_number", "document", "selfie", "new_secret_word"]
PICTURE = Sent(Photo(ref="ref", unique="unique"))


@pytest.mark.parametrize(
    ("step", "wrong", "code"),
    [
        ("consent", (Typed("да"), Other(), PICTURE), "1026"),
        ("contact", (Typed(PHONE), Other(), PICTURE), "1027"),
        ("passport_kind", (Typed("новый"), Other(), PICTURE), "1029"),
        ("tax_number", (Other(), PICTURE, Shared(PHONE, own=True)), "1030"),
        ("document", (Typed("вот"), Other(), Shared(PHONE, own=True)), "1015"),
        ("selfie", (Typed("вот"), Other(), Shared(PHONE, own=True)), "1015"),
        ("new_secret_word", (Other(), PICTURE, Shared(PHONE, own=True)), "1034"),
    ],
)
def test_what_was_not_asked_for_is_told_and_the_question_stands(step: str, wrong: tuple[Input, ...], code: str) -> None:
    guest = at(step)
    asked = guest.session
    for given in wrong:
        guest.give(given)
        assert (guest.kind, guest.error, guest.step) == ("refuse", code, step)
        assert (guest.session.state, guest.session.facts) == (asked.state, asked.facts)
        assert guest.session.reply.text == asked.reply.text
    guest.onward()
    assert guest.error is None


@pytest.mark.parametrize("step", ASKING)
def test_the_language_changes_and_nothing_else(step: str) -> None:
    guest = at(step)
    before = guest.session
    for language in LANGUAGES:
        turn = guest.give(Speak(language))
        after = guest.session.model_copy(update={"facts": before.facts})
        assert (guest.session.facts.language, after, turn.moved) == (language, before, False)
        assert before.reply.text
        assert render(before.reply.text, language)


@pytest.mark.parametrize("step", ["link", *ASKING])
def test_it_can_be_stopped_and_then_accepts_nothing(step: str) -> None:
    guest = at(step)
    guest.give(Cancel())
    assert (guest.kind, guest.error, guest.session.over) == ("stop", "1013", True)
    for given in (Again(), Wake(), Cancel(), Typed("1"), PICTURE, Speak("en"), Happened(step)):
        with pytest.raises(StepUnknown):
            guest.give(given)


@pytest.mark.parametrize("step", ASKING)
def test_asked_again_it_is_the_same_question(step: str) -> None:
    guest = at(step)
    before = guest.session
    guest.give(Other())
    guest.give(Again())
    assert guest.session == before
