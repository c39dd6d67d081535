"""Aitu's id_token: who has logged in, when every single thing about it is right (security.md Q16; protocols.md 4.5).

It is read as hostile input: measured before it is decoded, one algorithm, keys from the configured set alone. What is
wrong with it is one word of a closed list, for the log; nothing of the token is ever repeated.
"""

import base64
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal, get_args

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from pydantic import Field, FiniteFloat, StrictInt, StrictStr, ValidationError

from flows.errors import Unexpected
from flows.papers import Login
from flows.upstream.aitu_words import iin_of, phone_of, real
from flows.upstream.answer import Answer, Told

LARGEST = 32 * 2**10
"""Characters of a token."""
_LARGEST_HEADER = 4096
_SKEW = 60
"""Seconds that two clocks may differ."""
_OLDEST = 600
"""Seconds since it was made (security.md 7, 27)."""
_PARTS = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")

Why = Literal[
    "form",
    "header",
    "alg",
    "kid",
    "signature",
    "iss",
    "sub",
    "aud",
    "azp",
    "exp",
    "iat",
    "nbf",
    "lifetime",
    "nonce",
    "idpc_verification",
    "iin",
    "requestId",
]
"""What is wrong: form is no token at all, header has what nobody may trust, the others are named after the claims."""
_NAMED: Final[dict[str, Why]] = {word: word for word in get_args(Why)}


class Doubt(Exception):
    """A token that proves nothing; `why` is for the log."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why: Why = why


@dataclass(frozen=True, slots=True)
class Key:
    """One of Aitu's keys, fit for RS256; `kid` is "" when it has no name."""

    kid: str
    key: RSAKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class Rule:
    """What a token must say. `longest`: seconds of its life; `production`: the IIN must be a person's."""

    issuer: str
    client_id: str
    longest: int = 3600
    production: bool = False


class _Header(Told):
    """Whatever names a key of its own is refused, and so is every extension."""

    alg: StrictStr
    kid: Annotated[StrictStr, Field(max_length=256)] | None = None
    typ: Annotated[StrictStr, Field(pattern="^(?i:(application/)?jwt)$")] | None = None
    jku: None = None
    jwk: None = None
    x5u: None = None
    x5c: None = None
    crit: None = None
    b64: None = None
    zip: None = None


Moment = Annotated[FiniteFloat, Field(strict=True, gt=0, lt=1e11)]
"""Unix seconds."""


class _Claims(Told):
    iss: StrictStr
    sub: Annotated[StrictStr, Field(min_length=1, max_length=255)]
    aud: StrictStr | Annotated[list[StrictStr], Field(min_length=1, max_length=20)]
    azp: StrictStr | None = None
    exp: Moment
    iat: Moment
    nbf: Moment | None = None
    nonce: StrictStr | None = Field(default=None, repr=False)
    iin: StrictStr | StrictInt | None = Field(default=None, repr=False)
    phone: object = Field(default=None, repr=False)
    idpc_verification: dict[str, Any] | StrictStr = Field(repr=False)


def login_of(token: str, keys: Sequence[Key], rule: Rule, *, nonce: str | None, now: float) -> Login:
    """Who has logged in; `nonce` None does without one. Raises `Doubt`, whatever the token is.

    `Doubt("kid")` may mean that the keys have changed.
    """
    try:
        return _login(token, keys, rule, nonce, now)
    except Doubt as doubt:
        why = doubt.why
    except (Unexpected, ValueError) as error:
        why = _first(error) if isinstance(error, ValidationError) else "form"
    raise Doubt(why)


def _login(token: str, keys: Sequence[Key], rule: Rule, nonce: str | None, now: float) -> Login:
    parts = _PARTS.fullmatch(token) if len(token) <= LARGEST else None
    if parts is None or len(parts[1]) > _LARGEST_HEADER:
        raise Doubt("form")
    header = _Header.model_validate(_json(parts[1]))
    if header.alg != "RS256":
        raise Doubt("alg")
    _check_signature(token, header.kid, keys)
    claims = _Claims.model_validate(_json(parts[2]))
    _check_parties(claims, rule)
    _check_times(claims, rule, now)
    if nonce is not None and not hmac.compare_digest((claims.nonce or "").encode(), nonce.encode()):
        raise Doubt("nonce")
    return _person(claims, production=rule.production)


def _json(part: str) -> object:
    """Strict JSON out of base64url; `Unexpected` when it is none."""
    return Answer(200, base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))).json()


def _first(error: ValidationError) -> Why:
    """The field that is wrong, never its value."""
    where = error.errors(include_input=False, include_context=False, include_url=False)[0]["loc"]
    return _NAMED.get(str(where[0]), "header") if where else "form"


def _check_signature(token: str, kid: str | None, keys: Sequence[Key]) -> None:
    """By the key of that name; without a name there must be one key alone."""
    fitting = [one for one in keys if one.kid == kid] if kid is not None else list(keys)
    if not fitting or (kid is None and len(fitting) > 1):
        raise Doubt("kid")
    if not any(_signed(token, one.key) for one in fitting):
        raise Doubt("signature" if kid is not None else "kid")


def _signed(token: str, key: RSAKey) -> bool:
    registry = jws.JWSRegistry(algorithms=["RS256"], strict_check_header=False)
    registry.max_header_length = registry.max_payload_length = LARGEST
    try:
        jws.deserialize_compact(token, key, registry=registry)
    except (JoseError, ValueError, TypeError):
        return False
    return True


def _check_parties(claims: _Claims, rule: Rule) -> None:
    """From Aitu, for us; when others are meant too, made for us."""
    audience = [claims.aud] if isinstance(claims.aud, str) else claims.aud
    if claims.iss != rule.issuer:
        raise Doubt("iss")
    if rule.client_id not in audience:
        raise Doubt("aud")
    if claims.azp != rule.client_id and (claims.azp is not None or len(audience) > 1):
        raise Doubt("azp")


def _check_times(claims: _Claims, rule: Rule, now: float) -> None:
    if claims.exp <= now - _SKEW:
        raise Doubt("exp")
    if not now - _OLDEST - _SKEW <= claims.iat <= now + _SKEW:
        raise Doubt("iat")
    if claims.nbf is not None and claims.nbf > now + _SKEW:
        raise Doubt("nbf")
    if not 0 < claims.exp - claims.iat <= rule.longest:
        raise Doubt("lifetime")


def _person(claims: _Claims, *, production: bool) -> Login:
    """`idpc_verification` is an object or a text of JSON. An IIN that stands outside it too must be the same."""
    told = claims.idpc_verification
    if isinstance(told, str):
        told = _object(told)
    iin, request_id = iin_of(told.get("iin")), told.get("requestId")
    if iin is None or (claims.iin is not None and iin_of(claims.iin) != iin) or (production and not real(iin)):
        raise Doubt("iin")
    if not isinstance(request_id, str) or not _REQUEST_ID.fullmatch(request_id):
        raise Doubt("requestId")
    return Login(iin=iin, request_id=request_id, phone=phone_of(claims.phone))


def _object(text: str) -> dict[str, Any]:
    try:
        told = Answer(200, text.encode()).json()
    except (Unexpected, UnicodeEncodeError):
        told = None
    if not isinstance(told, dict):
        raise Doubt("idpc_verification")
    return told
