"""What the bank has set in the simulated Aitu Passport's console: redirect URIs, the key of its IINs, its hooks.

`POST /aitu/_clients` sets what it names and leaves the rest, GET shows it, DELETE makes it as it was. Without a list of
its own any `http://127.0.0.1:<port>/aitu/callback` and `http://localhost:<port>/aitu/callback` is registered.
"""

import base64
import hmac
import re
from typing import Literal

from aiohttp import web
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from pydantic import BaseModel, ConfigDict, Field, field_validator

from sandbox.aitu_refusals import ToldError
from sandbox.control import order_of, readable

CLIENT_ID = "shinos-sandbox"
CLIENT_SECRET = "sandbox-aitu-secret-of-the-client-shinos"
LOOPBACK = re.compile(r"http://(?:127\.0\.0\.1|localhost)(?::[0-9]{1,5})?/aitu/callback")
Url = Field(default=None, pattern="^https?://[^/]", max_length=2048)


class Console(BaseModel):
    """`iin_key`: a public RSA key in PEM; `iin_signature`: the spelling of base64 that is understood."""

    model_config = ConfigDict(extra="forbid", strict=True)

    redirect_uris: list[str] | None = None
    iin_key: str | None = Field(default=None, repr=False)
    iin_signature: Literal["base64", "base64url"] = "base64"
    logout_uri: str | None = Url
    validator_uri: str | None = Url
    validator_id: str = "sandbox-validator"
    validator_secret: str = Field(default="sandbox-validator-secret", repr=False)

    @field_validator("iin_key")
    @classmethod
    def _is_a_key(cls, pem: str | None) -> str | None:
        if pem is not None:
            public_key(pem)
        return pem

    def registered(self, redirect_uri: str) -> bool:
        if self.redirect_uris is None:
            return LOOPBACK.fullmatch(redirect_uri) is not None
        return redirect_uri in self.redirect_uris


class Consoles:
    """There is one client, so there is one console."""

    def __init__(self) -> None:
        self.set = Console()

    async def change(self, request: web.Request) -> web.Response:
        order = await order_of(request, Console)
        self.set = self.set.model_copy(update={name: getattr(order, name) for name in order.model_fields_set})
        return await self.show(request)

    async def reset(self, request: web.Request) -> web.Response:
        self.set = Console()
        return await self.show(request)

    async def show(self, _: web.Request) -> web.Response:
        return readable({"client_id": CLIENT_ID, **self.set.model_dump(exclude={"validator_secret"})})


def public_key(pem: str) -> RSAPublicKey:
    """`ValueError` when it is none."""
    try:
        key: object = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, RSAPublicKey):
        return key
    raise ValueError("a public RSA key in PEM is expected")


def authorise(request: web.Request) -> None:
    """Basic with the client's id and secret. Raises `ToldError`."""
    if not basic(request, CLIENT_ID, CLIENT_SECRET):
        raise ToldError(401, "invalid_client", "Client authentication failed")


def basic(request: web.Request, login: str, password: str) -> bool:
    """Whether the request comes with these (RFC 7617)."""
    scheme, _, pair = request.headers.get("Authorization", "").partition(" ")
    try:
        given = base64.b64decode(pair.strip(), validate=True)
    except ValueError:
        return False
    return scheme.lower() == "basic" and hmac.compare_digest(given, f"{login}:{password}".encode())
