"""LUNA PASS: the selfie as a JWT whose payload holds the picture (protocols.md 5).

`make_selfie` wraps a photo as LUNA PASS would; `read_selfie` takes a token that somebody else made, as hostile input:
measured before it is decoded, its signature checked when there is a key, and whatever is wrong with it is one refusal
that repeats nothing of it (security.md D4).
"""

import base64
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Literal

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OctKey, RSAKey
from pydantic import Field, FiniteFloat, StrictBool

from flows.errors import FlowError, Refused
from flows.upstream.answer import Answer, Told
from flows.upstream.code_gateway import GatewayOptions, secret

Algorithm = Literal["HS256", "RS256", "ES256"]

LARGEST = 8 * 2**20
"""Characters of a token."""
_LARGEST_HEADER = 1024
_PARTS = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_DATA_URL = re.compile(r"data:image/[a-z0-9.+-]{1,32};base64,")
_PICTURES: Final = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
_SHORTEST_SECRET = 32


class LunaOptions(GatewayOptions):
    """`[upstream.luna]`. `key_env` signs what we make, `verify_key_env` checks what others made.

    A key in PEM is RSA (RS256) or EC on P-256 (ES256); any other text is a secret of 32 bytes or more (HS256).
    `lifetime` is in seconds.
    """

    algorithm: Algorithm = "HS256"
    key_env: str | None = None
    verify_key_env: str | None = None
    lifetime: int = Field(default=300, ge=10, le=86_400)


@dataclass(frozen=True, slots=True)
class LunaKey:
    """A key and the one algorithm that it may be used with: a public key never becomes an HMAC secret."""

    algorithm: Algorithm
    key: RSAKey | ECKey | OctKey = field(repr=False)
    lifetime: int = 300


def signing_key(options: LunaOptions, environ: Mapping[str, str]) -> LunaKey | None:
    """`ValueError` when the key is not one for `options.algorithm` or cannot sign."""
    if options.key_env is None:
        return None
    key = luna_key(secret(environ, options.key_env), options.lifetime)
    if key.algorithm != options.algorithm or not key.key.is_private:
        raise ValueError(f"{options.key_env} is no key that signs with {options.algorithm}")
    return key


def checking_key(options: LunaOptions, environ: Mapping[str, str]) -> LunaKey | None:
    return luna_key(secret(environ, options.verify_key_env)) if options.verify_key_env else None


def luna_key(text: str, lifetime: int = 300) -> LunaKey:
    """A key as it stands in the environment, where line ends may be written as `\\n`. `ValueError` repeats nothing."""
    material = text.strip().replace("\\n", "\n")
    if "-----BEGIN" in material:
        return _pem(material, lifetime)
    if len(material.encode()) < _SHORTEST_SECRET:
        raise ValueError(f"a secret has {_SHORTEST_SECRET} bytes or more")
    return LunaKey("HS256", OctKey.import_key(material), lifetime)


def _pem(material: str, lifetime: int) -> LunaKey:
    with suppress(ValueError, TypeError, JoseError):
        return LunaKey("RS256", RSAKey.import_key(material), lifetime)
    with suppress(ValueError, TypeError, JoseError):
        key = ECKey.import_key(material)
        if key.curve_name == "P-256":
            return LunaKey("ES256", key, lifetime)
    raise ValueError("neither an RSA key nor one of P-256")


def make_selfie(image: bytes, *, key: LunaKey | None, now: int) -> str:
    """A token of `image` (JPEG), made at `now` (Unix seconds).

    Without a key it is signed with one that is thrown away: the form is right, and nobody can check it.
    """
    signer = key or LunaKey("HS256", OctKey.import_key(secrets.token_bytes(32)))
    claims = {
        "isOk": True,
        "bestshot": base64.b64encode(image).decode(),
        "iat": now,
        "exp": now + signer.lifetime,
    }
    return jwt.encode({"alg": signer.algorithm}, claims, signer.key, algorithms=[signer.algorithm])


def read_selfie(token: str, key: LunaKey | None, *, now: int) -> bytes:
    """The picture (JPEG or PNG) of a token, which may stand in quotes. `Refused("selfie")`, whatever is wrong.

    Without a key any signature will do; the algorithm must be one that we know all the same.
    """
    try:
        return _picture(token, key, now)
    except (ValueError, TypeError, JoseError, FlowError):
        refusal = Refused("selfie")
    raise refusal


class _Header(Told):
    alg: Algorithm
    crit: None = None
    b64: None = None


class _Payload(Told):
    is_ok: StrictBool = Field(alias="isOk")
    bestshot: str | None = Field(default=None, repr=False)
    best_shot: str | None = Field(default=None, repr=False)
    image: str | None = Field(default=None, repr=False)
    exp: FiniteFloat | None = None


def _picture(token: str, key: LunaKey | None, now: int) -> bytes:
    if len(token) > LARGEST:
        raise ValueError("too long")
    parts = _PARTS.fullmatch(token.strip(" \t\r\n\"'"))
    if parts is None or len(parts[1]) > _LARGEST_HEADER * 4 / 3:
        raise ValueError("not three parts")
    Answer(200, _decoded(parts[1], b"-_")).read(_Header)
    if key is not None:
        _check(parts[0], key)
    payload = Answer(200, _decoded(parts[2], b"-_")).read(_Payload)
    if not payload.is_ok or (payload.exp is not None and payload.exp <= now):
        raise ValueError("not ok, or too old")
    shot = payload.bestshot or payload.best_shot or payload.image or ""
    image = _decoded(_DATA_URL.sub("", shot, count=1).rstrip("="), b"+/")
    if not image.startswith(_PICTURES):
        raise ValueError("no picture")
    return image


def _check(token: str, key: LunaKey) -> None:
    """The key's own algorithm and no other, whatever the header says."""
    registry = jws.JWSRegistry(algorithms=[key.algorithm], strict_check_header=False)
    registry.max_header_length = registry.max_payload_length = LARGEST
    jws.deserialize_compact(token, key.key, registry=registry)


def _decoded(text: str, letters: bytes) -> bytes:
    """Base64 without its padding, nothing else in it."""
    return base64.b64decode(text + "=" * (-len(text) % 4), letters, validate=True)
