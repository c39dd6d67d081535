"""Nothing of a client leaves through a side door: what can go wrong goes wrong at DEBUG, then every sink is searched.

The sinks: what the processes print and log, audit entries, metrics, Redis as it is read, as it is sent (MONITOR) and as
it lies on disk, the SQLite file, and everything else under storage.dir.
"""

import asyncio
import contextlib
import json
import re
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from canaries import Canaries, spellings
from figures import Record
from log_events import logged, undeclared
from raw import FORM, JSON, SEARCH, request, say
from redis.asyncio import Redis
from servers import Command, RedisServer
from sinks import monitored, redis_dump
from stand import KEY, OTHER_KEY, STRICT_KEY, Stand, person, stand, wrong

from flows.records.chain import AuditEntry
from flows.records.importing import import_csv
from flows.settings import load
from flows.wiring import open_archive

PHONE = "+992918273645"
EMAIL = "canary.kestrel@example.org"
WORD = "перламутровая канарейка"
UNKNOWN = "+992917372615"
BROKEN = "+992916362514"
"""Whoever asks for this one hits a fault of ours, planted by `SABOTAGE`."""
SECRETS: dict[str, list[str]] = {
    "phone": [PHONE, PHONE[1:], PHONE[4:], "00" + PHONE[1:], "918 27 36 45", "918-27-36-45", "(918) 273645"],
    "unknown phone": [UNKNOWN, UNKNOWN[4:]],
    "phone of the fault": [BROKEN, BROKEN[4:]],
    "e-mail": [EMAIL, "kestrel", "Canary.Kestrel@Example.org", "nobody.osprey@example.org"],
    "name": ["Кестрелова", "Лазурита", "Аметистовна"],
    "birth date": ["1987-06-05", "05.06.1987"],
    "number": ["736451928", "CRM-CANARY-77"],
    "word": [WORD, "канарейка", "ПЕРЛАМУТРОВАЯ", "чугунный дятел"],
    "key": [KEY, STRICT_KEY, OTHER_KEY, "wrong-key-of-a-magpie"],
    "malformed": ["jackdaw-in-the-path", "jackdaw-in-the-query", "jackdaw-in-a-header", "jackdaw-in-a-body"],
}
SABOTAGE = f"""
import asyncio, logging, threading, warnings
from flows.service import Identification
whole = Identification.begin

async def forgotten(words):
    raise ValueError(words)

class Unraisable:
    def __del__(self):
        raise ValueError(self.words)

async def begin(self, front, names):
    if names[0].value != "{BROKEN}":
        return await whole(self, front, names)
    words = f"of {{names[0].value}} {WORD}"
    asyncio.get_running_loop().create_task(forgotten(words))
    asyncio.get_running_loop().call_soon(int, words)
    logging.getLogger("a.library").error("Cannot reach %s", words)
    logging.getLogger("a.library").error(f"Cannot reach {{words}}")
    logging.getLogger("a.library").error(f"Cannot reach 'kestrel' at http://{{names[0].value}}/, {EMAIL}")
    logging.getLogger("a.library").error(f"line 1\\n{{words}}")
    warnings.warn(words)
    threading.Thread(target=int, args=(words,)).start()
    Unraisable().words = words
    try:
        {{}}[words]
    except KeyError as error:
        logging.getLogger("a.library").exception("It broke")
        raise RuntimeError(f"Fault {{words}}") from error

Identification.begin = begin
"""


@dataclass
class Search:
    """The installation with the canary in it, and what was gathered on the way."""

    standing: Stand
    redis: RedisServer
    canaries: dict[str, list[str]]
    monitored: bytearray = field(default_factory=bytearray)
    printed: list[str] = field(default_factory=list)
    metrics: str = ""
    at_the_end: dict[str, bytes] = field(default_factory=dict)

    async def identify(self, phone: str, key: str, *answers: str) -> str:
        """The answers in order; "code" stands for the code. Returns the token."""
        asked = await self.standing.search(phone, key=key)
        for answer in answers:
            assert asked.status == 200, asked.body
            word = await self.code(phone) if answer == "code" else answer
            asked = await self.standing.search(phone, asked.step, word, key=key)
        assert asked.body["answerType"] == 2, asked.body
        self.canaries["token"].append(asked.token)
        return asked.token

    async def code(self, phone: str) -> str:
        texts: list[str] = []
        for _ in range(100):
            new = [text for text in await self.standing.sent(phone) if text not in self.canaries["text"]]
            if new:
                texts = new
                break
            await asyncio.sleep(0.05)
        self.canaries["text"] += texts
        self.canaries["code"].append(texts[-1].split()[0])
        return self.canaries["code"][-1]

    async def sinks(self) -> dict[str, bytes]:
        """What is in every sink now; the servers are to be stopped before."""
        folder = self.standing.folder
        found = {path.name: path.read_bytes() for path in folder.glob("*.log")}
        found |= {f"var/{path.name}": path.read_bytes() for path in (folder / "var").rglob("*") if path.is_file()}
        on_disk = (path for path in self.redis.folder.rglob("*") if path.is_file())
        found |= {f"redis/{path.name}": path.read_bytes() for path in on_disk}
        found["redis, read"] = await redis_dump(self.redis)
        found["redis, monitored"] = bytes(self.monitored)
        found["audit"] = json.dumps(await self.standing.audit(), default=str, ensure_ascii=False).encode()
        found["printed"] = "\n".join(self.printed).encode()
        found["metrics"] = self.metrics.encode()
        return found


async def import_canary(standing: Stand) -> None:
    table = standing.folder / "canary.csv"
    table.write_text(
        "crmid,phone,email,last_name,first_name,middle_name,birth_date,tax_number,secret_word\n"
        f"CRM-CANARY-77,{PHONE},{EMAIL},Кестрелова,Лазурита,Аметистовна,1987-06-05,736451928,{WORD}\n",
        encoding="utf-8",
    )
    async with open_archive(load(standing.config, standing.environ)) as records:
        await import_csv(table, records, country="TJ")


async def all_goes_well(search: Search) -> None:
    standing = search.standing
    token = await search.identify(PHONE, KEY, "code", WORD)
    card = await standing.card(token)
    assert card.body["lastName"] == "Кестрелова"
    await standing.card(token, key=OTHER_KEY)
    await standing.call(f"revoke/{KEY}", {"token": token})
    await standing.card(token)
    await search.identify(PHONE, OTHER_KEY, "05.06.1987", WORD.upper(), "code")
    await search.identify(PHONE, STRICT_KEY, "code", f" {WORD} ")


async def wrong_answers_until_it_locks(search: Search) -> None:
    standing = search.standing
    phone = person(1)
    for key in (KEY, STRICT_KEY):
        asked = await standing.search(phone, key=key)
        code = await search.code(phone)
        await standing.search(UNKNOWN, asked.step, code, key=key)
        await standing.search(PHONE, asked.step, code, key=key)
        await standing.search(phone, asked.step, WORD, key=key)
        for number in range(5):
            await standing.search(phone, asked.step, wrong(code, number), key=key)
    for name in (UNKNOWN, "nobody.osprey@example.org", "@nobody_osprey"):
        for key in (KEY, STRICT_KEY):
            asked = await standing.search(name, key=key)
            await standing.search(name, asked.body.get("stepId", "A" * 22), "чугунный дятел", key=key)
    birth = await standing.search(person(2), key=OTHER_KEY)
    for answer in ("05.06.1987", "чугунный дятел", "06/05/87"):
        await standing.search(person(2), birth.step, answer, key=OTHER_KEY)


async def gateways_fail(search: Search) -> None:
    """An address of a gateway holds the phone and the code: where exceptions leak them."""
    standing = search.standing
    for number, kind in enumerate(("500", "garbage", "reset", "slow", "timeout")):
        await standing.fault("osonsms", kind, times=2, delay=0.2)
        await standing.fault("smsc", kind, times=2, delay=0.2)
        asked = await standing.search(person(3 + number))
        await asyncio.sleep(0.3)
        if asked.status == 200:
            await standing.search(person(3 + number), asked.step, "123456")
    await standing.no_faults()


def malformed() -> list[bytes]:
    here = f"{SEARCH}/{KEY}"
    body = f"client={PHONE}&secretWord={WORD}".encode()
    return [
        request(here, json.dumps({"client": [PHONE], "x": WORD}).encode(), JSON),
        request(here, f'{{"client":"{PHONE}","secretWord":"{WORD}'.encode(), JSON),
        request(here, body + b"&client=jackdaw-in-a-body"),
        request(here, body + b"&stepId=%00jackdaw-in-a-body"),
        request(here, body, "multipart/form-data; boundary=jackdaw-in-a-header"),
        request(here, body, "text/jackdaw-in-a-header"),
        request(here, body, f"{FORM}; charset=jackdaw-in-a-header"),
        request(here, body, FORM, "Expect: jackdaw-in-a-header"),
        request(here, body, FORM, "Content-Length: jackdaw-in-a-header"),
        request(here, body, FORM, f"X-{'a' * 70000}: jackdaw-in-a-header"),
        request(here, b"client=jackdaw-in-a-body" + b"a" * 70000),
        request(f"{here}?client=jackdaw-in-the-query%0a", b"", None),
        request(f"{here}?client={PHONE}&client=jackdaw-in-the-query", b"", None, method="GET"),
        request(f"{SEARCH}/wrong-key-of-a-magpie", body),
        request(SEARCH, body, FORM, "Authorization: Bearer wrong-key-of-a-magpie"),
        request(f"/jackdaw-in-the-path/{PHONE}", body),
        request(f"{here}/jackdaw-in-the-path", body, method="PUT"),
        request("jackdaw-in-the-path", body),
        f"{PHONE} {WORD} jackdaw-in-the-path\r\n\r\n".encode(),
        request(f"/rest/chat/client/auth/{KEY}", b"token=jackdaw-in-a-body"),
    ]


async def odd_calls(search: Search) -> None:
    for sent in malformed():
        await say(search.standing.url, sent)
    _, writer = await asyncio.open_connection(*search.standing.url.removeprefix("http://").split(":"))
    writer.write(request(f"{SEARCH}/{KEY}", f"client={PHONE}".encode(), FORM, "Content-Length: 500"))
    await writer.drain()
    writer.transport.abort()


async def faults_of_ours(search: Search) -> None:
    for key in (KEY, STRICT_KEY):
        broken = await search.standing.search(BROKEN, key=key)
        assert (broken.status, broken.code) == (500, "9001")


async def the_database_is_locked(search: Search) -> None:
    with contextlib.closing(sqlite3.connect(search.standing.folder / "var" / "shinos.db")) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        await search.standing.search(PHONE, key=OTHER_KEY)
        asked = await search.standing.search(person(9), key=OTHER_KEY)
        await search.standing.search(person(9), asked.body.get("stepId", "A" * 22), "31.12.1990", key=OTHER_KEY)
        await asyncio.sleep(1.5)
        holder.rollback()
    for _ in range(100):  # what was to be audited meanwhile comes first
        async with search.standing.session.get(f"{search.standing.url}/health/ready") as response:
            if response.status == 200:
                return
        await asyncio.sleep(0.1)


async def redis_dies_on_the_way(search: Search) -> None:
    asked = await search.standing.search(person(10))
    code = await search.code(person(10))
    search.redis.kill()
    try:
        for _ in range(2):
            gone = await search.standing.search(person(10), asked.step, code)
            assert gone.status == 503
            assert (await search.standing.search(PHONE)).status == 503
            assert (await search.standing.card(search.canaries["token"][0])).status == 503
    finally:
        search.redis.start()


async def stopped(search: Search, command: Command) -> None:
    command.process.terminate()
    if command.process.stdout:
        search.printed.append(await asyncio.to_thread(command.process.stdout.read))
    assert await asyncio.to_thread(command.stop) == 0


@pytest.fixture(scope="module")
async def searched(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Search]:
    """Everything that can go right and wrong has gone so, and the servers have stopped."""
    redis = RedisServer(tmp_path_factory.mktemp("redis-of-leaks"))
    redis.start()
    sabotage = tmp_path_factory.mktemp("sabotage")
    (sabotage / "sitecustomize.py").write_text(SABOTAGE, encoding="utf-8")
    try:
        async with stand(tmp_path_factory.mktemp("leaks"), redis, LOG__LEVEL="debug") as standing:
            await asyncio.to_thread(standing.api.pop().stop)
            standing.spawn(PYTHONPATH=str(sabotage))
            search = Search(standing, redis, {**SECRETS, "code": [], "token": [], "text": []})
            await import_canary(standing)
            async with monitored(redis, search.monitored):
                await all_goes_well(search)
                await wrong_answers_until_it_locks(search)
                await odd_calls(search)
                await faults_of_ours(search)
                await the_database_is_locked(search)
            await redis_dies_on_the_way(search)
            async with monitored(redis, search.monitored):
                await gateways_fail(search)
            async with standing.session.get(f"{standing.url}/metrics") as response:
                search.metrics = await response.text()
            await stopped(search, standing.api[-1])
            search.at_the_end = await search.sinks()
            yield search
    finally:
        redis.kill()


@pytest.mark.proof
def test_no_sink_holds_anything_of_a_client(searched: Search, figure: Record) -> None:
    canaries = Canaries(searched.canaries)
    sinks = searched.at_the_end
    found = {name: hits for name, content in sinks.items() if (hits := canaries.found_in(content))}
    kinds = len(searched.canaries)
    figure("G11", value=f"{len(found)} hits", met=not found, method=f"search: {kinds} kinds, all that fails, at DEBUG")
    assert found == {}
    assert len(searched.canaries["code"]) >= 6
    assert len(searched.canaries["token"]) == 3


def test_the_sinks_are_full(searched: Search) -> None:
    """A search in nothing finds nothing."""
    sinks = searched.at_the_end
    least = {"redis, read": 1000, "redis, monitored": 20000, "audit": 2000, "metrics": 2000, "var/shinos.db": 20000}
    assert {name: len(sinks[name]) for name, size in least.items() if len(sinks[name]) < size} == {}
    assert any(name.startswith("redis/appendonly") and len(content) > 20000 for name, content in sinks.items())
    events = [event for path in searched.standing.folder.glob("serve*.log") for event in logged(path)]
    assert {event["event"] for event in events} >= {"call", "our_fault", "code_sent", "code_not_sent", "library"}
    assert undeclared(events) == []
    frames = [frame for event in events if event["event"] == "our_fault" for frame in event["where"]]
    assert any("begin" in frame for frame in frames)
    said = {event["said"] for event in events if event["event"] == "library"}
    assert said >= {"Cannot reach %s", "It broke", "uncaught", "Task exception was never retrieved"}
    assert any(re.fullmatch(r"sitecustomize\.py:[0-9]+: UserWarning", words) for words in said)


def test_a_leak_in_any_sink_and_spelling_is_found(searched: Search) -> None:
    """The control."""
    canaries = Canaries(searched.canaries)
    sinks = searched.at_the_end
    for name, content in sinks.items():
        assert canaries.found_in(content[-4096:] + b" phone=" + PHONE.encode() + b" "), name
    for kind, values in searched.canaries.items():
        for spelling, coded in spellings(values[0]):
            assert canaries.found_in(b'{"x":"' + coded + b'"}'), (kind, spelling)
    for text in (f"x {PHONE} y", f"xx {PHONE} y", f"xxx {PHONE} y"):
        assert canaries.found_in(json.dumps({"x": text}).encode())


@pytest.mark.proof
async def test_a_leak_is_found_where_it_lies(searched: Search, figure: Record) -> None:
    """The control again, with real leaks in eight sinks. Runs last: it soils them."""
    standing, code = searched.standing, searched.canaries["code"][0]
    with standing.api[-1].log.open("a") as log:
        log.write(json.dumps({"event": "call", "text": f"code {code}"}) + "\n")
    async with monitored(searched.redis, searched.monitored), Redis(unix_socket_path=str(searched.redis.path)) as redis:
        await redis.hset("shinos:1:{00}:leak", "x", f"{WORD}".encode().hex())
    with contextlib.closing(sqlite3.connect(standing.folder / "var" / "shinos.db")) as database:
        database.execute("CREATE TABLE leak (x TEXT)")
        database.execute("INSERT INTO leak VALUES (?)", (EMAIL,))
        database.commit()
    (standing.folder / "var" / "leak.tmp").write_text(searched.canaries["token"][0])
    async with open_archive(load(standing.config, standing.environ)) as records:
        await records.audit.append([AuditEntry(0, "leak", 1, "card_read", "support", PHONE)])
    searched.metrics += f'shinos_calls_total{{client="{PHONE[1:]}"}} 1\n'
    await asyncio.sleep(1.1)  # the append-only file is written once a second
    found = planted_in(searched, await searched.sinks())
    figure(
        "G11", value=f"{sum(found.values())} of {len(found)} planted found", met=all(found.values()), method="control"
    )
    assert len(found) == 8
    assert [sink for sink, is_found in found.items() if not is_found] == []


def planted_in(searched: Search, sinks: dict[str, bytes]) -> dict[str, bool]:
    """Of each sink that was soiled, whether the search says so."""
    canaries = Canaries(searched.canaries)
    hits = {name for name, content in sinks.items() if canaries.found_in(content)}
    whole = (searched.standing.api[-1].log.name, "redis, read", "redis, monitored", "var/leak.tmp", "audit", "metrics")
    several = ("redis/appendonly", "var/shinos.db")
    found = {name: name in hits for name in whole}
    return found | {begin: any(name.startswith(begin) for name in hits) for begin in several}
