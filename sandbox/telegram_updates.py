"""The bot's updates until they are acknowledged: long polling takes them by offset, a webhook is given them.

Batches rise in update_id. What is told twice or too late by order is told even when a later id was acknowledged.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol

from sandbox.telegram_chat import Bell
from sandbox.telegram_orders import UPDATING, ordered
from sandbox.telegram_refusals import Conflict
from sandbox.world import World

LIMIT = 100_000
NOT_BY_DEFAULT = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
OTHER_POLL = "terminated by other getUpdates request; make sure that only one bot instance is running"
HAS_WEBHOOK = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"


@dataclass(slots=True)
class Item:
    """An update on its way; `due` says how often it must still be told whatever is acknowledged."""

    serial: int
    chat_id: int
    update: dict[str, Any]
    due: int = 0

    @property
    def update_id(self) -> int:
        return int(self.update["update_id"])


class Taker(Protocol):
    """A webhook."""

    def offer(self, item: Item) -> None: ...


@dataclass(slots=True)
class Poll:
    """A getUpdates that waits; `conflict` says why it must end without updates."""

    bell: Bell = field(default_factory=Bell)
    conflict: str = ""


class Updates:
    def __init__(self, world: World) -> None:
        self._world = world
        self._ids = count(world.random("telegram_updates").randrange(10**8, 9 * 10**8))
        self._serials = count(1)
        self._waiting: dict[int, Item] = {}
        self._held: dict[int, Item] = {}
        self._poll: Poll | None = None
        self._hook: Taker | None = None
        self.allowed: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, chat_id: int, kind: str, content: dict[str, Any]) -> int:
        """The update's id; one whose kind the bot does not want is not kept."""
        update_id = next(self._ids)
        if self._wanted(kind):
            self._meet(Item(next(self._serials), chat_id, {"update_id": update_id, kind: content}))
        return update_id

    def give(self, chat_id: int, update: dict[str, Any]) -> int:
        """A test's own update as it is, of whatever kind; an id is added when it has none."""
        whole = update if "update_id" in update else {"update_id": next(self._ids), **update}
        item = Item(next(self._serials), chat_id, whole)
        self._put(item)
        return item.update_id

    def settle(self, item: Item) -> None:
        """It was delivered."""
        self._waiting.pop(item.serial, None)

    def clear(self) -> None:
        self._waiting.clear()
        self._held.clear()

    def hand_to(self, hook: Taker | None) -> None:
        """From now on a webhook gets them, what waits first; None: long polling again."""
        self._hook = hook
        if hook is not None:
            self._end_poll("terminated by setWebhook request")
            for item in list(self._waiting.values()):
                hook.offer(item)

    async def poll(self, offset: int, limit: int, seconds: float) -> list[dict[str, Any]]:
        """getUpdates. Raises `Conflict`: a webhook is set, or another poll or setWebhook has ended this one."""
        if self._hook is not None:
            raise Conflict(HAS_WEBHOOK)
        self._end_poll(OTHER_POLL)
        self._acknowledge(offset)
        mine = self._poll = Poll()
        try:
            return await self._batch(mine, limit, seconds)
        finally:
            if self._poll is mine:
                self._poll = None

    async def _batch(self, mine: Poll, limit: int, seconds: float) -> list[dict[str, Any]]:
        until = asyncio.get_running_loop().time() + seconds
        while not self._waiting and (left := until - asyncio.get_running_loop().time()) > 0:
            await mine.bell.heard(self._world.closing, left)
            if mine.conflict:
                raise Conflict(mine.conflict)
            if self._world.closing.is_set():
                break
        return self._rising(limit)

    def _rising(self, limit: int) -> list[dict[str, Any]]:
        batch: list[Item] = []
        for item in self._waiting.values():
            if len(batch) == limit or (batch and item.update_id <= batch[-1].update_id):
                break
            item.due = max(0, item.due - 1)
            batch.append(item)
        return [item.update for item in batch]

    def _acknowledge(self, offset: int) -> None:
        """Below `offset` all is known to the bot; a negative one keeps only so many of the newest."""
        items = list(self._waiting.values())
        known = items[:offset] if offset < 0 else [item for item in items if item.update_id < offset and not item.due]
        for item in known:
            self.settle(item)

    def _end_poll(self, conflict: str) -> None:
        if self._poll is not None:
            self._poll.conflict = conflict
            self._poll.bell.ring()

    def _wanted(self, kind: str) -> bool:
        return kind in self.allowed if self.allowed else kind not in NOT_BY_DEFAULT

    def _meet(self, item: Item) -> None:
        outcome = ordered(self._world, item.chat_id, UPDATING)
        if outcome == "reordered":
            item.due = 1
            self._held[item.chat_id] = item
            return
        item.due = 2 if outcome == "duplicate-update" else 0
        self._put(item)
        if (held := self._held.pop(item.chat_id, None)) is not None:
            held.serial = next(self._serials)
            self._put(held)

    def _put(self, item: Item) -> None:
        self._waiting[item.serial] = item
        if len(self._waiting) > LIMIT:
            del self._waiting[next(iter(self._waiting))]
        if self._hook is not None:
            self._hook.offer(item)
        elif self._poll is not None:
            self._poll.bell.ring()

    def allow(self, kinds: Collection[str]) -> None:
        self.allowed = tuple(kinds)
