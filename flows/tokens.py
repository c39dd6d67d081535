"""Tokens: what stands behind one, and the desk that reads and ends them.

A token is derived from its session, so asking again yields the same one, and the store keeps only its SHA-256.
"""

import asyncio
import hashlib
import json
from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from flows.effects import Note
from flows.errors import StoreDown, TokenRefused, TooManyRequests
from flows.keys import Keys, Unsealable
from flows.model import Session, Stored
from flows.moves import Move
from flows.papers import Proof
from flows.store import Store

_OWNER = "token"


class Identified(Stored):
    """Whom a token stands for, what was proven, and when (Unix seconds). The records are read anew for each card."""

    client: str = Field(repr=False)
    proofs: tuple[Proof, ...]
    at: float


def issue(move: Move, session: Session, now: float, keys: Keys) -> str:
    """Put the session's token into the move that ends it."""
    token = keys.token(session.sid, move.shard)
    who = Identified(client=session.facts.client or "", proofs=session.facts.proofs, at=now)
    move.token = hashlib.sha256(token.encode()).hexdigest()
    move.card = keys.sessions.seal(who.model_dump_json().encode(), _OWNER)
    move.notes = (*move.notes, Note("token_issued", {"token": move.token[:16]}))
    return token


class Tokens:
    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._keys = keys

    async def read(self, token: str, channel: str) -> Identified:
        """Counted, and audited when `shown` says what of it is about to be seen.

        Raises `TokenRefused`, one and the same for every token that does not work, `TooManyRequests`, `StoreDown`.
        """
        verdict, rest = await self._call(token, channel, "read")
        if verdict == "limit":
            self._store.note(channel, Note("limit_hit", {"layer": "card_reads"}), Note("alarm", {"kind": "card_reads"}))
            raise TooManyRequests(retry_after=max(1, int(rest) // 1000))
        if verdict != "ok" or not isinstance(rest, bytes):
            raise TokenRefused
        try:
            return Identified.model_validate_json(self._keys.sessions.unseal(rest, _OWNER))
        except (Unsealable, ValueError):
            raise TokenRefused from None

    async def shown(self, token: str, channel: str, names: Iterable[str]) -> None:
        """Audit the names of the fields before they leave the house. Raises `TokenRefused` when it has been revoked."""
        fields = _audit_fields(token, shown=" ".join(names))
        verdict, _ = await self._store.token(token, channel, "shown", fields)
        if verdict != "ok":
            raise TokenRefused

    async def revoke(self, token: str, channel: str) -> None:
        """Raises `TokenRefused`."""
        verdict, _ = await self._call(token, channel, "revoke")
        if verdict != "ok":
            raise TokenRefused

    async def _call(self, token: str, channel: str, what: Literal["read", "revoke"]) -> tuple[str, int | bytes]:
        """No card without its audit record either: while the log is shut, nothing is read. Raises `StoreDown`."""
        admission = self._store.admit(channel, "other", "")
        calling = asyncio.ensure_future(self._store.token(token, channel, what, _audit_fields(token)))
        if (await admission).verdict == "audit":
            calling.cancel()
            raise StoreDown(retry_after=5)
        return await calling


def _audit_fields(token: str, **more: str) -> str:
    return json.dumps({"token": hashlib.sha256(token.encode()).hexdigest()[:16], **more})
