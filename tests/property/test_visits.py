"""Any visit to the chat: any input in any order, from people, from Humo and from the clock.

What must hold whatever comes: no exception, a session that the store can hold, an end that is the end, and nobody
enrolled who has not agreed, shared a phone, had papers and face accepted and been seen alive.
"""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from visits import ALIVE, DEVICE, GOOD, KNOWN, LINK, PHONE, WORD, Bank, Guest

from flows.effects import EnrolClient, EraseClient, Found, SetWord, Uploaded
from flows.errors import FlowError, Refused, StepUnknown, Unavailable, Unexpected
from flows.model import (
    Again,
    Cancel,
    Chosen,
    Happened,
    Input,
    Other,
    Photo,
    Purpose,
    Returned,
    Sent,
    Shared,
    Speak,
    Typed,
    Wake,
)
from flows.papers import LivenessSession, Task, Verdict
from flows.texts import LANGUAGES, render
from flows.uploading import Interrupted, PhotoUnfit, SamePhoto

CHOICES = (
    "identify",
    "word",
    "erase",
    "again",
    "agree",
    "decline",
    "new",
    "old",
    "no_tax_number",
    "later",
    "erase_all",
    "keep",
    "",
    "0",
    "\ud83d",
)
TEXTS = ("", "1", "020025789", WORD, "сирли калима", "9" * 4096, "\u0000", "٣٣٣٣٣٣٣٣٣")
PHOTOS = tuple(f"photo {number}" for number in range(4))
TASKS: tuple[Task | FlowError, ...] = (
    GOOD,
    Task("running"),
    Task("failure", "blurred"),
    Task("failure"),
    Unavailable(),
    Refused("unknown_task"),
)
FAILURES = (Unavailable(), Unexpected(), Refused("token"), Interrupted(), SamePhoto(), PhotoUnfit("dark"))
STEPS = ("link", "document", "selfie", "liveness", "further", "consent", "nobody")
NEW: tuple[Purpose, None] = ("identify", None)
COMERS: tuple[tuple[Purpose, Found | None], ...] = (
    *(NEW, NEW, NEW),
    ("identify", KNOWN),
    ("word", KNOWN),
    ("erase", KNOWN),
    ("erase", None),
    *(NEW, NEW, NEW),
)
NEEDED = {"consent", "contact", "document", "selfie", "liveness"}
EVENTS = ("open", "finish", "hosted", "trouble", "again", "nudge", "another", "")
DEVICES = (DEVICE, "another browser", "")
VERDICTS: tuple[Verdict | FlowError, ...] = (
    ALIVE,
    Verdict(status="running"),
    Verdict(status="failed", reasons=("not_alive",)),
    Verdict(status="passed", iin="900101300126"),
    Unavailable(),
    Refused("unknown_session"),
)


def photo(name: str) -> Sent:
    return Sent(Photo(ref=f"ref {name}", unique=name))


PLAIN = (Again(), Wake(), Other(), Cancel(), Shared(PHONE, own=True), Shared(PHONE, own=False), Shared("1", own=True))
ANYTHING: st.SearchStrategy[Input] = st.one_of(
    st.sampled_from(PLAIN),
    st.sampled_from(CHOICES).map(Chosen),
    st.sampled_from(TEXTS).map(Typed),
    st.sampled_from(PHOTOS).map(photo),
    st.sampled_from([*LANGUAGES, "xx"]).map(Speak),
    st.builds(
        Happened,
        st.sampled_from(STEPS),
        st.sampled_from(PHOTOS),
        st.sampled_from([None, None, *FAILURES]),
        st.sampled_from([None, LINK, Uploaded("1", "digest"), LivenessSession(id="s"), "nonsense"]),
    ),
    st.builds(
        lambda number, event, device, what, launched: Returned(
            number, {"event": event, "device": device, "what": what, "launched": launched}
        ),
        st.integers(0, 4),
        st.sampled_from(EVENTS),
        st.sampled_from(DEVICES),
        st.sampled_from(["", "black", "nonsense"]),
        st.sampled_from(["", "yes"]),
    ),
)


class AnyVisit(RuleBasedStateMachine):
    @initialize(
        who=st.sampled_from(COMERS),
        key=st.sampled_from([None, LINK.key]),
        further=st.sampled_from([(), ("RESIDENCE/front",)]),
        start=st.sampled_from(["selfie", "liveness", "consent", "document", "new_secret_word", "liveness"]),
    )
    def begin(self, who: tuple[Purpose, Found | None], key: str | None, further: tuple[str, ...], start: str) -> None:
        """Those who are to be identified begin anywhere on their way: what comes first would seldom lead there."""
        purpose, found = who
        bank = Bank(found=found)
        bank.pages["additional"] = further
        self.guest, self.fresh = Guest(bank=bank, key=key, purpose=purpose), 0
        if purpose == "identify" and self.guest.step != "welcome":
            self.guest.reach(start)

    @property
    def over(self) -> bool:
        return self.guest.session.over

    @property
    def waits(self) -> bool:
        return self.guest.session.reply.expects.kind == "nothing"

    @rule()
    @precondition(lambda self: not self.over and not self.waits)
    def what_leads_on(self) -> None:
        if self.guest.session.reply.expects.kind == "photo":
            self.fresh += 1
            self.guest.photo(f"fresh {self.fresh}")
        elif self.guest.step == "liveness":
            self.guest.ready()
            self.guest.on_page("open")
        else:
            self.guest.onward()

    @rule()
    @precondition(lambda self: not self.over and self.waits)
    def what_was_posted_happens(self) -> None:
        if self.guest.step == "link":
            self.guest.opened()
        elif self.guest.step == "liveness":
            self.guest.ready()
            self.guest.on_page("finish")
        else:
            self.guest.uploaded()

    @rule(failed=st.sampled_from([None, *FAILURES]), result=st.sampled_from([None, LINK, "nonsense"]))
    @precondition(lambda self: not self.over and self.guest.uploads)
    def something_else_happens(self, failed: FlowError | None, result: object) -> None:
        self.guest.give(Happened(self.guest.step, self.guest.upload.unique, failed, result))

    @rule()
    @precondition(lambda self: not self.over and self.guest.due)
    def its_time_comes(self) -> None:
        self.guest.look()

    @rule(given=ANYTHING)
    @precondition(lambda self: not self.over)
    def whatever(self, given: Input) -> None:
        self.guest.give(given)

    @rule(task=st.sampled_from(TASKS))
    def humo_will_say(self, task: Task | FlowError) -> None:
        self.guest.bank.looks.append(task)

    @rule(verdict=st.sampled_from(VERDICTS))
    def biometric_will_say(self, verdict: Verdict | FlowError) -> None:
        self.guest.bank.verdicts.append(verdict)

    @rule(seconds=st.sampled_from([1, 30, 200]))
    def time_passes(self, seconds: int) -> None:
        self.guest.now += seconds

    @rule(given=ANYTHING)
    @precondition(lambda self: self.over)
    def the_end_is_the_end(self, given: Input) -> None:
        before = self.guest.session
        with pytest.raises(StepUnknown):
            self.guest.give(given)
        assert self.guest.session == before

    @invariant()
    def nobody_is_enrolled_without_proof(self) -> None:
        enrolled = self.guest.bank.of(EnrolClient)
        assert len(enrolled) <= 1
        for effect in enrolled:
            assert {proof.method for proof in effect.proofs} == NEEDED
            assert effect.phone == PHONE
        if self.guest.kind == "done" and self.guest.visit.purpose == "identify":
            assert enrolled

    @invariant()
    def no_photo_goes_out_without_consent(self) -> None:
        assert not self.guest.uploads or {"consent", "contact"} <= set(self.guest.proven)

    @invariant()
    def nothing_is_erased_or_changed_of_a_stranger(self) -> None:
        bank, proven = self.guest.bank, self.guest.proven
        assert not bank.of(EraseClient) or (bank.found and self.guest.visit.purpose == "erase")
        assert not bank.of(SetWord) or "secret_word" in proven or set(proven) >= NEEDED

    @invariant()
    def what_is_stored_holds_no_word_and_can_be_said(self) -> None:
        session = self.guest.session
        assert WORD not in session.model_dump_json()
        for text in (session.reply.text, session.reply.why):
            assert text is None or render(text, session.facts.language)


TestAnyVisit = AnyVisit.TestCase
TestAnyVisit.settings = settings(
    deadline=None, derandomize=True, database=None, max_examples=120, stateful_step_count=35
)
