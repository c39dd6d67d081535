"""What a chat is shown of each reply: in four languages, buttons that Telegram takes, and only links that are some."""

import pytest
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup, ReplyKeyboardMarkup, ReplyKeyboardRemove
from visits import KNOWN, LINK, PHONE, READING, Bank, Guest, at

from bot.render import LONGEST, Shown, home_page, shown
from bot.talk import _PRESSED
from flows.errors import TooManyRequests, Unavailable
from flows.model import Cancel, Happened, Other, Reply, Session
from flows.papers import Task
from flows.settings import Bot
from flows.shards import new_step_id
from flows.texts import LANGUAGES, Text, render
from flows.uploading import PhotoUnfit

STEP = new_step_id(7)
BOT = Bot(help="+992 44 600-00-00")
HOSTILE = (
    "javascript:alert(1)",
    "data:text/html,<b>bank</b>",
    "file:///etc/passwd",
    "intent://scan/#Intent;scheme=zxing;end",
    "http://bank.example/back",
    "https://bank.example@evil.example/",
    "https:///back",
    "https:\\\\bank.example\\back",
    "https://bank.example/\nevil",
    "https://bank.example/ evil",
    'https://bank.example/"onclick=',
    "https://bank.example/<script>",
    "https://bаnk.example/",
    "https://bank.example/" + "a" * 300,
    "https://[::1",
    "humoOnline:app",
    "//bank.example/back",
    "\u202ehttps://bank.example/",
)


def said(guest: Guest) -> list[Session]:
    """What the guest is told now, and when something else comes than was asked for."""
    now = guest.session
    if now.over:
        return [now]
    guest.give(Other())
    return [now, guest.session]


def every_reply() -> list[Session]:
    asking = ("consent", "contact", "passport_kind", "tax_number", "document", "selfie", "new_secret_word")
    several = [said(at(step)) for step in asking]
    known, first, down, stopped = Guest(bank=Bank(found=KNOWN)), at("new_secret_word"), Guest(), at("contact")
    first.say("Сирли калима")
    down.give(Happened("link", failed=Unavailable()))
    stopped.give(Cancel())
    several += [said(guest) for guest in (known, first, down, stopped, Guest(), Guest(purpose="erase"))]
    several += [said(guest) for guest in (checking(), unfit(), ended("identify"), ended("word"), ended("erase"))]
    return [session for sessions in several for session in sessions]


def checking() -> Guest:
    guest = at("document", *[Task("running")] * 9)
    guest.photo("one")
    guest.uploaded()
    while guest.asks != "upload.slow":
        guest.look()
    return guest


def unfit() -> Guest:
    guest = at("document")
    guest.photo("one")
    guest.not_uploaded(PhotoUnfit("glare"))
    return guest


def ended(purpose: str, page: str | None = None) -> Guest:
    guest = Guest(bank=Bank(found=KNOWN), purpose=purpose)  # type: ignore[arg-type]
    while not guest.session.over:
        guest.onward()
    facts = guest.session.facts.visiting(home_page=page)
    guest.session = guest.session.model_copy(update={"facts": facts})
    return guest


REPLIES = every_reply()


def seen(session: Session, language: str = "ru") -> Shown:
    facts = session.facts.model_copy(update={"language": language})
    return shown(session.model_copy(update={"facts": facts}), STEP, BOT)


def test_every_kind_of_reply_and_of_answer_is_among_them() -> None:
    assert {reply.reply.kind for reply in REPLIES} == {"ask", "wait", "refuse", "stop", "done"}
    assert {reply.reply.expects.kind for reply in REPLIES} == {"text", "choice", "contact", "photo", "nothing"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_can_be_sent_in_each_language(language: str) -> None:
    for session in REPLIES:
        what = seen(session, language)
        assert 0 < len(what.text) <= LONGEST
        assert "{" not in what.text
        for secret in (PHONE, PHONE[-7:], str(READING.last_name), str(READING.document_number), LINK.key):
            assert secret not in f"{what.text}{what.markup}"
        for button in buttons(what):
            assert 0 < len(button.text) <= 64
            assert len((button.callback_data or "").encode()) <= 64
            assert _PRESSED.fullmatch(button.callback_data or "")


def buttons(what: Shown) -> list[InlineKeyboardButton]:
    rows = what.markup.inline_keyboard if isinstance(what.markup, InlineKeyboardMarkup) else []
    return [button for row in rows for button in row]


def test_the_languages_are_told_apart() -> None:
    for session in REPLIES:
        assert len({seen(session, language).text for language in LANGUAGES}) == len(LANGUAGES)


def test_a_choice_has_a_button_for_each_in_its_order() -> None:
    what = seen(at("passport_kind").session)
    assert [button.callback_data for button in buttons(what)] == [f"{STEP}.{number}" for number in range(3)]


def test_the_contact_has_its_own_keyboard_and_a_photo_takes_it_away() -> None:
    guest = at("contact")
    markup = seen(guest.session).markup
    assert isinstance(markup, ReplyKeyboardMarkup)
    assert markup.keyboard[0][0].request_contact
    assert isinstance(seen(at("document").session).markup, ReplyKeyboardRemove)


def test_progress_is_edited_and_a_word_beside_it_is_not() -> None:
    waiting, told = said(checking())
    assert (seen(waiting).live, seen(told).live) == (True, False)
    assert "20" in seen(waiting).text
    assert seen(told).text == render(Text(key="error.still_checking"), "ru")
    assert seen(told).markup is None


def test_a_refusal_stands_before_its_question() -> None:
    _, told = said(at("contact"))
    assert seen(told).text == "\n\n".join(
        render(Text(key=key), "ru") for key in ("error.contact_wanted", "contact.ask")
    )


def test_an_end_says_who_helps_and_how_to_begin_again() -> None:
    guest = at("contact")
    guest.give(Cancel())
    lines = seen(guest.session).text.split("\n\n")
    assert lines == [render(Text(key="error.cancelled"), "ru"), BOT.help, render(Text(key="chat.begin_again"), "ru")]


def test_a_reply_of_many_words_is_cut_to_what_telegram_takes() -> None:
    long = Text(key="document.ask_further", params={"document": "д" * 9000, "page": "front"})
    session = at("document").session.model_copy(update={"reply": Reply(kind="ask", text=long)})
    assert len(seen(session).text) == LONGEST


def test_a_limit_is_told_with_the_question_that_stands() -> None:
    error = TooManyRequests(retry_after=60)
    asked = at("document").session
    reply = asked.reply.model_copy(update={"kind": "refuse", "error": error.code, "why": Text(key=error.key)})
    assert seen(asked.model_copy(update={"reply": reply})).text.startswith(render(Text(key=error.key), "ru"))


class TestTheWayBack:
    @pytest.mark.parametrize("page", HOSTILE)
    def test_what_is_no_plain_address_of_an_allowed_kind_is_not_shown(self, page: str) -> None:
        plain, what = seen(ended("identify").session), seen(ended("identify", page).session)
        assert what == plain
        assert isinstance(what.markup, ReplyKeyboardRemove)

    @pytest.mark.parametrize(
        "page", ["https://bank.example/back?x=1", "tg://resolve?domain=bank", "HTTPS://bank.example"]
    )
    def test_what_telegram_can_open_is_a_button(self, page: str) -> None:
        (button,) = buttons(seen(ended("identify", page).session))
        assert (button.url, button.callback_data) == (page, None)

    def test_the_apps_own_scheme_is_text_for_telegram_refuses_it_on_a_button(self) -> None:
        what = seen(ended("identify", "humoOnline://app").session)
        assert what.text.endswith("humoOnline://app")
        assert buttons(what) == []

    @pytest.mark.parametrize("purpose", ["word", "erase"])
    def test_only_who_was_identified_is_sent_back(self, purpose: str) -> None:
        assert buttons(seen(ended(purpose, "https://bank.example/back").session)) == []

    def test_schemes_are_the_installations(self) -> None:
        bot = Bot(home_page_schemes=("MyBank",))
        assert home_page("mybank://app", bot) == "mybank://app"
        assert home_page("https://bank.example/", bot) == ""
