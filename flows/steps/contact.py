"""The person's own phone, as Telegram vouches for it: shared with the button, not typed, not somebody else's.

Only a fresh contact whose `user_id` is the sender's counts (protocols.md §7.1); the front decides that, and whatever is
not so arrives here as `Shared(own=False)`.
"""

from flows.effects import Note
from flows.errors import FlowError
from flows.identifiers import recognise
from flows.model import (
    Again,
    Ask,
    Expects,
    Facts,
    Input,
    Options,
    Outcome,
    Pass,
    Refuse,
    Script,
    Shared,
    State,
    Step,
)
from flows.texts import Text


class ContactWanted(FlowError):
    code, key, status = "1027", "error.contact_wanted", 400


class ContactRefused(FlowError):
    """Somebody else's contact, a forwarded or a made-up one."""

    code, key, status = "1028", "error.contact_refused", 403


class Contact(Step[State, Options]):
    kind = "contact"
    visits = True
    state_type = State
    options_type = Options
    gives = frozenset({"phone"})

    def enter(self, facts: Facts, now: float) -> Outcome:
        if facts.phone and any(proof.method == self.name for proof in facts.proofs):
            return Pass(facts)  # another flow has asked already
        return Ask(Text(key="contact.ask"), State(), Expects(kind="contact"))

    def answer(self, state: State, given: Input, facts: Facts, now: float) -> Script[Outcome]:
        if isinstance(given, Again):
            return self.enter(facts, now)
        if not isinstance(given, Shared):
            return Refuse(ContactWanted())
        names = recognise("+" + given.phone.lstrip("+"), "phone", facts.country) if given.own else ()
        yield Note("contact_shared", {"ok": bool(names)})
        if not names:
            return Refuse(ContactRefused())
        return Pass(facts.model_copy(update={"phone": names[0].value}).proven(self.name, now))


STEP = Contact
