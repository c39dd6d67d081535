"""Sessions of the simulated biometric.kz: whom they are about, what was armed for them, when their result is there."""

import math
from dataclasses import dataclass, field
from uuid import UUID

from sandbox.biometric_flows import VERDICTS, WEBHOOKS, Flow
from sandbox.biometric_metadata import Metadata
from sandbox.biometric_refusals import RefusedError
from sandbox.cast import CAST, Person
from sandbox.phones import e164
from sandbox.recent import Recent
from sandbox.world import World

NAME = "biometric"
ANYBODY = "*"
LIFETIME = 30 * 60.0  # seconds, as at the sister product b-key.kz
TAKES = (2.0, 4.0)  # seconds from finish to verdict
TAKES_LONG = (25.0, 30.0)
BY_PHONE = {person.phone: person for person in CAST}
EXPIRY = {"expired": "сессия истекла: result, finish и виджет отвечают 410"}


@dataclass(slots=True)
class Session:
    """`who` is the phone or "tg:<user id>" whose photo came, "" for nobody's; times in Unix seconds.

    `person` is one of the cast or None; `phone` E.164; `looks` counts the result's readings after finish. `doom` is how
    it will end whatever was armed; `otp` the code of 1414 and until when it may be typed.
    """

    id: str
    flow: Flow
    metadata: Metadata = field(repr=False)
    created: float
    who: str
    phone: str
    person: Person | None
    started: bool = False
    finished: float | None = None
    due: float = math.inf
    outcome: str = "pass"
    webhook: str = ""
    behaviour: str = ""
    doom: str = ""
    otp: tuple[str, float] = ("", 0.0)
    wrong_otps: int = 0
    expired: bool = False
    looks: int = 0
    announced: bool = False

    @property
    def iin(self) -> str:
        return self.metadata.edocument.iin.value or ""

    @property
    def keys(self) -> tuple[str, ...]:
        """What outcomes are armed for, the nearest first."""
        return self.id, self.who, self.phone, self.person.crmid if self.person else "", ANYBODY


class Sessions:
    def __init__(self, world: World) -> None:
        self._world = world
        self._draw = world.random(NAME)
        self._sessions: Recent[str, Session] = Recent()

    def add(self, flow: Flow, metadata: Metadata, who: str) -> Session:
        """`who` is whose photo was sent. The phone for the e-document may be another's, and counts less."""
        phone = e164(metadata.edocument.phone.value or "")
        person = BY_PHONE.get(who) or BY_PHONE.get(phone)
        session = Session(self.new_id(), flow, metadata, self._world.clock(), who, phone, person)
        self._sessions[session.id] = session
        return session

    def new_id(self) -> str:
        return str(UUID(int=self._draw.getrandbits(128), version=4))

    def alive(self, session_id: str, flow: Flow | None = None) -> Session:
        """Of that flow, if one is given. Raises `RefusedError`."""
        session = self._sessions.get(session_id)
        if session is None or flow not in (None, session.flow):
            raise RefusedError(404, "Session not found", key="detail")
        if session.finished is None and self._world.clock() - session.created > LIFETIME:
            session.expired = True
        if self._world.arms.first_of(NAME, session.keys, EXPIRY):
            session.expired = True
        if session.expired:
            raise RefusedError(410, "Session expired")
        return session

    def begin(self, session: Session) -> bool:
        """Whether this was its beginning. One that is finished does not begin again: `RefusedError`."""
        self.unfinished(session)
        if session.started:
            return False
        session.started = True
        session.webhook = self._world.arms.first_of(NAME, session.keys, WEBHOOKS) or ""
        return True

    def finish(self, session: Session) -> None:
        """Once: the armed outcome is taken, the verdict due in some seconds. Raises `RefusedError`."""
        self.unfinished(session)
        session.outcome = session.doom or self._world.arms.first_of(NAME, session.keys, VERDICTS) or "pass"
        takes = self._draw.uniform(*(TAKES_LONG if session.outcome == "late" else TAKES)) * self._world.speed
        session.finished = self._world.clock()
        session.due = math.inf if session.outcome == "never_ends" else session.finished + takes

    def unfinished(self, session: Session) -> None:
        """Raises `RefusedError`."""
        if session.finished is not None:
            raise RefusedError(409, "Session is already finished")
