"""Who the state says that this is: asked at the bank's own COID adapter, shown back in short, confirmed.

Only with IIN and requestId of the verified login. A state data base that is away is asked again by itself; then the
person may go the way with papers, where the configuration has one (`fallback`).
"""

from typing import Literal

from pydantic import Field

from flows.effects import AskState, Note
from flows.errors import (
    ChoiceWanted,
    FaceMismatch,
    FlowError,
    IinUnknown,
    StateDown,
    StateForbidden,
    Unavailable,
    Underage,
    of_code,
)
from flows.model import (
    Ask,
    Chosen,
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
    Wait,
    Wake,
    choice_of,
)
from flows.papers import Citizen, Reading
from flows.texts import Text

PAUSES = (3.0, 10.0, 20.0)
"""Seconds until each further try of a data base that does not answer."""
PATIENCE = 60.0
"""Seconds until a question that nothing came back of is asked anew."""


class StateMismatch(FlowError):
    """Not what the person says, or of somebody who cannot be sitting there; a person at the bank must look."""

    code, key, status, final = "1051", "error.state_mismatch", 403, True


class PersonOptions(Options):
    fallback: str = Field(default="", description="flow with papers to offer when the data base is away")
    confirm: bool = Field(default=True, description="show the person what was found, and ask whether it is they")


class PersonState(State):
    phase: Literal["asking", "resting", "away", "found"] = "asking"
    nth: int = 1
    tries: int = 1
    until: float = 0
    code: str = ""
    citizen: Citizen | None = Field(default=None, repr=False)


class Person(Step[PersonState, PersonOptions]):
    kind = "person"
    visits = True
    state_type = PersonState
    options_type = PersonOptions
    needs = frozenset({"login"})
    gives = frozenset({"reading", "face"})

    def enter(self, facts: Facts, now: float) -> Outcome:
        return self._asking(PersonState(), facts, now)

    def answer(self, state: PersonState, given: Input, facts: Facts, now: float) -> Script[Outcome]:
        outcome: Outcome = self._stand(state, facts)
        if isinstance(given, Happened) and state.phase == "asking" and given.about in ("", str(state.nth)):
            outcome = yield from self._told(state, given, facts, now)
        elif isinstance(given, Wake) and state.phase in ("asking", "resting") and now >= state.until:
            outcome = self._asking(state.model_copy(update={"nth": state.nth + 1}), facts, now)
        elif state.phase in ("away", "found") and isinstance(given, Chosen):
            outcome = self._chosen(state, given.id, facts, now)
        elif state.phase in ("away", "found") and not isinstance(given, Happened | Wake):
            outcome = Refuse(ChoiceWanted())
        return outcome

    def _asking(self, state: PersonState, facts: Facts, now: float) -> Outcome:
        login = facts.there.login
        if login is None:
            raise TypeError("no login")
        state = state.model_copy(update={"phase": "asking", "until": now + PATIENCE})
        return self._stand(state, facts, (AskState(self.name, state.nth, login.iin, login.request_id),))

    def _told(self, state: PersonState, given: Happened, facts: Facts, now: float) -> Script[Outcome]:
        citizen = given.result
        if not isinstance(citizen, Citizen):
            return (yield from self._not_told(state, given.failed or Unavailable(), facts, now))
        yield Note("state_asked", {"ok": citizen.alive})
        if not citizen.alive:
            return Stop(StateMismatch())
        facts = facts.visiting(reading=citizen.reading, document=citizen.document)
        update = {"phase": "found", "citizen": citizen.model_copy(update={"reading": Reading()})}
        state = state.model_copy(update=update)
        return self._stand(state, facts) if self.options.confirm else self._proven(state, facts, now)

    def _not_told(self, state: PersonState, failed: FlowError, facts: Facts, now: float) -> Script[Outcome]:
        """A refusal of theirs is the end; what passes is asked again, and then the person decides."""
        yield Note("state_asked", {"ok": False, "code": failed.code})
        if isinstance(failed, FaceMismatch | IinUnknown | Underage):
            return Stop(failed)
        forbidden = isinstance(failed, StateForbidden)
        if forbidden:
            yield Note("alarm", {"kind": "state_forbidden"})
        if forbidden and not self.options.fallback:
            return Stop(failed)
        if not forbidden and state.tries <= len(PAUSES):
            rest = {"phase": "resting", "tries": state.tries + 1, "until": now + PAUSES[state.tries - 1]}
            return self._stand(state.model_copy(update=rest), facts)
        code = failed.code if forbidden else StateDown.code
        return self._stand(state.model_copy(update={"phase": "away", "code": code}), facts)

    def _chosen(self, state: PersonState, choice: str, facts: Facts, now: float) -> Outcome:
        offered = self._offers(state)
        if choice not in offered:
            return Refuse(ChoiceWanted())
        if choice == "again":
            return self._asking(PersonState(nth=state.nth + 1), facts, now)
        if choice == "papers":
            return Pass(facts.visiting(way=self.options.fallback, login=None))
        return self._proven(state, facts, now) if choice == "mine" else Stop(StateMismatch())

    def _proven(self, state: PersonState, facts: Facts, now: float) -> Outcome:
        return Pass(facts.proven(self.name, now, _details(state.citizen) if state.citizen else {}))

    def _offers(self, state: PersonState) -> tuple[str, ...]:
        if state.phase == "found":
            return ("mine", "not_mine")
        again = () if state.code == StateForbidden.code else ("again",)
        return (*again, "papers") if self.options.fallback else again

    def _stand(self, state: PersonState, facts: Facts, post: tuple[AskState, ...] = ()) -> Ask | Wait:
        if state.phase in ("asking", "resting"):
            key = "person.looking" if state.tries == 1 else "person.slow"
            return Wait(Text(key=key), state, state.until, post, facts=facts)
        offers = choice_of(*self._offers(state))
        if state.phase == "away":
            return Ask(Text(key="person.away"), state, offers, error=of_code(state.code), facts=facts)
        return Ask(_short(facts), state, offers, facts=facts)


def _details(citizen: Citizen) -> dict[str, str]:
    """What the proof says besides: whose citizen, how alike the face had to be, and whether the test contour's one
    person was taken for another IIN (trap A5).
    """
    alike = "" if citizen.confidence is None else f"{citizen.confidence:.4f}"
    told = {"citizenship": citizen.citizenship, "confidence": alike, "same_iin": "" if citizen.same_iin else "no"}
    return {name: value for name, value in told.items() if value}


def _short(facts: Facts) -> Text:
    """Enough to know oneself again, and little for whoever looks over a shoulder."""
    reading = facts.there.reading
    given = " ".join(filter(None, (reading.first_name, reading.middle_name)))
    name = f"{given} {reading.last_name[:1]}." if reading.last_name else given
    params = {"name": name, "year": (reading.birth_date or "")[:4], "document": (reading.document_number or "")[-4:]}
    return Text(key="person.confirm", params=params)


STEP = Person
