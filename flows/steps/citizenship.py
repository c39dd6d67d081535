"""Which way? Of several flows of the bot, the one for citizens of the person's state; asked once, then remembered.

The way is the flow's name. Who comes with a link of Humo's goes where Humo's papers are; who has come for something
else than to be identified needs no question.
"""

from typing import Literal

from flows.errors import ChoiceWanted
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


class CitizenshipOptions(Options):
    ways: dict[str, Literal["TJ", "KZ", "other"]]
    """Flow → whose it is."""
    linked: str = ""
    """The flow that a link of Humo's belongs to."""


class Citizenship(Step[State, CitizenshipOptions]):
    kind = "citizenship"
    visits = True
    state_type = State
    options_type = CitizenshipOptions
    serves = frozenset({"identify", "word", "erase"})

    def enter(self, facts: Facts, now: float) -> Outcome:
        visit = facts.there
        if visit.key and self.options.linked:
            return Pass(facts.visiting(way=self.options.linked))
        if visit.way in self.options.ways:
            return Pass(facts)
        if visit.purpose != "identify":
            return Pass(facts.visiting(way=next(iter(self.options.ways))))
        return self._ask()

    def answer(self, state: State, given: Input, facts: Facts, now: float) -> Outcome:
        if isinstance(given, Again):
            return self._ask()
        if not isinstance(given, Chosen) or given.id not in self.options.ways:
            return Refuse(ChoiceWanted())
        return Pass(facts.visiting(way=given.id))

    def _ask(self) -> Ask:
        choices = tuple(
            Option(id=way, text=Text(key=f"choice.citizen_{whose.lower()}")) for way, whose in self.options.ways.items()
        )
        return Ask(Text(key="citizenship.ask"), State(), Expects(kind="choice", choices=choices))


STEP = Citizenship
