"""A one-time code, sent to what the bank knows of the client. The code is derived, not stored; see `flows/keys.py`.

Numbers: security.md §7 #1-#4. The code's life is absolute from its first sending; asking again sends the same code.
"""

from pydantic import Field

from flows.effects import AllDown, CheckCode, Note, SendCode, perform
from flows.errors import FlowError, StepUnknown, WrongAnswer
from flows.identifiers import Identifier
from flows.model import (
    Ask,
    Expects,
    Facts,
    Happened,
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


class CodeUndelivered(FlowError):
    """No channel took the code. Costs no attempt."""

    code, key, status = "1007", "error.code_undelivered", 503


class CodeState(State):
    expires: float
    undelivered: bool = False


class CodeOptions(Options):
    digits: int = Field(default=6, ge=6, le=10)
    lifetime: int = Field(default=300, ge=60, le=600, description="seconds")
    tries: int = Field(default=5, ge=3, le=5)
    channels: tuple[str, ...] = Field(default=("telegram", "osonsms", "smsc", "mail"), min_length=1)


class Code(Step[CodeState, CodeOptions]):
    kind = "code"
    state_type = CodeState
    options_type = CodeOptions
    needs = frozenset({"client"})
    gives = frozenset({"code"})

    def enter(self, facts: Facts, now: float) -> Script[Outcome]:
        return (yield from self._send(CodeState(expires=now + self.options.lifetime), facts))

    def answer(self, state: CodeState, given: Input, facts: Facts, now: float) -> Script[Outcome]:
        if now >= state.expires:
            return Stop(StepUnknown())
        if isinstance(given, Happened):
            return self._undelivered(state, facts)
        if not isinstance(given, Typed):
            return (yield from self._send(state, facts))
        if state.undelivered:
            return Refuse(CodeUndelivered())
        if not facts.reveal_unknown and (yield from perform(AllDown(self.options.channels))):
            # Where it is hidden who is a client, only the state of all gateways may show, and to everybody alike.
            return Refuse(CodeUndelivered(retry_after=30))
        return (yield from self._compare(given.text.strip(" "), facts, now))

    def _send(self, state: CodeState, facts: Facts) -> Script[Outcome]:
        if (yield from perform(AllDown(self.options.channels))):
            return self._undelivered(state, facts)
        send = SendCode(
            self.name,
            self.options.channels,
            facts.phone,
            facts.email,
            facts.language,
            facts.client,
            self.options.digits,
            facts.chat,
        )
        limited = CodeUndelivered() if state.undelivered else None
        fresh = state.model_copy(update={"undelivered": False})
        return self._ask(fresh, facts, send, limited)

    def _compare(self, text: str, facts: Facts, now: float) -> Script[Outcome]:
        equal = yield from perform(CheckCode(self.name, self.options.digits, text))
        right = equal and facts.client is not None
        yield Note("otp_evaluated", {"ok": right})
        if not right:
            return Refuse(WrongAnswer("code"))
        return Pass(facts.proven(self.name, now))

    def _ask(self, state: CodeState, facts: Facts, send: SendCode, limited: FlowError | None) -> Ask:
        expects = Expects(kind="code", pattern=f"^[0-9]{{{self.options.digits}}}$")
        return Ask(
            self._sent_to(facts),
            state,
            expects,
            tries=self.options.tries,
            post=(send,),
            if_limited=limited,
        )

    def _undelivered(self, state: CodeState, facts: Facts) -> Ask:
        stuck = state.model_copy(update={"undelivered": True})
        return Ask(self._sent_to(facts), stuck, Expects(kind="code"), error=CodeUndelivered(retry_after=30))

    def _sent_to(self, facts: Facts) -> Text:
        """Where to. In a channel that hides who is a client the mask comes from what was asked, not from records."""
        if facts.reveal_unknown:
            if facts.chat and facts.phone and self.options.channels[0] == "telegram":
                return Text(key="code.sent_chat", params={"to": Identifier(kind="phone", value=facts.phone).mask()})
            known = {"phone": facts.phone, "email": facts.email}
        else:
            known = {name.kind: name.value for name in facts.names}
        for kind in ("phone", "email"):
            if value := known.get(kind):
                return Text(key=f"code.sent_{kind}", params={"to": Identifier(kind=kind, value=value).mask()})
        return Text(key="code.sent")


STEP = Code
