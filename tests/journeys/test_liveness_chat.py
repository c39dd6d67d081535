"""The chat and the liveness page together: it goes on by itself, whatever is killed, forged or opened elsewhere."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from alive import Tab, link_of
from chat_stand import ChatStand, chat_stand, own_redis
from cradle import Cradle
from guests import Guest
from stand import KEY

GONE_ON = "new_secret_word.ask"


@pytest.fixture(scope="module")
async def chats(tmp_path_factory: pytest.TempPathFactory, cradle: Cradle) -> AsyncIterator[ChatStand]:
    folder = tmp_path_factory.mktemp("faces-in-the-chat")
    with own_redis(folder) as redis:
        async with chat_stand(folder, redis, cradle, liveness=True, LIMITS__BREAKER="1") as standing:
            yield standing


async def at_the_page(chats: ChatStand, guest: Guest) -> Tab:
    return Tab(chats.session, link_of(await guest.to_liveness()))


async def told(chats: ChatStand, **event: object) -> int:
    """biometric.kz's webhook, as anybody may call it."""
    url = f"{chats.environ['SHINOS_SERVER__PUBLIC_URL']}/biometric/webhook"
    async with chats.session.post(url, json=event) as response:
        return response.status


async def card_of(chats: ChatStand, guest: Guest, word: str) -> dict[str, Any]:
    """What the support agent sees then."""
    asked = await chats.search(guest.phone)
    sent = await guest.until(lambda entry: bool(re.match("[0-9]{6} ", entry["text"])), what="a code")
    again = await chats.search(guest.phone, asked.step, sent["text"][:6])
    done = await chats.search(guest.phone, again.step, word)
    return (await chats.card(done.token)).body


async def test_the_chat_goes_on_within_two_seconds_of_the_verdict(chats: ChatStand) -> None:
    guest = chats.guest()
    tab = await at_the_page(chats, guest)
    ready = await tab.ready()
    await guest.told("liveness.running")
    await tab.film(chats.sandbox.url, ready["session"])
    there = time.monotonic()
    await tab.stands("finish")
    await guest.told(GONE_ON)
    assert time.monotonic() - there < 2
    assert (await tab.stands("look"))["phase"] == "passed"


async def test_the_card_says_how_sure_it_was_and_nothing_rests_but_numbers(chats: ChatStand) -> None:
    guest = chats.guest()
    tab = await at_the_page(chats, guest)
    ready = await tab.ready()
    await tab.film(chats.sandbox.url, ready["session"])
    await guest.told(GONE_ON)
    await guest.choose_word("горный ветер")
    await guest.told("done.identify")
    card = await card_of(chats, guest, "горный ветер")
    assert "liveness" in {method["name"] for method in card["identification"]["methods"]}
    shares = {one["name"]: float(one["value"]) for one in card["fields"] if one["name"] in ("liveness", "face2Face")}
    assert shares
    assert all(0.7 <= share <= 1 for share in shares.values())
    written = b"".join(file.read_bytes() for file in chats.folder.rglob("*") if file.is_file())
    assert b"\xff\xd8\xff" not in written
    for secret in (ready["session"], tab.device, tab.address.rpartition("/")[2]):
        assert secret.encode() not in written


async def test_killed_between_finish_and_verdict(chats: ChatStand) -> None:
    """The bot, the Search API, both: the next ones know what to look for."""
    guest = chats.guest()
    tab = await at_the_page(chats, guest)
    ready = await tab.ready()
    await chats.arm("biometric", ready["session"], "late")
    await tab.film(chats.sandbox.url, ready["session"])
    assert (await tab.stands("finish"))["phase"] == "checking"
    for process in (*chats.bots, *chats.api):
        process.kill()
    await asyncio.to_thread(chats.bot)
    await guest.told(GONE_ON)
    port = chats.environ["SHINOS_SERVER__PUBLIC_URL"].rpartition(":")[2]
    await asyncio.to_thread(chats.serve, SHINOS_SERVER__PORT=port)


async def test_a_failure_says_why_and_the_third_is_the_last(chats: ChatStand) -> None:
    guest = chats.guest()
    tab = await at_the_page(chats, guest)
    ready = await tab.ready()
    for nth in (1, 2, 3):
        await chats.arm("biometric", ready["session"], "fail_liveness")
        await tab.film(chats.sandbox.url, ready["session"])
        await tab.stands("finish")
        if nth < 3:
            failed = await tab.becomes("failed")
            assert failed["text"] == guest.words("liveness.reason.not_alive")
            await tab.stands("again")
            ready = await tab.becomes("ready")
    await guest.told("error.liveness_spent")
    assert (await tab.stands("look"))["phase"] == "over"


async def test_only_looks_decide(chats: ChatStand) -> None:
    """A forged finish, a nudge for it, a lie in a webhook: the server asks, and the widget has not even begun."""
    guest = chats.guest()
    tab = await at_the_page(chats, guest)
    ready = await tab.ready()
    await tab.stands("finish", what="passed")
    for event in ("technology.end", "session.finished"):
        lie = {
            "event": event,
            "session_id": ready["session"],
            "success": True,
            "data": {"liveness_result": {"result": True}},
        }
        assert await told(chats, **lie) == 200
    await asyncio.sleep(3)
    assert (await tab.stands("look"))["phase"] == "checking"
    assert guest.words(GONE_ON) not in await guest.said()
    for junk in ({}, {"session_id": 7}, {"session_id": "x" * 5000}, {"session_id": "0" * 36}):
        assert await told(chats, **junk) == 200


async def test_a_result_of_somebody_else_moves_nothing(chats: ChatStand) -> None:
    first, second = chats.guest(), chats.guest()
    tabs = [await at_the_page(chats, guest) for guest in (first, second)]
    mine, other = [await tab.ready() for tab in tabs]
    assert mine["session"] != other["session"]
    await tabs[1].film(chats.sandbox.url, other["session"])
    await tabs[1].stands("finish")
    await second.told(GONE_ON)
    await tabs[0].stands("finish")
    await asyncio.sleep(2)
    assert first.words(GONE_ON) not in await first.said()


async def test_a_link_serves_once_and_a_robot_burns_none(chats: ChatStand) -> None:
    guest = chats.guest()
    tab = await at_the_page(chats, guest)
    for _ in range(5):
        async with chats.session.get(tab.address) as response:
            assert response.status == 200
            policy = response.headers["Content-Security-Policy"]
            assert "frame-ancestors https://web.telegram.org" in policy
            assert f"script-src 'self' 'wasm-unsafe-eval' {chats.sandbox.url};" in policy
            assert "camera=(self" in response.headers["Permissions-Policy"]
            assert response.headers["Referrer-Policy"] == "no-referrer"
            assert response.headers["Cache-Control"] == "no-store"
    ready = await tab.ready()
    stranger = Tab(chats.session, tab.address)
    status, refused = await stranger.say("open")
    assert (status, refused["errorCode"]) == (409, "1039")
    assert (await tab.stands("look"))["session"] == ready["session"]
    for event in ("look", "finish", "again", "another"):
        assert await stranger.stands(event) == {"phase": "elsewhere"}
    assert (await tab.stands("look"))["phase"] == "ready"


async def test_another_device_takes_over_and_the_first_is_told(chats: ChatStand) -> None:
    guest = chats.guest()
    first = await at_the_page(chats, guest)
    await first.ready()
    link = (await first.stands("another"))["link"]
    assert link["qr"].startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    second = Tab(chats.session, link["address"])
    ready = await second.ready()
    assert (await first.stands("look"))["phase"] == "elsewhere"
    await first.stands("finish")
    await second.film(chats.sandbox.url, ready["session"])
    await second.stands("finish")
    await guest.told(GONE_ON)


async def test_the_button_in_the_chat_always_holds_a_link_that_serves(chats: ChatStand) -> None:
    guest = chats.guest()
    tab = await at_the_page(chats, guest)
    await tab.ready()
    newest = link_of(await guest.told("liveness.running"))
    assert newest != tab.address
    assert (await Tab(chats.session, newest).ready())["phase"] == "ready"


async def test_links_that_lead_nowhere(chats: ChatStand) -> None:
    guest = chats.guest()
    tab = await at_the_page(chats, guest)
    base, _, ticket = tab.address.rpartition("/")
    swapped = ticket[:-1] + ("A" if ticket[-1] != "A" else "B")
    for wrong in (swapped, ticket[:-1], ticket + "A", "A" * 52, "..%2f..%2fetc", "%00", "я" * 52):
        async with chats.session.get(f"{base}/{wrong}") as response:
            assert response.status == 410
            assert "text/html" in response.headers["Content-Type"]
        async with chats.session.post(f"{base}/{wrong}", json={"event": "open"}) as response:
            assert response.status == 410
    for junk in (b"", b"[]", b'{"event":7}', b"{", b"\xff", b'{"event":"open","device":[1]}'):
        async with chats.session.post(tab.address, data=junk) as response:
            assert response.status == 400
    async with chats.session.post(tab.address, data=b"x" * 20_000) as response:
        assert response.status == 413


async def init_data(chats: ChatStand, guest: int, **order: object) -> str:
    async with chats.session.post(f"{chats.sandbox.url}/telegram/_init_data/{guest}", json=order) as response:
        assert response.status == 200, await response.text()
        return str((await response.json())["init_data"])


class TestMiniApp:
    async def test_a_launch_opens_a_used_link_again_but_only_once(self, chats: ChatStand) -> None:
        guest = chats.guest()
        tab = await at_the_page(chats, guest)
        await tab.ready()
        launch = await init_data(chats, guest.user)
        inside = Tab(chats.session, tab.address)
        assert (await inside.ready(init_data=launch))["phase"] == "ready"
        assert (await tab.stands("look"))["phase"] == "elsewhere"
        status, refused = await Tab(chats.session, tab.address).say("open", init_data=launch)
        assert (status, refused["errorCode"]) == (401, "1035")

    async def test_somebody_elses_launch(self, chats: ChatStand) -> None:
        guest = chats.guest()
        tab = await at_the_page(chats, guest)
        status, refused = await tab.say("open", init_data=await init_data(chats, guest.user + 1))
        assert (status, refused["errorCode"]) == (403, "1040")

    async def test_stale_and_forged_launches(self, chats: ChatStand) -> None:
        """None of them opens anything, not even the link that would have opened without."""
        guest = chats.guest()
        tab = await at_the_page(chats, guest)
        now = int(time.time())
        orders: list[dict[str, object]] = [
            {"auth_date": now - 301},
            {"auth_date": now + 90},
            {"auth_date": 1},
            {"spoil": "other_bot"},
            {"user": {"id": None}},
        ]
        orders += [{"spoil": how} for how in ("tampered", "no_hash", "non_ascii_hash", "duplicate", "duplicate_user")]
        for order in orders:
            status, refused = await tab.say("open", init_data=await init_data(chats, guest.user, **order))
            assert (status, refused["errorCode"]) == (401, "1035"), json.dumps(order)
        for junk in ("x", "hash=", "a=b&" * 2000, "%ff"):
            status, _ = await tab.say("open", init_data=junk)
            assert status == 401
        assert (await tab.ready())["phase"] == "ready"


async def test_biometric_kz_is_away_and_comes_back(chats: ChatStand) -> None:
    """No session can be opened: the chat says so, and the button serves as soon as it can."""
    guest = chats.guest()
    fault = {"upstream": "biometric", "kind": "500", "times": 20}
    async with chats.session.post(f"{chats.sandbox.url}/_faults", json=fault) as response:
        assert response.status == 200
    await guest.to_photo()
    for page, asked in (("front", "document.ask_back"), ("back", "selfie.ask"), ("selfie", "error.upstream")):
        await guest.shoot(page)
        entry = await guest.told(asked)
    async with chats.session.delete(f"{chats.sandbox.url}/_faults") as response:
        assert response.status == 200
    await asyncio.sleep(1.1)  # it is left alone for a while (flows/upstream/breaker.py)
    tab = Tab(chats.session, link_of(entry))
    ready = await tab.ready()
    await tab.film(chats.sandbox.url, ready["session"])
    await tab.stands("finish")
    await guest.told(GONE_ON)


async def test_what_is_typed_meanwhile_is_answered(chats: ChatStand) -> None:
    guest = chats.guest()
    await at_the_page(chats, guest)
    await guest.say("а что делать?")
    await guest.told("error.liveness_wanted")
    assert KEY not in " ".join(await guest.said())
