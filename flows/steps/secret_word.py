"""The secret word that the client chose at the bank; the records compare it as argon2id (security.md §7 #5)."""

from typing import Literal

from pydantic import Field

from flows.effects import MatchWord, Note, perform
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


class NoSecretWord(FlowError):
    """The client never chose one, and the flow insists."""

    code, key, status, final = "1011", "error.no_secret_word", 403, True


class SecretWordOptions(Options):
    tries: int = Field(default=3, ge=2, le=5)
    skip: Literal["never", "when_unset"] = "never"


_QUESTION, _WORD, _NOTHING = Text(key="secret_word.ask"), Expects(pattern="^.{1,64}$", secret=True), State()


class SecretWord(Step[State, SecretWordOptions]):
    kind = "secret_word"
    state_type = State
    options_type = SecretWordOptions
    needs = frozenset({"client"})
    gives = frozenset({"secret_word"})

    def enter(self, facts: Facts, now: float) -> Outcome:
        shown = facts.reveal_unknown or bool(facts.proofs)  # before that, what is on record would show who is a client
        if not facts.has_secret_word and shown:
            return Pass(facts) if self.options.skip == "when_unset" else Stop(NoSecretWord())
        return self._ask()

    def answer(self, state: State, given: Input, facts: Facts, now: float) -> Script[Outcome]:
        if not isinstance(given, Typed):
            return self._ask()
        right = yield from perform(MatchWord(facts.client, given.text))
        yield Note("word_evaluated", {"ok": right})
        if not right:
            return Refuse(WrongAnswer("word"))
        return Pass(facts.proven(self.name, now))

    def _ask(self) -> Ask:
        return Ask(_QUESTION, _NOTHING, _WORD, tries=self.options.tries)


STEP = SecretWord
