"""The simulated Aitu Passport's codes, tokens and keys are held to their rules (protocols.md 4.8)."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from aitu_sandbox import CALLBACK, IIN, NONCE, PHONE, STATE, Aitu, basic, challenge, introspected
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from sandbox.aitu_console import CLIENT_ID
from sandbox.aitu_id_token import CLAIMS, SIGNATURES
from sandbox.app import make_app

Connect = Callable[[web.Application], Awaitable[TestClient[web.Request, web.Application]]]

CHANGED = {
    "aud_two": {"aud"},
    "expired": {"iat", "exp"},
    "iat_future": {"iat", "exp"},
    "iat_old": {"iat", "exp"},
    "iin_other": {"idpc_verification"},
} | {name: {"idpc_verification"} for name in CLAIMS if name.startswith("idpc_")}


@pytest.fixture
async def aitu(aiohttp_client: Connect) -> Aitu:
    return Aitu(await aiohttp_client(make_app(speed=0)))


class TestToken:
    async def test_the_answer_and_the_claims(self, aitu: Aitu) -> None:
        status, told = await aitu.redeem(await aitu.code())
        assert (status, set(told)) == (200, {"access_token", "id_token", "token_type", "expires_in", "scope"})
        assert told["expires_in"] == 30 * 86400
        claims = await aitu.claims()
        assert claims["iss"] == str(aitu.http.make_url("/aitu/"))
        assert (claims["aud"], claims["nonce"], claims["phone"]) == ([CLIENT_ID], NONCE, "77071234567")
        assert (claims["exp"] - claims["iat"], abs(claims["iat"] - aitu.world.clock()) < 5) == (3600, True)
        assert set(claims["idpc_verification"]) == {"iin", "requestId"}
        assert not {"first_name", "iin", "birth_date"} & set(claims)

    async def test_scopes_decide_what_is_told(self, aitu: Aitu) -> None:
        claims = await aitu.claims(
            scope="openid first_name last_name birth_date iin gov_doc_verification CONFIDENCE_LEVEL"
        )
        assert (claims["first_name"], claims["last_name"], claims["birth_date"]) == ("Арман", "Сейтқали", "1990-01-01")
        assert claims["gov_doc_verification"]["iin"] == claims["iin"] == IIN
        assert claims["confidence_level"] == {"faceMatch": "VERIFIED"}
        assert not {"phone", "idpc_verification"} & set(claims)
        assert "id_token" not in (await aitu.redeem(await aitu.code(scope="phone")))[1]

    async def test_a_code_serves_once_and_takes_back_what_it_gave(self, aitu: Aitu) -> None:
        code = await aitu.code()
        answers = await asyncio.gather(*(aitu.redeem(code) for _ in range(20)))
        ((_, told),) = [one for one in answers if one[0] == 200]
        assert {(status, body["error"]) for status, body in answers if status != 200} == {(400, "invalid_grant")}
        assert await introspected(aitu, told["access_token"]) == {"active": False}

    async def test_a_code_serves_five_minutes(self, aitu: Aitu) -> None:
        first, second = await aitu.code(), await aitu.code()
        aitu.later(299)
        assert (await aitu.redeem(first))[0] == 200
        aitu.later(2)
        assert (await aitu.redeem(second))[1]["error"] == "invalid_grant"

    @pytest.mark.parametrize(
        ("changes", "status", "error"),
        [
            ({"code_verifier": "of another"}, 400, "invalid_grant"),
            ({"code_verifier": None}, 400, "invalid_grant"),
            ({"redirect_uri": CALLBACK.replace("8080", "8081")}, 400, "invalid_grant"),
            ({"redirect_uri": None}, 400, "invalid_grant"),
            ({"code": "of nobody"}, 400, "invalid_grant"),
            ({"grant_type": "refresh_token"}, 400, "unsupported_grant_type"),
            ({"auth": {}}, 401, "invalid_client"),
            ({"auth": basic(password="sandbox-wrong")}, 401, "invalid_client"),
            ({"auth": basic("another")}, 401, "invalid_client"),
            ({"auth": {"Authorization": "Basic !"}}, 401, "invalid_client"),
        ],
    )
    async def test_refusals(self, aitu: Aitu, changes: dict[str, Any], status: int, error: str) -> None:
        told = await aitu.redeem(**{"code": await aitu.code(), **changes})
        assert (told[0], told[1]["error"]) == (status, error)
        assert set(told[1]) == {"error", "error_description"}

    async def test_the_other_name_of_the_description(self, aitu: Aitu) -> None:
        await aitu.arm("camel")
        assert set((await aitu.redeem("of nobody"))[1]) == {"error", "errorDescription"}

    async def test_pkce_is_checked_when_it_was_asked_for(self, aitu: Aitu) -> None:
        bare = {"code_challenge": None, "code_challenge_method": None}
        assert (await aitu.redeem(await aitu.code(**bare), code_verifier=None))[0] == 200
        assert (await aitu.redeem(await aitu.code(**bare)))[1]["error"] == "invalid_grant"
        other = await aitu.code(code_challenge=challenge("another verifier"))
        assert (await aitu.redeem(other, code_verifier="another verifier"))[0] == 200

    async def test_the_older_path_and_only_forms(self, aitu: Aitu) -> None:
        assert (await aitu.redeem(await aitu.code(), path="/aitu/api/v1/oauth/token"))[0] == 200
        async with aitu.http.post("/aitu/oauth2/token", json={}, headers=basic()) as answer:
            assert (answer.status, (await answer.json())["error"]) == (400, "invalid_request")

    @pytest.mark.parametrize(
        ("outcome", "status"), [("token_503", 503), ("token_invalid_grant", 400), ("token_invalid_client", 401)]
    )
    async def test_trouble_of_one_phone(self, aitu: Aitu, outcome: str, status: int) -> None:
        await aitu.arm(outcome, PHONE)
        assert (await aitu.redeem(await aitu.code(login_phone="+77079999999")))[0] == 200
        assert (await aitu.redeem(await aitu.code()))[0] == status

    async def test_answers_that_lack_something(self, aitu: Aitu) -> None:
        await aitu.arm("token_empty")
        await aitu.arm("token_no_id_token")
        await aitu.arm("token_refresh")
        told = [(await aitu.redeem(await aitu.code()))[1] for _ in range(3)]
        assert [("access_token" in one, "id_token" in one, "refresh_token" in one) for one in told] == [
            (False, False, False),
            (True, False, False),
            (True, True, True),
        ]

    async def test_introspection_and_the_photo(self, aitu: Aitu) -> None:
        _, told = await aitu.redeem(await aitu.code(scope="openid liveness_3d"))
        assert (await introspected(aitu, told["access_token"]))["active"] is True
        bearer = {"Authorization": f"Bearer {told['access_token']}"}
        async with aitu.http.get("/aitu/api/v1/liveness-3d/photo", headers=bearer) as answer:
            assert (answer.status, (await answer.read())[:2]) == (200, b"\xff\xd8")
        aitu.later(30 * 86400 + 1)
        assert await introspected(aitu, told["access_token"]) == {"active": False}
        assert (await aitu.http.get("/aitu/api/v1/liveness-3d/photo", headers=bearer)).status == 401


class TestShapes:
    """Good tokens that look otherwise."""

    @pytest.mark.parametrize(
        ("outcome", "name", "value"),
        [
            ("aud_string", "aud", CLIENT_ID),
            ("aud_two_azp", "azp", CLIENT_ID),
            ("phone_plus", "phone", PHONE),
            ("phone_absent", "phone", None),
        ],
    )
    async def test_one_claim(self, aitu: Aitu, outcome: str, name: str, value: object) -> None:
        await aitu.arm(outcome, PHONE)
        assert (await aitu.claims()).get(name) == value

    async def test_nested_claims_are_text_or_objects(self, aitu: Aitu) -> None:
        assert isinstance(payload(await aitu.token())["idpc_verification"], str)
        await aitu.arm("nested_object")
        assert payload(await aitu.token())["idpc_verification"]["iin"] == IIN

    async def test_a_number_has_no_leading_zeros(self, aitu: Aitu) -> None:
        await aitu.arm("iin_number")
        assert (await aitu.checked("010203500018"))["iin"] == 10203500018

    async def test_several_at_once(self, aitu: Aitu) -> None:
        for outcome in ("nested_object", "aud_string", "phone_absent", "previous_key"):
            await aitu.arm(outcome)
        told = payload(await aitu.token())
        assert (told["aud"], "phone" in told, type(told["idpc_verification"])) == (CLIENT_ID, False, dict)

    async def test_a_new_number_only_when_it_is_wished_for(self, aitu: Aitu) -> None:
        first, same = await aitu.checked(), await aitu.checked()
        new = await aitu.checked(Refresh_request_id_coid="true")
        assert first == same != new
        assert await aitu.checked() == new
        assert (await aitu.checked("850615400125"))["requestId"] != new["requestId"]


class TestKeys:
    async def test_two_are_published_and_the_private_halves_are_not(self, aitu: Aitu) -> None:
        keys = (await aitu.jwks())["keys"]
        assert [set(one) for one in keys] == [{"kty", "use", "alg", "kid", "n", "e"}] * 2
        assert len({one["kid"] for one in keys}) == 2

    async def test_rotation(self, aitu: Aitu) -> None:
        before = [one["kid"] for one in (await aitu.jwks())["keys"]]
        old = await aitu.token()
        kid = (await aitu.ask("/aitu/_rotate"))[1]["kid"]
        assert [one["kid"] for one in (await aitu.jwks())["keys"]] == [kid, before[0]]
        assert header(await aitu.token())["kid"] == kid
        jwt.decode(old, KeySet.import_key_set(await aitu.jwks()), algorithms=["RS256"])

    async def test_by_order_between_the_page_and_the_token(self, aitu: Aitu) -> None:
        before = await aitu.jwks()
        await aitu.arm("rotated", PHONE)
        token = await aitu.token()
        with pytest.raises((JoseError, ValueError)):
            jwt.decode(token, KeySet.import_key_set(before), algorithms=["RS256"])
        jwt.decode(token, KeySet.import_key_set(await aitu.jwks()), algorithms=["RS256"])

    async def test_discovery_names_what_is_there(self, aitu: Aitu) -> None:
        async with aitu.http.get("/aitu/.well-known/openid-configuration") as answer:
            told = await answer.json()
        assert told["issuer"] == str(aitu.http.make_url("/aitu/"))
        assert told["id_token_signing_alg_values_supported"] == ["RS256"]
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "introspection_endpoint"):
            async with aitu.http.session.get(told[name]) as answer:
                assert answer.status in (200, 400, 405)

    async def test_trouble_with_the_keys(self, aitu: Aitu) -> None:
        for outcome in ("jwks_500", "jwks_empty", "jwks_garbage"):
            await aitu.arm(outcome)
        seen = [await aitu.http.get("/aitu/.well-known/jwks.json") for _ in range(4)]
        assert [one.status for one in seen] == [500, 200, 200, 200]
        assert await seen[1].json() == {"keys": []}
        with pytest.raises(ValueError):
            json.loads(await seen[2].read())


class TestBadTokens:
    """Each differs from a good one in what it is named for."""

    @pytest.mark.parametrize("outcome", CLAIMS)
    async def test_claims(self, aitu: Aitu, outcome: str) -> None:
        aitu.later(0)
        good = payload(await aitu.token())
        await aitu.arm(outcome, PHONE)
        bad = payload(await aitu.token())
        changed = {name for name in good | bad if good.get(name) != bad.get(name)} - {"jti", "at_hash", "sid"}
        assert changed == CHANGED.get(outcome, {outcome.partition("_")[0]})
        assert payload(await aitu.token())["idpc_verification"] == good["idpc_verification"]

    @pytest.mark.parametrize(
        "outcome", [one for one in SIGNATURES if one not in ("kid_absent", "key_weak", "claim_twice")]
    )
    async def test_signatures(self, aitu: Aitu, outcome: str) -> None:
        await aitu.arm(outcome, PHONE)
        token = await aitu.token()
        with pytest.raises((JoseError, ValueError)):
            jwt.decode(token, KeySet.import_key_set(await aitu.jwks()), algorithms=["RS256"])

    async def test_what_they_look_like(self, aitu: Aitu) -> None:
        async def armed(outcome: str) -> str:
            await aitu.arm(outcome)
            return await aitu.token()

        assert header(await armed("alg_none"))["alg"] == "none"
        assert header(await armed("alg_hs256"))["alg"] == "HS256"
        assert "kid" not in header(await armed("kid_absent"))
        assert {"jwk", "jku"} <= set(header(await armed("key_in_header")))
        assert header(await armed("crit"))["crit"] == ["exp2"]
        assert raw(await armed("claim_twice")).count('"iss"') == 2
        weak = header(await armed("key_weak"))["kid"]
        (key,) = [one for one in (await aitu.jwks())["keys"] if one["kid"] == weak]
        assert len(base64.urlsafe_b64decode(key["n"] + "==")) == 128
        assert (await armed("no_jwt")).count(".") == 1


class TestReturns:
    @pytest.mark.parametrize(
        ("outcome", "there"),
        [
            ("back_no_iss", {"code", "state"}),
            ("back_iss_other", {"code", "state", "iss"}),
            ("back_no_state", {"code", "iss"}),
            ("back_state_other", {"code", "state", "iss"}),
            ("back_no_code", {"state", "iss"}),
            ("back_server_error", {"error", "error_description", "state", "iss"}),
        ],
    )
    async def test_bad_habits(self, aitu: Aitu, outcome: str, there: set[str]) -> None:
        await aitu.arm(outcome, PHONE)
        back = (await aitu.decide()).back
        assert set(back) == there
        assert (back.get("state") != STATE) == (outcome in ("back_no_state", "back_state_other"))
        assert (back.get("iss") != str(aitu.http.make_url("/aitu/"))) == (outcome in ("back_no_iss", "back_iss_other"))
        assert set((await aitu.decide()).back) == {"code", "state", "iss"}

    async def test_some_never_come(self, aitu: Aitu) -> None:
        await aitu.arm("back_never")
        answer = await aitu.decide()
        assert (answer.status, answer.place) == (200, "")


class TestBesides:
    async def test_logging_out(self, aitu: Aitu) -> None:
        async def out(**given: str) -> tuple[int, str]:
            async with aitu.http.get("/aitu/sessions/logout", params=given, allow_redirects=False) as answer:
                return answer.status, answer.headers.get("Location", "")

        assert await out(post_logout_redirect_uri=CALLBACK, state="x y") == (302, f"{CALLBACK}?state=x+y")
        assert await out(post_logout_redirect_uri="https://evil.example.com/") == (400, "")
        assert await out() == (200, "")

    async def test_the_banks_hooks_are_called_on_demand(self, aitu: Aitu, aiohttp_client: Connect) -> None:
        heard: list[tuple[str | None, Any]] = []

        async def hook(request: web.Request) -> web.Response:
            heard.append((request.headers.get("Authorization"), await request.json()))
            return web.json_response({"valid": True})

        bank = web.Application()
        bank.add_routes([web.post("/hook", hook)])
        url = str((await aiohttp_client(bank)).make_url("/hook"))
        whom = {"phone": PHONE[1:], "iin": IIN, "sub": "x"}
        assert (await aitu.ask("/aitu/_hooks/logout", **whom))[0] == 400
        await aitu.ask("/aitu/_clients", logout_uri=url, validator_uri=url)
        assert (await aitu.ask("/aitu/_hooks/logout", **whom))[1] == {"status": 200, "body": '{"valid": true}'}
        assert (await aitu.ask("/aitu/_hooks/validator", **whom))[1]["status"] == 200
        assert heard == [
            (None, {"phone": PHONE[1:], "sub": "x"}),
            (basic("sandbox-validator", "sandbox-validator-secret")["Authorization"], {"iin": IIN, "phone": PHONE[1:]}),
        ]
        await aitu.ask("/aitu/_clients", logout_uri="http://127.0.0.1:9/")
        assert (await aitu.ask("/aitu/_hooks/logout", **whom))[1]["status"] == 0

    async def test_calls_hold_nothing_of_the_person_or_the_login(self, aitu: Aitu) -> None:
        secret = (await aitu.trusted())[1]["secret"]
        code = await aitu.code(otp_confirmation=secret)
        _, told = await aitu.redeem(code)
        await introspected(aitu, told["access_token"])
        number = await aitu.checked()
        await aitu.person(number)
        calls = await (await aitu.http.get("/_calls")).json()
        paths = [one["path"] for one in calls]
        assert paths[:3] == ["/aitu/api/v1/trusted-phone", "/aitu/oauth2/token", "/aitu/oauth2/introspect"]
        assert not any("auth" in path and path.endswith("/auth") for path in paths)
        written = json.dumps(calls)
        for word in (
            secret,
            code,
            told["access_token"],
            told["id_token"],
            PHONE[1:],
            IIN,
            number["requestId"],
            "verifier-",
        ):
            assert word not in written

    async def test_faults_strike_calls_and_never_pages(self, aitu: Aitu) -> None:
        await aitu.ask("/_faults", upstream="aitu", kind="500", times=1)
        code = await aitu.code()
        async with aitu.http.post("/aitu/oauth2/token", headers=basic()) as answer:
            assert answer.status == 500
        assert (await aitu.redeem(code))[0] == 200

    async def test_nothing_that_anybody_sends_breaks_it(self, aitu: Aitu) -> None:
        for data in (b"\xff=%ff&\xff", b"a=" + b"b" * 1000, b"%00=%00"):
            for path in ("oauth2/auth", "oauth2/token", "oauth2/introspect"):
                for kind in ("application/x-www-form-urlencoded", "multipart/form-data", "x/y; charset=none"):
                    headers = {"Content-Type": kind, **basic()}
                    async with aitu.http.post(f"/aitu/{path}", data=data, headers=headers) as answer:
                        assert answer.status < 500


def header(token: str) -> Any:
    return json.loads(_part(token, 0))


def raw(token: str) -> str:
    return _part(token, 1).decode()


def payload(token: str) -> Any:
    return json.loads(raw(token))


def _part(token: str, place: int) -> bytes:
    text = token.split(".")[place]
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
