"""A dialogue without servers: the real machine over the sandbox's people, held in memory."""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass

from flows import machine
from flows.effects import Effect, Found, SendCode
from flows.identifiers import Identifier
from flows.keys import Keys
from flows.machine import Turn
from flows.model import Facts, Input, Plan, Script, Session, Typed
from flows.performing import Call, Front, Performing
from flows.records.words import normalise
from flows.settings import Channel, Settings
from flows.texts import Text, render
from sandbox.cast import CAST, Person

SID = "rehearsal"


class CastRecords:
    """The sandbox's people as the machine asks for clients."""

    def __init__(self, people: Iterable[Person]) -> None:
        self.people = {person.crmid: person for person in people}

    async def find(self, names: tuple[Identifier, ...]) -> Found | None:
        wanted = [name.value.removeprefix("@") for name in names]
        for person in self.people.values():
            known = {person.crmid, person.phone, person.email, person.telegram} - {""}
            if known.intersection(wanted):
                return Found(
                    person.crmid,
                    person.phone,
                    person.email or None,
                    has_secret_word=bool(person.secret_word),
                    has_birth_date=bool(person.birth_date),
                )
        return None

    async def check_word(self, client: str | None, text: str) -> bool:
        person = self.people.get(client or "")
        return bool(person and person.secret_word and normalise(text) == normalise(person.secret_word))

    async def born_on(self, client: str | None, day: str) -> bool:
        person = self.people.get(client or "")
        return bool(person and person.birth_date == day)


@dataclass(slots=True)
class Dialogue:
    """One session and its counted attempts."""

    performing: Performing
    front: Front
    keys: Keys
    bank: str
    session: Session | None = None
    attempts: int = 0

    async def begin(self, country: str) -> Turn:
        rules = self.front.rules
        facts = Facts(reveal_unknown=rules.reveal_unknown, language=rules.language, country=country)
        script = machine.begin(self.front.plan, SID, self.front.name, facts, time.time())
        return await self._drive(script)

    async def hand_in(self, given: Input) -> Turn:
        if self.session is None:
            raise TypeError("a dialogue begins with a question")
        self.attempts += isinstance(given, Typed)
        script = machine.advance(self.front.plan, self.session, given, time.time(), self.attempts)
        return await self._drive(script)

    def messages(self, posted: Iterable[Effect[None]]) -> list[str]:
        """What the client would be sent."""
        texts = []
        for effect in posted:
            if isinstance(effect, SendCode) and effect.client:
                code = self.keys.code(SID, effect.step, effect.digits)
                texts.append(
                    render(Text(key="code.message", params={"code": code, "bank": self.bank}), effect.language)
                )
        return texts

    async def _drive(self, script: Script[Turn]) -> Turn:
        turn = await self.performing.drive(script, Call(self.front, (), sid=SID))
        if turn.moved:
            self.attempts = 0
        elif turn.verdict == "void":
            self.attempts = max(0, self.attempts - 1)
        self.session = turn.session
        return turn


def make_dialogue(settings: Settings, plan: Plan, language: str) -> Dialogue:
    keys = Keys(os.urandom(32))
    channels = {name for step in plan.steps for name in getattr(step.options, "channels", ())}
    rules = Channel.model_validate(
        {"flow": plan.name, "key_env": "", "language": language, "strict": False, "reveal_unknown": True}
    )
    return Dialogue(Performing(CastRecords(CAST), keys, channels), Front("sim", rules, plan), keys, settings.bank.name)
