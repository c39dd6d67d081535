"""Nobody's step or token serves for anybody else, in any channel, however often they are crossed (A6, goal G4)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import pytest
from figures import FULL, Record
from movable import PEOPLE, WORD, Movable, movable, phone
from servers import RedisServer

CHANNELS = ("open", "strict", "other")
WORD_FIRST = "strict"
WHOSE = tuple(product(range(PEOPLE), CHANNELS))
FOREIGN = 4
"""Attempts that others may have at a step without its own being spent."""
PAIRS = 5000 if FULL else 300


@pytest.fixture
async def house(folder: Path, redis_server: RedisServer) -> AsyncIterator[Movable]:
    async with movable(folder, redis_server) as opened:
        yield opened


@dataclass
class Crossing:
    """Each client begins in each channel; then everybody tries everybody's step and token, with the right answers."""

    house: Movable
    clients: list[str | None]
    tried: int = 0
    opened: list[str] = field(default_factory=list)

    async def round(self, turn: int) -> None:
        await self.house.restart()
        steps = [(await self.house.begin(channel, phone(who)))[1] for who, channel in WHOSE]
        for nth in (1, 2):
            steps = [await self._passed(owner, step, nth, turn) for owner, step in zip(WHOSE, steps, strict=True)]
        for (who, channel), token in zip(WHOSE, steps, strict=True):
            await self._read_everywhere(token, who, channel)

    async def _passed(self, owner: tuple[int, str], step: str, nth: int, turn: int) -> str:
        """First others with the right answer, then its owner; the next step, or the token."""
        right = WORD if (nth == 1) == (owner[1] == WORD_FIRST) else await self.house.code(step)
        others = [other for other in WHOSE if other != owner]
        tries = FOREIGN if right != WORD else 2
        for other in (others + others)[turn % len(others) :][:tries]:
            self.tried += 1
            said, _ = await self.house.answer(other[1], phone(other[0]), step, right)
            if said in ("asked", "token"):
                self.opened.append(f"step {nth} of {owner} by {other}")
        said, value = await self.house.answer(owner[1], phone(owner[0]), step, right)
        assert said == ("asked" if nth == 1 else "token"), (owner, said, value)
        return value

    async def _read_everywhere(self, token: str, who: int, channel: str) -> None:
        for where in CHANNELS:
            self.tried += where != channel
            card = await self.house.read(token, where)
            if card != (self.clients[who] if where == channel else None):
                self.opened.append(f"token of {who} in {channel}, read in {where}")


@pytest.mark.proof
async def test_no_step_and_no_token_of_another_opens_anything(house: Movable, figure: Record) -> None:
    crossing = Crossing(house, [await house.client(person) for person in range(PEOPLE)])
    turn = 0
    while crossing.tried < PAIRS:
        await crossing.round(turn)
        turn += 1
    figure(
        "G4",
        value=f"{len(crossing.opened)} of {crossing.tried} crossed pairs opened anything",
        met=not crossing.opened,
        method=f"{PEOPLE} clients in {len(CHANNELS)} channels: each other's steps with the right answer, each token",
    )
    assert crossing.opened == []
