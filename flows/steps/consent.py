"""May we? Asked, and written down, before the first photo: a face is biometric data (security.md §8.1)."""

from typing import Literal

from pydantic import Field

from flows.effects import Note
from flows.errors import FlowError
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
    choice_of,
)
from flows.texts import Text


class ConsentRefused(FlowError):
    code, key, status, final = "1025", "error.consent_refused", 403, True


class ConsentWanted(FlowError):
    code, key, status = "1026", "error.consent_wanted", 400


class ConsentOptions(Options):
    about: Literal["papers", "aitu"] = Field(default="papers", description="what will be looked at")


class Consent(Step[State, ConsentOptions]):
    kind = "consent"
    visits = True
    state_type = State
    options_type = ConsentOptions
    gives = frozenset({"consent"})

    def enter(self, facts: Facts, now: float) -> Outcome:
        key = "consent.ask" if self.options.about == "papers" else f"consent.ask_{self.options.about}"
        return Ask(Text(key=key), State(), choice_of("agree", "decline"))

    def answer(self, state: State, given: Input, facts: Facts, now: float) -> Script[Outcome]:
        if isinstance(given, Again):
            return self.enter(facts, now)
        if not isinstance(given, Chosen) or given.id not in ("agree", "decline"):
            return Refuse(ConsentWanted())
        agreed = given.id == "agree"
        yield Note("consent", {"ok": agreed})
        return Pass(facts.proven(self.name, now)) if agreed else Stop(ConsentRefused())


STEP = Consent
