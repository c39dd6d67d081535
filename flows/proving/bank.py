"""The outside world of a proof: what can be answered to each effect, one of each kind.

A new effect needs its answers here, or the proof says that it knows none. What the world has *truly* seen is marked
beside each answer, so that the claims need not believe what a step says of itself.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flows.effects import (
    AllDown,
    AskState,
    CheckCode,
    Effect,
    EnrolClient,
    EraseClient,
    FindClient,
    Found,
    LivenessResult,
    LogIn,
    MatchBirthDate,
    MatchWord,
    OpenLink,
    OpenLiveness,
    PagesOf,
    SendCode,
    SetWord,
    TaskStatus,
    Upload,
    Uploaded,
    WordPrint,
)
from flows.errors import (
    ClientMismatch,
    FaceMismatch,
    FlowError,
    LoginCancelled,
    LoginMisconfigured,
    Refused,
    StateForbidden,
    Unavailable,
)
from flows.identifiers import Identifier
from flows.model import AnyStep, Session
from flows.papers import Checked, Citizen, Link, LivenessSession, Login, Reading, Task, Verdict
from flows.steps.code import CodeUndelivered
from flows.uploading import Interrupted, PhotoUnfit

PHONE, SECOND, STRANGER = "+992900000001", "+992900000002", "+992900000999"
USER, OTHER_PHONE = "41000001", "+77079999999"
WORD, DAY, IIN, OTHER_IIN = "ромашка", "1989-04-12", "900101300126", "900101300127"
CLIENTS = {PHONE: "the first client", SECOND: "the second client"}
LINK = Link(key="05a4ce19", source="humo_online", access_token="a token of the proof")  # noqa: S106
READING = Reading(last_name="Раҳимов", first_name="Далер", birth_date=DAY, document_number="A00000025")


class Unprovable(Exception):
    """The proof does not know how that is answered, or there are more states than it looks at."""


@dataclass(frozen=True, slots=True)
class Said:
    """One answer. `right`: it proves what the step stands for; `blamed`: the person is to blame, so it costs a try."""

    what: str
    result: object = field(default=None, repr=False)
    failed: FlowError | None = None
    right: bool = False
    blamed: bool = False


NOTHING = Said("")


def code_of(step: str) -> str:
    """The one-time code of that step, in a proof."""
    return f"code of {step}"


def answers(effect: Effect[Any]) -> tuple[Said, ...]:
    """What a step may be told that asks inside its turn. Raises `Unprovable`."""
    answer = _AWAITED.get(type(effect))
    if answer is None:
        raise Unprovable(f"the proof has no answers to {type(effect).__name__}; they belong into flows/proving/bank.py")
    return answer(effect)


def outcomes(effect: Effect[None], session: Session, step: AnyStep) -> tuple[Said, ...]:
    """What may become of an effect that `step` has posted. Raises `Unprovable`."""
    match effect:
        case LogIn():
            return _logins(session, step)
    found = _POSTED.get(type(effect))
    if found is None:
        raise Unprovable(f"the proof knows no end of {type(effect).__name__}; it belongs into flows/proving/bank.py")
    return found


def about(effect: Effect[None]) -> str:
    """What an outcome says to be about (`Happened.about`)."""
    if isinstance(effect, Upload):
        return effect.unique
    return str(effect.nth) if isinstance(effect, OpenLiveness | LogIn | AskState) else ""


def _find(effect: FindClient) -> tuple[Said, ...]:
    first = effect.names[0] if effect.names else Identifier(kind="phone", value=STRANGER)
    if first.kind == "telegram_id":
        since = {"nobody": None, "a client": 0, "somebody identified before": 1000}
        known = [Said(who, at if at is None else _found("the visitor", PHONE, at)) for who, at in since.items()]
        return (*known, Said("somebody without a word", _found("the visitor", PHONE, 1000, has=False)))
    client = CLIENTS.get(first.value)
    if client is None:
        return (Said("nobody", None),)
    return tuple(
        Said(f"{client}{'' if has else ', of whom little is known'}", _found(client, first.value, 0, has=has))
        for has in (True, False)
    )


def _found(client: str, phone: str, since: int, *, has: bool = True) -> Found:
    return Found(client, phone, None, has_secret_word=has, has_birth_date=has, since=since)


def _compared(equal: bool, client: str | None) -> tuple[Said, ...]:  # noqa: FBT001 - it is what was compared
    right = equal and client is not None
    return (Said("right" if right else "wrong", right, right=right, blamed=not right),)


def _code(effect: CheckCode) -> tuple[Said, ...]:
    equal = effect.text == code_of(effect.step)
    return (Said("the code" if equal else "another code", equal, right=equal, blamed=not equal),)


def _pages(effect: PagesOf) -> tuple[Said, ...]:
    if effect.document == "additional":
        return Said("no further document", ()), Said("one further page", ("licence/front",))
    return (Said("two pages", ("front", "back")),)


def _tasks(_: TaskStatus) -> tuple[Said, ...]:
    return (
        Said("running", Task("running")),
        Said("success", Task("success", reading=READING), right=True),
        Said("failure", Task("failure", "blurred"), blamed=True),
        Said("Humo is away", failed=Unavailable()),
        Said("Humo refuses", failed=Refused("unknown_task")),
    )


def _verdicts(_: LivenessResult) -> tuple[Said, ...]:
    passed = Verdict(status="passed", technologies=(Checked("liveness", result=True, prediction=0.99),))
    return (
        Said("running", Verdict(status="running")),
        Said("passed", passed, right=True),
        Said("failed", Verdict(status="failed", reasons=("not_alive",)), blamed=True),
        Said("expired", Verdict(status="failed", reasons=("expired",))),
        Said("biometric.kz is away", failed=Unavailable()),
        Said("biometric.kz refuses", failed=Refused("unknown_session")),
    )


def _enrolled(_: EnrolClient) -> tuple[Said, ...]:
    known = Said("enrolled", "the visitor")
    return known, Said("somebody else's phone", failed=ClientMismatch())


def _logins(session: Session, step: AnyStep) -> tuple[Said, ...]:
    named = json.loads(session.state).get("iin") or IIN
    same = step.options.same_phone
    phone = session.facts.phone
    own = Login(iin=IIN, request_id="r-1", phone=phone)
    foreign = Login(iin=IIN, request_id="r-1", phone=OTHER_PHONE)
    right = named == IIN
    return (
        Said("logged in", own, right=right, blamed=not right),
        Said("logged in with another phone", foreign, right=right and not same, blamed=same or not right),
        Said("not agreed to", failed=LoginCancelled(), blamed=True),
        Said("the face is another", failed=FaceMismatch(), blamed=True),
        Said("Aitu refuses the bank", failed=LoginMisconfigured()),
        Said("Aitu is away", failed=Unavailable()),
    )


_AWAITED: dict[type[Effect[Any]], Callable[[Any], tuple[Said, ...]]] = {
    FindClient: _find,
    AllDown: lambda _: (Said("some gateway is up", False), Said("all are down", True)),  # noqa: FBT003 - the answer
    CheckCode: _code,
    MatchWord: lambda effect: _compared(effect.text == WORD, effect.client),
    MatchBirthDate: lambda effect: _compared(effect.day == DAY, effect.client),
    PagesOf: _pages,
    TaskStatus: _tasks,
    LivenessResult: _verdicts,
    EnrolClient: _enrolled,
    WordPrint: lambda effect: (Said("a print", f"print of {effect.text}"),),
    SetWord: lambda _: (Said("the word is set"),),
    EraseClient: lambda _: (Said("erased"),),
}

_CITIZEN = Citizen(reading=READING, document="УДОСТОВЕРЕНИЕ РК", citizenship="КАЗАХСТАН", confidence=0.8)
_POSTED: dict[type[Effect[Any]], tuple[Said, ...]] = {
    SendCode: (Said("not delivered", failed=CodeUndelivered(retry_after=30)),),
    OpenLink: (
        Said("the link is open", LINK),
        Said("the link is refused", failed=Refused("unknown_key")),
        Said("Humo is away", failed=Unavailable()),
    ),
    Upload: (
        Said("uploaded", Uploaded("77", "digest")),
        Said("uploaded by a new link", Uploaded("77", "digest", LINK)),
        Said("unfit", failed=PhotoUnfit("dark"), blamed=True),
        Said("interrupted", failed=Interrupted()),
        Said("Humo refuses", failed=Refused("token")),
    ),
    OpenLiveness: (Said("a session", LivenessSession(id="s-1")), Said("biometric.kz is away", failed=Unavailable())),
    AskState: (
        Said("a citizen", _CITIZEN, right=True),
        Said("somebody who has died", _CITIZEN.model_copy(update={"alive": False})),
        Said("the face is another", failed=FaceMismatch()),
        Said("the bank may not ask", failed=StateForbidden()),
        Said("the state data base is away", failed=Unavailable()),
    ),
}
