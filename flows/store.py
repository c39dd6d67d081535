"""Redis: the keys, the scripts in `lua/`, the shards, the due wakes.

Everything of one client lives in one of 16 shards, `shinos:1:{NN}:`, so that a script on Redis Cluster finds it in one
slot. What belongs to a channel, a gateway or the house as a whole lives in shard 00, "the hall".

| key                        | what                                       | lives                    |
|----------------------------|--------------------------------------------|--------------------------|
| session:<sid>              | hash: revision, sealed body, gates, effects  | the dialogue + 6 min    |
| step:<stepId>, pair:<fp>   | which dialogue                             | like the dialogue        |
| wrong:<fp>                 | counted attempts of a guard or a subject    | 24 h                     |
| lock:<guard>, row:<subject> | lock; wrong answers in a row, by step kind | its length; 1 year       |
| sends:<pair>               | sends of a pair                            | 24 h                     |
| token:<sha256>, reads:<…>  | token record; reads in this hour            | 1 h                      |
| wakes, talks, shows, uploads, tells | due wakes, by who works them      | no TTL: emptied by work |
| audit                      | audit entries on their way to SQL           | no TTL: emptied by work |
| session:<chat>, inbox:<chat> | messages of a chat that wait; what it shows | 90 days; 24 h         |
| update:<id>, papers:<chat>:<page> | messages heard; uploads of a page    | 24 h; 6 h               |
| link:<fp>                  | the chat that came with a presign key: the hall | 24 h               |
| named:<fp>, once:<fp>: the hall | whose session of an upstream it is; what was given once | 1 h; its age |
| channel_…, phone:…, prefix…, gateway…, sends_today, audit_stuck: the hall | limits, health | at most 24 h |
| probe                      | that the shard takes what is written        | 1 s                     |
| drain, poller: the hall    | which process has that role                 | a moment                |

"Subject" is a client under all names, "guard" a subject in a channel, "pair" whose dialogue it is: the guard, or in a
channel that hides who is a client, the name that was asked for. All are fingerprints; no name, phone or code reaches
Redis.
"""

import asyncio
import hashlib
import json
import re
import secrets
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from pydantic import ValidationError
from pydantic_core import to_json

from flows.clock import Clock, ahead
from flows.effects import Note
from flows.errors import StoreDown
from flows.keys import Keys, Unsealable
from flows.model import Session
from flows.moves import Admitted, Leased, Move, Queue, Taken, as_todo
from flows.pipeline import Argument, Later, Script
from flows.redis_client import Client, close
from flows.redis_trips import open_trips
from flows.settings import Limits
from flows.shards import PREFIXES, SHARDS, shard_of_fingerprint, shard_of_text

SEARCH_SECONDS = 30.0
_STEP_ID = re.compile("[A-Za-z0-9_-]{22}")
JUDGED_SECONDS = 0.02


class Store:
    """The dialogues. Every method is one round trip at most and raises `StoreDown`."""

    def __init__(self, redis: Client, keys: Keys, limits: Limits, *, replicas: int = 0) -> None:
        self.redis: Any = redis
        self.pipeline = open_trips(redis, replicas)
        self._keys = keys
        self._lease = limits.lease * 1000
        table = _in_milliseconds(limits)
        plain = ("permit", "gateway", "lease", "erase", "unlock", "hear", "one", "search")
        self._scripts = {name: Script(name, table) for name in plain}
        self._scripts |= {"hold": Script("hold", table, "finish")}
        self._scripts |= {"take": Script("take", table, room="needed")}
        self._scripts |= {"move": Script("move", table, "finish", room="needed")}
        # A card may be read, counted and audited, and the audit stream emptied, though Redis is full (R5).
        self._scripts |= {name: Script(name, table, room="granted") for name in ("admit", "token", "lead")}
        self._judged: list[str] = []
        self._noted: dict[str, float] = {}
        self._notes: set[asyncio.Future[Any]] = set()
        self._clock = Clock(self.note)

    def _call(self, script: str, shard: int, *arguments: Argument) -> asyncio.Future[Any]:
        return self.pipeline.call(self._scripts[script], PREFIXES[shard], *arguments)

    def _one(self, shard: int, command: str, key: str, *arguments: Argument) -> asyncio.Future[Any]:
        return self._call("one", shard, command, key, *arguments)

    def admit(self, channel: str, what: Literal["begin", "answer", "other"], attempt: str) -> Later[Admitted]:
        """The channel's own limits, counted at once; and which gateways are known to be down."""
        judged, self._judged = self._judged, []
        return Later(self._call("admit", 0, channel, what, attempt, *judged), _admitted)

    def judged(self, channel: str, attempt: str, *, wrong: bool, phone_prefix: str) -> None:
        """What became of an answer that the channel has counted; told with the next `admit`, or a moment later.

        What is lost with this process stays counted for a day: it errs on the closed side.
        """
        if not self._judged:
            asyncio.get_running_loop().call_later(JUDGED_SECONDS, self._tell_judged)
        self._judged += (channel, attempt, "wrong" if wrong else "", phone_prefix)

    def _tell_judged(self) -> None:
        if self._judged:
            self.admit("", "other", "")

    def take(
        self,
        how: Literal["step", "pair", "sid", "chat", "view"],
        ref: str,
        shard: int,
        *,
        channel: str = "",
        who: str = "",
        attempt: str = "",
        answer: str = "",
        subject: str = "",
        guard: str = "",
    ) -> Later[Taken]:
        """Find a dialogue and count the attempt. An unreadable one is `unknown`: expired, start again."""
        if how == "step" and not _STEP_ID.fullmatch(ref):
            ref = self._keys.fingerprint("step", ref)  # nothing that a caller made up reaches Redis
        future = self._call("take", shard, how, ref, channel, who, attempt, answer, subject, guard)
        return Later(future, self._taken)

    def move(self, move: Move) -> Later[tuple[Literal["ok", "lost", "fenced", "limited"], int]]:
        """The verdict and, for `limited`, the ms until a send is allowed."""
        body = self._seal(move.session) if move.session else b""
        tail = [move.card] if move.token else []
        arguments: list[Argument] = [to_json(as_todo(move)), body, *(post.sealed for post in move.post), *tail]
        return Later(self._call("move", move.shard, *arguments), _moved)

    async def token(
        self, token: str, channel: str, what: Literal["read", "shown", "revoke"], fields: str
    ) -> tuple[Literal["ok", "refused", "limit"], int | bytes]:
        """The sealed card reference of a token that works, or ms to wait."""
        shard, digest = shard_of_text(token) or 0, hashlib.sha256(token.encode()).hexdigest()
        verdict, _now, *rest = await self._call("token", shard, digest, channel, what, fields, secrets.token_hex(8))
        return verdict.decode(), rest[0] if rest else 0

    def note(self, channel: str, *notes: Note) -> None:
        """Audit events outside a dialogue, in the background; of a kind at most one per second and process."""
        kind = channel + json.dumps([note.fields for note in notes])
        now = time.monotonic()
        if now - self._noted.get(kind, -1) < 1:
            return
        self._noted[kind] = now
        self.move(Move(0, "none", "none", "none", channel, notes=notes))

    async def permit(self, send_id: str, phone: str, phone_prefix: str, guard: str) -> str:
        """ "ok", or the layer that says no."""
        layer: bytes = await self._call("permit", 0, send_id, phone, phone_prefix, guard)
        return layer.decode()

    async def gateway(self, name: str, state: Literal["up", "down"]) -> None:
        await self._call("gateway", 0, name, state)

    async def lease(
        self,
        lease: str,
        shards: Collection[int],
        most: int,
        lost: str = "",
        *,
        queue: Queue = "wakes",
        seconds: float | None = None,
    ) -> list[Leased]:
        """Take due wakes of these shards, in one round trip; and those of a `lost` lease whose answer never came.

        For `seconds`, or as long as the limits say.
        """
        length = self._lease if seconds is None else int(seconds * 1000)
        before = time.time()
        calls = [(shard, self._call("lease", shard, lease, length, most, lost, queue)) for shard in shards]
        leased = []
        for shard, call in calls:
            now, *due = await call
            self._clock.compared(before, now / 1000, time.time())
            for sid, job, sealed, nth in due:
                leased.append(Leased(shard, lease, sid.decode(), job.decode(), sealed, nth, queue, length, now / 1000))
        return leased

    async def hold(self, wake: Leased, sealed: bytes) -> bool:
        """Write down how far the effect is, and renew the lease. False: it is somebody else's now."""
        return await self._hold(wake, wake.length or self._lease, sealed)

    async def put_back(self, wake: Leased, seconds: float = 0, sealed: bytes = b"") -> bool:
        """Let it be due again at once or in that time, as far as it is; in that time it is nobody else's.

        Not a delivery that failed, so it may be done as often as an outage lasts.
        """
        return await self._hold(wake, max(1, int(seconds * 1000)), sealed, "back")

    async def finish(self, wake: Leased, left: bytes = b"") -> bool:
        """Done; `left` stays behind as the effect's body."""
        return await self._hold(wake, 0, left)

    async def _hold(self, wake: Leased, milliseconds: int, sealed: bytes, back: str = "") -> bool:
        whose = (wake.sid, wake.job, wake.lease)
        return bool(await self._call("hold", wake.shard, *whose, milliseconds, sealed, wake.queue, back))

    async def hear(self, chat: str, update: str, sealed: bytes) -> Literal["stored", "known", "full"]:
        """Put a message of a chat into its inbox, once in 24 hours."""
        verdict: bytes = await self._call("hear", shard_of_fingerprint(chat), chat, update, sealed)
        return verdict.decode()  # type: ignore[return-value]

    async def chosen(self, chat: str) -> tuple[str, str]:
        """Language and way that the person has chosen in that chat, "" for none."""
        found = await self._one(shard_of_fingerprint(chat), "HMGET", f"session:{chat}", "language", "way")
        return _text(found[0] or ""), _text(found[1] or "")

    async def claim(self, link: str, chat: str) -> bool:
        """A link (its fingerprint) is for the first chat that comes with it, for a day."""
        first = await self._one(0, "SET", f"link:{link}", chat, "NX", "GET", "EX", 86400)
        return first is None or first == chat.encode()

    async def remember(self, name: str, what: str) -> None:
        """That, under a fingerprint, for an hour."""
        await self._one(0, "SET", f"named:{name}", what, "EX", 3600)

    async def recall(self, name: str) -> str:
        """What was remembered, "" when nothing."""
        return _text(await self._one(0, "GET", f"named:{name}") or "")

    async def once(self, name: str, seconds: int) -> bool:
        """Is it the first time in so many seconds that this name (a fingerprint) is given?"""
        return bool(await self._one(0, "SET", f"once:{name}", "1", "NX", "EX", seconds))

    async def leads(self, role: str, name: str, milliseconds: int) -> bool:
        """Is it us, of many processes, who has this role for now? Renewed by asking again."""
        return bool(await self._call("lead", 0, role, name, milliseconds))

    async def stands_down(self, role: str, name: str) -> None:
        """So that another process takes the role at once."""
        await self._call("lead", 0, role, name, 0)

    async def audited(self, most: int) -> list[list[tuple[bytes, list[bytes]]]]:
        """The oldest entries of each shard's stream: key, and names and values by turns."""
        calls = [self._one(shard, "XRANGE", "audit", "-", "+", "COUNT", most) for shard in range(SHARDS)]
        return list(await asyncio.gather(*calls))

    async def forget_audited(self, keys: Mapping[int, Sequence[bytes]]) -> None:
        """The log has them now; keys by shard."""
        await asyncio.gather(*(self._one(shard, "XDEL", "audit", *some) for shard, some in keys.items() if some))

    async def unlock(self, subject: str, channels: Sequence[str], *, audited_as: str) -> None:
        """Forget a client's wrong answers and locks (security.md §7 #8: only an operator may)."""
        pairs = [self._keys.fingerprint("pair", channel, subject) for channel in channels]
        await self._call("unlock", shard_of_fingerprint(subject), subject, audited_as, *pairs)

    async def erase(self, subject: str, channels: Sequence[str], *, audited_as: str = "") -> tuple[int, int]:
        """Forget a client: dialogues with what they had posted, tokens, limits. Returns (dialogues, tokens).

        Not one round trip: it looks for them among all keys. `audited_as` is the channel of the audit entry, if any.
        """
        shard = shard_of_fingerprint(subject)
        pairs = [self._keys.fingerprint("pair", channel, subject) for channel in channels]
        todo: dict[str, Any] = {"keys": await self._keys_of(subject, shard), "pairs": pairs}
        if audited_as:
            todo["audit"] = ("client_erased", audited_as)
        dialogues, tokens = await self._call("erase", shard, subject, json.dumps(todo))
        return dialogues, tokens

    async def _keys_of(self, subject: str, shard: int) -> list[str]:
        """The subject's dialogues and tokens, those that a newer dialogue has put aside included."""
        mine: list[str] = []
        cursor = b""
        try:
            async with asyncio.timeout(SEARCH_SECONDS):
                while cursor != b"0":
                    cursor, page = await self._call("search", shard, cursor or b"0", subject)
                    mine += [key.decode() for key in page]
        except TimeoutError:
            raise StoreDown(retry_after=1) from None
        return mine

    async def drift(self) -> float:
        """Seconds that this machine's clock is ahead of Redis', as far as the way there leaves no doubt."""
        before = time.time()
        admitted = await self.admit("", "other", "")
        return ahead(before, admitted.now, time.time())

    async def ping(self) -> None:
        """Every shard is there, and takes what is written. Raises `StoreDown`."""
        await asyncio.gather(*(self._one(shard, "SET", "probe", "1", "PX", 1000) for shard in range(SHARDS)))

    async def audit_moves(self) -> None:
        """Raises `StoreDown` while the audit log cannot be written."""
        if await self._one(0, "EXISTS", "audit_stuck"):
            raise StoreDown(retry_after=5)

    async def stick_audit(self, milliseconds: int) -> None:
        """Refuse calls for that time: nothing may happen without its record. 0: no more."""
        setting = ("SET", "audit_stuck", "1", "PX", milliseconds) if milliseconds else ("DEL", "audit_stuck")
        await self._call("one", 0, *setting)

    async def close(self) -> None:
        self._tell_judged()
        await self.pipeline.close()
        await close(self.redis)

    def resealed(self, session: Session) -> Session:
        """Through the same work as a session that was stored and read."""
        return self._open(self._seal(session), session.sid) or session

    def _seal(self, session: Session) -> bytes:
        return self._keys.sessions.seal(session.model_dump_json(exclude_defaults=True).encode(), session.sid)

    def _open(self, body: bytes, sid: str) -> Session | None:
        try:
            return Session.model_validate_json(self._keys.sessions.unseal(body, sid))
        except (Unsealable, ValidationError):
            return None

    def _taken(self, answer: list[Any]) -> Taken:
        verdict, now, *rest = answer
        word = verdict.decode()
        if not rest:
            return Taken(word, now / 1000)
        sid, rev, body, step, nth, tries, wait, pair, subject, guard = rest
        session = self._open(body, sid.decode()) if body else None
        if body and session is None:
            word = "unknown"
        whose = (pair.decode(), subject.decode(), guard.decode())
        return Taken(word, now / 1000, sid.decode(), rev, session, step.decode(), nth, tries, wait, *whose)


def _text(key: bytes | str) -> str:
    return key.decode() if isinstance(key, bytes) else key


def _admitted(answer: list[Any]) -> Admitted:
    verdict, now, wait, *rest = answer
    words = [word.decode() for word in rest]
    if verdict == b"ok":
        return Admitted("ok", now / 1000, wait, down=frozenset(words))
    return Admitted(verdict.decode(), now / 1000, wait, layer=words[0] if words else "")


def _moved(answer: list[Any]) -> tuple[Literal["ok", "lost", "fenced", "limited"], int]:
    verdict, _now, *wait = answer
    return verdict.decode(), wait[0] if wait else 0


def _in_milliseconds(limits: Limits) -> dict[str, object]:
    """The limits as the scripts read them: times under `…_ms`."""
    table = limits.model_dump()
    for name in ("lock", "dialogue", "repeat", "token", "token_first", "token_idle", "breaker", "papers_window"):
        table[f"{name}_ms"] = table.pop(name) * 1000
    return table
