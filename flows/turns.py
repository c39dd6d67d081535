"""What the two kinds of dialogue share: from a turn of the machine to the move that saves it."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Mapping
from typing import Protocol

from flows.machine import Turn
from flows.model import Happened, Returned, Session, Wake
from flows.moves import Leased, Move, Queue, Taken
from flows.performing import Call, Front
from flows.shards import new_step_id, shard_of_fingerprint

RACES = 8
"""How often a turn that lost its compare-and-set is tried anew before it answers 503."""


class Dialogues(Protocol):
    """What carriers and doors know of the two kinds of dialogue. Methods raise `StoreDown`."""

    posted: "Posted"

    async def bring(self, fronts: Mapping[str, Front], wake: Leased, given: Happened | Wake) -> None:
        """Bring the end of a posted effect, or the time to look again, into its dialogue; and be done with the wake."""

    async def give_up(self, fronts: Mapping[str, Front], wake: Leased) -> None:
        """The time to look again has killed whoever carried it."""

    async def come(self, fronts: Mapping[str, Front], shard: int, sid: str, given: Returned) -> Session | None:
        """Somebody comes back through a door. The dialogue as it stands then; None when it is no more."""


class Looking:
    """Carries the time that a step wished to be woken at."""

    def __init__(self, dialogues: Dialogues, fronts: Mapping[str, Front]) -> None:
        self._dialogues = dialogues
        self._fronts = fronts

    async def carry(self, wake: Leased, _job: None) -> None:
        await self._dialogues.bring(self._fronts, wake, Wake())

    async def give_up(self, wake: Leased, _job: None) -> None:
        await self._dialogues.give_up(self._fronts, wake)


class Posted:
    """The shards where this process has left due work, by queue; its wakes look there at once."""

    def __init__(self) -> None:
        self._shards: dict[Queue, set[int]] = defaultdict(set)
        self._any: dict[Queue, asyncio.Event] = defaultdict(asyncio.Event)

    def add(self, queue: Queue, shard: int) -> None:
        self._shards[queue].add(shard)
        self._any[queue].set()

    def told(self, move: Move) -> None:
        """What a move that was written has left."""
        for posting in move.post:
            self.add(posting.queue, move.shard)
        if move.show:
            self.add("shows", move.shard)
        if move.cause:  # the next message of that chat is the head of its inbox now
            self.add(move.cause.queue, move.shard)

    async def next(self, queue: Queue, seconds: float) -> set[int]:
        """The shards since the last time; empty when `seconds` have gone by without."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._any[queue].wait()
        self._any[queue].clear()
        return self._shards.pop(queue, set())


def start_move(taken: Taken, call: Call, rev: int | None) -> Move:
    """The move of a dialogue that was read as `taken`; `rev` 0: of one that is new, None: of its attempts alone."""
    sid = taken.sid if rev != 0 else call.sid
    shard = shard_of_fingerprint(taken.subject)
    whose = (taken.pair, taken.subject, call.front.name, taken.guard)
    return Move(shard, sid, *whose, at=taken.now, rev=rev, attempt=call.attempt)


def fill(move: Move, taken: Taken, call: Call, turn: Turn) -> None:
    """What is to be written, from what the turn came to."""
    session = turn.session
    move.session = session if move.rev is not None else None
    move.verdict, move.notes, move.wake, move.step_id = turn.verdict, turn.notes, turn.wake, taken.step_id
    move.kind = next((step.kind for step in call.front.plan.way(session.flow).steps if step.name == session.step), "")
    if turn.moved:
        move.previous, move.answer = taken.step_id, call.answer
        move.step_id = "" if session.reply.kind == "done" else new_step_id(move.shard)


def seconds(milliseconds: int) -> int:
    return max(1, -(-milliseconds // 1000))
