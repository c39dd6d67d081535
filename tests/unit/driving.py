"""Drives the machine without a loop: a bank of one client, a clock that is a number, counting as the store does it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flows import machine
from flows.effects import AllDown, CheckCode, Effect, FindClient, Found, MatchBirthDate, MatchWord
from flows.errors import FlowError
from flows.identifiers import Identifier
from flows.machine import Turn
from flows.model import Again, Facts, Input, Plan, Script, Typed
from flows.plan import Stanza, make_plan

PHONE = Identifier(kind="phone", value="+992900000001")
EMAIL = Identifier(kind="email", value="anna@example.com")
STRANGER = Identifier(kind="phone", value="+992900000999")
ANNA = Found(
    client="c1", phone=PHONE.value, email=EMAIL.value, has_secret_word=True, has_birth_date=True
)  # fmt: skip
CODE, WORD, DAY = "123456", "ромашка", "1989-04-12"


@dataclass
class Bank:
    """Answers what a step wishes for. `fails` is thrown into the step instead."""

    found: Found | None = ANNA
    down: bool = False
    fails: FlowError | None = None
    asked: list[Effect[Any]] = field(default_factory=list)

    def perform(self, effect: Effect[Any]) -> object:
        self.asked.append(effect)
        if self.fails:
            raise self.fails
        match effect:
            case FindClient():
                return self.found if self.found and effect.names[:1] in ((PHONE,), (EMAIL,)) else None
            case AllDown():
                return self.down
            case CheckCode():
                return effect.text == CODE
            case MatchWord():
                return effect.client is not None and effect.text == WORD
            case MatchBirthDate():
                return effect.client is not None and effect.day == DAY
        raise TypeError(type(effect).__name__)

    def drive(self, script: Script[Turn]) -> Turn:
        result: object = None
        error: FlowError | None = None
        while True:
            try:
                effect = script.send(result) if error is None else script.throw(error)
            except StopIteration as end:
                turn: Turn = end.value
                return turn
            result, error = None, None
            try:
                result = self.perform(effect)
            except FlowError as caught:
                error = caught


class Dialogue:
    """One dialogue with `who`. An answer is counted first; what was not compared is given back, as `move` does it."""

    def __init__(
        self, *steps: Stanza, who: Identifier | None = PHONE, bank: Bank | None = None, reveal_unknown: bool = False
    ) -> None:
        self.plan: Plan = make_plan("test", steps)
        self.bank = bank or Bank()
        self.now = 1000.0
        self.counted = 0
        facts = Facts(names=(who,) if who else (), reveal_unknown=reveal_unknown)
        self.turn = self.bank.drive(machine.begin(self.plan, "sid", "support", facts, self.now))

    def give(self, given: Input) -> Turn:
        counts = isinstance(given, Typed) and self.turn.session.tries > 0
        self.counted += counts
        script = machine.advance(self.plan, self.turn.session, given, self.now, self.counted if counts else 0)
        self.turn = self.bank.drive(script)
        if self.turn.moved:
            self.counted = 0
        elif self.turn.verdict == "void":
            self.counted -= counts
        return self.turn

    def say(self, text: str) -> Turn:
        return self.give(Typed(text))

    def ask_again(self) -> Turn:
        return self.give(Again())

    @property
    def step(self) -> str:
        return self.turn.session.step

    @property
    def kind(self) -> str:
        return self.turn.session.reply.kind

    @property
    def error(self) -> str | None:
        return self.turn.error.code if self.turn.error else None

    @property
    def events(self) -> Sequence[tuple[str, dict[str, Any]]]:
        return [(note.event, note.fields) for note in self.turn.notes]
