"""A secret word, typed twice. Between the two only a keyed print of it rests; in the chat nothing of it stays."""

import re

from pydantic import Field

from flows.effects import Note, SetWord, WordPrint, perform
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
    Script,
    State,
    Step,
    Typed,
)
from flows.texts import Text

_USUAL = frozenset(
    ("password", "qwerty", "parol", "пароль", "йцукен", "слово", "кодовое слово", "секрет", "калима", "құпия сөз")
)


class WordWeak(FlowError):
    """Too short, too long, one letter over and over, digits alone, or what everybody takes."""

    code, key, status = "1032", "error.word_weak", 400


class WordsDiffer(FlowError):
    code, key, status = "1033", "error.words_differ", 400


class WordWanted(FlowError):
    code, key, status = "1034", "error.word_wanted", 400


class NewSecretWordOptions(Options):
    shortest: int = Field(default=5, ge=4, le=16, description="letters")
    later: bool = Field(default=True, description="the person may put it off")


class NewSecretWordState(State):
    first: str = Field(default="", repr=False)


class NewSecretWord(Step[NewSecretWordState, NewSecretWordOptions]):
    kind = "new_secret_word"
    visits = True
    state_type = NewSecretWordState
    options_type = NewSecretWordOptions
    needs = frozenset({"client"})
    gives = frozenset({"new_secret_word"})
    serves = frozenset({"identify", "word"})

    def enter(self, facts: Facts, now: float) -> Outcome:
        return self._ask("new_secret_word.ask")

    def answer(self, state: NewSecretWordState, given: Input, facts: Facts, now: float) -> Script[Outcome]:
        match given:
            case Typed(text=text):
                return (yield from self._typed(state, text, facts))
            case Chosen(id="later") if self.options.later:
                return Pass(facts)
            case Again():
                return self._ask("new_secret_word.again" if state.first else "new_secret_word.ask", state.first)
        return Refuse(WordWanted())

    def _typed(self, state: NewSecretWordState, text: str, facts: Facts) -> Script[Outcome]:
        word = " ".join(text.split())
        if not state.first and self._weak(word):
            return Refuse(WordWeak(shortest=self.options.shortest))
        told = yield from perform(WordPrint(word))
        if not state.first:
            return self._ask("new_secret_word.again", told)
        if told != state.first:
            return self._ask("new_secret_word.ask", error=WordsDiffer())
        yield from perform(SetWord(facts.client or "", word))
        yield Note("word_set", {})
        return Pass(facts)

    def _weak(self, word: str) -> bool:
        plain = word.casefold()
        few = len(set(plain)) < 3
        return (
            few
            or not self.options.shortest <= len(word) <= 64
            or bool(re.fullmatch(r"[\d\s.+-]+", plain))
            or (plain in _USUAL)
        )

    def _ask(self, key: str, first: str = "", error: FlowError | None = None) -> Ask:
        later = (Option(id="later", text=Text(key="choice.later")),) if self.options.later and not first else ()
        expects = Expects(kind="text", pattern="^.{1,64}$", choices=later, secret=True)
        return Ask(Text(key=key), NewSecretWordState(first=first), expects, error=error)


STEP = NewSecretWord
