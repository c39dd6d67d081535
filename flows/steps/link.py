"""Humo's link: the presign key that the person came with, or the bank's own, is opened before anything is asked."""

from flows.effects import OpenLink
from flows.errors import FlowError, Refused
from flows.model import Ask, Facts, Happened, Input, Options, Outcome, Pass, State, Step, Stop, Wait, choice_of
from flows.papers import Link as Opened
from flows.texts import Text

PATIENCE = 60
"""Seconds until it is tried anew, in case nothing comes back."""


class LinkRefused(FlowError):
    """The presign key is unknown, expired or somebody else's."""

    code, key, status, final = "1022", "error.link_refused", 403, True


class Link(Step[State, Options]):
    kind = "link"
    visits = True
    state_type = State
    options_type = Options
    gives = frozenset({"link"})

    def enter(self, facts: Facts, now: float) -> Outcome:
        opening = OpenLink(self.name, facts.there.key or "")
        return Wait(Text(key="link.opening"), State(), now + PATIENCE, (opening,))

    def answer(self, state: State, given: Input, facts: Facts, now: float) -> Outcome:
        if not isinstance(given, Happened):
            return self.enter(facts, now)
        if isinstance(given.result, Opened):
            return Pass(facts.visiting(link=given.result))
        if isinstance(given.failed, Refused):
            return Stop(LinkRefused())
        return Ask(Text(key="link.opening"), State(), choice_of("again"), error=given.failed)


STEP = Link
