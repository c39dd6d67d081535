"""Aitu's client with an OpenID provider that nobody here wrote: PKCE, nonce, keys, refusals as others read them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import structlog
from openid_provider import BACK, CLIENT, IIN, PHONE, SECRET, Person, provider

from flows.errors import LoginCancelled, LoginMisconfigured, Refused, Unexpected
from flows.papers import Login
from flows.upstream.aitu import Aitu, AituOptions, refusal_of

STATE, NONCE = "state-0123456789-0123456789", "nonce-0123456789-0123456789"
VERIFIER = "verifier-0123456789-0123456789-0123456789-abc"


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with provider() as found:
        yield found


@asynccontextmanager
async def bank(url: str, *, secret: str = SECRET, **options: Any) -> AsyncIterator[Aitu]:
    stanza = {"url": url, "issuer": url, "client_id": CLIENT, "secret_env": "S"} | options
    client = Aitu(AituOptions.model_validate(stanza), secret)
    try:
        yield client
    finally:
        await client.close()


@pytest.fixture
async def person() -> AsyncIterator[Person]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        yield Person(browser)


async def address(client: Aitu, **more: Any) -> str:
    told = {"redirect_uri": BACK, "state": STATE, "nonce": NONCE, "verifier": VERIFIER, "language": "kk"}
    return await client.address(**told | more)


async def login(client: Aitu, code: str, **other: str) -> Login:
    return await client.login(code, **{"redirect_uri": BACK, "verifier": VERIFIER, "nonce": NONCE} | other)


async def code_of(client: Aitu, person: Person, **more: Any) -> str:
    return (await person.back(await address(client, **more)))["code"]


def refused(reason: str) -> Any:
    return pytest.raises(Refused, check=lambda error: error.reason == reason)


async def test_a_login(issuer: str, person: Person) -> None:
    async with bank(issuer) as client:
        told = await person.back(await address(client, phone=f"+{PHONE}"))
        assert (told["state"], told["iss"]) == (STATE, client.issuer)
        found = await login(client, told["code"])
    assert found == Login(iin=IIN, request_id="the-old-one", phone=f"+{PHONE}")


async def test_what_is_asked_for_arrives(issuer: str, person: Person) -> None:
    async with bank(issuer, refresh=True) as client:
        found = await login(client, await code_of(client, person, iin="850505400015"))
    assert (found.iin, found.request_id) == ("850505400015", "a-new-one")


async def test_nested_claims_as_a_text(person: Person) -> None:
    with provider(text=True) as issuer:
        async with bank(issuer) as client:
            assert (await login(client, await code_of(client, person))).iin == IIN


async def test_a_code_serves_once(issuer: str, person: Person) -> None:
    async with bank(issuer) as client:
        code = await code_of(client, person)
        ended = await asyncio.gather(*(login(client, code) for _ in range(5)), return_exceptions=True)
        assert [one.iin for one in ended if isinstance(one, Login)] in ([IIN], [])
        assert {one.reason for one in ended if isinstance(one, Refused)} == {"code"}
        with refused("code"):
            await login(client, code)


@pytest.mark.parametrize("other", [{"verifier": VERIFIER[::-1]}, {"redirect_uri": f"{BACK}/"}])
async def test_a_code_serves_who_began(issuer: str, person: Person, other: dict[str, str]) -> None:
    async with bank(issuer) as client:
        code = await code_of(client, person)
        with refused("code"):
            await login(client, code, **other)


async def test_a_code_that_nobody_gave(issuer: str) -> None:
    async with bank(issuer) as client:
        with refused("code"):
            await login(client, "x" * 43)


async def test_a_wrong_secret(issuer: str, person: Person) -> None:
    async with bank(issuer, secret="another") as client:
        code = await code_of(client, person)
        with refused("credentials"):
            await login(client, code)


@pytest.mark.parametrize(
    ("options", "other", "why"),
    [
        ({}, {"nonce": NONCE[::-1]}, "nonce"),
        ({"issuer": "https://passport.aitu.io/"}, {}, "iss"),
        ({"longest": 60}, {}, "lifetime"),
        ({"scopes": ["openid", "phone"]}, {}, "idpc_verification"),
    ],
)
async def test_a_token_that_proves_something_else(
    issuer: str, person: Person, options: dict[str, Any], other: dict[str, str], why: str
) -> None:
    async with bank(issuer, **options) as client:
        code = await code_of(client, person)
        with structlog.testing.capture_logs() as logged, pytest.raises(Unexpected):
            await login(client, code, **other)
    assert [line["why"] for line in logged] == [why]


async def test_whoever_leaves_has_not_agreed(issuer: str, person: Person) -> None:
    async with bank(issuer) as client:
        told = await person.back(await address(client), agrees=False)
    assert told["state"] == STATE
    assert type(refusal_of(told["error"], told["error_description"])) is LoginCancelled


async def test_what_it_minds_about_us(issuer: str, person: Person) -> None:
    async with bank(issuer, pkce=False) as client:
        told = await person.back(await address(client))
    found = refusal_of(told["error"], told["error_description"])
    assert isinstance(found, LoginMisconfigured)
    assert found.word == "request"


async def test_another_key_is_found_by_itself(person: Person) -> None:
    with provider() as issuer:
        async with bank(issuer) as client:
            assert (await login(client, await code_of(client, person))).iin == IIN
            async with person.browser.post(f"{issuer}/_restart") as answer:
                assert answer.status == 200
            person.browser.cookie_jar.clear()
            assert (await login(client, await code_of(client, person))).iin == IIN
