"""The date of birth. A relative can answer it too, so it proves nothing by itself (NIST SP 800-63)."""

import re
from datetime import date
from typing import Literal

from pydantic import Field

from flows.effects import MatchBirthDate, Note, perform
from flows.errors import FlowError, WrongAnswer
from flows.model import (
    Ask,
    Expects,
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
    Typed,
)
from flows.texts import Text


class NoBirthDate(FlowError):
    """The records have none, and the flow insists."""

    code, key, status, final = "1012", "error.no_birth_date", 403, True


class BirthDateOptions(Options):
    tries: int = Field(default=3, ge=2, le=5)
    skip: Literal["never", "when_unset"] = "never"


class BirthDate(Step[State, BirthDateOptions]):
    kind = "birth_date"
    state_type = State
    options_type = BirthDateOptions
    needs = frozenset({"client"})
    gives = frozenset({"birth_date"})

    def enter(self, facts: Facts, now: float) -> Outcome:
        shown = facts.reveal_unknown or bool(facts.proofs)  # before that, what is on record would show who is a client
        if not facts.has_birth_date and shown:
            return Pass(facts) if self.options.skip == "when_unset" else Stop(NoBirthDate())
        return self._ask()

    def answer(self, state: State, given: Input, facts: Facts, now: float) -> Script[Outcome]:
        if not isinstance(given, Typed):
            return self._ask()
        right = yield from perform(MatchBirthDate(facts.client, _iso(given.text)))
        yield Note("birth_date_evaluated", {"ok": right})
        if not right:
            return Refuse(WrongAnswer("birth_date"))
        return Pass(facts.proven(self.name, now))

    def _ask(self) -> Ask:
        expects = Expects(kind="date", pattern="^[0-9]{1,2}[.][0-9]{1,2}[.][0-9]{4}$")
        return Ask(Text(key="birth_date.ask"), State(), expects, tries=self.options.tries)


def _iso(text: str) -> str:
    """31.12.1990, 31/12/1990 or 1990-12-31 as ISO 8601; "" when it is no date."""
    numbers = re.fullmatch(r"\s*([0-9]{1,4})[./\s-]([0-9]{1,2})[./\s-]([0-9]{1,4})\s*", text)
    if not numbers:
        return ""
    first, month, last = (int(number) for number in numbers.groups())
    year, day = (first, last) if first > last else (last, first)
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return ""


STEP = BirthDate
