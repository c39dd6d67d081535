"""The bank has an identified client: created, or the one it knew under that phone, with what was proven."""

from flows.effects import EnrolClient, Note, perform
from flows.model import Facts, Input, Options, Outcome, Pass, Script, State, Step


class Enrol(Step[State, Options]):
    """A crash between the writing and the save writes the same once more, and nothing is there twice."""

    kind = "enrol"
    visits = True
    state_type = State
    options_type = Options
    needs = frozenset({"phone", "reading", "face"})
    gives = frozenset({"client"})

    def enter(self, facts: Facts, now: float) -> Script[Outcome]:
        visit = facts.there
        reading = visit.reading
        if not reading.tax_number:
            reading = reading.model_copy(update={"tax_number": visit.tax_number})
        enrolling = EnrolClient(
            user=visit.user,
            username=visit.username,
            phone=facts.phone or "",
            crmid=visit.link.external_id if visit.link else None,
            document=visit.document,
            reading=reading,
            proofs=facts.proofs,
        )
        client = yield from perform(enrolling)
        yield Note("enrolled", {"document": visit.document})
        return Pass(facts.model_copy(update={"client": client}))

    def answer(self, state: State, given: Input, facts: Facts, now: float) -> Script[Outcome]:
        return (yield from self.enter(facts, now))


STEP = Enrol
