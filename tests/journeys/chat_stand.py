"""A whole installation with a bot, configured as it is shipped: Redis, sandbox, Search API and bots as processes."""

import json
import tomllib
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
from cradle import Cradle, Forked
from guests import Guest
from servers import Reached, RedisServer
from stand import RESTS, Stand

from flows.settings import load
from flows.wiring import own_secrets

SHIPPED = Path(__file__).parents[2] / "config.toml"
GIVEN_UP_AFTER = 30
"""Seconds until a check at Humo is given up; shipped are 120."""
HELP = "☎ +992 44 600 00 00"
FREE = {
    "BOT__HELP": HELP,
    "BOT__FLOWS": '["telegram"]',
    "SERVER__PORT": "0",
    "SANDBOX__PORT": "0",
    "SANDBOX__SPEED": "0",
    "LIMITS__PREFIX_SENDS_10MIN": "10000",
    "LIMITS__LEASE": "2",
}
Call = dict[str, Any]


@dataclass
class ChatStand(Stand):
    """`users` are numbers of people whom nobody else is, `links` those of the cast whose key nobody has used."""

    cradle: Cradle = field(kw_only=True)
    bots: list[Forked] = field(default_factory=list)
    users: "count[int]" = field(default_factory=lambda: count(1_000_001))
    links: "count[int]" = field(default_factory=count)

    def serve(self, *words: str, **environ: str) -> Forked:
        self.api.append(started := self._started("serve", *words, **environ))
        return started

    def bot(self, **environ: str) -> Forked:
        self.bots.append(started := self._started("bot", **environ))
        return started

    def _started(self, *words: str, **environ: str) -> Forked:
        whole = (*words, "--config", str(self.config))
        return self.cradle.start(self.folder, *whole, environ={**self.environ, **environ})

    async def open_page(self) -> None:
        """The Search API for the page; biometric.kz's webhook is told to it, as in the cabinet."""
        url = self.serve().url
        self.environ["SHINOS_SERVER__PUBLIC_URL"] = url
        webhook = {"url": f"{url}/biometric/webhook"}
        async with self.session.post(f"{self.sandbox.url}/biometric/_subscriptions", json=webhook) as response:
            assert response.status == 200, await response.text()

    def guest(self, user: int = 0, language: str = "en") -> Guest:
        """Somebody new; 1 … 20 are the cast's Tajik clients, with their phones."""
        return Guest(self.session, self.sandbox.url, user or next(self.users), language=language)

    async def cast(self) -> list[dict[str, Any]]:
        """Those whom the sandbox's bank knows: one of Russia, the twenty of Tajikistan, one of Kazakhstan."""
        async with self.session.get(f"{self.sandbox.url}/_people") as response:
            people: list[dict[str, Any]] = await response.json()
            return people

    async def linked(self, number: int) -> list[dict[str, Any]]:
        """So many of the cast, whose links no other test has."""
        people = await self.cast()
        return [people[next(self.links)] for _ in range(number)]

    async def keys(self, number: int) -> list[str]:
        """Their presign keys alone."""
        return [person["documents"]["presign_key"] for person in await self.linked(number)]

    async def arm(self, upstream: str, key: str, *outcomes: str) -> None:
        for outcome in outcomes:
            order = {"upstream": upstream, "for": key, "outcome": outcome}
            async with self.session.post(f"{self.sandbox.url}/_arm", json=order) as response:
                assert response.status == 200, await response.text()

    async def calls(self, upstream: str) -> list[Call]:
        async with self.session.get(f"{self.sandbox.url}/_calls", params={"upstream": upstream}) as response:
            made: list[Call] = await response.json()
            return made

    async def uploads(self, key: str) -> Counter[str]:
        """How often Humo was given each page with that presign key."""
        made = await self.calls("humo")
        posted = [call for call in made if call["method"] == "POST" and call["fields"].get("key") == key]
        return Counter(call["path"].rpartition("/")[2] for call in posted if "/tasks/" in call["path"])

    async def audited(self, event: str) -> dict[str, list[dict[str, Any]]]:
        """The audit log's entries of that kind, by the fingerprint of the chat."""
        found: dict[str, list[dict[str, Any]]] = {}
        for entry in await self.audit():
            if entry["event"] == event:
                found.setdefault(entry["object"], []).append(entry)
        return found

    def chat_of(self, guest: Guest) -> str:
        """The fingerprint that the guest's chat goes by."""
        keys, _ = own_secrets(load(self.config, self.environ))
        return keys.fingerprint("chat", str(guest.user))


def shipped_flow(*, liveness: bool = False) -> str:
    """The steps of the shipped chat, less patient; without the page, for what is not about it."""
    steps = tomllib.loads(SHIPPED.read_text(encoding="utf-8"))["flow"]["telegram"]["steps"]
    tables = [step if isinstance(step, dict) else {"kind": step} for step in steps if liveness or step != "liveness"]
    waiting = [table | {"limit": GIVEN_UP_AFTER} for table in tables if table["kind"] in ("document", "selfie")]
    return json.dumps([next((one for one in waiting if one.items() >= table.items()), table) for table in tables])


@contextmanager
def own_redis(folder: Path) -> Iterator[RedisServer]:
    server = RedisServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@asynccontextmanager
async def chat_stand(
    folder: Path, redis: Reached, cradle: Cradle, *, bots: int = 1, liveness: bool = False, **environ: str
) -> AsyncIterator[ChatStand]:
    """Runs it but for the Search API; `environ` are settings, SHINOS_… without the prefix.

    With `liveness` its step is among the flow's, and the Search API, whose page it is, runs too.
    """
    settings = {**FREE, "REDIS__URL": redis.url, "STORAGE__DIR": str(folder / "var"), **environ}
    settings.setdefault("FLOW__TELEGRAM__STEPS", shipped_flow(liveness=liveness))
    variables = {f"SHINOS_{name}": value for name, value in settings.items()}
    sandbox = cradle.start(folder, "sandbox", "--config", str(SHIPPED), environ=variables)
    port = variables["SHINOS_SANDBOX__PORT"] = sandbox.url.rpartition(":")[2]
    variables.setdefault("SHINOS_BOT__CALLBACK_HOSTS", f'["127.0.0.1:{port}"]')
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=RESTS)) as session:
        standing = ChatStand(folder, SHIPPED, variables, session, sandbox, cradle=cradle)
        try:
            if liveness:
                await standing.open_page()
            for _ in range(bots):
                standing.bot()
            yield standing
        finally:
            for process in (*standing.api, *standing.bots, sandbox):
                process.kill()
