"""The steps of the shipped chat flow: what leads on, what is refused and in which words. Photos are in another file."""

import pytest
from visits import KNOWN, LINK, PHONE, READING, STEPS, USER, WORD, Bank, Guest, at

from flows.effects import EnrolClient, EraseClient, Found, OpenLink, SetWord
from flows.errors import ClientMismatch, FlowError, Refused, Unavailable, Unexpected
from flows.model import Happened, Input, Other, Photo, Purpose, Sent, Shared, Typed
from flows.papers import Reading

PICTURE = Sent(Photo(ref="ref", unique="unique"))


def steps_of(guest: Guest) -> list[str]:
    """The steps that a visit stops at on its way to the end."""
    seen: list[str] = []
    while not guest.session.over:
        if seen[-1:] != [guest.step]:
            seen.append(guest.step)
        guest.onward()
    return seen


class TestTheWay:
    def test_somebody_new_is_led_from_the_link_to_a_secret_word(self) -> None:
        guest = Guest()
        assert steps_of(guest) == [
            "link",
            "consent",
            "contact",
            "passport_kind",
            "document",
            "selfie",
            "liveness",
            "new_secret_word",
        ]
        assert guest.kind == "done"
        assert guest.proven == ["consent", "contact", "document", "selfie", "liveness"]
        assert guest.session.facts.client == "c1"
        assert guest.events.count("enrolled") == 1

    def test_somebody_known_may_be_identified_anew_and_is_asked_the_same(self) -> None:
        guest = Guest(bank=Bank(found=KNOWN))
        assert guest.asks == "welcome.again"
        assert steps_of(guest)[:4] == ["welcome", "link", "consent", "contact"]
        assert guest.kind == "done"

    def test_who_comes_with_a_link_is_not_asked_what_for(self) -> None:
        guest = Guest(bank=Bank(found=KNOWN), key=LINK.key)
        assert guest.step == "link"

    def test_a_client_who_was_never_identified_with_papers_is_somebody_new(self) -> None:
        found = Found("c1", PHONE, None, has_secret_word=True, has_birth_date=True)
        assert Guest(bank=Bank(found=found)).step == "link"

    @pytest.mark.parametrize("has_word", [True, False])
    def test_who_changes_the_word_gives_the_old_one_if_there_is_one(self, *, has_word: bool) -> None:
        found = Found("c1", PHONE, None, has_secret_word=has_word, has_birth_date=True, since=9)
        guest = Guest(bank=Bank(found=found))
        guest.press("word")
        assert steps_of(guest) == (["secret_word"] if has_word else []) + ["new_secret_word"]
        assert guest.kind == "done"
        assert guest.bank.of(EnrolClient) == []

    def test_who_is_erased_leaves_nothing_in_the_dialogue(self) -> None:
        guest = Guest(bank=Bank(found=KNOWN), purpose="erase")
        assert steps_of(guest) == ["erase"]
        assert guest.bank.of(EraseClient) == [EraseClient("c1")]
        assert (guest.session.facts.client, guest.session.facts.phone) == (None, None)
        assert guest.visit.user == USER

    @pytest.mark.parametrize("purpose", ["word", "erase"])
    def test_who_is_not_known_has_nothing_to_change_or_erase(self, purpose: Purpose) -> None:
        guest = Guest(purpose=purpose)
        assert (guest.kind, guest.error, guest.session.over) == ("stop", "1023", True)

    def test_further_documents_are_asked_for_after_the_enrolment(self) -> None:
        bank = Bank()
        bank.pages["additional"] = ("RESIDENCE/front", "RESIDENCE/back")
        guest = Guest(bank=bank)
        assert "further" in steps_of(guest)
        assert [(sent.document, sent.page) for sent in guest.uploads[-2:]] == [
            ("RESIDENCE", "front"),
            ("RESIDENCE", "back"),
        ]


class TestLink:
    @pytest.mark.parametrize("key", [None, LINK.key])
    def test_it_is_opened_by_its_key_or_the_banks_own(self, key: str | None) -> None:
        guest = Guest(key=key)
        assert (guest.kind, guest.posted) == ("wait", [OpenLink("link", key or "")])
        guest.opened()
        assert (guest.step, guest.visit.link) == ("consent", LINK)

    def test_a_link_that_humo_refuses_ends_it(self) -> None:
        guest = Guest(key=LINK.key)
        guest.give(Happened("link", failed=Refused("expired")))
        assert (guest.kind, guest.error) == ("stop", "1022")

    @pytest.mark.parametrize("error", [Unavailable(), Unexpected()])
    def test_one_that_cannot_be_opened_now_may_be_tried_again(self, error: FlowError) -> None:
        guest = Guest(key=LINK.key)
        guest.give(Happened("link", failed=error))
        assert (guest.kind, guest.error) == ("refuse", error.code)
        assert [option.id for option in guest.session.reply.expects.choices] == ["again"]
        guest.press("again")
        assert (guest.kind, len(guest.posted)) == ("wait", 2)
        guest.opened()
        assert guest.step == "consent"

    def test_when_nothing_comes_back_it_is_opened_once_more(self) -> None:
        guest = Guest()
        guest.look()
        assert (guest.kind, len(guest.posted), guest.due - guest.now) == ("wait", 2, 60)


class TestConsent:
    def test_it_is_written_down_either_way(self) -> None:
        agreed, declined = at("consent"), at("consent")
        agreed.press("agree")
        assert (agreed.step, agreed.proven, agreed.events.count("consent")) == ("contact", ["consent"], 1)
        declined.press("decline")
        assert (declined.kind, declined.error, declined.proven) == ("stop", "1025", [])
        assert [note.fields for note in declined.turn.notes if note.event == "consent"] == [{"ok": False}]


class TestContact:
    def test_the_persons_own_phone_in_one_spelling(self) -> None:
        guest = at("contact")
        guest.share("992900000001")
        assert (guest.step, guest.session.facts.phone) == ("passport_kind", PHONE)

    @pytest.mark.parametrize(("phone", "own"), [(PHONE, False), ("", True), ("+1", True), ("ромашка", True)])
    def test_any_other_is_refused_and_costs_nothing(self, phone: str, *, own: bool) -> None:
        guest = at("contact")
        for _ in range(10):
            guest.share(phone, own=own)
            assert (guest.kind, guest.error, guest.asks) == ("refuse", "1028", "contact.ask")
            assert guest.session.facts.phone is None
        guest.share()
        assert guest.step == "passport_kind"


class TestPassport:
    @pytest.mark.parametrize(("choice", "document"), [("new", "ID_NEW"), ("old", "ID_OLD")])
    def test_its_kind_is_the_document_that_is_sent(self, choice: str, document: str) -> None:
        guest = at("passport_kind")
        guest.press(choice)
        guest.photo("front")
        assert (guest.visit.document, guest.upload.document) == (document, document)

    def test_the_box_is_ticked_and_unticked_while_the_question_stands(self) -> None:
        guest = at("passport_kind")
        shown = []
        for _ in range(4):
            guest.press("no_tax_number")
            shown.append(guest.session.reply.expects.choices[2].text.key)
            assert (guest.kind, guest.turn.moved) == ("ask", False)
        assert shown == ["choice.no_tax_number_ticked", "choice.no_tax_number_unticked"] * 2
        guest.press("new")
        assert guest.step == "document"

    def test_a_tick_asks_for_the_tax_number(self) -> None:
        guest = at("tax_number")
        assert guest.asks == "tax_number.ask"

    @pytest.mark.parametrize("text", ["020025789", "020 025 789", "020-025-789", " 020025789\n"])
    def test_nine_digits_travel_with_the_papers(self, text: str) -> None:
        guest = at("tax_number")
        guest.say(text)
        guest.photo("front")
        assert guest.upload.tax_number == "020025789"

    @pytest.mark.parametrize("text", ["", "02002578", "0200257890", "02002578x", "٠٢٠٠٢٥٧٨٩", "０２００２５７８９"])
    def test_everything_else_is_asked_for_again(self, text: str) -> None:
        guest = at("tax_number")
        guest.say(text)
        assert (guest.error, guest.step) == ("1030", "tax_number")


class TestEnrolment:
    def test_the_client_is_written_with_what_was_proven_and_read(self) -> None:
        guest = at("new_secret_word")
        (written,) = guest.bank.of(EnrolClient)
        assert (written.user, written.username, written.phone, written.document) == (USER, "daler", PHONE, "ID_NEW")
        assert written.reading == READING
        assert [proof.method for proof in written.proofs] == ["consent", "contact", "document", "selfie", "liveness"]

    @pytest.mark.parametrize(("printed", "written"), [(None, "020025789"), ("112233445", "112233445")])
    def test_what_is_printed_counts_more_than_what_was_typed(self, printed: str | None, written: str) -> None:
        guest = at("selfie") if printed else at("tax_number").reach("selfie")
        guest.session = guest.session.model_copy(
            update={"facts": guest.session.facts.visiting(reading=Reading(tax_number=printed), tax_number="020025789")}
        )
        guest.page("face")
        guest.alive()
        assert guest.bank.of(EnrolClient)[0].reading.tax_number == written

    def test_papers_of_somebody_else_leave_the_machine_as_they_are_refused(self) -> None:
        guest = at("liveness")
        guest.bank.mismatch = ClientMismatch()
        with pytest.raises(ClientMismatch):
            guest.alive()


class TestNewWord:
    def test_it_is_set_when_it_was_typed_twice(self) -> None:
        guest = at("new_secret_word")
        guest.say("  Сирли   калима ")
        assert guest.asks == "new_secret_word.again"
        guest.say("Сирли калима")
        assert (guest.kind, guest.bank.of(SetWord)) == ("done", [SetWord("c1", "Сирли калима")])

    def test_what_is_remembered_between_the_two_is_no_word(self) -> None:
        guest = at("new_secret_word")
        guest.say("Сирли калима")
        assert "калима" not in guest.session.model_dump_json()

    def test_two_that_differ_begin_anew(self) -> None:
        guest = at("new_secret_word")
        guest.say("Сирли калима")
        guest.say("Сирри калима")
        assert (guest.error, guest.asks) == ("1033", "new_secret_word.ask")
        guest.say("Сирри калима")
        assert guest.asks == "new_secret_word.again"
        assert guest.bank.of(SetWord) == []

    @pytest.mark.parametrize("text", ["", "ром", "аааааааа", "12345678", "31.12.1990", "пароль", "QWERTY", "р" * 65])
    def test_a_weak_one_is_refused(self, text: str) -> None:
        guest = at("new_secret_word")
        guest.say(text)
        assert (guest.error, guest.turn.error and guest.turn.error.params) == ("1032", {"shortest": 5})

    def test_it_can_be_put_off_before_the_first_and_not_between_the_two(self) -> None:
        guest = at("new_secret_word")
        guest.say(WORD)
        guest.press("later")
        assert (guest.kind, guest.bank.of(SetWord)) == ("done", [])

    def test_the_old_one_is_asked_for_three_times(self) -> None:
        guest = Guest(bank=Bank(found=KNOWN), purpose="word")
        errors = []
        for _ in range(3):
            guest.say("лютик")
            errors.append(guest.error)
        assert (errors, guest.session.over) == (["1002", "1002", "1003"], True)


class TestErase:
    def test_who_keeps_it_keeps_it(self) -> None:
        guest = Guest(bank=Bank(found=KNOWN), purpose="erase")
        guest.press("keep")
        assert (guest.kind, guest.error, guest.bank.of(EraseClient)) == ("stop", "1013", [])

    @pytest.mark.parametrize("given", [Typed("да"), Shared(PHONE, own=True), PICTURE, Other()])
    def test_only_a_button_erases(self, given: Input) -> None:
        guest = Guest(bank=Bank(found=KNOWN), purpose="erase")
        guest.give(given)
        assert (guest.error, guest.bank.of(EraseClient)) == ("1031", [])


def test_the_flow_is_the_shipped_one() -> None:
    assert [step if isinstance(step, str) else step["kind"] for step in STEPS][:3] == ["welcome", "link", "consent"]
