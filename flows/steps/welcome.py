"""Is it somebody whom we have identified before? Then what they came for this time; everybody else goes on at once."""

from flows.effects import FindClient, Found, perform
from flows.errors import ChoiceWanted, FlowError
from flows.identifiers import Identifier
from flows.model import (
    Ask,
    Chosen,
    Facts,
    Input,
    Options,
    Outcome,
    Pass,
    Refuse,
    Script,
    State,
    Step,
    Stop,
    choice_of,
)
from flows.texts import Text

CHOICES = ("identify", "word", "erase")


class NothingKnown(FlowError):
    """The person wants to change or erase what we do not have."""

    code, key, status, final = "1023", "error.nothing_known", 404, True


class Welcome(Step[State, Options]):
    """`gives` the client to those who are known; for somebody new it stays None, and `enrol` makes one."""

    kind = "welcome"
    visits = True
    state_type = State
    options_type = Options
    gives = frozenset({"client"})
    serves = frozenset({"identify", "word", "erase"})

    def enter(self, facts: Facts, now: float) -> Script[Outcome]:
        found = yield from self._find(facts)
        if facts.there.purpose != "identify":
            return Pass(_known(facts, found)) if found else Stop(NothingKnown())
        if not found or not found.since or facts.there.key or facts.proofs:
            return Pass(facts)
        return Ask(Text(key="welcome.again"), State(), choice_of(*CHOICES))

    def answer(self, state: State, given: Input, facts: Facts, now: float) -> Script[Outcome]:
        if not isinstance(given, Chosen) or given.id not in CHOICES:
            return Refuse(ChoiceWanted())
        if given.id == "identify":
            return Pass(facts)
        return (yield from self.enter(facts.visiting(purpose=given.id), now))

    def _find(self, facts: Facts) -> Script[Found | None]:
        return (yield from perform(FindClient((Identifier(kind="telegram_id", value=facts.there.user),))))


def _known(facts: Facts, found: Found) -> Facts:
    return facts.model_copy(update={"client": found.client, "has_secret_word": found.has_secret_word})


STEP = Welcome
