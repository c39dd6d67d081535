"""What a bank's server asks the simulated Aitu Passport for: tokens, keys, whether a token is good, a photo."""

import base64
import hashlib
import secrets
from functools import cache

from aiohttp import web

from sandbox.aitu_console import CLIENT_ID, authorise
from sandbox.aitu_id_token import id_token
from sandbox.aitu_keys import Keys
from sandbox.aitu_logins import TOKEN_LIVES, Login, Logins
from sandbox.aitu_refusals import NAME, NO_STORE, ToldError
from sandbox.cast import KAZAKHSTAN
from sandbox.drawn import draw
from sandbox.gate import ERROR_PAGE, GARBAGE, hang
from sandbox.world import World

DELAY = (0.05, 0.2)
FORM = "application/x-www-form-urlencoded"
TOKEN = {
    "token_503": "token отвечает 503",
    "token_500": "token отвечает 500 страницей HTML",
    "token_timeout": "token принимает код и не отвечает",
    "token_empty": "token отвечает 200 и {}",
    "token_no_id_token": "token отвечает без id_token",
    "token_invalid_grant": "token отвечает 400 invalid_grant",
    "token_invalid_client": "token отвечает 401 invalid_client",
    "token_refresh": "token отдаёт и refresh_token",
}
SPELLING = {"camel": "ошибки JSON с errorDescription (обычно error_description)"}
JWKS = {
    "jwks_500": "for: *; jwks.json отвечает 500 страницей HTML",
    "jwks_timeout": "for: *; jwks.json не отвечает",
    "jwks_empty": "for: *; в jwks.json нет ключей",
    "jwks_garbage": "for: *; jwks.json — не JSON",
}


class Tokens:
    def __init__(self, world: World, logins: Logins, keys: Keys) -> None:
        self._world = world
        self._logins = logins
        self._keys = keys
        self._draw = world.random(f"{NAME}_delays")

    async def token(self, request: web.Request) -> web.StreamResponse:
        """POST form grant_type=authorization_code, code, redirect_uri, code_verifier; Basic; see 4.5."""
        await self._world.pause(self._draw, *DELAY)
        try:
            authorise(request)
            login = self._login(await _form(request))
        except ToldError as told:
            told.camel = self._world.arms.first_of(NAME, ("*",), SPELLING) is not None
            raise
        match outcome := self._world.arms.first_of(NAME, (login.phone, "*"), TOKEN):
            case "token_503":
                raise ToldError(503, "server_error", "Service is temporarily unavailable")
            case "token_500":
                return web.Response(status=500, text=ERROR_PAGE, content_type="text/html")
            case "token_timeout":
                return await hang(self._world, request)
            case "token_empty":
                return web.json_response({}, headers=NO_STORE)
            case "token_invalid_client":
                raise ToldError(401, "invalid_client", "Client authentication failed", camel=True)
            case "token_invalid_grant":
                raise _grant(camel=True)
        return web.json_response(await self._told(login, issuer_of(request), outcome), headers=NO_STORE)

    def _login(self, given: dict[str, str]) -> Login:
        """Raises `ToldError`."""
        if given.get("grant_type") != "authorization_code":
            raise ToldError(400, "unsupported_grant_type", "authorization_code is expected")
        login = self._logins.redeem(given.get("code", ""))
        if login is None or given.get("redirect_uri") != login.asked.redirect_uri:
            raise _grant()
        if not proven(given.get("code_verifier"), login.asked.given.get("code_challenge")):
            raise _grant()
        return login

    async def _told(self, login: Login, issuer: str, outcome: str | None) -> dict[str, object]:
        answer: dict[str, object] = {
            "access_token": self._logins.open(login),
            "token_type": "bearer",
            "expires_in": int(TOKEN_LIVES),
            "scope": " ".join(sorted(login.asked.scopes)),
        }
        if "openid" in login.asked.scopes and outcome != "token_no_id_token":
            answer["id_token"] = await id_token(login, issuer, self._world.clock(), self._keys, self._world.arms)
        if outcome == "token_refresh":
            answer["refresh_token"] = secrets.token_urlsafe(48)
        return answer

    async def jwks(self, request: web.Request) -> web.StreamResponse:
        match self._world.arms.first_of(NAME, ("*",), JWKS):
            case "jwks_500":
                return web.Response(status=500, text=ERROR_PAGE, content_type="text/html")
            case "jwks_timeout":
                return await hang(self._world, request)
            case "jwks_empty":
                return web.json_response({"keys": []})
            case "jwks_garbage":
                return web.Response(body=GARBAGE, content_type="application/json")
        return web.json_response({"keys": await self._keys.published()})

    async def rotate(self, _: web.Request) -> web.Response:
        """POST: the new key signs, the oldest is withdrawn."""
        return web.json_response({"kid": (await self._keys.rotate()).kid})

    async def introspect(self, request: web.Request) -> web.Response:
        """POST form token, Basic (RFC 7662)."""
        authorise(request)
        found = self._logins.of_token((await _form(request)).get("token", ""))
        if found is None:
            return web.json_response({"active": False})
        login, until = found
        told = {"sub": login.sub, "client_id": CLIENT_ID, "scope": " ".join(sorted(login.asked.scopes))}
        return web.json_response({"active": True, **told, "iss": issuer_of(request), "exp": int(until)})

    async def photo(self, request: web.Request) -> web.Response:
        """GET, Bearer → the selfie as JPEG, when liveness_3d was asked for."""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        found = self._logins.of_token(token)
        if found is None or "liveness_3d" not in found[0].asked.scopes:
            raise ToldError(401, "invalid_token", "The access token is not valid for this")
        return web.Response(body=await self._world.aside(selfie), content_type="image/jpeg", headers=NO_STORE)


def issuer_of(request: web.Request) -> str:
    return f"{request.scheme}://{request.host}/{NAME}/"


def proven(verifier: str | None, challenge: str | None) -> bool:
    """PKCE with S256. A verifier without a challenge is as wrong as none (RFC 9700, 4.8.2)."""
    if verifier is None or challenge is None:
        return verifier is challenge
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == challenge


@cache
def selfie() -> bytes:
    return draw(KAZAKHSTAN, "selfie")


def _grant(*, camel: bool = False) -> ToldError:
    return ToldError(400, "invalid_grant", "The code is invalid, expired, used or of another request", camel=camel)


async def _form(request: web.Request) -> dict[str, str]:
    """Each parameter once. Raises `ToldError`."""
    if request.content_type != FORM:
        raise ToldError(400, "invalid_request", f"{FORM} is expected")
    try:
        given = await request.post()
    except (ValueError, LookupError):
        raise ToldError(400, "invalid_request", "The form cannot be read") from None
    if any(len(given.getall(name)) > 1 for name in given):
        raise ToldError(400, "invalid_request", "A parameter is repeated")
    return {name: value for name, value in given.items() if isinstance(value, str)}
