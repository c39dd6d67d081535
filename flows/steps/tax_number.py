"""The tax number (INN), typed, when the card has none: nine digits, as text, for it may begin with a nought."""

import re

from flows.errors import FlowError
from flows.model import Again, Ask, Expects, Facts, Input, Options, Outcome, Pass, Refuse, State, Step, Typed
from flows.texts import Text


class TaxNumberWanted(FlowError):
    code, key, status = "1030", "error.tax_number_wanted", 400


class TaxNumber(Step[State, Options]):
    kind = "tax_number"
    visits = True
    state_type = State
    options_type = Options
    needs = frozenset({"document"})

    def enter(self, facts: Facts, now: float) -> Outcome:
        return self._ask() if facts.there.types_tax_number else Pass(facts)

    def answer(self, state: State, given: Input, facts: Facts, now: float) -> Outcome:
        if isinstance(given, Again):
            return self._ask()
        digits = re.sub(r"[\s-]", "", given.text) if isinstance(given, Typed) else ""
        if not re.fullmatch("[0-9]{9}", digits):
            return Refuse(TaxNumberWanted())
        return Pass(facts.visiting(tax_number=digits))

    def _ask(self) -> Ask:
        return Ask(Text(key="tax_number.ask"), State(), Expects(kind="text", pattern="^[0-9]{9}$"))


STEP = TaxNumber
