"""The simulated Aitu Passport is held to its rules: requests, pages, codes, tokens, keys (protocols.md 4.8)."""

import base64
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from aitu_sandbox import CALLBACK, IIN, PHONE, STATE, Aitu, basic, wish
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sandbox.aitu_auth import BUTTONS
from sandbox.app import make_app
from sandbox.coid_refusals import CAUSES

Connect = Callable[[web.Application], Awaitable[TestClient[web.Request, web.Application]]]
MAGIC = {
    "000000000001": "Ваше фото не совпадает с фото из государственной базы данных. Проверьте правильность введенного "
    "ИИН или попробуйте пройти видео-проверку заново",
    "000000000002": "Проверку можно пройти при достижении 16 летнего возраста",
    "000000000003": "ИИН не найден в базе данных государственного органа. Проверку можно пройти при наличии "
    "гражданства Республики Казахстан или Вида на жительство. Проверьте правильность ввода ИИН или обратитесь в службу "
    "поддержки",
    "000000000004": "Ошибка на сервисе государственного органа",
    "000000000005": "Ошибка на сервисе государственного органа",
}


@pytest.fixture
async def aitu(aiohttp_client: Connect) -> Aitu:
    return Aitu(await aiohttp_client(make_app(speed=0)))


@pytest.fixture(scope="module")
def signer() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def pem(key: rsa.RSAPrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def signature(key: rsa.RSAPrivateKey, iin: str) -> bytes:
    return key.sign(iin.encode(), padding.PKCS1v15(), SHA256())


class TestRequest:
    @pytest.mark.parametrize(
        ("changes", "error", "description"),
        [
            ({"client_id": "production-client"}, "invalid_request", "client_id_is_not_valid"),
            ({"response_type": "token"}, "unsupported_response_type", "code"),
            ({"response_type": None}, "unsupported_response_type", "code"),
            ({"state": "1234567"}, "invalid_state", "8 characters"),
            ({"scope": "openid passport"}, "invalid_scope", "request_contains_invalid_scopes"),
            ({"scope": None}, "invalid_scope", "request_contains_invalid_scopes"),
            ({"code_challenge_method": "plain"}, "invalid_request", "S256"),
            ({"code_challenge_method": None}, "invalid_request", "S256"),
            ({"code_challenge": "short"}, "invalid_request", "S256"),
            ({"phone": PHONE}, "invalid_request", "phone"),
            ({"phone": "87071234567"}, "invalid_request", "phone"),
            ({"iin": "90010130012"}, "invalid_request", "iin"),
            ({"otp_confirmation": "of nobody"}, "invalid_request", "otp_confirmation_is_not_valid"),
        ],
    )
    async def test_what_is_sent_back(
        self, aitu: Aitu, changes: dict[str, str | None], error: str, description: str
    ) -> None:
        for answer in (await aitu.open(**changes), await aitu.post(wish(**changes) | {"decision": "allow"})):
            assert (answer.status, answer.place, answer.back["error"]) == (303, CALLBACK, error)
            assert description in answer.back["error_description"]
            assert answer.back["state"] == changes.get("state", STATE)
            assert answer.back["iss"] == str(aitu.http.make_url("/aitu/"))

    @pytest.mark.parametrize(
        "uri",
        [
            None,
            "",
            "https://bank.example.com/aitu/callback",
            "http://127.0.0.1:8080/aitu/callback/",
            "http://127.0.0.1:8080/aitu/callback?x=1",
            "http://127.0.0.1:8080/aitu/callback#x",
            "http://127.0.0.1:8080@evil.example.com/aitu/callback",
            "http://127.0.0.1.evil.example.com/aitu/callback",
            "http://LOCALHOST:8080/aitu/callback",
        ],
    )
    async def test_nobody_is_sent_where_the_bank_is_not(self, aitu: Aitu, uri: str | None) -> None:
        for answer in (await aitu.open(redirect_uri=uri), await aitu.decide("refuse", redirect_uri=uri)):
            assert (answer.status, answer.place) == (400, "")
            assert "redirect_uri does not match" in answer.page
        assert "client_id_is_not_valid" in (await aitu.open(redirect_uri=uri, client_id="other")).page

    async def test_a_list_of_its_own_is_matched_exactly(self, aitu: Aitu) -> None:
        uri = "https://bank.example.com/aitu/callback?tenant=1"
        assert (await aitu.ask("/aitu/_clients", redirect_uris=[uri]))[0] == 200
        assert (await aitu.open()).status == 400
        back = await aitu.decide(redirect_uri=uri)
        assert (back.status, back.place) == (303, "https://bank.example.com/aitu/callback")
        assert set(back.back) == {"tenant", "code", "state", "iss"}
        await aitu.http.delete("/aitu/_clients")
        assert (await aitu.open()).status == 200

    async def test_a_parameter_that_is_there_twice(self, aitu: Aitu) -> None:
        twice = [*wish().items(), ("redirect_uri", CALLBACK)]
        assert (await aitu.http.get("/aitu/oauth2/auth", params=twice)).status == 400
        assert (await aitu.http.post("/aitu/oauth2/auth", params=wish(), data=twice)).status == 400

    async def test_a_form_may_be_sent_to_the_address_itself(self, aitu: Aitu) -> None:
        typed = {"login_phone": PHONE, "login_iin": IIN, "decision": "allow"}
        async with aitu.http.post("/aitu/oauth2/auth", params=wish(), data=typed, allow_redirects=False) as answer:
            assert answer.status == 303
            assert "code=" in answer.headers["Location"]


class TestPages:
    async def test_from_the_phone_to_the_consent(self, aitu: Aitu) -> None:
        page = await aitu.open(phone=PHONE[1:])
        assert page.fields["login_phone"] == PHONE
        page = await aitu.post(page.fields | {"login_iin": IIN, "decision": "continue"})
        (code,) = await aitu.sms()
        wrong = await aitu.post(
            page.fields | {"login_code": "000000" if code != "000000" else "1", "decision": "continue"}
        )
        assert "Код не подошёл" in wrong.page
        page = await aitu.post(wrong.fields | {"login_code": code, "decision": "continue"})
        assert "данные из государственной базы (ЦОИД)" in page.page
        assert page.buttons == ["allow", "refuse"]
        back = await aitu.post(page.fields | {"decision": "allow"})
        assert (back.status, back.place, back.back["state"]) == (303, CALLBACK, STATE)
        assert (await aitu.redeem(back.back["code"]))[0] == 200

    async def test_nobody_gets_past_the_code(self, aitu: Aitu) -> None:
        page = await aitu.post((await aitu.open()).fields | {"login_phone": PHONE, "login_iin": IIN})
        for guess in ("", "12345", "abcdef", "1" * 7):
            page = await aitu.post(page.fields | {"login_code": guess, "decision": "allow"})
            assert (page.status, "login_code" in page.fields) == (200, True)
        assert len(await aitu.sms()) == 2
        first, second = await aitu.sms()
        assert first == second or "Код не подошёл" in (await aitu.post(page.fields | {"login_code": first})).page
        aitu.later(301)
        assert "Код не подошёл" in (await aitu.post(page.fields | {"login_code": second})).page

    async def test_a_code_is_for_its_phone_and_its_request(self, aitu: Aitu) -> None:
        page = await aitu.post((await aitu.open()).fields | {"login_phone": PHONE, "login_iin": IIN})
        (code,) = await aitu.sms()
        for other in ({"login_phone": "+77071234568"}, {"state": "another state"}):
            answer = await aitu.post(page.fields | other | {"login_code": code, "decision": "allow"})
            assert (answer.status, "login_code" in answer.fields) == (200, True)

    @pytest.mark.parametrize("phone", ["", "+992900000001", "+7707123456", "12345678901"])
    async def test_only_a_number_of_seven_logs_in(self, aitu: Aitu, phone: str) -> None:
        answer = await aitu.decide(login_phone=phone)
        assert answer.status == 200
        assert "Проверьте номер" in answer.page

    @pytest.mark.parametrize("iin", ["", "90010130012", "9001013001261", "90010130012x", "٩٠٠١٠١٣٠٠١٢٦"])
    async def test_an_iin_has_twelve_digits(self, aitu: Aitu, iin: str) -> None:
        assert "Проверьте ИИН" in (await aitu.decide(login_iin=iin)).page
        assert (await aitu.decide(login_iin=iin, scope="openid phone")).status == 303

    async def test_no_code_is_sent_before_the_rest_is_right(self, aitu: Aitu) -> None:
        page = await aitu.decide("continue", login_iin="12")
        assert ("Проверьте ИИН" in page.page, "login_code" in page.fields) == (True, False)
        assert await aitu.sms() == []

    async def test_spellings_of_a_person(self, aitu: Aitu) -> None:
        for phone in ("8 707 123-45-67", "77071234567", "7071234567"):
            assert (await aitu.claims(login_phone=phone, login_iin="9001 0130 0126"))["phone"] == "77071234567"

    async def test_what_the_bank_knows_is_filled_in(self, aitu: Aitu) -> None:
        page = await aitu.open(phone=PHONE[1:], iin=IIN)
        assert (page.fields["login_phone"], page.fields["login_iin"]) == (PHONE, IIN)
        assert "readonly" not in page.page.partition("<form")[2]
        back = await aitu.post(wish(phone=PHONE[1:], iin=IIN) | {"decision": "allow"})
        assert back.status == 303
        assert "login_iin" not in (await aitu.open(scope="openid phone")).fields

    async def test_refusing_and_the_error_buttons(self, aitu: Aitu) -> None:
        assert (await aitu.decide("refuse")).back["error"] == "access_denied"
        assert [one for one in (await aitu.open()).buttons if one in BUTTONS] == list(BUTTONS)
        for button, (error, description) in BUTTONS.items():
            back = await aitu.decide(button, login_phone="", login_iin="")
            assert (back.back["error"], back.back["error_description"]) == (error, description)
        assert (await aitu.decide("dance")).status == 400

    @pytest.mark.parametrize(
        ("told", "language", "text"),
        [
            ({}, "ru", "Вход через"),
            ({"locale": "kk"}, "kk", "арқылы кіру"),
            ({"locale": "kz"}, "kk", "арқылы кіру"),
            ({"locale": "en-US"}, "en", "Log in"),
            ({"ui_locales": "tg en ru"}, "en", "Log in"),
            ({"locale": "tg"}, "ru", "Вход через"),
        ],
    )
    async def test_languages(self, aitu: Aitu, told: dict[str, str], language: str, text: str) -> None:
        page = (await aitu.open(**told)).page
        assert f'<html lang="{language}"' in page
        assert text in page

    async def test_what_a_browser_may_do_there(self, aitu: Aitu) -> None:
        async with aitu.http.get("/aitu/oauth2/auth", params=wish(state='"><script>alert(1)</script>')) as answer:
            policy, page = answer.headers["Content-Security-Policy"], await answer.text()
            assert (answer.headers["Cache-Control"], answer.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
        assert "<script" not in page
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert policy.endswith("form-action 'self' http://127.0.0.1:8080")


class TestCoidsRefusals:
    """They are on Aitu's own page (trap A3), and there are three ways on."""

    def test_the_texts_are_the_vendors(self) -> None:
        assert {cause.iin: cause.text for cause in CAUSES} == MAGIC

    @pytest.mark.parametrize("iin", MAGIC)
    async def test_back_to_the_bank_with_the_text(self, aitu: Aitu, iin: str) -> None:
        for decision in ("allow", "continue"):
            secret = (await aitu.trusted())[1]["secret"]
            page = await aitu.decide(decision, login_iin=iin, otp_confirmation=secret)
            assert (page.status, page.buttons) == (200, ["other", "back", "close"])
            assert f'role="alert" lang="ru">{MAGIC[iin]}</p>' in page.page
        back = await aitu.post(page.fields | {"decision": "back"})
        assert (back.status, back.place) == (303, CALLBACK)
        assert back.back == {
            "error": "access_denied",
            "error_description": MAGIC[iin],
            "state": STATE,
            "iss": str(aitu.http.make_url("/aitu/")),
        }

    async def test_closing_leads_nowhere(self, aitu: Aitu) -> None:
        page = await aitu.decide("close", login_iin="000000000001")
        assert (page.status, page.place, page.buttons) == (200, "", [])
        assert "можно закрыть" in page.page

    async def test_another_iin_goes_on(self, aitu: Aitu) -> None:
        page = await aitu.post((await aitu.decide(login_iin="000000000003")).fields | {"decision": "other"})
        assert (page.fields["login_iin"], page.fields["login_phone"]) == ("", PHONE)
        back = await aitu.post(page.fields | {"login_iin": IIN, "decision": "allow"})
        assert "code" in back.back

    async def test_without_coid_nobody_is_refused(self, aitu: Aitu) -> None:
        assert (await aitu.decide(login_iin="000000000001", scope="openid phone iin")).status == 303

    async def test_any_iin_by_order(self, aitu: Aitu) -> None:
        await aitu.arm("screen_age", PHONE)
        page = await aitu.decide()
        assert MAGIC["000000000002"] in page.page
        back = await aitu.post(page.fields | {"decision": "back"})
        assert back.back["error_description"] == MAGIC["000000000002"]
        assert (await aitu.decide()).status == 303


class TestTrustedPhone:
    async def test_saves_the_code_for_one_request(self, aitu: Aitu) -> None:
        status, told = await aitu.trusted()
        assert (status, list(told)) == (200, ["secret"])
        confirmed = {"otp_confirmation": told["secret"], "phone": PHONE[1:]}
        page = await aitu.open(**confirmed)
        assert page.fields["login_phone"] == PHONE
        assert "readonly" in page.page
        page = await aitu.post(page.fields | {"login_phone": "+77079999999", "login_iin": IIN})
        assert page.buttons == ["allow", "refuse"]
        assert await aitu.sms() == []
        other = await aitu.open(**confirmed, state="another request's")
        assert other.back["error_description"] == "otp_confirmation_is_not_valid"
        back = await aitu.post(page.fields | {"decision": "allow"})
        assert (await aitu.redeem(back.back["code"]))[0] == 200
        again = await aitu.post(page.fields | {"decision": "allow"})
        assert again.back["error_description"] == "otp_confirmation_is_not_valid"

    async def test_is_over_after_an_hour(self, aitu: Aitu) -> None:
        secret = (await aitu.trusted())[1]["secret"]
        aitu.later(3599)
        assert (await aitu.open(otp_confirmation=secret)).status == 200
        aitu.later(2)
        assert (await aitu.open(otp_confirmation=secret)).back["error"] == "invalid_request"

    async def test_is_about_its_phone(self, aitu: Aitu) -> None:
        secret = (await aitu.trusted())[1]["secret"]
        assert (await aitu.open(otp_confirmation=secret, phone="77079999999")).back["error"] == "invalid_request"

    async def test_refusals(self, aitu: Aitu) -> None:
        for phone in (PHONE, "87071234567", "992900000001", "", 77071234567, None):
            status, told = await aitu.trusted(phone)
            assert (status, set(told)) == (400, {"error", "errorDescription"})
        assert (await aitu.trusted(auth=basic("x")))[0] == 401
        assert (await aitu.trusted(auth={}))[0] == 401
        await aitu.arm("trusted_503", PHONE)
        await aitu.arm("trusted_empty")
        assert ((await aitu.trusted())[0], await aitu.trusted()) == (503, (200, {}))


class TestSignedIin:
    async def test_cannot_be_changed(self, aitu: Aitu, signer: rsa.RSAPrivateKey) -> None:
        await aitu.ask("/aitu/_clients", iin_key=pem(signer))
        signed = {"iin": IIN, "iin_signature": base64.b64encode(signature(signer, IIN)).decode()}
        page = await aitu.open(**signed)
        assert "ИИН передал банк" in page.page
        assert "Проверьте ИИН" in (await aitu.decide(login_iin="850615400125", **signed)).page
        assert (await aitu.post(wish(**signed) | {"login_phone": PHONE, "decision": "allow"})).status == 303
        magic = {"iin": "000000000003", "iin_signature": base64.b64encode(signature(signer, "000000000003")).decode()}
        refused = await aitu.post(wish(**magic) | {"login_phone": PHONE, "decision": "allow"})
        assert refused.buttons == ["back", "close"]

    @pytest.mark.parametrize(("wanted", "alphabet", "strange"), [("base64", b"-_", "2d"), ("base64url", b"+/", "2b")])
    async def test_the_other_base64_is_refused(
        self, aitu: Aitu, signer: rsa.RSAPrivateKey, wanted: str, alphabet: bytes, strange: str
    ) -> None:
        await aitu.ask("/aitu/_clients", iin_key=pem(signer), iin_signature=wanted)
        raw = next(one for one in (signature(signer, f"{n:012}") for n in range(99)) if _plus_first(one))
        text = base64.b64encode(raw, alphabet).decode()
        back = (await aitu.open(iin=IIN, iin_signature=text)).back
        assert back["error_description"].lower() == f"illegal base64 character {strange}"
        right = base64.b64encode(signature(signer, IIN), {"base64": b"+/", "base64url": b"-_"}[wanted]).decode()
        for spelling in (right, right.rstrip("=")):
            assert (await aitu.open(iin=IIN, iin_signature=spelling)).status == 200

    async def test_only_the_banks_over_this_iin(self, aitu: Aitu, signer: rsa.RSAPrivateKey) -> None:
        text = base64.b64encode(signature(signer, IIN)).decode()
        assert "userdatavalidatorid" in (await aitu.open(iin=IIN, iin_signature=text)).back["error_description"]
        await aitu.ask("/aitu/_clients", iin_key=pem(signer))
        for iin, given in (("850615400125", text), (None, text), (IIN, "AAAA"), (IIN, "A")):
            back = (await aitu.open(iin=iin, iin_signature=given)).back
            assert back["error_description"] == "iin_signature is not valid"

    @pytest.mark.parametrize("order", [{"iin_key": "no key"}, {"iin_signature": "hex"}, {"secret": "x"}])
    async def test_a_console_that_is_not_understood(self, aitu: Aitu, order: dict[str, Any]) -> None:
        assert (await aitu.ask("/aitu/_clients", **order))[0] == 400


def _plus_first(data: bytes) -> bool:
    """Of the two characters in which the alphabets differ."""
    text = base64.b64encode(data)
    return b"+" in text.partition(b"/")[0]
