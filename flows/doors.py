"""Doors that people come back through: a link of ours leads to one dialogue, and what is brought becomes its input.

A link holds a ticket: derived from the dialogue and a number, sealed, and good for as long as the step that gave it out
says so. To read where it leads changes nothing, so a robot that opens each link of a chat uses none up.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from flows.errors import StepUnknown
from flows.keys import Keys
from flows.model import Door, Returned, Session
from flows.performing import Front
from flows.store import Store
from flows.turns import Dialogues


@dataclass(frozen=True, slots=True)
class Visited:
    """Where a ticket leads: the dialogue as it stands, and the number of the link."""

    session: Session
    shard: int
    number: int


class Doors:
    """`dialogues` by the front that they are of."""

    def __init__(
        self, store: Store, keys: Keys, public_url: str, fronts: Mapping[str, tuple[Front, Dialogues]]
    ) -> None:
        self.public_url = public_url
        self.store = store
        self._keys = keys
        self._fronts = fronts

    def address(self, door: Door, sid: str, shard: int) -> str:
        """The link that leads to that dialogue."""
        return address(self.public_url, door, self._keys.ticket(sid, shard, door.number))

    async def visited(self, ticket: str) -> Visited:
        """Raises `StepUnknown` when the ticket is none of ours, or its dialogue is no more."""
        found = self._keys.read_ticket(ticket)
        if found is None:
            raise StepUnknown
        sid, shard, number = found
        taken = await self.store.take("sid", sid, shard)
        if taken.session is None:
            raise StepUnknown
        return Visited(taken.session, shard, number)

    async def come(self, visited: Visited, params: Mapping[str, str]) -> Session:
        """Bring that in; the dialogue as it stands then. Raises `StepUnknown`, `StoreDown`."""
        known = self._fronts.get(visited.session.channel)
        if known is None:
            raise StepUnknown
        front, dialogues = known
        given = Returned(visited.number, params)
        session = await dialogues.come({front.name: front}, visited.shard, visited.session.sid, given)
        if session is None:
            raise StepUnknown
        return session

    async def nudge(self, about: str, name: str, params: Mapping[str, str]) -> bool:
        """The same by a name that was remembered, of which `about` says the kind. False when nobody knows it."""
        found = await self.store.recall(self._keys.fingerprint(about, name))
        shard, _, sid = found.partition(":")
        if not shard.isdecimal():
            return False
        taken = await self.store.take("sid", sid, int(shard))
        if taken.session is None or taken.session.over:
            return False
        await self.come(Visited(taken.session, int(shard), 0), params)
        return True


def address(public_url: str, door: Door, ticket: str) -> str:
    return f"{public_url}/{door.page}/{ticket}"


def new_device() -> str:
    """What a browser is given to be known again: 128 random bits. A dialogue keeps its `digest_of` alone."""
    return secrets.token_urlsafe(16)


def digest_of(device: str) -> str:
    return hashlib.sha256(device.encode()).hexdigest() if device else ""
