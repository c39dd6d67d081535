"""Which passport, the new card or the old one; and whether the tax number is missing on it (Humo, step 2)."""

from flows.errors import FlowError
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
    State,
    Step,
)
from flows.texts import Text

KINDS = {"new": "ID_NEW", "old": "ID_OLD"}


class KindWanted(FlowError):
    code, key, status = "1029", "error.kind_wanted", 400


class PassportKindState(State):
    no_tax_number: bool = False


class PassportKind(Step[PassportKindState, Options]):
    kind = "passport_kind"
    visits = True
    state_type = PassportKindState
    options_type = Options
    gives = frozenset({"document"})

    def enter(self, facts: Facts, now: float) -> Outcome:
        return self._ask(PassportKindState())

    def answer(self, state: PassportKindState, given: Input, facts: Facts, now: float) -> Outcome:
        if isinstance(given, Again):
            return self._ask(state)
        if not isinstance(given, Chosen):
            return Refuse(KindWanted())
        if given.id == "no_tax_number":
            return self._ask(PassportKindState(no_tax_number=not state.no_tax_number))
        if given.id not in KINDS:
            return Refuse(KindWanted())
        return Pass(facts.visiting(document=KINDS[given.id], types_tax_number=state.no_tax_number))

    def _ask(self, state: PassportKindState) -> Ask:
        ticked = "ticked" if state.no_tax_number else "unticked"
        choices = (
            *(Option(id=kind, text=Text(key=f"choice.passport_{kind}")) for kind in KINDS),
            Option(id="no_tax_number", text=Text(key=f"choice.no_tax_number_{ticked}")),
        )
        return Ask(Text(key="passport_kind.ask"), state, Expects(kind="choice", choices=choices))


STEP = PassportKind
