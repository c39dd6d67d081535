"""A whole installation on loopback: Redis, sandbox and Search API as processes, and a chat server's view of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from cradle import the_cradle
from servers import Command, Reached

from flows.records.importing import import_csv
from flows.settings import load
from flows.wiring import open_archive

KEY = "a57974242d0146c28056"
RESTS = 1.0
"""Seconds that a connection of ours rests: less than the server lets it, or a call may meet the end of one."""
STRICT_KEY = "strict-channel-key-of-the-tests"
OTHER_KEY = "other-channel-key-of-the-tests"
WORD = "ромашка"
CONFIG = """
mode = "development"
[server]
port = 0
read_seconds = 3
[sandbox]
port = 0
speed = 0.0
[channel.support]
flow = "search"
key_env = "SHINOS_SUPPORT_KEY"
strict = false
reveal_unknown = true
[channel.strict]
flow = "search"
key_env = "SHINOS_STRICT_KEY"
[channel.other]
flow = "three"
key_env = "SHINOS_OTHER_KEY"
language = "en"
strict = false
reveal_unknown = true
[flow.search]
steps = ["client", "code", "secret_word"]
[flow.three]
steps = ["client", "birth_date", {kind = "secret_word", skip = "when_unset"}, "code"]
[upstream.osonsms]
url = "{sandbox}/osonsms"
login = "shinos"
sender = "Shinos"
token_env = "SHINOS_OSONSMS_TOKEN"
countries = ["TJ"]
[upstream.smsc]
url = "{sandbox}/smsc"
login = "shinos"
secret_env = "SHINOS_SMSC_PASSWORD"
"""


@dataclass(frozen=True, slots=True)
class Said:
    """One answer of the Search API."""

    status: int
    body: dict[str, Any]
    headers: Mapping[str, str]
    raw: bytes

    @property
    def step(self) -> str:
        step: str = self.body["stepId"]
        return step

    @property
    def code(self) -> str:
        return str(self.body.get("errorCode", ""))

    @property
    def token(self) -> str:
        token: str = self.body["token"]
        return token


def person(number: int) -> str:
    """The phone of an imported client; ten of them share a prefix."""
    return f"+99290{number:04d}001"


def unknown(number: int) -> str:
    """A phone like a client's that no client has."""
    return person(number).replace("+99290", "+99291")


@dataclass
class Stand:
    folder: Path
    config: Path
    environ: dict[str, str]
    session: aiohttp.ClientSession
    sandbox: Command
    api: list[Command] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.api[-1].url

    def serve(self, *words: str, **environ: str) -> Command:
        whole = ("serve", *words, "--config", str(self.config))
        self.api.append(started := the_cradle().start(self.folder, *whole, environ={**self.environ, **environ}))
        return started

    def spawn(self, **environ: str) -> Command:
        """The same as a process of its own, not a forked one."""
        started = Command(self.folder, "serve", environ={**self.environ, **environ}, config=self.config)
        self.api.append(started)
        return started

    async def call(self, path: str, form: Mapping[str, str], *, headers: Mapping[str, str] | None = None) -> Said:
        async with self.session.post(f"{self.url}/rest/chat/client/{path}", data=form, headers=headers) as response:
            raw = await response.read()
            return Said(response.status, json.loads(raw), dict(response.headers), raw)

    async def search(self, client: str, step: str | None = None, word: str | None = None, *, key: str = KEY) -> Said:
        given = {"client": client, "stepId": step, "secretWord": word}
        return await self.call(f"search/{key}", {name: value for name, value in given.items() if value is not None})

    async def card(self, token: str, *, key: str = KEY) -> Said:
        return await self.call(f"auth/{key}", {"token": token})

    async def add_clients(self, phones: Iterable[str], word: str = "", first: int = 10_000) -> None:
        """With these phones, and numbers T-`first` and on."""
        await import_phones(self.folder / "more.csv", self.config, self.environ, enumerate(phones, first), word)

    async def sent(self, to: str) -> list[str]:
        """The texts that any gateway was given for that phone, oldest first."""
        return [str(message["text"]) for message in await self.outbox(to)]

    async def outbox(self, to: str) -> list[dict[str, str]]:
        async with self.session.get(f"{self.sandbox.url}/sms/outbox", params={"to": to}) as response:
            found: list[dict[str, str]] = await response.json()
            return found

    async def code(self, to: str, nth: int = 1, *, seconds: float = 8) -> str:
        """The code in the `nth` message to that phone, waited for."""
        for _ in range(int(seconds / 0.02)):
            texts = await self.sent(to)
            if len(texts) >= nth:
                return texts[nth - 1].split()[0]
            await asyncio.sleep(0.02)
        raise TimeoutError(f"no message number {nth}")

    async def fault(self, upstream: str, kind: str, **more: float) -> None:
        order = {"upstream": upstream, "kind": kind, **more}
        async with self.session.post(f"{self.sandbox.url}/_faults", json=order) as response:
            assert response.status == 200

    async def no_faults(self) -> None:
        async with self.session.delete(f"{self.sandbox.url}/_faults") as response:
            assert response.status == 200

    async def audit(self) -> list[dict[str, Any]]:
        """All audit entries, once the drain has carried over what there is."""
        settings = load(self.config, self.environ)
        before = -1
        async with open_archive(settings) as records:
            while True:
                entries = await records.audit.tail(1_000_000)
                if len(entries) == before:
                    return entries
                before = len(entries)
                await asyncio.sleep(0.7)


def wrong(right: str, number: int = 0) -> str:
    """A code that is not the right one; different for each number."""
    return f"{(int(right) + 1 + number) % 10**6:06d}"


async def import_people(config: Path, environ: Mapping[str, str], count: int) -> None:
    numbered = ((number, person(number)) for number in range(count))
    await import_phones(config.parent / "people.csv", config, environ, numbered, WORD)


async def import_phones(
    table: Path, config: Path, environ: Mapping[str, str], numbered: Iterable[tuple[int, str]], word: str
) -> None:
    rows = ["crmid,phone,email,last_name,first_name,middle_name,birth_date,tax_number,secret_word"]
    rows += [
        f"T-{number},{phone},t{number}@example.org,Раҳимов,Далер,,1990-12-31,020025789,{word}"
        for number, phone in numbered
    ]
    await asyncio.to_thread(table.write_text, "\n".join(rows) + "\n", encoding="utf-8")
    async with open_archive(load(config, environ)) as records:
        await import_csv(table, records, country="TJ")


@asynccontextmanager
async def stand(
    folder: Path, redis: Reached, *, people: int = 20, workers: int = 1, more: str = "", **environ: str
) -> AsyncIterator[Stand]:
    """Runs it; `more` goes to the end of its config.toml, `environ` are settings, SHINOS_… without the prefix."""
    config = folder / "config.toml"
    config.write_text(CONFIG + more, encoding="utf-8")
    variables = {
        "SHINOS_REDIS__URL": redis.url,
        "SHINOS_STORAGE__DIR": str(folder / "var"),
        "SHINOS_STRICT_KEY": STRICT_KEY,
        "SHINOS_OTHER_KEY": OTHER_KEY,
        **{f"SHINOS_{name}": value for name, value in environ.items()},
    }
    await import_people(config, variables, people)
    sandbox = the_cradle().start(folder, "sandbox", "--config", str(config), environ=variables)
    variables["SHINOS_SANDBOX__PORT"] = sandbox.url.rpartition(":")[2]
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=RESTS)
    async with aiohttp.ClientSession(connector=connector) as session:
        standing = Stand(folder, config, variables, session, sandbox)
        try:
            standing.serve(*(("--workers", str(workers)) if workers > 1 else ()))
            yield standing
        finally:
            for command in (*standing.api, sandbox):
                command.kill()
