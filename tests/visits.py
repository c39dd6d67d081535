"""A visit to the chat without a loop: the shipped flow, a bank and a Humo in plain Python, a clock that is a number.

After each turn the session goes through JSON, as it does through the store.
"""

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from flows import machine
from flows.effects import (
    Effect,
    EnrolClient,
    EraseClient,
    FindClient,
    Found,
    LivenessResult,
    MatchWord,
    OpenLiveness,
    PagesOf,
    SetWord,
    TaskStatus,
    Upload,
    Uploaded,
    WordPrint,
)
from flows.errors import FlowError
from flows.machine import Turn
from flows.model import (
    Chosen,
    Facts,
    Happened,
    Input,
    Photo,
    Plan,
    Purpose,
    Returned,
    Script,
    Sent,
    Session,
    Shared,
    Typed,
    Visit,
    Wake,
)
from flows.papers import Checked, Link, LivenessSession, Reading, Task, Verdict
from flows.plan import Stanza, make_plan
from flows.settings import load

CONFIG = Path(__file__).parents[1] / "config.toml"
SHIPPED = load(CONFIG, {})
STEPS: tuple[Stanza, ...] = SHIPPED.flow["telegram"].steps
BY_PAPERS = json.dumps([step for step in STEPS if step != "liveness"])
"""The shipped flow without the page, for what is not about it."""
USER, PHONE, WORD = "41000001", "+992900000001", "ромашка"
LINK = Link(key="05a4ce19-de3c-4d2c-a464-7356dbdbd107", source="humo_online", access_token="the token of a link")
READING = Reading(last_name="Раҳимов", first_name="Далер", birth_date="1990-12-31", document_number="A00000025")
KNOWN = Found("c1", PHONE, None, has_secret_word=True, has_birth_date=True, chat=USER, since=1000)
PAGES = {"ID_NEW": ("front", "back"), "ID_OLD": ("front", "back"), "additional": ()}
GOOD = Task("success", reading=READING)
ALIVE = Verdict(status="passed", technologies=(Checked("liveness", result=True, prediction=0.998),))
DEVICE = "digest of a browser's secret"


T = TypeVar("T")


@dataclass
class Bank:
    """`looks` are what the next looks at Humo see (an error is raised); after them each task has succeeded. `verdicts`
    are biometric.kz's, and after them everybody is alive.
    """

    found: Found | None = None
    looks: deque[Task | FlowError] = field(default_factory=deque)
    verdicts: deque[Verdict | FlowError] = field(default_factory=deque)
    pages: dict[str, tuple[str, ...]] = field(default_factory=lambda: dict(PAGES))
    mismatch: FlowError | None = None
    asked: list[Effect[Any]] = field(default_factory=list)

    def perform(self, effect: Effect[Any]) -> object:
        self.asked.append(effect)
        result: object = None
        match effect:
            case FindClient():
                result = self.found
            case PagesOf():
                result = self.pages.get(effect.document, ())
            case TaskStatus():
                result = _next(self.looks, GOOD)
            case LivenessResult():
                result = _next(self.verdicts, ALIVE)
            case EnrolClient():
                result = self._enrolled()
            case WordPrint():
                result = f"print {sum(map(ord, effect.text))}"
            case MatchWord():
                result = effect.text == WORD
            case _:
                assert isinstance(effect, SetWord | EraseClient)
        return result

    def _enrolled(self) -> str:
        if self.mismatch:
            raise self.mismatch
        return "c1"

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

    def of(self, kind: type[Effect[Any]]) -> list[Any]:
        return [effect for effect in self.asked if isinstance(effect, kind)]


def _next(seen: deque[T | FlowError], otherwise: T) -> T:
    found = seen.popleft() if seen else otherwise
    if isinstance(found, FlowError):
        raise found
    return found


class Guest:
    """One visit. `due` is the one time, of the whole visit, that it wants to be woken at; 0 is none."""

    def __init__(
        self,
        *,
        bank: Bank | None = None,
        key: str | None = None,
        purpose: Purpose = "identify",
        steps: Any = STEPS,
        plan: Plan | None = None,
        way: str = "",
    ) -> None:
        self.plan = plan or make_plan("telegram", steps)
        self.bank = bank or Bank()
        self.now = 1_800_000_000.0
        self.counted = 0
        self.due = 0.0
        self.posted: list[Effect[Any]] = []
        self.events: list[str] = []
        visit = Visit(user=USER, username="daler", purpose=purpose, key=key, way=way)
        facts = Facts(reveal_unknown=True, visit=visit)
        self._came(self.bank.drive(machine.begin(self.plan, "sid", "telegram", facts, self.now)))

    def give(self, given: Input) -> Turn:
        counts = self.session.tries > 0
        self.counted += counts
        nth = self.counted if counts else 0
        self._came(self.bank.drive(machine.advance(self.plan, self.session, given, self.now, nth)))
        if self.turn.moved:
            self.counted = 0
        elif self.turn.verdict == "void":
            self.counted -= counts
        return self.turn

    def _came(self, turn: Turn) -> None:
        self.turn = turn
        self.session = Session.model_validate_json(turn.session.model_dump_json(exclude_defaults=True))
        assert self.session == turn.session, "a session must come back from the store as it went in"
        self.due = turn.wake or self.due
        self.posted += turn.post
        self.events += [note.event for note in turn.notes]

    # What a person does

    def press(self, choice: str) -> Turn:
        return self.give(Chosen(choice))

    def say(self, text: str) -> Turn:
        return self.give(Typed(text))

    def share(self, phone: str = PHONE, *, own: bool = True) -> Turn:
        return self.give(Shared(phone, own=own))

    def photo(self, name: str) -> Turn:
        return self.give(Sent(Photo(ref=f"ref {name}", unique=name)))

    # What the house brings

    def opened(self, link: Link = LINK) -> Turn:
        return self.give(Happened("link", result=link))

    def uploaded(self, link: Link | None = None) -> Turn:
        """Humo has taken the last upload."""
        unique = self.upload.unique
        return self.give(Happened(self.step, about=unique, result=Uploaded("77", f"digest of {unique}", link)))

    def not_uploaded(self, error: FlowError) -> Turn:
        return self.give(Happened(self.step, about=self.upload.unique, failed=error))

    def ready(self, session: str = "s-1") -> Turn:
        """biometric.kz has opened the session that was asked for last."""
        return self.give(Happened(self.step, about=str(self.openings[-1].nth), result=LivenessSession(id=session)))

    def on_page(self, event: str, number: int = 0, device: str = DEVICE, **more: str) -> Turn:
        """The liveness page says that; "open" by the link that is given out now, or of that number."""
        door = self.session.reply.expects.door
        params = {"event": event, "device": device, **more}
        return self.give(Returned(number or (door.number if door else 0), params))

    def alive(self) -> Turn:
        """Through the page, and passed."""
        self.ready()
        self.on_page("open")
        self.on_page("finish")
        return self.look()

    def look(self) -> Turn:
        """The time that the step wished to be woken at has come."""
        assert self.due, "nothing is due"
        self.now, self.due = max(self.now, self.due), 0.0
        return self.give(Wake())

    def page(self, name: str) -> Turn:
        """A photo that is taken, and passes."""
        self.photo(name)
        self.uploaded()
        return self.look()

    def reach(self, step: str) -> "Guest":
        """Do what leads on, until that step asks."""
        for _ in range(20):
            if self.step == step:
                return self
            self.onward()
        raise AssertionError(step)

    def onward(self) -> None:
        """What leads on from here."""
        _ONWARD[self.step](self)

    # What there is to see

    @property
    def step(self) -> str:
        return self.session.step

    @property
    def kind(self) -> str:
        return self.session.reply.kind

    @property
    def error(self) -> str | None:
        return self.session.reply.error

    @property
    def asks(self) -> str:
        """The key of what is said or asked."""
        text = self.session.reply.text
        return text.key if text else ""

    @property
    def why(self) -> str:
        why = self.session.reply.why
        return why.key if why else ""

    @property
    def visit(self) -> Visit:
        return self.session.facts.there

    @property
    def proven(self) -> list[str]:
        return [proof.method for proof in self.session.facts.proofs]

    @property
    def upload(self) -> Upload:
        return self.uploads[-1]

    @property
    def openings(self) -> list[OpenLiveness]:
        return [effect for effect in self.posted if isinstance(effect, OpenLiveness)]

    @property
    def uploads(self) -> list[Upload]:
        return [effect for effect in self.posted if isinstance(effect, Upload)]


def at(step: str, *looks: Task | FlowError) -> Guest:
    """A visit where that step asks; `looks` are what Humo will tell of the next tasks."""
    guest = Guest()
    if step == "tax_number":
        guest.reach("passport_kind").press("no_tax_number")
    guest.reach(step).bank.looks.extend(looks)
    return guest


_ONWARD: dict[str, Callable[[Guest], object]] = {
    "welcome": lambda guest: guest.press("identify"),
    "link": lambda guest: guest.opened(),
    "consent": lambda guest: guest.press("agree"),
    "contact": lambda guest: guest.share(),
    "passport_kind": lambda guest: guest.press("new"),
    "tax_number": lambda guest: guest.say("020025789"),
    "document": lambda guest: guest.page(f"page {len(guest.uploads)}"),
    "selfie": lambda guest: guest.page("face"),
    "liveness": lambda guest: guest.alive(),
    "further": lambda guest: guest.page(f"further {len(guest.uploads)}"),
    "secret_word": lambda guest: guest.say(WORD),
    "new_secret_word": lambda guest: guest.press("later"),
    "erase": lambda guest: guest.press("erase_all"),
}
