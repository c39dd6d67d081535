"""The liveness page's other side: what it says becomes an input of the dialogue, and it is told how that stands.

Nothing that a browser says is a verdict. A link serves once; whoever opens the newest one has the page, and the device
before it is told. In a Telegram Mini App the person shows who they are, so the same link opens again for them.
"""

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from flows.doors import Doors, Visited, digest_of, new_device
from flows.errors import FlowError, StepUnknown
from flows.init_data import InitDataRefused, user_of
from flows.keys import Keys
from flows.model import Door, Session
from flows.performing import Front
from flows.steps.liveness import PAGE, Liveness, LivenessState
from flows.texts import render
from flows.upstream.biometric import Biometric

LAUNCH_SECONDS = 300
"""Age of a Mini App's launch (security.md §7 #20)."""
_DEVICE = re.compile("[A-Za-z0-9_-]{22,64}")
"""A secret that the browser made itself: then it may tell "open" again when our answer was lost."""
EVENTS = ("finish", "hosted", "trouble", "again")

Phase = Literal["preparing", "ready", "checking", "failed", "passed", "over", "elsewhere"]
_PHASES: dict[str, Phase] = {"opening": "preparing", "running": "ready", "checking": "checking", "failed": "failed"}


class LinkUsed(FlowError):
    """Each link serves once, and one device."""

    code, key, status = "1039", "error.link_used", 409


class LinkForeign(FlowError):
    """The Mini App was opened by another person than the dialogue's."""

    code, key, status = "1040", "error.link_foreign", 403


@dataclass(frozen=True, slots=True)
class Standing:
    """What the page shows. `session` and `hosted` only to the device whose turn it is."""

    phase: Phase
    language: str
    device: str = field(default="", repr=False)
    session: str = field(default="", repr=False)
    hosted: str = field(default="", repr=False)
    text: str = ""
    link: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Said:
    """What the page says: an event, the secret of its browser, how it was launched, what is wrong with the camera."""

    event: str
    device: str = field(default="", repr=False)
    init_data: str = field(default="", repr=False)
    what: str = ""


class LivenessDoor:
    """`token` is the bot's, `app_keys` are those that sign a Mini App's launch besides."""

    def __init__(
        self,
        doors: Doors,
        fronts: Iterable[Front],
        keys: Keys,
        *,
        biometric: Biometric,
        token: str,
        app_keys: tuple[bytes, ...],
    ) -> None:
        self.options = biometric.options
        self._doors = doors
        self._keys = keys
        self._biometric = biometric
        self._token = token
        self._app_keys = app_keys
        self._steps = {
            front.name: {step.name for step in front.plan.all_steps() if isinstance(step, Liveness)} for front in fronts
        }

    async def language(self, ticket: str) -> str:
        """Of the person whose link it is. Raises `StepUnknown` when it leads nowhere."""
        visited = await self._doors.visited(ticket)
        return visited.session.facts.language

    async def hears(self, ticket: str, said: Said) -> Standing:
        """Raises `StepUnknown`, `LinkUsed`, `LinkForeign`, `InitDataRefused`, `StoreDown`."""
        visited = await self._doors.visited(ticket)
        session, device, link = visited.session, said.device, ""
        state = self._state(session)
        ours = state is not None and bool(device) and digest_of(device) == state.device
        if said.event == "open" and state is not None and not ours:
            device = device if _DEVICE.fullmatch(device) else new_device()
            session = await self._opened(visited, device, said.init_data)
        elif said.event in EVENTS and ours:
            params = {"event": said.event, "device": digest_of(device), "what": said.what}
            session = await self._doors.come(visited, params)
        elif said.event == "another" and ours and state is not None:
            door = Door(page=PAGE, number=state.links + 1)
            link = self._doors.address(door, session.sid, visited.shard)
        return self._standing(session, device, link)

    async def nudge(self, session_id: str) -> bool:
        """Somebody says that there is something to see of that session of biometric.kz's."""
        return await self._doors.nudge("liveness", session_id, {"event": "nudge"})

    async def _opened(self, visited: Visited, device: str, init_data: str) -> Session:
        launched = "yes" if init_data and await self._is_owners(visited, init_data) else ""
        params = {"event": "open", "device": digest_of(device), "launched": launched}
        session = await self._doors.come(visited, params)
        state = self._state(session)
        if state is not None and state.device != digest_of(device):
            raise LinkUsed
        return session

    async def _is_owners(self, visited: Visited, init_data: str) -> bool:
        visit = visited.session.facts.visit
        if visit is None:
            raise InitDataRefused
        now = time.time()
        launch = user_of(init_data, token=self._token, now=now, max_age=LAUNCH_SECONDS, keys=self._app_keys)
        if launch.user != visit.user:
            raise LinkForeign
        # Twice its age: it may be from a minute ahead of our clock.
        if not await self._doors.store.once(self._keys.fingerprint("launch", launch.hash), 2 * LAUNCH_SECONDS):
            raise InitDataRefused
        return True

    def _state(self, session: Session) -> LivenessState | None:
        """None when the dialogue is not at this step, or is over."""
        if session.over or session.step not in self._steps.get(session.channel, ()):
            return None
        try:
            return LivenessState.model_validate_json(session.state)
        except ValueError:
            raise StepUnknown from None

    def _standing(self, session: Session, device: str, link: str) -> Standing:
        state, language = self._state(session), session.facts.language
        why = render(session.reply.why, language) if session.reply.why else ""
        if state is None:
            names = self._steps.get(session.channel, set())
            passed = session.reply.kind == "done" or any(proof.method in names for proof in session.facts.proofs)
            return Standing("passed", language) if passed else Standing("over", language, text=why)
        if digest_of(device) != state.device or not device:
            return Standing("elsewhere", language)
        phase = _PHASES.get(state.phase, "preparing")
        if phase in ("ready", "checking"):
            hosted = self._biometric.hosted(state.session, language)
            return Standing(phase, language, device, state.session, hosted, link=link)
        return Standing(phase, language, device, text=why if phase == "failed" else "", link=link)
