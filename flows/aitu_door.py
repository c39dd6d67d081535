"""The login page's other side: who leaves for Aitu Passport, who comes back, and how that stands.

What comes back is believed when its `state` is ours, the browser is the one that left with it, and the login is still
under way; all else is refused and audited, and moves nothing. What Aitu says in a redirect are words of whoever holds
the browser: they choose a sentence, and no more.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import structlog

from flows.doors import Doors, Visited, digest_of, new_device
from flows.effects import Note
from flows.errors import FlowError, LoginMisconfigured, StepUnknown
from flows.keys import Keys
from flows.model import Session
from flows.performing import Front
from flows.steps.aitu import LOGINS, AituState, LoginSpent
from flows.steps.aitu import Aitu as AituStep
from flows.texts import render
from flows.upstream.aitu import Aitu, refusal_of

CALLBACK = "/aitu/callback"
LONGEST = 2048
"""Characters of anything that comes back."""
_log = structlog.get_logger("login")
_PHASES: Final[dict[str, "Phase"]] = {"leaving": "leaving", "checking": "checking", "failed": "failed"}

Phase = Literal["start", "leaving", "checking", "failed", "passed", "over", "elsewhere"]


class LoginForeign(FlowError):
    """Not of this browser, not of the login that is under way, or not of ours at all."""

    code, key, status = "1052", "error.login_foreign", 403


@dataclass(frozen=True, slots=True)
class Standing:
    """What the page shows. `text`: why it failed, or ended; `whose`: the end of the phone of the chat it is for."""

    phase: Phase
    language: str
    text: str = ""
    whose: str = ""


class AituDoor:
    """`redirect_uri` is where Aitu sends people back to, as it is registered there."""

    def __init__(self, doors: Doors, fronts: Iterable[Front], keys: Keys, aitu: Aitu) -> None:
        self.aitu = aitu
        self.redirect_uri = doors.public_url + CALLBACK
        self._doors = doors
        self._keys = keys
        self._names = {
            front.name: {step.name for step in front.plan.all_steps() if isinstance(step, AituStep)} for front in fronts
        }

    async def standing(self, ticket: str, device: str) -> Standing:
        """For the browser with that secret. Raises `StepUnknown` when the link leads nowhere, `StoreDown`."""
        visited = await self._doors.visited(ticket)
        session, language, state = visited.session, visited.session.facts.language, self._state(visited.session)
        why = render(session.reply.why, language) if session.reply.why else ""
        if state is None:
            names = self._names.get(session.channel, set())
            passed = session.reply.kind == "done" or any(proof.method in names for proof in session.facts.proofs)
            return Standing("passed", language) if passed else Standing("over", language, why)
        if visited.number == state.links + 1:
            return Standing("start", language, whose=(session.facts.phone or "")[-4:])
        if visited.number != state.links or digest_of(device) != state.device:
            return Standing("elsewhere", language)
        phase = _PHASES.get(state.phase, "start")
        return Standing(phase, language, why if phase == "failed" else "")

    async def go(self, ticket: str, device: str) -> tuple[str, str]:
        """Aitu's address to leave for, and the secret of the browser, which it keeps.

        Raises `StepUnknown`, `LoginForeign`, `LoginSpent`, `StoreDown`, and what the upstream raises.
        """
        visited = await self._doors.visited(ticket)
        before, device = self._state(visited.session), device or new_device()
        if before is not None and before.logins >= LOGINS:
            raise LoginSpent
        if before is None or not before.serves(visited.number, digest_of(device)):
            raise LoginForeign
        session = await self._doors.come(visited, {"event": "go", "device": digest_of(device)})
        state = self._state(session)
        if state is None or state.phase != "leaving" or state.device != digest_of(device):
            raise LoginForeign
        verifier, nonce = self._keys.login(session.sid, state.logins)
        address = await self.aitu.address(
            redirect_uri=self.redirect_uri,
            state=self._keys.state(session.sid, visited.shard, state.logins),
            nonce=nonce,
            verifier=verifier,
            language=session.facts.language,
            phone=session.facts.phone,
            iin=state.iin or None,
        )
        return address, device

    async def back(self, given: Mapping[str, str], device: str) -> str:
        """What Aitu has sent back with that browser; the ticket of the page that says how it goes on.

        Raises `LoginForeign`, `StoreDown`.
        """
        visited, now = await self._returning(given.get("state", ""))
        state, digest = self._state(visited.session), digest_of(device)
        if state is None or not state.awaits(visited.number, digest, now):
            raise self._refused(_why(state, visited.number, digest))
        if given.get("iss", self.aitu.issuer) != self.aitu.issuer:
            raise self._refused("issuer")
        code = given.get("code", "")
        if bool(code) == bool(given.get("error")) or len(code) > LONGEST:
            raise self._refused("parameters")
        brought = {"event": "code", "code": code, "device": digest}
        if not code:
            refusal = refusal_of(given["error"][:LONGEST], given.get("error_description", "")[:LONGEST])
            brought = {"event": "error", "error": refusal.code, "device": digest}
            if isinstance(refusal, LoginMisconfigured):
                _log.error("login_misconfigured", word=refusal.word)
        await self._doors.come(visited, brought)
        return self._keys.ticket(visited.session.sid, visited.shard, state.links)

    async def _returning(self, state: str) -> tuple[Visited, float]:
        """Where it leads, and the store's time."""
        found = self._keys.read_state(state)
        if found is None:
            raise self._refused("state")
        sid, shard, number = found
        taken = await self._doors.store.take("sid", sid, shard)
        if taken.session is None:
            raise self._refused("replayed")
        return Visited(taken.session, shard, number), taken.now

    def _refused(self, why: str) -> LoginForeign:
        self._doors.store.note("telegram", Note("login_refused", {"why": why}))
        return LoginForeign()

    def _state(self, session: Session) -> AituState | None:
        """None when the dialogue is not at this step, or is over."""
        if session.over or session.step not in self._names.get(session.channel, ()):
            return None
        try:
            return AituState.model_validate_json(session.state)
        except ValueError:
            raise StepUnknown from None


def _why(state: AituState | None, number: int, device: str) -> str:
    """One word for the audit log: replayed, browser (not the one that left), late."""
    if state is None or state.phase != "leaving" or number != state.logins:
        return "replayed"
    return "late" if device == state.device else "browser"
