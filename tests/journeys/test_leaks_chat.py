"""Nothing of a person leaves the chat through a side door: with papers and a face, and through Aitu Passport and COID.

What rests and what is logged is searched twice: while the dialogue holds everything, and at its end.
"""

import asyncio
import base64
import contextlib
import re
from pathlib import Path

import pytest
from alive import Tab, link_of
from canaries import Canaries
from chat_stand import ChatStand
from figures import Record
from logins import Browser, an_iin, citizen, query_of
from redis.asyncio import Redis
from servers import RedisServer
from sinks import flat, redis_dump

from flows.keys import Unsealable
from flows.settings import SANDBOX_SECRETS, load
from flows.wiring import own_secrets

WORD = "лазурный зимородок"
UPSTREAM = {
    "secrets": [secret.rpartition(":")[2] for secret in SANDBOX_SECRETS.values()],
    "access tokens": ["sandbox-humo-", "sandbox-aitu-access-"],
}
"""What opens the outside systems (E3, E8), and how the tokens begin that they hand out."""
ASSERTION = re.compile(rb"eyJ[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}\.")
"""A signed token of whoever: Aitu's, Humo's, biometric.kz's, a selfie's."""
PHOTO = re.compile(rb"\xff\xd8\xff[\xe0\xe1\xdb]|/9j/[24]AA|ffd8ffe0", re.IGNORECASE)


@pytest.fixture
def chats(of_two_ways: ChatStand) -> ChatStand:
    return of_two_ways


def lying(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def sinks(chats: ChatStand) -> dict[str, bytes]:
    """Files of SQL and Redis, logs, Redis as it is read, the audit log, metrics."""
    found = lying(chats.folder)
    found["redis, read"] = await redis_dump(RedisServer(chats.folder))
    found["audit"] = repr(await chats.audit()).encode()
    async with chats.session.get(f"{chats.url}/metrics") as response:
        found["metrics"] = await response.read()
    return found


async def leaks(chats: ChatStand, secrets: dict[str, list[str]]) -> dict[str, list[str]]:
    await asyncio.sleep(1.1)  # the append-only file is written once a second
    canaries, found = Canaries(secrets), {}
    for name, content in (await sinks(chats)).items():
        generic = [hit.group(0)[:40].hex() for form in (ASSERTION, PHOTO) if (hit := form.search(content))]
        found[name] = [*canaries.found_in(content), *generic]
    assert len(found) >= 8, found.keys()
    return {name: hits for name, hits in found.items() if hits}


async def request_of(chats: ChatStand, iin: str) -> str:
    """The requestId out of the dialogue with that IIN, which only we can open: so it is there, sealed."""
    keys, _ = own_secrets(load(chats.config, chats.environ))
    async with Redis(unix_socket_path=str(RedisServer(chats.folder).path)) as redis:
        async for key in redis.scan_iter("*:session:*"):
            sid = key.decode().rpartition(":")[2]
            for value in flat(await redis.hgetall(key)):
                with contextlib.suppress(Unsealable):
                    told = keys.sessions.unseal(value, sid).decode()
                    found = re.search(rf'"iin":"{iin}".*?"request_id":"([^"]+)"', told)
                    if found:
                        return found.group(1)
    raise LookupError("no dialogue holds that IIN")


@pytest.mark.proof
async def test_aitu_and_the_state_leave_nothing_behind(chats: ChatStand, figure: Record) -> None:
    person, browser, iin = citizen(chats), Browser(), an_iin()
    leaves = await browser.leave(await person.to_login())
    back = await browser.log_in(leaves, person.phone, iin)
    await browser.get(back)
    await person.is_shown()
    sent, brought = query_of(leaves), query_of(back)
    secrets = {
        "phone": [person.phone, person.phone[2:]],
        "IIN": [iin],
        "requestId": [await request_of(chats, iin)],
        "code": [brought["code"]],
        "state": [sent["state"]],
        "nonce": [sent["nonce"]],
        "challenge": [sent["code_challenge"]],
        "cookie": [browser.cookies["aitu"]],
        "name": ["Сейтқали", "Бекұлы"],
        "word": [WORD, "зимородок"],
        **UPSTREAM,
    }
    found = {"in it": await leaks(chats, secrets)}
    await person.choose("choice.mine")
    await person.told("new_secret_word.ask")
    await person.choose_word(WORD)
    await person.told("done.identify")
    found["at the end"] = await leaks(chats, secrets)
    hits = sum(map(len, found.values()))
    figure("G11", value=f"{hits} hits", met=not hits, method=f"Aitu and COID: {len(secrets)} kinds, in it and after")
    assert found == {"in it": {}, "at the end": {}}


@pytest.mark.proof
async def test_papers_leave_nothing_behind(chats: ChatStand, figure: Record) -> None:
    (person,) = await chats.linked(1)
    guest, papers = citizen(chats), person["documents"]
    await guest.to_choice()
    await guest.choose("choice.citizen_tj")
    await guest.told("consent.ask")
    await guest.choose("choice.agree")
    await guest.told("contact.ask")
    await guest.choose("chat.share_phone")
    await guest.told("passport_kind.ask")
    await guest.choose("choice.passport_new")
    await guest.told("document.ask_front")
    for page, asked in (("front", "document.ask_back"), ("back", "selfie.ask"), ("selfie", "liveness.ask")):
        await guest.send(await guest.paper(person["crmid"], page), how="document")
        entry = await guest.told(asked)
    tab = Tab(chats.session, link_of(entry))
    session = (await tab.ready())["session"]
    secrets = {
        "phone": [guest.phone, guest.phone[2:]],
        "name": [person["last_name"], person["first_name"]],
        "number": [papers["id_card"], person["tax_number"]],
        "liveness": [session, tab.device, tab.address.rpartition("/")[2]],
        **UPSTREAM,
    }
    found = {"in it": await leaks(chats, secrets)}
    await chats.arm("biometric", session, "error_500", "error_503")  # an error shows the address, and the key in it
    await tab.film(chats.sandbox.url, session)
    await tab.stands("finish")
    await guest.told("new_secret_word.ask")
    found["at the end"] = await leaks(chats, secrets)
    hits = sum(map(len, found.values()))
    method = f"papers, selfie and living face: {len(secrets)} kinds, photos, signed tokens"
    figure("G11", value=f"{hits} hits", met=not hits, method=method)
    assert found == {"in it": {}, "at the end": {}}
    looks = [call for call in await chats.calls("biometric") if call["path"].endswith("/session/result/")]
    assert len(looks) >= 3


async def test_a_leak_of_the_chat_would_be_seen(chats: ChatStand) -> None:
    """The control: each in a file of the installation."""
    planted = {
        "a.log": b'{"said": "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJpaW4iOiI4NTA2MTU0MDAxMjUifQ.c2ln"}',
        "b.tmp": b"\xff\xd8\xff\xe0\x00\x10JFIF",
        "c.txt": "Аметистовна".encode().hex().encode(),
        "d.log": f"GET /session/result/?flow_api_key={SANDBOX_SECRETS['SHINOS_BIOMETRIC_KEY']} 500".encode(),
        "e.log": b"{'Authorization': 'Bearer sandbox-humo-00c0ffee'}",
        "f.rdb": base64.b64encode(b'{"access_token": "sandbox-aitu-access-c0ffee"}'),
    }
    for name, content in planted.items():
        (chats.folder / name).write_bytes(content)
    try:
        assert (await leaks(chats, {"name": ["Аметистовна"], **UPSTREAM})).keys() == planted.keys()
    finally:
        for name in planted:
            (chats.folder / name).unlink()
