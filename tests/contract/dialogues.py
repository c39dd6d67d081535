"""Dialogues inside this process, on a real Redis and SQLite: several houses beside each other, and rules taken out."""

import asyncio
import hashlib
import io
import random
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from servers import RedisServer

from flows.identifiers import Identifier, recognise
from flows.performing import Front
from flows.records.importing import import_csv
from flows.settings import Settings, load
from flows.shards import prefix
from flows.upstream.console import Console
from flows.wiring import House, open_archive, open_house

WORD = "ромашка"
CONFIG = """
[channel.support]
flow = "search"
key_env = "SHINOS_SUPPORT_KEY"
strict = false
reveal_unknown = true
[channel.strict]
flow = "search"
key_env = "SHINOS_STRICT_KEY"
[channel.second]
flow = "search"
key_env = "SHINOS_SECOND_KEY"
strict = false
[flow.search]
steps = ["client", {kind = "code", channels = ["console"]}, "secret_word"]
[upstream.console]
"""
T = TypeVar("T")


def phone(number: int) -> str:
    return f"+99290{number:04d}001"


def names(number: int) -> tuple[Identifier, ...]:
    return recognise(phone(number), None, "TJ")


class Dialogues:
    """Two houses on one Redis, as two processes would be; `codes` reads what the console channel was given."""

    def __init__(self, houses: Sequence[House], stream: io.StringIO) -> None:
        self.houses = houses
        self._stream = stream

    @property
    def house(self) -> House:
        return self.houses[0]

    def front(self, name: str = "support") -> Front:
        return self.house.fronts[name]

    def any(self) -> House:
        return random.choice(self.houses)

    async def code(self, number: int) -> str:
        """The latest code that was sent to that client, waited for."""
        mark = f"for *{phone(number)[-4:]}"
        for _ in range(300):
            lines = [line for line in self._stream.getvalue().splitlines() if mark in line]
            if lines:
                return lines[-1].split()[1]
            await asyncio.sleep(0.01)
        raise TimeoutError

    def sent(self, number: int) -> int:
        return self._stream.getvalue().count(f"for *{phone(number)[-4:]}")

    async def events(self, name: str) -> list[dict[str, str]]:
        """The audit entries of that name, whether or not the drain has taken them to the log."""
        await asyncio.sleep(0.6)
        rows: list[dict[str, str]] = []
        for shard in range(16):
            entries: Any = await self.house.store.redis.xrange(prefix(shard) + "audit")
            rows += [{key.decode(): text.decode() for key, text in fields.items()} for _, fields in entries]
        rows += [{k: str(v) for k, v in entry.items()} for entry in await self.house.records.audit.tail(1_000_000)]
        return [row for row in rows if row["event"] == name]

    def without(self, script: str, rule: str, instead: str = "") -> None:
        """Take a rule out of a script, in every house."""
        for house in self.houses:
            known = house.store._scripts[script]
            assert rule in known.source, f"{script}.lua no longer says: {rule}"
            known.source = known.source.replace(rule, instead)
            known.sha = hashlib.sha1(known.source.encode(), usedforsecurity=False).hexdigest()


def settings(folder: Path, redis: RedisServer, **environ: str) -> Settings:
    config = folder / "config.toml"
    config.write_text(CONFIG, encoding="utf-8")
    keys = {"SHINOS_STRICT_KEY": "strict-key-of-the-contract-tests", "SHINOS_SECOND_KEY": "second-key-of-the-tests-"}
    more = {f"SHINOS_{name}": value for name, value in environ.items()}
    return load(config, {"SHINOS_REDIS__URL": redis.url, "SHINOS_STORAGE__DIR": str(folder / "var"), **keys, **more})


async def import_people(given: Settings, count: int) -> None:
    rows = ["crmid,phone,email,last_name,first_name,middle_name,birth_date,tax_number,secret_word"]
    rows += [f"T-{n},{phone(n)},t{n}@example.org,Раҳимов,Далер,,1990-12-31,020025789,{WORD}" for n in range(count)]
    table = given.storage.dir.parent / "people.csv"
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    async with open_archive(given) as records:
        await import_csv(table, records, country="TJ")


@asynccontextmanager
async def dialogues(
    folder: Path, redis: RedisServer, *, people: int = 10, houses: int = 2, work: bool = True, **environ: str
) -> AsyncIterator[Dialogues]:
    given = settings(folder, redis, **environ)
    await import_people(given, people)
    stream = io.StringIO()
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(open_house(given, work=work)) for _ in range(houses)]
        for house in opened:
            house.delivery.gateways["console"] = Console(stream=stream)
        yield Dialogues(opened, stream)


async def staggered(calls: Sequence[Awaitable[T]], seconds: float = 0.05) -> list[T | BaseException]:
    """All at once, but not in step: each starts a random moment later. What raises is returned."""

    async def later(call: Awaitable[T]) -> T:
        await asyncio.sleep(random.random() * seconds)
        return await call

    return await asyncio.gather(*(later(call) for call in calls), return_exceptions=True)
