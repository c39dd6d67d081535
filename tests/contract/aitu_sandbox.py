"""The simulated Aitu Passport and COID adapter over a real socket, and short words for what a test does with them."""

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from html import unescape
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web
from aiohttp.test_utils import TestClient
from joserfc import jwt
from joserfc.jwk import KeySet

from sandbox.aitu_console import CLIENT_ID, CLIENT_SECRET
from sandbox.app import WORLD
from sandbox.coid import LOGIN, PASSWORD
from sandbox.world import World

CALLBACK = "http://127.0.0.1:8080/aitu/callback"
STATE = "a state of 128 bits, or so"
NONCE = "a nonce of 128 bits, or so"
VERIFIER = "verifier-" * 6
PHONE, IIN = "+77071234567", "900101300126"


def basic(login: str = CLIENT_ID, password: str = CLIENT_SECRET) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{login}:{password}'.encode()).decode()}"}


def challenge(verifier: str = VERIFIER) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def wish(**changes: str | None) -> dict[str, str]:
    """An authorization request; None leaves a parameter out."""
    whole: dict[str, str | None] = {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": CALLBACK,
        "scope": "openid phone idpc_verification",
        "state": STATE,
        "nonce": NONCE,
        "code_challenge": challenge(),
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


class Answer(NamedTuple):
    """A page, or where the browser is sent and with what."""

    status: int
    page: str
    place: str
    back: dict[str, str]

    @property
    def fields(self) -> dict[str, str]:
        """Of the page's first form."""
        form = self.page.partition("<form")[2].partition("</form>")[0]
        inputs = re.findall("<input([^>]*)>", form)
        found = [dict(re.findall('(name|value)="([^"]*)"', one)) for one in inputs]
        return {one["name"]: unescape(one.get("value", "")) for one in found}

    @property
    def buttons(self) -> list[str]:
        return re.findall('name="decision" value="([^"]*)"', self.page)


@dataclass
class Aitu:
    """The sandbox as the bank's server and as a person's browser see it."""

    http: TestClient[web.Request, web.Application]

    @property
    def world(self) -> World:
        assert self.http.app is not None
        return self.http.app[WORLD]

    def later(self, seconds: float) -> None:
        now = self.world.clock() + seconds
        self.world.clock = lambda: now

    async def open(self, **changes: str | None) -> Answer:
        async with self.http.get("/aitu/oauth2/auth", params=wish(**changes), allow_redirects=False) as answer:
            return _read(answer.status, await answer.text(), answer.headers.get("Location", ""))

    async def post(self, fields: dict[str, str]) -> Answer:
        async with self.http.post("/aitu/oauth2/auth", data=fields, allow_redirects=False) as answer:
            return _read(answer.status, await answer.text(), answer.headers.get("Location", ""))

    async def decide(
        self, decision: str = "allow", *, login_phone: str = PHONE, login_iin: str = IIN, **changes: str | None
    ) -> Answer:
        """In one request, without a code of an SMS."""
        typed = {"login_phone": login_phone, "login_iin": login_iin, "decision": decision}
        return await self.post(wish(**changes) | typed)

    async def code(self, **changes: Any) -> str:
        answer = await self.decide(**changes)
        assert answer.status == 303, answer.page[-2000:]
        return answer.back["code"]

    async def redeem(
        self, code: str, *, path: str = "/aitu/oauth2/token", auth: dict[str, str] | None = None, **changes: str | None
    ) -> tuple[int, Any]:
        whole: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        }
        form = {name: value for name, value in (whole | changes).items() if value is not None}
        async with self.http.post(path, data=form, headers=basic() if auth is None else auth) as answer:
            assert answer.headers.get("Cache-Control") == "no-store"
            return answer.status, await answer.json()

    async def token(self, **changes: Any) -> str:
        """The id_token of a new login."""
        status, told = await self.redeem(await self.code(**changes))
        assert status == 200, told
        return str(told["id_token"])

    async def claims(self, **changes: Any) -> dict[str, Any]:
        """Checked by a library that nobody here wrote; what came as text is read."""
        token = await self.token(**changes)
        claims = jwt.decode(token, KeySet.import_key_set(await self.jwks()), algorithms=["RS256"]).claims
        nested = ("idpc_verification", "gov_doc_verification", "confidence_level")
        return claims | {name: json.loads(claims[name]) for name in nested if isinstance(claims.get(name), str)}

    async def jwks(self) -> Any:
        async with self.http.get("/aitu/.well-known/jwks.json") as answer:
            assert answer.status == 200
            return await answer.json()

    async def trusted(self, phone: object = PHONE[1:], auth: dict[str, str] | None = None) -> tuple[int, Any]:
        async with self.http.post(
            "/aitu/api/v1/trusted-phone", json={"phone": phone}, headers=basic() if auth is None else auth
        ) as answer:
            return answer.status, await answer.json()

    async def ask(self, path: str, **body: Any) -> tuple[int, Any]:
        async with self.http.post(path, json=body) as answer:
            return answer.status, await answer.json()

    async def arm(self, outcome: str, key: str = "*", upstream: str = "aitu") -> None:
        status, told = await self.ask("/_arm", **{"upstream": upstream, "for": key, "outcome": outcome})
        assert status == 200, told

    async def sms(self, phone: str = PHONE) -> list[str]:
        async with self.http.get("/sms/outbox", params={"to": phone}) as answer:
            return [one["text"][:6] for one in await answer.json()]

    async def checked(self, iin: str = IIN, **changes: Any) -> dict[str, Any]:
        """`idpc_verification` of a new login."""
        return dict((await self.claims(login_iin=iin, **changes))["idpc_verification"])

    async def person(
        self, fields: dict[str, Any], carrier: str = "json", password: str = PASSWORD
    ) -> tuple[int, str, Any]:
        """Status, type of content, body (JSON is read)."""
        given: dict[str, Any] = {"query": {"params": fields}, "form": {"data": fields}, "json": {"json": fields}}
        method = "GET" if carrier == "query" else "POST"
        async with self.http.request(
            method, "/coid/v1/personal-data", headers=basic(LOGIN, password), **given[carrier]
        ) as answer:
            text = await answer.text()
            return (
                answer.status,
                answer.content_type,
                json.loads(text) if answer.content_type == "application/json" else text,
            )


async def introspected(aitu: Aitu, token: str) -> Any:
    async with aitu.http.post("/aitu/oauth2/introspect", data={"token": token}, headers=basic()) as answer:
        assert answer.status == 200
        return await answer.json()


def _read(status: int, page: str, location: str) -> Answer:
    parts = urlsplit(location)
    return Answer(status, page, location.partition("?")[0], dict(parse_qsl(parts.query)))
