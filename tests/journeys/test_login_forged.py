"""Whoever comes back that did not leave: one page, one line in the audit log, and Aitu is asked nothing (E4, E5)."""

import asyncio
import re
from urllib.parse import urlencode, urlsplit

import jsonschema_rs
import pytest
from alive import link_of
from chat_stand import ChatStand
from figures import FULL, Record
from logins import Browser, Citizen, citizen, exchanges, query_of, refused
from schemathesis.specs.openapi.definitions import OPENAPI_31

LOGINS = 20 if FULL else 1


@pytest.fixture
def chats(of_two_ways: ChatStand) -> ChatStand:
    return of_two_ways


async def left(chats: ChatStand) -> tuple[Citizen, Browser, str]:
    """Somebody with a login under way; and the address that Aitu would send them back to."""
    person, browser = citizen(chats), Browser()
    leaves = await browser.leave(await person.to_login())
    return person, browser, await browser.log_in(leaves, person.phone)


def with_query(address: str, **other: str | None) -> str:
    told = {name: value for name, value in (query_of(address) | other).items() if value is not None}
    return f"{address.partition('?')[0]}?{urlencode(told)}"


async def turned_away(browser: Browser, address: str) -> None:
    status, page, _ = await browser.get(address)
    assert status == 403
    assert re.search(r"<h1>[^<]+</h1>", page)
    told = query_of(address)
    assert all(value not in page for value in told.values() if len(value) > 8), "nothing of it is repeated"


FORGED: dict[str, dict[str, str | None]] = {
    "without a state": {"state": None},
    "with a state of nobody": {"state": "A" * 52},
    "with another's words as state": {"state": "<script>alert(1)</script>"},
    "of another issuer": {"iss": "https://passport.aitu.io/"},
    "with neither code nor error": {"code": None},
    "with both": {"error": "access_denied"},
    "with an endless code": {"code": "c" * 5000},
}


@pytest.mark.parametrize("what", FORGED)
async def test_a_forged_return_moves_nothing(chats: ChatStand, what: str) -> None:
    person, browser, back = await left(chats)
    before = await exchanges(chats)
    await turned_away(browser, with_query(back, **FORGED[what]))
    assert await exchanges(chats) == before
    await browser.get(back)
    await person.is_shown()


async def test_parameters_that_come_twice_count_as_none(chats: ChatStand) -> None:
    person, browser, back = await left(chats)
    await turned_away(browser, f"{back}&state={query_of(back)['state']}")
    await browser.get(back)
    await person.is_shown()


async def test_in_a_browser_that_did_not_leave(chats: ChatStand) -> None:
    """Login CSRF: a stranger's return in the victim's browser; and the victim's in the stranger's."""
    person, browser, back = await left(chats)
    _, other, others = await left(chats)
    before = await exchanges(chats)
    for somebody in (Browser(), other, Browser({"aitu": "x" * 22}), Browser({"aitu": ""})):
        await turned_away(somebody, back)
    await turned_away(browser, others)
    assert await exchanges(chats) == before
    await browser.get(back)
    await person.is_shown()


async def test_a_code_of_another_login_proves_nothing(chats: ChatStand) -> None:
    """Code injection: PKCE's verifier and the nonce are of the login, and so the code fits its own alone."""
    person, browser, back = await left(chats)
    _, _, others = await left(chats)
    await browser.get(with_query(back, code=query_of(others)["code"]))
    await person.told("error.upstream_refused")


async def test_a_return_serves_once(chats: ChatStand) -> None:
    person, browser, back = await left(chats)
    before = await exchanges(chats)
    await browser.get(back)
    await person.is_shown()
    for _ in range(3):
        await turned_away(browser, back)
    assert await exchanges(chats) == before + 1


@pytest.mark.proof
async def test_fifty_at_once_are_one_exchange(chats: ChatStand, figure: Record) -> None:
    made = 0
    for _ in range(LOGINS):
        person, browser, back = await left(chats)
        before = await exchanges(chats)
        seen = await asyncio.gather(*(Browser(dict(browser.cookies)).get(back) for _ in range(50)))
        assert {status for status, _, _ in seen} <= {303, 403}
        assert 303 in {status for status, _, _ in seen}
        await person.is_shown()
        made += await exchanges(chats) - before
    method = f"50 parallel equal returns in each of {LOGINS} logins"
    figure("G2", value=f"{made} exchanges in {LOGINS} logins", met=made == LOGINS, method=method)
    assert made == LOGINS


async def test_a_later_login_of_the_same_browser_replaces_the_first(chats: ChatStand) -> None:
    person, browser = citizen(chats), Browser()
    link = await person.to_login()
    first = await browser.log_in(await browser.leave(link), person.phone)
    second = await browser.log_in(await browser.leave(link), person.phone)
    await turned_away(browser, first)
    await browser.get(second)
    await person.is_shown()


async def test_a_link_serves_one_browser_and_a_robot_burns_none(chats: ChatStand) -> None:
    person, browser, stranger = citizen(chats), Browser(), Browser()
    link = await person.to_login()
    for _ in range(5):
        status, page, _ = await stranger.get(link)
        assert (status, person.words("aitu.page.start_title") in page) == (200, True)
        assert f"*{person.phone[-4:]}" in page, "who is sent a stranger's link can see that"
    assert stranger.cookies == {}
    await browser.leave(link)
    assert person.words("aitu.page.elsewhere_title") in (await stranger.get(link))[1]
    assert (await stranger.post(link))[0] == 403
    newest = link_of(await person.told("aitu.leaving"))
    await stranger.leave(newest)
    assert person.words("aitu.page.elsewhere_title") in (await browser.get(link))[1]


async def test_the_page_of_the_login_says_how_it_goes(chats: ChatStand) -> None:
    person, browser, back = await left(chats)
    link = link_of(await person.told("aitu.leaving")).rpartition("/")[0]
    page = f"{link}/{(await browser.get(back))[2].rpartition('/')[2]}"
    await person.is_shown()
    status, shown, _ = await browser.get(page)
    assert (status, person.words("aitu.page.passed_title") in shown) == (200, True)
    assert person.words("aitu.page.passed_title") in (await Browser().get(page))[1]


async def test_links_that_lead_nowhere(chats: ChatStand) -> None:
    person = citizen(chats)
    base, _, ticket = (await person.to_login()).rpartition("/")
    swapped = ticket[:-1] + ("A" if ticket[-1] != "A" else "B")
    for wrong in (swapped, ticket[:-1], ticket + "A", "A" * 52, "%00", "я" * 52):
        assert (await Browser().get(f"{base}/{wrong}"))[0] == 410
        assert (await Browser().post(f"{base}/{wrong}"))[0] == 410


async def test_a_state_is_no_link_and_a_link_no_state(chats: ChatStand) -> None:
    person, browser = citizen(chats), Browser()
    link = await person.to_login()
    state = query_of(await browser.leave(link))["state"]
    base = link.rpartition("/")[0]
    assert (await browser.get(f"{base}/{state}"))[0] == 410
    await turned_away(browser, f"{base}/callback?{urlencode({'state': link.rpartition('/')[2], 'code': 'c'})}")


async def test_what_leaves_says_no_more_than_it_must(chats: ChatStand) -> None:
    person, browser = citizen(chats), Browser()
    link = await person.to_login()
    leaves = await browser.leave(link)
    sent = query_of(leaves)
    assert sent["redirect_uri"] == f"{'/'.join(link.split('/')[:3])}/aitu/callback"
    assert (sent["scope"], sent["code_challenge_method"]) == ("openid phone idpc_verification", "S256")
    assert len(sent["state"]) == 52
    assert sent["phone"] == person.phone.lstrip("+")
    assert "iin" not in sent
    other = query_of(await browser.leave(link))
    assert {sent[name] != other[name] for name in ("state", "nonce", "code_challenge")} == {True}


async def test_the_pages_are_strict(chats: ChatStand) -> None:
    person = citizen(chats)
    link = await person.to_login()
    async with chats.session.post(link, allow_redirects=False) as response:
        cookie = response.headers["Set-Cookie"]
        assert all(word in cookie for word in ("HttpOnly", "SameSite=Lax", "Path=/aitu", "Max-Age=900"))
    async with chats.session.get(link) as response:
        policy = response.headers["Content-Security-Policy"]
        aitu = urlsplit(chats.sandbox.url)
        assert f"form-action 'self' {aitu.scheme}://{aitu.netloc};" in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert (response.headers["Referrer-Policy"], response.headers["Cache-Control"]) == ("no-referrer", "no-store")


async def test_another_sites_page_sends_nobody_to_aitu(chats: ChatStand) -> None:
    link = await citizen(chats).to_login()
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 303)):
        headers = {"Sec-Fetch-Site": site}
        async with chats.session.post(link, headers=headers, allow_redirects=False) as response:
            assert response.status == status


async def test_the_pages_are_in_the_document(chats: ChatStand) -> None:
    async with chats.session.get(f"{chats.environ['SHINOS_SERVER__PUBLIC_URL']}/openapi.json") as response:
        document = await response.json()
    assert {"/aitu/{ticket}", "/aitu/callback", "/liveness/{ticket}"} <= set(document["paths"])
    jsonschema_rs.Draft202012Validator(OPENAPI_31).validate(document)


async def test_each_refusal_is_audited_with_its_reason(chats: ChatStand) -> None:
    _, browser, back = await left(chats)
    await turned_away(browser, with_query(back, state=None))
    await turned_away(browser, with_query(back, iss="https://elsewhere.example/"))
    await turned_away(browser, with_query(back, code=None))
    await turned_away(Browser(), back)
    await browser.get(back)
    await turned_away(browser, back)
    assert {"state", "issuer", "parameters", "browser", "replayed"} <= set(await refused(chats))


async def test_what_aitu_minds_about_the_bank_is_said_to_the_engineer(chats: ChatStand) -> None:
    person, browser = citizen(chats), Browser()
    await browser.whole(await person.to_login(), person.phone, decision="userdatavalidatorid")
    await person.told("error.login_misconfigured")
    logged = "".join(file.read_text(encoding="utf-8") for file in chats.folder.rglob("*.log"))
    assert re.search('"word": ?"validator"', logged)
