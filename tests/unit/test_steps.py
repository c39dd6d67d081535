"""Each kind of step, driven through the machine: what passes, what is refused, what costs an attempt."""

import pytest
from driving import ANNA, CODE, DAY, EMAIL, PHONE, STRANGER, WORD, Bank, Dialogue

from flows.effects import FindClient, Found, MatchBirthDate, SendCode
from flows.errors import FlowError, Unavailable
from flows.model import Happened
from flows.steps.birth_date import BirthDate, BirthDateOptions
from flows.steps.code import CodeUndelivered

BARE = Found(client="c2", phone=None, email=None, has_secret_word=False, has_birth_date=False)


class TestClient:
    def test_a_known_client_is_found_in_silence(self) -> None:
        dialogue = Dialogue("client")
        assert dialogue.kind == "done"
        assert dialogue.turn.session.facts.client == "c1"

    def test_an_unknown_one_is_told_where_the_channel_says_so(self) -> None:
        dialogue = Dialogue("client", "code", who=STRANGER, reveal_unknown=True)
        assert (dialogue.kind, dialogue.error) == ("stop", "1001")

    def test_elsewhere_the_question_is_the_usual_one(self) -> None:
        known, unknown = Dialogue("client", "code"), Dialogue("client", "code", who=STRANGER)
        assert known.turn.session.reply.expects == unknown.turn.session.reply.expects
        assert unknown.kind == "ask"
        assert unknown.turn.session.facts.client is None

    def test_a_front_that_knows_no_name_asks_for_one(self) -> None:
        dialogue = Dialogue("client", "code", who=None)
        assert (dialogue.step, dialogue.kind) == ("client", "ask")
        dialogue.say("90 000-00-01")
        assert (dialogue.step, dialogue.kind) == ("code", "ask")
        assert dialogue.turn.session.facts.client == "c1"

    def test_what_is_no_name_is_asked_for_again(self) -> None:
        dialogue = Dialogue("client", "code", who=None)
        dialogue.say("я")
        assert (dialogue.step, dialogue.turn.verdict) == ("client", "void")
        assert not [effect for effect in dialogue.bank.asked if isinstance(effect, FindClient)]


class TestCode:
    def test_the_right_code_passes_and_is_a_proof(self) -> None:
        dialogue = Dialogue("client", "code")
        dialogue.say(CODE)
        assert dialogue.kind == "done"
        assert [proof.method for proof in dialogue.turn.session.facts.proofs] == ["code"]
        assert ("otp_evaluated", {"ok": True}) in dialogue.events

    def test_a_wrong_one_is_refused_and_the_question_stands(self) -> None:
        dialogue = Dialogue("client", "code")
        asked = dialogue.turn.session
        dialogue.say("000000")
        assert (dialogue.error, dialogue.turn.verdict, dialogue.turn.moved) == ("1002", "wrong", False)
        assert dialogue.turn.session is asked
        assert ("otp_evaluated", {"ok": False}) in dialogue.events

    def test_a_right_fifth_passes(self) -> None:
        dialogue = Dialogue("client", "code")
        for _ in range(4):
            assert dialogue.say("000000").verdict == "wrong"
        assert dialogue.say(CODE).verdict == "right"
        assert dialogue.kind == "done"

    def test_a_wrong_fifth_ends_the_dialogue(self) -> None:
        dialogue = Dialogue("client", "code")
        for _ in range(5):
            dialogue.say("000000")
        assert (dialogue.kind, dialogue.error) == ("stop", "1003")
        assert dialogue.turn.session.over
        assert ("step_locked", {"step": "code"}) in dialogue.events

    @pytest.mark.parametrize("text", [CODE, f" {CODE}  "])
    def test_blanks_around_a_code_are_forgiven(self, text: str) -> None:
        dialogue = Dialogue("client", "code")
        dialogue.say(text)
        assert dialogue.kind == "done"

    @pytest.mark.parametrize("text", ["", CODE + "\n", "1234567", "12345", "１２３４５６", "123 456"])
    def test_nothing_else_is(self, text: str) -> None:
        assert Dialogue("client", "code").say(text).verdict == "wrong"

    def test_its_life_is_counted_from_the_first_sending(self) -> None:
        dialogue = Dialogue("client", "code")
        dialogue.now += 299
        dialogue.ask_again()
        dialogue.now += 1
        dialogue.say(CODE)
        assert (dialogue.kind, dialogue.error) == ("stop", "1004")
        assert dialogue.turn.verdict == "void"

    def test_a_decoy_never_passes(self) -> None:
        dialogue = Dialogue("client", "code", who=STRANGER)
        assert dialogue.say(CODE).verdict == "wrong"
        assert ("otp_evaluated", {"ok": False}) in dialogue.events

    def test_it_is_sent_after_the_save_and_once_more_on_request(self) -> None:
        dialogue = Dialogue("client", "code")
        (first,) = dialogue.turn.post
        assert isinstance(first, SendCode)
        assert (first.phone, first.client, first.digits) == (PHONE.value, "c1", 6)
        assert dialogue.ask_again().post == (first,)
        assert dialogue.turn.verdict == "void"

    def test_a_decoys_message_has_no_client(self) -> None:
        (post,) = Dialogue("client", "code", who=STRANGER).turn.post
        assert isinstance(post, SendCode)
        assert (post.client, post.phone) == (None, STRANGER.value)

    def test_nothing_is_sent_while_every_gateway_is_down(self) -> None:
        dialogue = Dialogue("client", "code", bank=Bank(down=True))
        assert (dialogue.kind, dialogue.error, dialogue.turn.post) == ("refuse", "1007", ())

    def test_what_could_not_be_sent_costs_nothing(self) -> None:
        dialogue = Dialogue("client", "code")
        dialogue.give(Happened("code", failed=CodeUndelivered()))
        for _ in range(10):
            assert dialogue.say("000000").verdict == "void"
            assert dialogue.error == "1007"
        dialogue.ask_again()
        assert dialogue.turn.post
        assert dialogue.turn.error is None
        dialogue.say(CODE)
        assert dialogue.kind == "done"

    def test_where_a_client_may_not_be_known_the_mask_is_of_what_was_asked(self) -> None:
        """The records' phone beside an e-mail that was asked for would say that the e-mail is known."""
        masks = {
            (who.value, reveal): text.params["to"]
            for who in (PHONE, EMAIL, STRANGER)
            for reveal in (False, True)
            if (text := Dialogue("client", "code", who=who, reveal_unknown=reveal).turn.session.reply.text)
        }
        assert masks == {
            (PHONE.value, False): "*0001",
            (EMAIL.value, False): "a***@example.com",
            (STRANGER.value, False): "*0999",
            (PHONE.value, True): "*0001",
            (EMAIL.value, True): "*0001",
        }

    def test_the_validator_follows_the_digits(self) -> None:
        dialogue = Dialogue("client", {"kind": "code", "digits": 8})
        assert dialogue.turn.session.reply.expects.pattern == "^[0-9]{8}$"


class TestSecretWord:
    def test_the_right_word_passes(self) -> None:
        dialogue = Dialogue("client", "secret_word")
        dialogue.say(WORD)
        assert dialogue.kind == "done"
        assert ("word_evaluated", {"ok": True}) in dialogue.events

    def test_the_third_wrong_one_ends_it(self) -> None:
        dialogue = Dialogue("client", "secret_word")
        errors = []
        for _ in range(3):
            dialogue.say("лютик")
            errors.append(dialogue.error)
        assert errors == ["1002", "1002", "1003"]

    def test_a_decoy_never_passes(self) -> None:
        assert Dialogue("client", "secret_word", who=STRANGER).say(WORD).verdict == "wrong"

    def test_asking_again_costs_nothing(self) -> None:
        dialogue = Dialogue("client", "secret_word")
        for _ in range(10):
            assert dialogue.ask_again().verdict == "void"
        dialogue.say(WORD)
        assert dialogue.kind == "done"

    def test_a_client_without_a_word_passes_only_where_the_flow_says_so(self) -> None:
        skipping = {"kind": "secret_word", "skip": "when_unset"}
        assert Dialogue("client", skipping, bank=Bank(found=BARE), reveal_unknown=True).kind == "done"
        insisting = Dialogue("client", "secret_word", bank=Bank(found=BARE), reveal_unknown=True)
        assert (insisting.kind, insisting.error) == ("stop", "1011")

    def test_what_is_skipped_is_no_proof(self) -> None:
        skipping = {"kind": "secret_word", "skip": "when_unset"}
        assert Dialogue("client", skipping, bank=Bank(found=BARE), reveal_unknown=True).turn.session.facts.proofs == ()

    @pytest.mark.parametrize("kind", ["secret_word", "birth_date"])
    def test_what_is_not_on_record_does_not_show_in_front_of_a_proof(self, kind: str) -> None:
        """In a channel that hides who is a client it is asked for all the same, and nothing satisfies it."""
        bank = Bank(found=BARE)
        dialogue = Dialogue("client", {"kind": kind, "skip": "when_unset"}, "code", bank=bank)
        assert dialogue.kind == "ask"
        assert dialogue.turn.session.step == kind


class TestBirthDate:
    @pytest.mark.parametrize("text", ["12.04.1989", "12/4/1989", "1989-04-12", " 12 4 1989 "])
    def test_a_date_in_its_usual_spellings(self, text: str) -> None:
        dialogue = Dialogue("client", "birth_date")
        dialogue.say(text)
        assert dialogue.kind == "done"
        assert MatchBirthDate("c1", DAY) in dialogue.bank.asked

    @pytest.mark.parametrize("text", ["", "31.02.1989", "12.04.89", "1989", "April", "12.04.19890", "٢٠٢٠-01-01"])
    def test_what_is_no_date_is_wrong_and_not_a_crash(self, text: str) -> None:
        assert Dialogue("client", "birth_date").say(text).verdict == "wrong"

    def test_a_decoy_never_passes(self) -> None:
        assert Dialogue("client", "birth_date", who=STRANGER).say("12.04.1989").verdict == "wrong"

    def test_a_client_without_one(self) -> None:
        skipping = {"kind": "birth_date", "skip": "when_unset"}
        assert Dialogue("client", skipping, bank=Bank(found=BARE), reveal_unknown=True).kind == "done"
        insisting = Dialogue("client", "birth_date", bank=Bank(found=BARE), reveal_unknown=True)
        assert (insisting.kind, insisting.error) == ("stop", "1012")


def test_an_outage_is_not_a_wrong_answer() -> None:
    """The failure leaves the machine: the service gives the attempt back, and the question stands."""
    dialogue = Dialogue("client", "secret_word")
    before = dialogue.turn
    dialogue.bank.fails = Unavailable()
    with pytest.raises(FlowError) as caught:
        dialogue.say(WORD)
    assert caught.value.code == "2001"
    assert dialogue.turn is before


def test_personal_things_do_not_show_in_a_repr() -> None:
    dialogue = Dialogue("client", "code", "secret_word")
    dialogue.say(CODE)
    shown = repr((dialogue.turn, dialogue.bank.asked, ANNA))
    for secret in (PHONE.value, PHONE.value[-4:], "anna@example.com", CODE, WORD):
        assert secret not in shown.replace("*0001", "")


def test_a_step_is_bound_to_its_name() -> None:
    assert BirthDate("second", BirthDateOptions()).name == "second"
