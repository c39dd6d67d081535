"""The check on the page in a chat server's dialogue: no chat of ours, so the question is a link."""

from collections import deque
from dataclasses import dataclass, field

import driving
from at_the_page import RUNNING
from driving import PHONE, STRANGER, Dialogue
from visits import ALIVE, DEVICE

from flows.effects import Effect, LivenessResult, OpenLiveness
from flows.identifiers import Identifier
from flows.model import Happened, Returned, Wake
from flows.papers import LivenessSession, Verdict


@dataclass
class Vendor(driving.Bank):
    """The bank of a channel's client, and biometric.kz; in the end everybody is alive."""

    verdicts: deque[Verdict] = field(default_factory=deque)

    def perform(self, effect: Effect[object]) -> object:
        if not isinstance(effect, LivenessResult):
            return super().perform(effect)
        self.asked.append(effect)
        return self.verdicts.popleft() if self.verdicts else ALIVE


def by_link(*verdicts: Verdict, who: Identifier = PHONE) -> Dialogue:
    """A channel's client has the link in their chat server's chat; the session was had."""
    dialogue = Dialogue("client", "liveness", "secret_word", who=who, bank=Vendor(verdicts=deque(verdicts)))
    dialogue.give(Happened("liveness", about="1", result=LivenessSession(id="s-1")))
    return dialogue


class TestInAChannel:
    def test_the_question_holds_a_link_and_nothing_is_counted(self) -> None:
        reply, tries = by_link().turn.session.reply, by_link().turn.session.tries
        assert (reply.kind, reply.text and reply.text.key, tries) == ("ask", "liveness.ask_there", 0)
        assert reply.expects.door
        assert (reply.expects.kind, reply.expects.door.number) == ("link", 1)

    def test_no_photo_is_there_to_compare_with(self) -> None:
        dialogue = Dialogue("client", "liveness", bank=Vendor())
        assert dialogue.turn.post == (OpenLiveness("liveness", 1),)

    def test_who_says_to_be_back_is_looked_for(self) -> None:
        dialogue = by_link()
        dialogue.say("готово")
        assert dialogue.step == "secret_word"
        assert [proof.method for proof in dialogue.turn.session.facts.proofs] == ["liveness"]

    def test_whoever_is_not_hears_the_question_again(self) -> None:
        dialogue = by_link(RUNNING)
        asked = dialogue.turn.session.reply
        dialogue.say("готово")
        assert (dialogue.kind, dialogue.error, dialogue.turn.session.reply) == ("ask", None, asked)

    def test_before_there_is_a_session_nobody_can_be_back(self) -> None:
        dialogue = Dialogue("client", "liveness", "secret_word", bank=Vendor())
        dialogue.say("готово")
        assert (dialogue.error, dialogue.step, dialogue.turn.verdict) == ("1036", "liveness", "void")

    def test_it_is_not_looked_for_twice_in_a_second(self) -> None:
        dialogue = by_link(*[RUNNING] * 9)
        for _ in range(20):
            dialogue.say("готово")
            dialogue.now += 0.1
        assert len([effect for effect in dialogue.bank.asked if isinstance(effect, LivenessResult)]) == 2
        assert dialogue.error == "1036"

    def test_it_goes_on_by_itself_when_the_page_was_opened(self) -> None:
        dialogue = by_link()
        dialogue.give(Returned(1, {"event": "open", "device": DEVICE}))
        assert (dialogue.kind, dialogue.turn.wake) == ("wait", dialogue.now + 15)
        dialogue.give(Returned(1, {"event": "finish", "device": DEVICE}))
        assert dialogue.turn.wake == dialogue.now + 5
        dialogue.now += 5
        dialogue.give(Wake())
        assert dialogue.step == "secret_word"

    def test_a_decoy_passes_nothing(self) -> None:
        decoy = by_link(who=STRANGER)
        for number in range(3):
            dialogue_kind = decoy.say("готово")
            decoy.now += 2
            assert dialogue_kind.session.step == "liveness"
            if number < 2:
                assert decoy.error == "1037"
                decoy.give(Returned(number + 1, {"event": "open", "device": DEVICE}))
                decoy.give(Happened("liveness", about=str(number + 2), result=LivenessSession(id="s")))
        assert (decoy.kind, decoy.error, decoy.turn.session.facts.proofs) == ("stop", "1038", ())

    def test_and_is_asked_as_everybody_is(self) -> None:
        assert by_link(who=STRANGER).turn.session.reply == by_link().turn.session.reply
