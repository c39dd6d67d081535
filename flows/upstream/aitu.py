"""Aitu Passport: where a person logs in, and who has come back (protocols.md 4; OpenID Connect Core 1.0, code flow).

Who somebody is, the verified id_token says, and nothing else. The access token, good for 30 days, is never read. A code
serves once, so its exchange is not repeated here.
"""

import asyncio
import base64
import hashlib
import re
import time
from collections.abc import Mapping
from typing import Annotated, Final, Literal
from urllib.parse import quote_plus, urlencode, urlsplit

import structlog
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import Field

from flows.errors import Refused, Unexpected
from flows.papers import Login
from flows.upstream.aitu_keys import Keys
from flows.upstream.aitu_token import Doubt, Rule, login_of
from flows.upstream.aitu_words import iin_of, locale_of, mobile_of, refusal_of
from flows.upstream.answer import Answer, Told
from flows.upstream.breaker import Breaker
from flows.upstream.code_gateway import GatewayOptions, secret
from flows.upstream.spoken import word_of
from flows.upstream.web import BaseUrl, Web

__all__ = ["Aitu", "AituOptions", "aitu", "refusal_of"]

_log = structlog.get_logger("aitu")

_LARGEST = 128 * 2**10
"""Bytes of an answer with tokens."""
_CODE = re.compile(r"[\x21-\x7e]{1,2048}")
_SHORTEST_KEY = 2048
_SAID: Final = {
    "invalid_grant": "code",
    "invalid_client": "credentials",
    "unauthorized_client": "credentials",
    "client_id_is_not_valid": "credentials",
    "invalid_request": "request",
    "unsupported_grant_type": "request",
    "invalid_scope": "request",
}
"""The token endpoint's `error`, or a description that names one → our reason."""
_REFUSALS: Final = {400: "request", 401: "credentials", 403: "credentials", 422: "request"}

Path = Annotated[str, Field(pattern=r"^/?[A-Za-z0-9._~/-]{1,200}$")]
Scope = Annotated[str, Field(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]{1,128}$")]


class AituOptions(GatewayOptions):
    """`[upstream.aitu]`. `issuer` is compared exactly; empty, it is `url` with a slash.

    `trusted_phone`: the bank verifies phones itself, by its contract with Aitu. `iin_key_env`: the RSA key (PEM) that
    signs the IIN, `iin_signature` its spelling. `refresh`: COID's number is made anew at each login. `pkce` and `nonce`
    are switched off only for a provider that is shown not to know them. `longest`: seconds that an id_token may live.
    """

    url: BaseUrl = "https://passport.aitu.io"
    issuer: str = ""
    client_id: Annotated[str, Field(min_length=1, max_length=256)]
    secret_env: str
    scopes: tuple[Scope, ...] = ("openid", "phone", "idpc_verification")
    trusted_phone: bool = False
    iin_key_env: str | None = None
    iin_signature: Literal["base64", "base64url"] = "base64"
    refresh: bool = False
    pkce: bool = True
    nonce: bool = True
    auth_path: Path = "oauth2/auth"
    token_path: Path = "oauth2/token"
    jwks_path: Path = ".well-known/jwks.json"
    trusted_phone_path: Path = "api/v1/trusted-phone"
    theme: Literal["", "light"] = ""
    longest: int = Field(default=3600, ge=60, le=86_400)
    seconds: float = Field(default=10, gt=0, le=60)


class _Tokens(Told):
    """The access token is not among what is read."""

    id_token: str = Field(repr=False, max_length=_LARGEST)


class _Trusted(Told):
    secret: str = Field(repr=False, min_length=1, max_length=2048)


class Aitu:
    """All calls raise `Unavailable`, `Refused` or `Unexpected`. Reasons of a refusal: code · credentials · request."""

    name = "aitu"

    def __init__(
        self,
        options: AituOptions,
        secret: str,
        *,
        iin_key: bytes | None = None,
        production: bool = False,
        breaker: Breaker | None = None,
    ) -> None:
        self.options = options
        self._iin_key = _rsa(iin_key) if iin_key else None
        self._rule = Rule(self.issuer, options.client_id, options.longest, production=production)
        account = f"{quote_plus(options.client_id)}:{quote_plus(secret)}"
        self._basic = {"Authorization": f"Basic {base64.b64encode(account.encode()).decode()}"}
        self._web = Web(options.url, total=options.seconds, breaker=breaker)
        self._keys = Keys(self._web, options.jwks_path)

    @property
    def origin(self) -> str:
        """Scheme, host and port, as a Content-Security-Policy names it."""
        parts = urlsplit(self.options.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def issuer(self) -> str:
        return self.options.issuer or f"{self.options.url}/"

    async def address(
        self,
        *,
        redirect_uri: str,
        state: str,
        nonce: str,
        verifier: str,
        language: str,
        phone: str | None = None,
        iin: str | None = None,
    ) -> str:
        """Where the person's browser goes; serves for one login, because what vouches for the phone does.

        `phone` (E.164) is told when it is Kazakh. An `iin` that is none is refused unsent.
        """
        options = self.options
        mobile = mobile_of(phone)
        query = {
            "response_type": "code",
            "client_id": options.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(options.scopes),
            "state": state,
            "locale": locale_of(language),
        }
        if options.nonce:
            query["nonce"] = nonce
        if options.pkce:
            query |= {"code_challenge": _challenge(verifier), "code_challenge_method": "S256"}
        if mobile:
            query["phone"] = mobile
        if mobile and options.trusted_phone:
            query["otp_confirmation"] = await self._confirmation(mobile)
        if iin is not None:
            query |= await self._signed(iin)
        if options.refresh:
            query["Refresh_request_id_coid"] = "true"
        if options.theme:
            query["theme"] = options.theme
        return f"{options.url}/{options.auth_path.lstrip('/')}?{urlencode(query)}"

    async def login(self, code: str, *, redirect_uri: str, verifier: str, nonce: str) -> Login:
        """Who has come back with that code. A token that proves nothing is `Unexpected`, and logged."""
        if not _CODE.fullmatch(code):
            raise Refused("code")
        keys = await self._keys.known()  # before the code is spent
        token = await self._exchange(code, redirect_uri, verifier)
        expected = nonce if self.options.nonce else None
        try:
            return login_of(token, keys, self._rule, nonce=expected, now=time.time())
        except Doubt as doubt:
            why = doubt.why
        newer = await self._keys.newer(keys) if why == "kid" else None
        if newer is not None:
            try:
                return login_of(token, newer, self._rule, nonce=expected, now=time.time())
            except Doubt as doubt:
                why = doubt.why
        _log.warning("id_token_refused", why=why)
        raise Unexpected

    async def ping(self) -> None:
        """Its keys can be read."""
        await self._keys.read()

    async def close(self) -> None:
        await self._web.close()

    async def _exchange(self, code: str, redirect_uri: str, verifier: str) -> str:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        if self.options.pkce:
            form["code_verifier"] = verifier
        path = self.options.token_path
        answer = await self._web.call("POST", path, data=form, headers=self._basic, largest=_LARGEST)
        return _accepted(answer).read(_Tokens).id_token

    async def _confirmation(self, mobile: str) -> str:
        """Says that the phone is verified; serves once, so it is never kept (A7)."""
        path = self.options.trusted_phone_path
        answer = await self._web.call("POST", path, json={"phone": mobile}, headers=self._basic, retry=True)
        return _accepted(answer).read(_Trusted).secret

    async def _signed(self, iin: str) -> dict[str, str]:
        """A signature locks the IIN at Aitu; without a key it is a suggestion."""
        if iin_of(iin) is None:
            raise Refused("request")
        if self._iin_key is None:
            return {"iin": iin}
        signature = await asyncio.to_thread(self._iin_key.sign, iin.encode(), padding.PKCS1v15(), hashes.SHA256())
        encode = base64.b64encode if self.options.iin_signature == "base64" else base64.urlsafe_b64encode
        return {"iin": iin, "iin_signature": encode(signature).decode()}


def aitu(options: AituOptions, environ: Mapping[str, str], *, production: bool, breaker: Breaker | None = None) -> Aitu:
    """`SecretUnset` names the variable that is missing; `ValueError` the one that holds no RSA key."""
    if off := [word for word in ("pkce", "nonce") if not getattr(options, word)]:
        _log.warning("aitu_unprotected", off=off)  # an exception must be seen (security.md E4)
    key = secret(environ, options.iin_key_env).replace("\\n", "\n").encode() if options.iin_key_env else None
    try:
        return Aitu(options, secret(environ, options.secret_env), iin_key=key, production=production, breaker=breaker)
    except NoKey:
        problem = ValueError(f"{options.iin_key_env} holds no RSA key of {_SHORTEST_KEY} bits or more in PEM")
    raise problem


class NoKey(ValueError):
    """Repeats nothing of what was given."""


def _rsa(pem: bytes) -> rsa.RSAPrivateKey:
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < _SHORTEST_KEY:
        raise NoKey("no RSA key of 2048 bits or more in PEM")
    return key


def _challenge(verifier: str) -> str:
    """PKCE's S256 (RFC 7636 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _accepted(answer: Answer) -> Answer:
    """Errors come with a status of their own, and in the body; a description may be spelled either way."""
    if reason := _said(answer) or _REFUSALS.get(answer.status):
        raise Refused(reason)
    if answer.status != 200:
        raise Unexpected
    return answer


def _said(answer: Answer) -> str | None:
    try:
        told = answer.json()
    except Unexpected:
        return None
    names = ("error", "error_description", "errorDescription")
    return word_of([told.get(name) for name in names], _SAID) if isinstance(told, dict) else None
