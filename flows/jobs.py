"""Posted effects as they rest in the store: what is to be done after the save, sealed, and how far it is."""

import secrets
from collections.abc import Sequence

from pydantic import Field

from flows.effects import Effect, SendCode
from flows.keys import Keys, Unsealable
from flows.model import Stored
from flows.moves import Posting

HIDDEN_DELAY_MS = (40, 400)
"""In a channel that hides who is a client, sending starts a random while later, so that its work on this machine falls
on the next call of a known and of an unknown client alike."""


class SendJob(Stored):
    """A `SendCode` on its way. `started`: the gateways that were begun, written down before each try.

    `decoy`: nobody is behind it, and nothing is sent. `hidden`: the channel hides who is a client.
    """

    id: str
    step: str
    channel: str
    hidden: bool
    gateways: tuple[str, ...]
    phone: str | None = Field(default=None, repr=False)
    email: str | None = Field(default=None, repr=False)
    language: str
    digits: int
    decoy: bool
    guard: str
    started: tuple[str, ...] = ()


def post(
    effects: Sequence[Effect[None]], *, sid: str, channel: str, guard: str, hidden: bool, keys: Keys
) -> list[Posting]:
    """The effects of one turn, ready to be saved with the session. There is one performer so far, and one kind."""
    postings = []
    for effect in effects:
        if not isinstance(effect, SendCode):
            raise TypeError(f"no performer for {type(effect).__name__}")
        job = SendJob(
            id=secrets.token_hex(8),
            step=effect.step,
            channel=channel,
            hidden=hidden,
            gateways=effect.channels,
            phone=effect.phone,
            email=effect.email,
            language=effect.language,
            digits=effect.digits,
            decoy=effect.client is None,
            guard=guard,
        )
        low, high = HIDDEN_DELAY_MS
        postings.append(Posting(job.id, sealed(job, sid, keys), low + secrets.randbelow(high - low) if hidden else 0))
    return postings


def sealed(job: SendJob, sid: str, keys: Keys) -> bytes:
    return keys.sessions.seal(job.model_dump_json().encode(), f"job:{sid}")


def unsealed(body: bytes, sid: str, keys: Keys) -> SendJob | None:
    """None when the keys have changed since: then there is nothing that could be sent."""
    try:
        return SendJob.model_validate_json(keys.sessions.unseal(body, f"job:{sid}"))
    except (Unsealable, ValueError):
        return None
