"""The person logs in with Aitu Passport, in a browser; what its id_token vouches for is who they are (protocols.md 4).

The question is a link to a page of ours, and from there to Aitu. Who comes back brings a code, which is exchanged once.
Only the newest login of the browser that began it counts, for ten minutes.

    ready ──go──▶ leaving ──code──▶ checking ──login──▶ passed
      ▲              │ refused, too late   │ refused, another phone, another IIN
      └── failed ◀───┴─────────────────────┘           after `tries` failures: to a person
"""

from typing import Literal

from pydantic import Field

from flows.effects import LogIn, Note
from flows.errors import FlowError, LoginMisconfigured, Unavailable, of_code
from flows.model import (
    Again,
    Ask,
    Chosen,
    Door,
    Expects,
    Facts,
    Happened,
    Input,
    Option,
    Options,
    Outcome,
    Pass,
    Refuse,
    Returned,
    Script,
    State,
    Step,
    Stop,
    Typed,
    Wait,
    Wake,
)
from flows.papers import Login
from flows.texts import Text

PAGE = "aitu"
LOGIN_SECONDS = 600.0
"""From leaving for Aitu to coming back (security.md §7 #27)."""
PATIENCE = 60.0
"""Seconds until an exchange is given up."""
LOGINS = 20
"""Times that somebody may leave for Aitu in one dialogue."""
_IIN = "^[0-9]{12}$"


class LoginWanted(FlowError):
    code, key, status = "1045", "error.login_wanted", 409


class LoginLate(FlowError):
    code, key, status = "1046", "error.login_late", 410


class LoginPhone(FlowError):
    """The account at Aitu Passport is of another phone than the chat: somebody else may have been sent the link."""

    code, key, status = "1047", "error.login_phone", 403


class LoginIin(FlowError):
    """Another IIN was verified than the person had named."""

    code, key, status = "1048", "error.login_iin", 403


class LoginSpent(FlowError):
    code, key, status, final = "1049", "error.login_spent", 403, True


class IinWanted(FlowError):
    code, key, status = "1050", "error.iin_wanted", 400


class AituOptions(Options):
    iin: Literal["none", "ask"] = Field(default="none", description="ask for the IIN here already; else Aitu asks")
    same_phone: bool = Field(default=True, description="the account must be of the phone that was shared in the chat")
    tries: int = Field(default=5, ge=1, le=10)


class AituState(State):
    """`links` that were used: the next one serves, and the last one the `device` (a digest) that used it.

    `logins` that somebody left for. Unix seconds: `since` the login began, then its exchange. `code` is that of what it
    `failed` with.
    """

    phase: Literal["asking", "ready", "leaving", "checking", "failed"] = "ready"
    iin: str = Field(default="", repr=False)
    links: int = 0
    logins: int = 0
    device: str = Field(default="", repr=False)
    since: float = 0
    failures: int = 0
    code: str = ""

    def serves(self, number: int, device: str) -> bool:
        """May that device leave for Aitu by the link of that number?"""
        if self.phase in ("asking", "checking") or self.logins >= LOGINS:
            return False
        return number == self.links + 1 or (number == self.links > 0 and device == self.device)

    def awaits(self, number: int, device: str, now: float) -> bool:
        """Is that the login which is under way?"""
        in_time = now - self.since < LOGIN_SECONDS
        return self.phase == "leaving" and in_time and number == self.logins and device == self.device


class Aitu(Step[AituState, AituOptions]):
    kind = "aitu"
    visits = True
    state_type = AituState
    options_type = AituOptions
    needs = frozenset({"phone"})
    gives = frozenset({"login"})

    def enter(self, facts: Facts, now: float) -> Outcome:
        return self._stand(AituState(phase="asking" if self.options.iin == "ask" else "ready"))

    def answer(self, state: AituState, given: Input, facts: Facts, now: float) -> Script[Outcome]:
        outcome: Outcome = Refuse(LoginWanted())
        if isinstance(given, Returned):
            outcome = yield from self._returned(state, given, now)
        elif isinstance(given, Happened):
            outcome = yield from self._exchanged(state, given, facts, now)
        elif isinstance(given, Wake):
            outcome = yield from self._woken(state, now)
        elif isinstance(given, Again):
            outcome = self._stand(state)
        elif state.phase == "asking":
            outcome = self._named(state, given)
        return outcome

    def _named(self, state: AituState, given: Input) -> Outcome:
        """The IIN that the person says to have: a wish, never a proof."""
        if isinstance(given, Chosen) and given.id == "skip":
            return self._stand(state.model_copy(update={"phase": "ready"}))
        digits = "".join(given.text.split()) if isinstance(given, Typed) else ""
        if len(digits) != 12 or not (digits.isascii() and digits.isdecimal()):
            return Refuse(IinWanted())
        return self._stand(state.model_copy(update={"phase": "ready", "iin": digits}))

    def _returned(self, state: AituState, given: Returned, now: float) -> Script[Outcome]:
        """What is not of the login under way changes nothing."""
        device, event = given.params.get("device", ""), given.params.get("event")
        if event == "go" and device and state.serves(given.number, device):
            yield Note("login_started", {"login": state.logins + 1})
            update = {"phase": "leaving", "links": given.number, "logins": state.logins + 1}
            return self._stand(state.model_copy(update=update | {"device": device, "since": now, "code": ""}))
        if not state.awaits(given.number, device, now):
            return self._stand(state)
        if event == "code":
            checking = state.model_copy(update={"phase": "checking", "since": now})
            return self._stand(checking, (LogIn(self.name, state.logins, given.params.get("code", "")),))
        return (yield from self._failed(state, of_code(given.params.get("error", ""))))

    def _exchanged(self, state: AituState, given: Happened, facts: Facts, now: float) -> Script[Outcome]:
        if state.phase != "checking" or given.about != str(state.logins):
            return self._stand(state)
        login = given.result
        if not isinstance(login, Login):
            return (yield from self._failed(state, given.failed or Unavailable()))
        if self.options.same_phone and login.phone != facts.phone:
            return (yield from self._failed(state, LoginPhone()))
        if state.iin and login.iin != state.iin:
            return (yield from self._failed(state, LoginIin()))
        yield Note("login_checked", {"ok": True})
        return Pass(facts.visiting(login=login).proven(self.name, now))

    def _woken(self, state: AituState, now: float) -> Script[Outcome]:
        if state.phase == "leaving" and now - state.since >= LOGIN_SECONDS:
            return (yield from self._failed(state, LoginLate()))
        if state.phase == "checking" and now - state.since >= PATIENCE:
            return (yield from self._failed(state, Unavailable()))
        return self._stand(state)

    def _failed(self, state: AituState, failed: FlowError) -> Script[Outcome]:
        """What is no fault of the person's costs no try."""
        yield Note("login_checked", {"ok": False, "code": failed.code})
        if isinstance(failed, LoginMisconfigured):
            yield Note("alarm", {"kind": "login_misconfigured"})
        failures = state.failures + (failed.code < "2")
        if failed.final:
            return Stop(failed)
        if failures >= self.options.tries:
            return Stop(LoginSpent())
        return self._stand(state.model_copy(update={"phase": "failed", "failures": failures, "code": failed.code}))

    def _stand(self, state: AituState, post: tuple[LogIn, ...] = ()) -> Ask | Wait:
        """What the chat shows: the link, and while somebody is away another one, should they have lost their way."""
        door = Door(page=PAGE, number=state.links + 1)
        if state.phase == "asking":
            skip = (Option(id="skip", text=Text(key="choice.no_iin")),)
            return Ask(Text(key="aitu.ask_iin"), state, Expects(kind="text", pattern=_IIN, choices=skip))
        if state.phase == "leaving":
            return Wait(Text(key="aitu.leaving"), state, state.since + LOGIN_SECONDS, door=door)
        if state.phase == "checking":
            return Wait(Text(key="aitu.checking"), state, state.since + PATIENCE, post)
        error = of_code(state.code) if state.phase == "failed" else None
        return Ask(Text(key="aitu.ask"), state, Expects(kind="link", door=door), error=error)


STEP = Aitu
