"""The person wants to be forgotten: asked once more, for it cannot be undone."""

from flows.effects import EraseClient, perform
from flows.errors import Cancelled, FlowError
from flows.model import (
    Again,
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
    Visit,
    choice_of,
)
from flows.texts import Text


class EraseUnclear(FlowError):
    code, key, status = "1031", "error.erase_unclear", 400


class Erase(Step[State, Options]):
    kind = "erase"
    visits = True
    state_type = State
    options_type = Options
    needs = frozenset({"client"})
    serves = frozenset({"erase"})

    def enter(self, facts: Facts, now: float) -> Outcome:
        return Ask(Text(key="erase.ask"), State(), choice_of("erase_all", "keep"))

    def answer(self, state: State, given: Input, facts: Facts, now: float) -> Script[Outcome]:
        if isinstance(given, Again):
            return self.enter(facts, now)
        if not isinstance(given, Chosen) or given.id not in ("erase_all", "keep"):
            return Refuse(EraseUnclear())
        if given.id == "keep" or facts.client is None:
            return Stop(Cancelled())
        yield from perform(EraseClient(facts.client))
        nothing = Visit(user=facts.there.user, purpose="erase", litter=facts.there.litter)
        return Pass(Facts(language=facts.language, country=facts.country, visit=nothing))


STEP = Erase
