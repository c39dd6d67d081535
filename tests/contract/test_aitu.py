"""Aitu's client against a small server that does as it is told: what is sent, what is believed, what never shows."""

import asyncio
import base64
import hashlib
import json
import logging
import re
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from id_tokens import CLIENT, FOREIGN, IIN, ISSUER, KEY, NEXT, NONCE, PHONE, REQUEST_ID, SHORT, claims, jwk, signed
from pydantic import ValidationError

from flows.errors import FlowError, Refused, Unavailable, Unexpected
from flows.papers import Login
from flows.upstream.aitu import Aitu, AituOptions, aitu
from flows.upstream.code_gateway import SecretUnset

SECRET = "an invented secret: a+b/c="
BACK = "https://bank.example/aitu/callback"
CODE, VERIFIER = "code-of-the-tests", "verifier-of-the-tests-0123456789-0123456789"
GOOD = Login(iin=IIN, request_id=REQUEST_ID, phone=f"+{PHONE}")


@dataclass
class Passport:
    """What the server answers, and what it was asked."""

    keys: list[dict[str, Any]] = field(default_factory=lambda: [jwk(KEY)])
    id_token: str = ""
    status: int = 200
    body: str = ""
    keys_status: int = 200
    asked: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    secrets: int = 0

    async def token(self, request: web.Request) -> web.Response:
        self._hear(request, {name: str(value) for name, value in (await request.post()).items()})
        if self.body:
            return web.Response(status=self.status, text=self.body)
        whole = {"access_token": "access-token-of-the-tests", "token_type": "bearer", "id_token": self.id_token}
        return web.json_response(whole | {"expires_in": 2_592_000})

    async def jwks(self, request: web.Request) -> web.Response:
        self._hear(request, {})
        return web.json_response({"keys": self.keys}, status=self.keys_status)

    async def trusted(self, request: web.Request) -> web.Response:
        self._hear(request, await request.json())
        self.secrets += 1
        return web.json_response({"secret": f"confirmed-{self.secrets}"})

    def _hear(self, request: web.Request, form: dict[str, str]) -> None:
        self.asked.append((request.path, form, request.headers.get("Authorization", "")))

    def calls(self, path: str) -> list[tuple[dict[str, str], str]]:
        return [(form, account) for asked, form, account in self.asked if asked == path]


@asynccontextmanager
async def at_work(passport: Passport, *, iin_key: bytes | None = None, **options: Any) -> AsyncIterator[Aitu]:
    app = web.Application()
    app.router.add_post("/oauth2/token", passport.token)
    app.router.add_get("/.well-known/jwks.json", passport.jwks)
    app.router.add_post("/api/v1/trusted-phone", passport.trusted)
    async with TestServer(app) as server:
        stanza = {"url": str(server.make_url("/")), "issuer": ISSUER, "client_id": CLIENT, "secret_env": "S"} | options
        client = Aitu(AituOptions.model_validate(stanza), SECRET, iin_key=iin_key)
        try:
            yield client
        finally:
            await client.close()


@pytest.fixture
def passport() -> Passport:
    return Passport(id_token=signed(claims()))


@pytest.fixture
async def client(passport: Passport) -> AsyncIterator[Aitu]:
    async with at_work(passport) as client:
        yield client


async def login(client: Aitu, code: str = CODE) -> Login:
    return await client.login(code, redirect_uri=BACK, verifier=VERIFIER, nonce=NONCE)


async def address(client: Aitu, **more: Any) -> dict[str, str]:
    """The parameters; each stands once."""
    told = {"redirect_uri": BACK, "state": "s" * 22, "nonce": NONCE, "verifier": VERIFIER, "language": "ru"} | more
    whole = await client.address(**told)
    assert whole.startswith(f"{client.options.url}/oauth2/auth?")
    query = parse_qsl(urlsplit(whole).query, strict_parsing=True)
    assert len(query) == len(dict(query))
    return dict(query)


def pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class TestAddress:
    async def test_as_it_is_without_a_word(self, client: Aitu, passport: Passport) -> None:
        digest = hashlib.sha256(VERIFIER.encode()).digest()
        assert await address(client) == {
            "response_type": "code",
            "client_id": CLIENT,
            "redirect_uri": BACK,
            "scope": "openid phone idpc_verification",
            "state": "s" * 22,
            "nonce": NONCE,
            "locale": "ru",
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        assert passport.asked == []

    async def test_what_is_known_of_the_person_goes_along(self, client: Aitu) -> None:
        query = await address(client, phone=f"+{PHONE}", iin=IIN, language="kk")
        assert (query["phone"], query["iin"], query["locale"]) == (PHONE, IIN, "kk")
        assert "iin_signature" not in query
        assert (await address(client, language="tg"))["locale"] == "ru"

    @pytest.mark.parametrize("phone", ["+79221234567", "+992900000001", "+7707", ""])
    async def test_a_phone_that_is_not_kazakh_stays_here(self, passport: Passport, phone: str) -> None:
        async with at_work(passport, trusted_phone=True) as client:
            assert not {"phone", "otp_confirmation"} & (await address(client, phone=phone)).keys()
            assert passport.asked == []

    async def test_what_vouches_for_the_phone_is_new_each_time(self, passport: Passport) -> None:
        async with at_work(passport, trusted_phone=True) as client:
            found = [(await address(client, phone=f"+{PHONE}"))["otp_confirmation"] for _ in range(2)]
        assert found == ["confirmed-1", "confirmed-2"]
        for form, account in passport.calls("/api/v1/trusted-phone"):
            assert form == {"phone": PHONE}
            assert account.startswith("Basic ")

    @pytest.mark.parametrize("spelling", ["base64", "base64url"])
    async def test_a_key_signs_the_iin(self, passport: Passport, spelling: str) -> None:
        async with at_work(passport, iin_key=pem(NEXT), iin_signature=spelling) as client:
            query = await address(client, iin=IIN)
        decode = base64.b64decode if spelling == "base64" else base64.urlsafe_b64decode
        NEXT.public_key().verify(decode(query["iin_signature"]), IIN.encode(), padding.PKCS1v15(), hashes.SHA256())
        assert not set(query["iin_signature"]) & set("-_" if spelling == "base64" else "+/")

    @pytest.mark.parametrize("iin", ["", "90010130012", "9001013001266", "９" * 12, IIN + "\n"])
    async def test_an_iin_that_is_none_is_refused_unsent(self, client: Aitu, iin: str) -> None:
        with pytest.raises(Refused, check=lambda refused: refused.reason == "request"):
            await address(client, iin=iin)

    async def test_what_can_be_switched(self, passport: Passport) -> None:
        async with at_work(passport, refresh=True, theme="light", pkce=False, nonce=False, scopes=["openid"]) as client:
            query = await address(client)
        assert (query["Refresh_request_id_coid"], query["theme"], query["scope"]) == ("true", "light", "openid")
        assert not {"nonce", "code_challenge", "code_challenge_method"} & query.keys()


class TestLogin:
    async def test_the_code_is_exchanged_once_and_says_who_it_is(self, client: Aitu, passport: Passport) -> None:
        assert await login(client) == GOOD
        ((form, account),) = passport.calls("/oauth2/token")
        code = {"grant_type": "authorization_code", "code": CODE, "redirect_uri": BACK, "code_verifier": VERIFIER}
        assert form == code
        # The account is form-encoded first (RFC 6749 2.3.1).
        name, _, secret = base64.b64decode(account.removeprefix("Basic ")).decode().partition(":")
        assert (name, parse_qs(f"s={secret}")["s"]) == (CLIENT, [SECRET])

    async def test_the_keys_are_read_once(self, client: Aitu, passport: Passport) -> None:
        assert await asyncio.gather(*(login(client) for _ in range(20))) == [GOOD] * 20
        assert len(passport.calls("/.well-known/jwks.json")) == 1

    async def test_a_new_key_is_looked_for_once(self, client: Aitu, passport: Passport) -> None:
        await login(client)
        passport.keys = [jwk(NEXT, "two"), jwk(KEY)]
        passport.id_token = signed(claims(), {"kid": "two"}, NEXT)
        assert await asyncio.gather(*(login(client) for _ in range(20))) == [GOOD] * 20
        assert len(passport.calls("/.well-known/jwks.json")) == 2

    async def test_invented_keys_do_not_make_us_ask(self, client: Aitu, passport: Passport) -> None:
        await login(client)
        for name in ("three", "four", "five"):
            passport.id_token = signed(claims(), {"kid": name}, FOREIGN)
            with pytest.raises(Unexpected):
                await login(client)
        assert len(passport.calls("/.well-known/jwks.json")) == 2
        passport.id_token = signed(claims())
        assert await login(client) == GOOD

    async def test_a_key_that_was_taken_back_is_believed_no_more(self, passport: Passport) -> None:
        async with at_work(passport) as client:
            await login(client)
            passport.keys = [jwk(NEXT, "two")]
            await client.ping()
            with pytest.raises(Unexpected):
                await login(client)

    async def test_without_keys_the_code_is_not_spent(self, client: Aitu, passport: Passport) -> None:
        passport.keys_status = 503
        with pytest.raises(Unavailable):
            await login(client)
        passport.keys_status, passport.keys = 200, [jwk(SHORT)]
        with pytest.raises(Unexpected):
            await login(client)
        assert passport.calls("/oauth2/token") == []

    @pytest.mark.parametrize(
        ("token", "why"),
        [
            (signed(claims(), key=FOREIGN), "signature"),
            (signed(claims(nonce="of-another-login")), "nonce"),
            (signed(claims(idpc_verification=None)), "idpc_verification"),
            ("no token", "form"),
        ],
    )
    async def test_a_token_that_proves_nothing_is_logged_by_a_word(
        self, client: Aitu, passport: Passport, token: str, why: str
    ) -> None:
        passport.id_token = token
        with structlog.testing.capture_logs() as logged, pytest.raises(Unexpected) as caught:
            await login(client)
        assert logged == [{"event": "id_token_refused", "log_level": "warning", "why": why}]
        assert caught.value.__context__ is None

    async def test_without_nonce_and_pkce_where_that_is_configured(self, passport: Passport) -> None:
        passport.id_token = signed(claims(nonce=None))
        async with at_work(passport, nonce=False, pkce=False) as client:
            assert await login(client) == GOOD
        assert "code_verifier" not in passport.calls("/oauth2/token")[0][0]

    @pytest.mark.parametrize("code", ["", "a b", "c" * 2049, "код", "a\r\nX: y"])
    async def test_what_can_be_no_code_is_not_sent(self, client: Aitu, passport: Passport, code: str) -> None:
        with pytest.raises(Refused, check=lambda refused: refused.reason == "code"):
            await login(client, code)
        assert passport.asked == []

    @pytest.mark.parametrize(
        ("status", "body", "reason"),
        [
            (400, {"error": "invalid_grant", "error_description": "The code has expired."}, "code"),
            (400, {"error": "Bad Request", "errorDescription": "invalid_grant: used"}, "code"),
            (401, {"error": "invalid_grant"}, "code"),
            (200, {"error": "invalid_grant"}, "code"),
            (400, {"error": "invalid_client"}, "credentials"),
            (400, {"error": "error", "error_description": "client_id_is_not_valid"}, "credentials"),
            (401, "", "credentials"),
            (403, "<html>", "credentials"),
            (400, {"error": "invalid_request"}, "request"),
            (400, {"error": [], "errorDescription": 5}, "request"),
            (422, "{", "request"),
        ],
    )
    async def test_refusals_of_the_code(
        self, client: Aitu, passport: Passport, status: int, body: object, reason: str
    ) -> None:
        passport.status, passport.body = status, body if isinstance(body, str) else json.dumps(body)
        passport.body = passport.body or " "
        with pytest.raises(Refused, check=lambda refused: refused.reason == reason):
            await login(client)
        assert len(passport.calls("/oauth2/token")) == 1

    @pytest.mark.parametrize(
        ("status", "body", "error"),
        [
            (404, "<html>", Unexpected),
            (200, "<html>", Unexpected),
            (200, "{}", Unexpected),
            (200, '{"id_token": 5}', Unexpected),
            (201, '{"id_token": "a.b.c"}', Unexpected),
            (200, '{"id_token": "' + "a" * 200_000 + '"}', Unexpected),
            (302, "", Unexpected),
            (500, "{}", Unavailable),
            (503, '{"error": "invalid_grant"}', Unavailable),
        ],
    )
    async def test_other_trouble_costs_the_code_once(
        self, client: Aitu, passport: Passport, status: int, body: str, error: type[FlowError]
    ) -> None:
        passport.status, passport.body = status, body or " "
        with pytest.raises(error):
            await login(client)
        assert len(passport.calls("/oauth2/token")) == 1


async def test_ping_reads_the_keys(client: Aitu, passport: Passport) -> None:
    await client.ping()
    await client.ping()
    assert len(passport.calls("/.well-known/jwks.json")) == 2
    passport.keys_status = 404
    with pytest.raises(Unexpected):
        await client.ping()


async def test_nobody_there(unused_tcp_port: int) -> None:
    options = AituOptions(url=f"http://127.0.0.1:{unused_tcp_port}", client_id=CLIENT, secret_env="S", seconds=1)
    client = Aitu(options, SECRET)
    with pytest.raises(Unavailable):
        await login(client)
    await client.close()


async def test_nothing_of_it_is_shown(caplog: pytest.LogCaptureFixture, passport: Passport) -> None:
    """At DEBUG, over successes and failures: no token, code, number or secret; and the capture works."""
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []
    tokens = [passport.id_token, signed(claims(), key=FOREIGN), "x", signed(claims(aud="x"))]
    async with at_work(passport, iin_key=pem(NEXT), trusted_phone=True) as client:
        with structlog.testing.capture_logs() as logged:
            for passport.id_token in tokens:
                try:
                    shown.append(repr(await login(client)))
                except FlowError as error:
                    shown += traceback.format_exception(error)
        with pytest.raises(Refused) as caught:
            await address(client, iin=IIN + "0")
        shown += [*traceback.format_exception(caught.value), repr(client), repr(client.options), repr(logged)]
    ours = [record for record in caplog.records if record.name not in {"aiohttp.access", "aiohttp.server"}]
    written = "".join(shown) + "".join(record.getMessage() for record in ours)
    assert {"Login", "Unexpected", "Refused", "id_token_refused"} <= set(re.findall(r"\w+", written))
    secrets = (IIN, PHONE, CODE, VERIFIER, NONCE, REQUEST_ID, SECRET, "access-token", tokens[0][:20])
    for secret in secrets:
        assert secret not in written
    logging.getLogger("control").debug(IIN)
    assert IIN in caplog.text


class TestOptions:
    def test_where_it_is(self) -> None:
        options = AituOptions(client_id=CLIENT, secret_env="S", url="https://passport.example:8443/sub/")
        client = Aitu(options, SECRET)
        assert client.origin == "https://passport.example:8443"
        assert client.issuer == "https://passport.example:8443/sub/"
        assert AituOptions(client_id=CLIENT, secret_env="S").url == "https://passport.aitu.io"

    @pytest.mark.parametrize(
        ("stanza", "named"),
        [
            ({"url": "https://user:pass@passport.example"}, "url"),
            ({"client_id": ""}, "client_id"),
            ({"scopes": ["openid phone"]}, "scopes"),
            ({"theme": "dark"}, "theme"),
            ({"iin_signature": "hex"}, "iin_signature"),
            ({"token_path": "https://evil.example/"}, "token_path"),
            ({"longest": 0}, "longest"),
            ({"secret": "x"}, "secret"),
        ],
    )
    def test_stanzas_that_are_refused(self, stanza: dict[str, Any], named: str) -> None:
        with pytest.raises(ValidationError, match=named):
            AituOptions.model_validate({"client_id": CLIENT, "secret_env": "S", **stanza})

    def test_variables_that_are_not_set_are_named(self) -> None:
        options = AituOptions(client_id=CLIENT, secret_env="AITU_SECRET", iin_key_env="AITU_IIN_KEY")
        with pytest.raises(SecretUnset, match="AITU_IIN_KEY"):
            aitu(options, {"AITU_SECRET": SECRET}, production=False)
        with pytest.raises(SecretUnset, match="AITU_SECRET"):
            aitu(options, {"AITU_IIN_KEY": pem(NEXT).decode()}, production=False)

    @pytest.mark.parametrize("key", ["no key", pem(SHORT).decode(), pem(NEXT).decode()[:200]])
    def test_a_key_that_cannot_sign_is_named_and_not_shown(self, key: str) -> None:
        options = AituOptions(client_id=CLIENT, secret_env="AITU_SECRET", iin_key_env="AITU_IIN_KEY")
        with pytest.raises(ValueError, match="AITU_IIN_KEY") as caught:
            aitu(options, {"AITU_SECRET": SECRET, "AITU_IIN_KEY": key}, production=False)
        assert key[:30] not in "".join(traceback.format_exception(caught.value))

    def test_a_key_may_have_its_line_ends_written(self) -> None:
        options = AituOptions(client_id=CLIENT, secret_env="AITU_SECRET", iin_key_env="AITU_IIN_KEY")
        written = pem(NEXT).decode().replace("\n", "\\n")
        aitu(options, {"AITU_SECRET": SECRET, "AITU_IIN_KEY": written}, production=True)

    @pytest.mark.parametrize(("off", "words"), [({"pkce": False}, ["pkce"]), ({"nonce": False}, ["nonce"]), ({}, None)])
    def test_an_exception_is_logged(self, off: dict[str, Any], words: list[str] | None) -> None:
        options = AituOptions.model_validate({"client_id": CLIENT, "secret_env": "S", **off})
        with structlog.testing.capture_logs() as logged:
            aitu(options, {"S": SECRET}, production=True)
        assert [line.get("off") for line in logged] == ([words] if words else [])
