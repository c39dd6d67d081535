"""A house on a real Redis whose clock stands still until a test moves it.

The scripts ask Redis for the time; here they read it from a key. Lives of keys are moved along with it. No worker runs:
what is posted stays posted, what is audited stays in its stream, so all of it can be counted.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

from servers import RedisServer

from flows.effects import Found
from flows.errors import FlowError
from flows.identifiers import Identifier, recognise
from flows.keys import Keys
from flows.model import Happened
from flows.performing import Front
from flows.records.clients import Records
from flows.records.importing import import_csv
from flows.service import Answer
from flows.settings import Settings, load
from flows.shards import SHARDS, prefix, shard_of_text
from flows.steps.code import CodeUndelivered
from flows.wiring import House, open_archive, open_house, own_secrets

T = TypeVar("T")
WORD = "ромашка"
BIRTH = 1_800_000_000
CONFIG = """
[channel.open]
flow = "code_first"
key_env = "SHINOS_OPEN_KEY"
strict = false
reveal_unknown = true
[channel.strict]
flow = "word_first"
key_env = "SHINOS_STRICT_KEY"
[channel.other]
flow = "code_first"
key_env = "SHINOS_OTHER_KEY"
strict = false
[flow.code_first]
steps = ["client", {kind = "code", channels = ["console"]}, "secret_word"]
[flow.word_first]
steps = ["client", "secret_word", {kind = "code", channels = ["console"]}]
[upstream.console]
"""
FLOWS = {"open": ("code", "secret_word"), "strict": ("secret_word", "code")}
PEOPLE = 3

_ASKS = "local time = redis.call('TIME')"
_READS = "local time = {tonumber(redis.call('GET', 'clock')), 0}"
_PASS = """
redis.call('INCRBY', 'clock', ARGV[1])
for _, key in ipairs(redis.call('KEYS', '*')) do
  local left = redis.call('PTTL', key)
  if left > 0 then redis.call('PEXPIRE', key, left - ARGV[1] * 1000) end
end
"""


def phone(person: int) -> str:
    return f"+99290{person:04d}001"


def spellings(person: int) -> tuple[str, ...]:
    """One client by phone twice, by e-mail and by number. Person `PEOPLE` is nobody's client, and has one name."""
    plain = phone(person)
    phones = (plain, f"00992 ({plain[4:6]}) {plain[6:9]}-{plain[9:]}")
    return phones if person >= PEOPLE else (*phones, f"T{person}@Example.org", f"T-{person}")


class PlainWords:
    """The records, but for argon2: that costs the time of a hundred turns and decides nothing here."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def find(self, names: tuple[Identifier, ...]) -> Found | None:
        return await self._records.find(names)

    async def check_word(self, client: str | None, text: str) -> bool:
        return client is not None and text == WORD

    async def born_on(self, client: str | None, day: str) -> bool:
        return await self._records.born_on(client, day)


class Movable:
    """What a test does to the house. Whatever a call comes to is one tuple: what, and the step, token or error code."""

    def __init__(self, house: House, keys: Keys) -> None:
        self.house = house
        self._keys = keys

    def front(self, channel: str) -> Front:
        return self.house.fronts[channel]

    async def begin(self, channel: str, name: str) -> tuple[str, str]:
        return await _said(self.house.identification.begin(self.front(channel), recognise(name, None, "TJ")))

    async def answer(self, channel: str, name: str, step: str, text: str | None) -> tuple[str, str]:
        names = recognise(name, None, "TJ")
        return await _said(self.house.identification.answer(self.front(channel), names, step, text))

    async def read(self, token: str, channel: str) -> str | None:
        """The client that the token opens."""
        try:
            return (await self.house.tokens.read(token, channel)).client
        except FlowError:
            return None

    async def undelivered(self, step: str) -> None:
        """What the worker says when no gateway took the code."""
        sid, shard = await self.sid(step), shard_of_text(step) or 0
        given = Happened("code", failed=CodeUndelivered())
        await self.house.identification.come(self.house.fronts, shard, sid, given)

    async def code(self, step: str) -> str:
        """The one that was, or will be, sent in that step's dialogue."""
        return self._keys.code(await self.sid(step), "code", 6)

    async def sid(self, step: str) -> str:
        found = await self.house.store.redis.get(prefix(shard_of_text(step) or 0) + "step:" + step)
        return found.decode() if isinstance(found, bytes) else ""

    async def client(self, person: int) -> str | None:
        found = await self.house.records.find(recognise(phone(person), None, "TJ"))
        return found.client if found else None

    async def restart(self) -> None:
        """Nothing has ever happened."""
        await self.house.store.redis.flushall()
        await self.house.store.redis.set("clock", BIRTH)

    async def sleep(self, seconds: int) -> None:
        await self.house.store.redis.eval(_PASS, 0, str(seconds))

    async def events(self, *names: str) -> list[dict[str, str]]:
        """The audit entries of these names."""
        rows: list[dict[str, str]] = []
        for shard in range(SHARDS):
            entries: Any = await self.house.store.redis.xrange(prefix(shard) + "audit")
            rows += [{key.decode(): text.decode() for key, text in fields.items()} for _, fields in entries]
        return [row for row in rows if row["event"] in names]

    def take_rule_out(self, script: str, rule: str, instead: str = "") -> None:
        known = self.house.store._scripts[script]
        assert rule in known.source
        known.source = known.source.replace(rule, instead)
        known.sha = hashlib.sha1(known.source.encode(), usedforsecurity=False).hexdigest()


async def _said(call: Coroutine[Any, Any, Answer]) -> tuple[str, str]:
    try:
        answer = await call
    except FlowError as error:
        return "refused", error.code
    if answer.error:
        return f"refused {answer.step_id}".strip(), answer.error.code
    assert answer.token or answer.reply.text, "a question without words"
    return ("token", answer.token) if answer.token else ("asked", answer.step_id)


def _settings(folder: Path, redis: RedisServer, limits: dict[str, str]) -> Settings:
    config = folder / "config.toml"
    config.write_text(CONFIG, encoding="utf-8")
    environ = {
        "SHINOS_REDIS__URL": redis.url,
        "SHINOS_STORAGE__DIR": str(folder / "var"),
        "SHINOS_OPEN_KEY": "open-key-of-the-property-tests",
        "SHINOS_STRICT_KEY": "strict-key-of-the-property-tests",
        "SHINOS_OTHER_KEY": "other-key-of-the-property-tests",
        "SHINOS_LIMITS__BEGINS_HOUR": "1000000",
        "SHINOS_LIMITS__BEGINS_BURST": "100000",
    }
    return load(config, {**environ, **{f"SHINOS_LIMITS__{name}": value for name, value in limits.items()}})


async def _import(given: Settings) -> None:
    rows = ["crmid,phone,email,last_name,first_name,middle_name,birth_date,tax_number,secret_word"]
    rows += [f"T-{n},{phone(n)},t{n}@example.org,Раҳимов,Далер,,1990-12-31,020025789,{WORD}" for n in range(PEOPLE)]
    table = given.storage.dir.parent / "people.csv"
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    async with open_archive(given) as records:
        await import_csv(table, records, country="TJ")


@asynccontextmanager
async def movable(folder: Path, redis: RedisServer, **limits: str) -> AsyncIterator[Movable]:
    given = _settings(folder, redis, limits)
    await _import(given)
    async with open_house(given, work=False) as house:
        house.identification._performing.records = PlainWords(house.records)
        moved = Movable(house, own_secrets(given)[0])
        for name, script in house.store._scripts.items():
            if "redis.call('TIME')" in script.source:
                moved.take_rule_out(name, _ASKS, _READS)
            assert "redis.call('TIME')" not in script.source
        yield moved


class Opened:
    """A movable house on a loop of its own, for tests that are no coroutines."""

    def __init__(self, folder: Path, redis: RedisServer, **limits: str) -> None:
        self._runner = asyncio.Runner()
        self._opening = movable(folder, redis, **limits)
        self.limits = limits

    def __enter__(self) -> Self:
        self.movable = self.run(self._opening.__aenter__())
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._opening.__aexit__(None, None, None))
        self._runner.close()

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(call)
