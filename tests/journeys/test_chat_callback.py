"""Whoever gave out the link is told once, signed, only where it is allowed; and the person's way back to them.

But for the first test the flow ends with the consent, so that many links are cheap.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from chat_stand import Call, ChatStand, chat_stand, own_redis
from chats import Entry
from cradle import Cradle
from figures import Record
from guests import WORD, Guest
from humo_door import Door, Told

from flows.settings import SANDBOX_SECRETS

SECRET = SANDBOX_SECRETS["SHINOS_CALLBACK_SECRET"]
SHORT = json.dumps(["welcome", "link", "consent"])
HOSTILE = (
    "javascript:alert(document.domain)",
    "JaVaScRiPt://bank.example/%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "file:///etc/passwd",
    "intent://scan/#Intent;scheme=zxing;end",
    "http://bank.example/",
    "https://bank.example@evil.example/",
    "https://evil.example\\@bank.example/",
    'https://bank.example/"onclick="alert(1)',
    "https://bank.example/\u202egro.live",
    "https:bank.example",
    "humoOnline:app",
    " https://bank.example/",
    "https://bank.example/" + "a" * 300,
    "",
)


def is_signed(headers: Mapping[str, str], body: bytes) -> bool:
    """As Standard Webhooks has a receiver do it."""
    fresh = abs(time.time() - int(headers["webhook-timestamp"])) < 300
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
    return fresh and f"v1,{mac}" in headers["webhook-signature"].split()


async def test_a_link_of_humo_ends_with_its_crmid_and_one_signed_callback(chats: ChatStand) -> None:
    (person,) = await chats.linked(1)
    key, crmid = person["documents"]["presign_key"], person["crmid"]
    guest = chats.guest()
    await guest.identify(key)
    done = (await guest.said())[-1]
    assert done == f"{guest.words('done.identify')}\n\n{guest.words('chat.return_to', page='humoOnline://app')}"
    asked = await chats.search(crmid)
    word = await chats.search(crmid, asked.step, await chats.code(guest.phone))
    card = await chats.card((await chats.search(crmid, word.step, WORD)).token)
    assert (card.body["crmId"], card.body["phone"]) == (crmid, guest.phone)
    assert card.body["lastName"] == person["last_name"]
    (call,) = await callbacks(chats, key)
    told = dict(call["fields"])
    headers = {name: told.pop(name) for name in ("webhook-id", "webhook-timestamp", "webhook-signature")}
    assert told["data"] == {"key": key, "status": "identified", "external_id": crmid}
    assert is_signed(headers, json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode())


async def callbacks(chats: ChatStand, key: str) -> list[Call]:
    """What the sandbox was told about that link, waited for."""
    for _ in range(100):
        made = [call for call in await chats.calls("humo") if call["path"] == "/humo/_callback"]
        if found := [call for call in made if call["fields"]["data"]["key"] == key]:
            return found
        await asyncio.sleep(0.1)
    raise TimeoutError("no callback")


@dataclass
class Linked:
    """A person with a link, in an installation behind a `Door` whose flow is short."""

    guest: Guest
    key: str
    door: Door

    async def ended(self, *, callback: str = "", home_page: str | None = None) -> Entry:
        """The bot's last words when the link says so."""
        self.door.opened[self.key] = {"callback": callback or None, "home_page": home_page}
        await self.guest.start(self.key)
        await self.guest.told("consent.ask")
        await self.guest.choose("choice.agree")
        return await self.guest.told("done.identify")


House = tuple[ChatStand, Door]


@pytest.fixture(scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory, cradle: Cradle) -> AsyncIterator[House]:
    folder = tmp_path_factory.mktemp("linked")
    with own_redis(folder) as redis:
        async with aiohttp.ClientSession() as session, TestServer((door := Door(session)).app()) as server:
            door.url = f"127.0.0.1:{server.port}"
            more: dict[str, Any] = {
                "UPSTREAM__HUMO__URL": f"http://{door.url}/humo",
                "BOT__CALLBACK_HOSTS": json.dumps([door.url]),
                "FLOW__TELEGRAM__STEPS": SHORT,
                "BOT__DELETE_PHOTOS": "false",
                "LIMITS__LEASE": "30",  # who is slow tells once, and does not lose its place
            }
            async with chat_stand(folder, redis, cradle, **more) as standing:
                door.sandbox = standing.sandbox.url
                yield standing, door


async def with_a_link(house: House) -> Linked:
    standing, door = house
    (person,) = await standing.linked(1)
    return Linked(standing.guest(), person["documents"]["presign_key"], door)


@pytest.fixture
async def linked(house: House) -> Linked:
    return await with_a_link(house)


@pytest.fixture(scope="module", autouse=True)
async def late(house: House) -> Linked:
    """A first try fails, and so does one that is sent elsewhere; the other tests go on in the five seconds after."""
    one = await with_a_link(house)
    one.door.answers |= {"late": [500], "moved": [302]}
    await one.ended(callback=f"{one.door.url}/told/late")
    await one.ended(callback=f"http://{one.door.url}/told/moved")
    return one


async def test_a_home_page_becomes_a_button_where_telegram_can_carry_it(linked: Linked) -> None:
    for page in ("https://bank.example/done?a=1", "HTTPS://bank.example/", "tg://resolve?domain=bank"):
        end = await linked.ended(home_page=page)
        assert end["text"] == linked.guest.words("done.identify")
        assert end["buttons"] == [[{"text": linked.guest.words("chat.return"), "url": page}]]
    end = await linked.ended(home_page="humoOnline://app/7")
    assert end["text"].endswith(linked.guest.words("chat.return_to", page="humoOnline://app/7"))
    assert end["buttons"] == []


@pytest.mark.proof
async def test_a_hostile_home_page_becomes_nothing(linked: Linked, figure: Record) -> None:
    ends = {page: await linked.ended(home_page=page) for page in HOSTILE}
    shown = [page for page, end in ends.items() if end["text"] != linked.guest.words("done.identify") or end["buttons"]]
    value = f"{len(shown)} of {len(HOSTILE)} hostile links shown"
    figure("G9", value=value, met=not shown, method="as the home page of a link of Humo's, in the chat")
    assert shown == []


@pytest.mark.proof
async def test_only_hosts_of_the_list_are_told(linked: Linked, house: House, figure: Record) -> None:
    port, told = linked.door.url.partition(":")[2], "told/never"
    other = Door(linked.guest.session)
    async with TestServer(other.app()) as stranger:
        for callback in (
            f"http://127.0.0.1:{stranger.port}/{told}",
            f"http://localhost:{port}/{told}",
            f"http://{linked.door.url}@127.0.0.1:{stranger.port}/{told}",
            f"http://127.0.0.1:{stranger.port}\\@{linked.door.url}/{told}",
            f"http://127.1:{port}/{told}",
            f"http://[::1]:{port}/{told}",
            f"http://{linked.door.url}/{told}?to=me",
            f"ftp://{linked.door.url}/{told}",
            "http://169.254.169.254/latest/meta-data/",
        ):
            await linked.ended(callback=callback)
        await linked.ended(callback=f"{linked.door.url}/told/last")
        await heard(linked.door, "last", 1)
        called = [*other.told, *linked.door.heard("never")]
        value = f"{len(called)} calls outside the list"
        figure("G9", value=value, met=not called, method="9 hostile callbacks of links, listeners where they point")
        assert called == []
    standing, _ = house
    refused = [entry for entry in await standing.audit() if entry["event"] == "callback_refused"]
    assert refused


async def heard(door: Door, path: str, times: int) -> list[Told]:
    for _ in range(200):
        if len(door.heard(path)) >= times:
            break
        await asyncio.sleep(0.1)
    return door.heard(path)


async def test_photos_stay_when_the_bank_wants_it_so(linked: Linked) -> None:
    await linked.guest.start(linked.key)
    await linked.guest.told("consent.ask")
    await linked.guest.shoot("front")
    await linked.guest.told("error.consent_wanted")
    await linked.guest.choose("choice.agree")
    await linked.guest.told("done.identify")
    await linked.guest.say("/help")
    await linked.guest.told("chat.help")
    assert [entry for entry in await linked.guest.whole() if "document" in entry]


async def test_a_callback_is_told_again_until_it_is_heard_and_follows_no_redirect(late: Linked) -> None:
    first, second = await heard(late.door, "late", 2)
    first_try, second_try = (int(one.headers["webhook-timestamp"]) for one in (first, second))
    assert second_try - first_try >= 5  # by who tells, however late we hear of it
    assert is_signed(first.headers, first.body)
    assert is_signed(second.headers, second.body)
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    told = json.loads(first.body)
    assert told["type"] == "identification.done"
    assert told["data"]["key"] == late.key
    assert len(await heard(late.door, "moved", 2)) == 2
    assert late.door.heard("elsewhere") == []
