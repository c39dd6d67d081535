"""Aitu's and COID's clients at the sandbox: from the address to the person, each bad id_token, each refusal of COID."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import pytest
import structlog
from codes_sandbox import Sandbox, running_sandbox

from flows.errors import (
    FaceMismatch,
    FlowError,
    IinUnknown,
    LoginCancelled,
    LoginMisconfigured,
    Refused,
    StateDown,
    StateForbidden,
    Unavailable,
    Underage,
    Unexpected,
)
from flows.papers import Citizen, Login
from flows.upstream.aitu import Aitu, AituOptions, refusal_of
from flows.upstream.coid import Coid, CoidOptions
from sandbox.aitu_auth import BUTTONS
from sandbox.aitu_console import CLIENT_ID, CLIENT_SECRET
from sandbox.aitu_id_token import SHAPES, WRONG
from sandbox.coid import LOGIN, PASSWORD, PASSWORD_OF_AITU

BACK = "http://127.0.0.1:8080/aitu/callback"
STATE, NONCE, VERIFIER = "state-0123456789-0123456789", "nonce-0123456789-0123456789", "v" * 43
IIN, PHONE = "900101300126", "+77071234567"
CAUSES = {"face": FaceMismatch, "age": Underage, "unknown": IinUnknown, "down": StateDown, "forbidden": StateForbidden}
BY_IIN = {f"00000000000{number}": refusal for number, refusal in enumerate(CAUSES.values(), 1)}


@dataclass
class Bank:
    """The bank's two clients, and a person who does as they are told."""

    sandbox: Sandbox
    aitu: Aitu
    coid: Coid
    person: aiohttp.ClientSession

    async def back(self, decision: str = "allow", iin: str = IIN, **more: Any) -> dict[str, str]:
        """What the browser brings back from the sandbox's page."""
        told = {"redirect_uri": BACK, "state": STATE, "nonce": NONCE, "verifier": VERIFIER, "language": "ru"}
        place = urlsplit(await self.aitu.address(**told | more))
        typed = {"login_phone": PHONE, "login_iin": iin, "decision": decision}
        form = dict(parse_qsl(place.query)) | typed
        url = f"{place.scheme}://{place.netloc}{place.path}"
        async with self.person.post(url, data=form, allow_redirects=False) as answer:
            assert answer.status == 303, await answer.text()
            return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))

    async def login(self, **more: Any) -> Login:
        code = (await self.back(**more))["code"]
        return await self.aitu.login(code, redirect_uri=BACK, verifier=VERIFIER, nonce=NONCE)

    async def citizen(self, **more: Any) -> Citizen:
        found = await self.login(**more)
        return await self.coid.person(found.iin, found.request_id)


@pytest.fixture
async def bank() -> AsyncIterator[Bank]:
    async with running_sandbox() as sandbox, aiohttp.ClientSession() as person:
        url = sandbox.url
        aitu = Aitu(AituOptions(url=f"{url}/aitu", client_id=CLIENT_ID, secret_env="S", seconds=20), CLIENT_SECRET)
        coid = Coid(CoidOptions(url=f"{url}/coid", login=LOGIN, password_env="P", seconds=20), PASSWORD)
        yield Bank(sandbox, aitu, coid, person)
        await aitu.close()
        await coid.close()


async def test_from_the_address_to_the_person(bank: Bank) -> None:
    told = await bank.back()
    assert (told["state"], told["iss"]) == (STATE, bank.aitu.issuer)
    found = await bank.citizen()
    assert found.same_iin
    assert found.alive
    assert found.reading.tax_number == IIN
    assert found.reading.birth_date == "1990-01-01"
    assert found.reading.document_number
    assert found.citizenship == "КАЗАХСТАН"
    assert found.confidence
    await bank.aitu.ping()
    await bank.coid.ping()


async def test_the_fixed_answer_is_of_somebody_else(bank: Bank) -> None:
    assert not (await bank.citizen(iin="850505400010")).same_iin


@pytest.mark.parametrize("shape", [name for group in SHAPES for name in group])
async def test_shapes_that_are_as_good(bank: Bank, shape: str) -> None:
    await bank.login()  # so that its keys are known before they change
    await bank.sandbox.arm("aitu", "*", shape)
    found = await bank.login(iin="010101500023")
    assert found.iin == "010101500023"
    assert found.phone == (None if shape == "phone_absent" else PHONE)


@pytest.mark.parametrize("wrong", sorted(WRONG.keys() - {"iin_other"}))
async def test_each_bad_id_token_is_refused(bank: Bank, wrong: str) -> None:
    await bank.sandbox.arm("aitu", "*", wrong)
    with structlog.testing.capture_logs() as logged, pytest.raises(Unexpected):
        await bank.login()
    assert [line["event"] for line in logged] == ["id_token_refused"]
    assert (await bank.login()).iin == IIN


async def test_a_token_of_somebody_else_says_so(bank: Bank) -> None:
    """Who was asked for, the dialogue knows; what the token says is what it is compared with."""
    await bank.sandbox.arm("aitu", "*", "iin_other")
    assert (await bank.login()).iin != IIN


@pytest.mark.parametrize(
    ("outcome", "error", "reason"),
    [
        ("token_503", Unavailable, ""),
        ("token_500", Unavailable, ""),
        ("token_empty", Unexpected, ""),
        ("token_no_id_token", Unexpected, ""),
        ("token_invalid_grant", Refused, "code"),
        ("token_invalid_client", Refused, "credentials"),
        ("jwks_500", None, ""),
        ("jwks_empty", Unexpected, ""),
        ("jwks_garbage", Unexpected, ""),
        ("token_refresh", None, ""),
    ],
)
async def test_trouble_at_aitu(bank: Bank, outcome: str, error: type[FlowError] | None, reason: str) -> None:
    """Keys are asked for again by themselves, a code is never sent twice."""
    await bank.sandbox.arm("aitu", "*", outcome)
    if error is None:
        assert (await bank.login()).iin == IIN
        return
    with pytest.raises(error) as caught:
        await bank.login()
    assert getattr(caught.value, "reason", "") == reason


async def test_a_silent_aitu_is_waited_for_no_longer_than_it_may_take(bank: Bank) -> None:
    patient, bank.aitu = bank.aitu, Aitu(bank.aitu.options.model_copy(update={"seconds": 5}), CLIENT_SECRET)
    try:
        await bank.sandbox.arm("aitu", "*", "jwks_timeout")
        assert (await bank.login()).iin == IIN
        await bank.sandbox.arm("aitu", "*", "token_timeout")
        with pytest.raises(Unavailable):
            await bank.login()
    finally:
        await bank.aitu.close()
        bank.aitu = patient


async def test_what_vouches_for_the_phone(bank: Bank) -> None:
    options = bank.aitu.options.model_copy(update={"trusted_phone": True})
    client = Aitu(options, CLIENT_SECRET)
    told = {"redirect_uri": BACK, "state": STATE, "nonce": NONCE, "verifier": VERIFIER, "language": "ru"}
    found = [dict(parse_qsl(urlsplit(await client.address(**told, phone=PHONE)).query)) for _ in range(2)]
    assert found[0]["otp_confirmation"] != found[1]["otp_confirmation"]
    for outcome, error in (("trusted_503", None), ("trusted_empty", Unexpected)):
        await bank.sandbox.arm("aitu", "*", outcome)
        if error is None:
            await client.address(**told, phone=PHONE)
        else:
            with pytest.raises(error):
                await client.address(**told, phone=PHONE)
    await client.close()


@pytest.mark.parametrize("button", BUTTONS)
async def test_what_the_error_buttons_mean(bank: Bank, button: str) -> None:
    told = await bank.back(button)
    words = {
        "client_id_is_not_valid": "client_id",
        "invalid_scope": "scope",
        "not_allowed_scopes": "scope",
        "base64": "iin_signature",
        "userdatavalidatorid": "validator",
    }
    found = refusal_of(told["error"], told["error_description"])
    assert getattr(found, "word", None) == words.get(button)
    assert isinstance(found, LoginMisconfigured if button in words else Unavailable)


async def test_whoever_refuses(bank: Bank) -> None:
    told = await bank.back("refuse")
    assert type(refusal_of(told["error"], told["error_description"])) is LoginCancelled


@pytest.mark.parametrize(("iin", "refusal"), BY_IIN.items())
async def test_whom_aitus_screen_has_refused(bank: Bank, iin: str, refusal: type[FlowError]) -> None:
    """The message of the last two causes is the same, so a redirect cannot part them."""
    told = await bank.back("back", iin=iin)
    found = refusal_of(told["error"], told["error_description"])
    assert type(found) is (StateDown if refusal is StateForbidden else refusal)


@pytest.mark.parametrize("said", ["", "said_error", "said_plain", "said_200"])
@pytest.mark.parametrize(("cause", "refusal"), CAUSES.items())
async def test_whom_coid_refuses(bank: Bank, cause: str, refusal: type[FlowError], said: str) -> None:
    found = await bank.login()
    await bank.sandbox.arm("coid", IIN, cause)
    if said:
        await bank.sandbox.arm("coid", IIN, said)
    with pytest.raises(FlowError) as caught:
        await bank.coid.person(found.iin, found.request_id)
    expected = StateDown if (cause, said) == ("forbidden", "said_200") else refusal
    assert type(caught.value) is expected


@pytest.mark.parametrize(
    ("shape", "changed"),
    [
        ("dates_datetime", {}),
        ("dates_ms", {}),
        ("dates_dotted", {}),
        ("unknown_fields", {}),
        ("verify_in_person", {}),
        ("verify_flat", {}),
        ("verify_absent", {"confidence": None}),
        ("deceased", {"alive": False}),
        ("items_null", {"citizenship": "", "document": ""}),
    ],
)
async def test_shapes_of_a_person(bank: Bank, shape: str, changed: dict[str, Any]) -> None:
    usual = await bank.citizen()
    await bank.sandbox.arm("coid", "*", shape)
    found = await bank.citizen()
    for name in ("document", "citizenship", "confidence", "alive", "same_iin"):
        assert getattr(found, name) == changed.get(name, getattr(usual, name))
    assert found.reading.birth_date == "1990-01-01"
    assert shape == "items_null" or found.reading == usual.reading


@pytest.mark.parametrize("shape", ["no_documents", "documents_null"])
async def test_a_person_without_papers(bank: Bank, shape: str) -> None:
    await bank.sandbox.arm("coid", "*", shape)
    found = await bank.citizen()
    assert (found.reading.document_number, found.reading.expires, found.document) == (None, None, "")
    assert found.reading.last_name


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        ("html", Unexpected),
        ("garbage", Unexpected),
        ("empty", Unexpected),
        ("wants_get", Unexpected),
        ("error_503", None),
    ],
)
async def test_trouble_at_coid(bank: Bank, outcome: str, error: type[FlowError] | None) -> None:
    """What may pass is asked for again."""
    await bank.sandbox.arm("coid", "*", outcome)
    if error is None:
        assert (await bank.citizen()).same_iin
        return
    with pytest.raises(error):
        await bank.citizen()


async def test_the_password_that_aitu_has_is_not_ours(bank: Bank) -> None:
    coid = Coid(bank.coid.options, PASSWORD_OF_AITU)
    with pytest.raises(Refused, check=lambda refused: refused.reason == "credentials"):
        await coid.ping()
    await coid.close()
