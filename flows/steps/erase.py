"""The person wants to be forgotten: asked once more, for it cannot be undone."""

from flows.effects import EraseClient, perform
from flows.errors import Cancelled, FlowError
from flows.model import (
    Again,
    Ask,
    Chosen,
    Expects,
    Facts,
    Input,
    Option,
    Options,
    Outcome,
    Pass,
    Refuse,
    Script,
    State,
    Step,
    Stop,
    Visit,
)
from flows.texts import Text


class EraseUnclear(FlowError):
    code, key, status = "1031", "error.erase_unclear", 400


class EraseOptions(Options):
    """The step has no options."""


class Erase(Step[State, EraseOptions]):
    kind = "erase"
    visits = True
    state_type = State
    options_type = EraseOptions
    needs = frozenset({"client"})
    serves = frozenset({"erase"})

    def enter(self, facts: Facts, now: float) -> Outcome:
        choices = tuple(Option(id=choice, text=Text(key=f"choice.{choice}")) for choice in ("erase_all", "keep"))
        return Ask(Text(key="erase.ask"), State(), Expects(kind="choice", choices=choices))

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
