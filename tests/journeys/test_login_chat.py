"""The way of a citizen of Kazakhstan: through Aitu Passport and COID to the card, and what becomes of each refusal."""

import asyncio
import base64

import pytest
from alive import link_of
from chat_stand import ChatStand
from logins import Browser, an_iin, citizen, exchanges, query_of
from test_chat_codes import code_in

from sandbox.coid_refusals import CAUSES, Cause

WORD = "горный ветер"
AT_THE_ADAPTER = {"face": "state_face", "age": "state_age", "unknown": "state_iin", "forbidden": "state_forbidden"}
TOLD = AT_THE_ADAPTER | {"down": "state_down", "forbidden": "state_down"}
"""What the chat says of each cause that Aitu's page hands over; two have one message (trap A3)."""


@pytest.fixture
def chats(of_two_ways: ChatStand) -> ChatStand:
    return of_two_ways


async def test_to_the_card_with_what_the_state_says(chats: ChatStand) -> None:
    person, browser, iin = citizen(chats), Browser(), an_iin()
    link = await person.to_login()
    status, page, on = await browser.whole(link, person.phone, iin)
    assert (status, page) == (303, "")
    assert on == "/aitu/" + link.rpartition("/")[2], "no code stays in the address"
    await person.is_shown()
    await person.choose("choice.mine")
    await person.told("new_secret_word.ask")
    await person.choose_word(WORD)
    await person.told("done.identify")
    asked = await chats.search(person.phone)
    again = await chats.search(person.phone, asked.step, await code_in(person))
    card = (await chats.card((await chats.search(person.phone, again.step, WORD)).token)).body
    assert (card["lastName"], card["firstName"], card["middleName"]) == ("Сейтқали", "Арман", "Бекұлы")
    fields = {one["name"]: one["value"] for one in card["fields"]}
    assert fields["documentType"] == "УДОСТОВЕРЕНИЕ ЛИЧНОСТИ РК"
    assert fields["citizenship"] == "КАЗАХСТАН"
    assert card["inn"] == iin, "the verified one, whoever the test contour's person is"
    methods = [method["name"] for method in card["identification"]["methods"]]
    assert {"contact", "aitu", "person"} <= set(methods)


async def test_nothing_of_it_rests_in_the_open(chats: ChatStand) -> None:
    """IIN, request, code, state and cookie, nor any photo, in no file of the installation: logs, Redis, SQL."""
    person, browser, iin = citizen(chats), Browser(), an_iin()
    leaves = await browser.leave(await person.to_login())
    back = await browser.log_in(leaves, person.phone, iin)
    await browser.get(back)
    await person.is_shown()
    await person.choose("choice.mine")
    await person.told("new_secret_word.ask")
    await chats.audit()
    written = b"".join(file.read_bytes() for file in chats.folder.rglob("*") if file.is_file())
    assert len(written) > 10_000
    brought, sent = query_of(back), query_of(leaves)
    secret = [iin, brought["code"], sent["state"], sent["nonce"], sent["code_challenge"], browser.cookies["aitu"]]
    for value in (*secret, person.phone, "Сейтқали"):
        assert value.encode() not in written
    for photo in (b"\xff\xd8\xff", base64.b64encode(b"\xff\xd8\xff\xe0")[:5]):
        assert photo not in written


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.name)
async def test_each_test_iin_ends_with_its_text_and_a_way_on(chats: ChatStand, cause: Cause) -> None:
    """Aitu shows it on its own page; who goes back from there is told the same in the chat, with what to do."""
    person, browser = citizen(chats), Browser()
    link = await person.to_login()
    leaves = await browser.leave(link)
    status, page, _ = await browser.post(leaves, login_phone=person.phone, login_iin=cause.iin, decision="allow")
    assert (status, cause.text in page) == (200, True)
    fields = {"login_phone": person.phone, "login_iin": cause.iin, "login_refusal": cause.name, "decision": "back"}
    status, _, back = await browser.post(leaves, **fields)
    assert status == 303
    await browser.get(back)
    entry = await person.told(f"error.{TOLD[cause.name]}")
    if cause.name == "age":
        return
    assert link_of(entry) != link
    await browser.whole(link_of(entry), person.phone)
    await person.is_shown()


@pytest.mark.parametrize("cause", AT_THE_ADAPTER)
async def test_a_refusal_of_the_adapter_is_told_too(chats: ChatStand, cause: str) -> None:
    person, browser, iin = citizen(chats), Browser(), an_iin()
    await chats.arm("coid", iin, cause)
    await browser.whole(await person.to_login(), person.phone, iin)
    await person.told(f"error.{AT_THE_ADAPTER[cause]}")


async def test_a_data_base_that_was_away_is_asked_again_by_itself(chats: ChatStand) -> None:
    person, browser, iin = citizen(chats), Browser(), an_iin()
    await chats.arm("coid", iin, "down")
    await browser.whole(await person.to_login(), person.phone, iin)
    await person.told("person.slow")
    await person.is_shown()


async def test_without_access_the_way_with_papers_is_open(chats: ChatStand) -> None:
    person, browser, iin = citizen(chats), Browser(), an_iin()
    await chats.arm("coid", iin, "forbidden")
    await browser.whole(await person.to_login(), person.phone, iin)
    await person.told("person.away")
    await person.choose("choice.papers")
    await person.told("consent.ask")
    await person.choose("choice.agree")
    await person.told("passport_kind.ask")


async def test_the_dead_are_sent_to_a_person(chats: ChatStand) -> None:
    person, browser, iin = citizen(chats), Browser(), an_iin()
    await chats.arm("coid", iin, "deceased")
    await browser.whole(await person.to_login(), person.phone, iin)
    await person.told("error.state_mismatch")


async def test_who_refuses_at_aitu_may_think_again(chats: ChatStand) -> None:
    person, browser = citizen(chats), Browser()
    await browser.whole(await person.to_login(), person.phone, decision="refuse")
    entry = await person.told("error.login_cancelled")
    await browser.whole(link_of(entry), person.phone)
    await person.is_shown()


@pytest.mark.parametrize("button", ["client_id_is_not_valid", "invalid_scope", "base64", "userdatavalidatorid"])
async def test_a_fault_of_the_bank_is_said_to_be_one(chats: ChatStand, button: str) -> None:
    person, browser = citizen(chats), Browser()
    await browser.whole(await person.to_login(), person.phone, decision=button)
    await person.told("error.login_misconfigured")


async def test_an_account_of_another_phone_does_not_identify_this_chat(chats: ChatStand) -> None:
    """Somebody was sent a stranger's link, and believed it."""
    stranger, victim = citizen(chats), citizen(chats)
    await Browser().whole(await stranger.to_login(), victim.phone)
    await stranger.told("error.login_phone")


async def test_the_choice_is_remembered_and_may_be_made_again(chats: ChatStand) -> None:
    person = citizen(chats)
    await person.to_login()
    await person.say("/start")
    await person.told("consent.ask_aitu")
    await person.say("/citizenship")
    await person.told("citizenship.ask")
    await person.choose("choice.citizen_tj")
    await person.told("consent.ask")
    await person.say("/start")
    await person.told("consent.ask")


async def test_a_link_of_humos_needs_no_choice(chats: ChatStand) -> None:
    (key,) = await chats.keys(1)
    person = citizen(chats)
    await person.start(key)
    await person.told("consent.ask")


async def test_erasing_needs_no_choice(chats: ChatStand) -> None:
    person = citizen(chats)
    await person.say("/delete")
    await person.told("error.nothing_known")


async def test_killed_while_the_person_is_at_aitu(chats: ChatStand) -> None:
    """Bot and Search API; the next ones know who comes back."""
    person, browser = citizen(chats), Browser()
    back = await browser.log_in(await browser.leave(await person.to_login()), person.phone)
    for process in (*chats.bots, *chats.api):
        process.kill()
    await asyncio.to_thread(
        chats.serve, SHINOS_SERVER__PORT=chats.environ["SHINOS_SERVER__PUBLIC_URL"].rpartition(":")[2]
    )
    await asyncio.to_thread(chats.bot)
    await browser.get(back)
    await person.is_shown()


async def test_killed_in_the_middle_of_the_exchange_the_code_is_given_to_nobody_twice(chats: ChatStand) -> None:
    person, browser = citizen(chats), Browser()
    back = await browser.log_in(await browser.leave(await person.to_login()), person.phone)
    order = {"upstream": "aitu", "kind": "slow", "delay": 5.0, "times": 1}
    async with chats.session.post(f"{chats.sandbox.url}/_faults", json=order) as response:
        assert response.status == 200, await response.text()
    before = await exchanges(chats)
    await browser.get(back)
    for _ in range(50):
        if await exchanges(chats) > before:
            break
        await asyncio.sleep(0.1)
    for process in chats.bots:
        process.kill()
    await asyncio.to_thread(chats.bot)
    entry = await person.told("error.upstream")
    assert await exchanges(chats) == before + 1
    await browser.whole(link_of(entry), person.phone)
    await person.is_shown()
