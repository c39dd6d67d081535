"""Tokens of an invented Aitu Passport, right and wrong, made without the library that reads them."""

import base64
import json
import time
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

ISSUER, CLIENT, NONCE = "https://passport.example/", "shinos-of-the-tests", "nonce-of-this-login-0123456789"
IIN, REQUEST_ID, PHONE = "900101300126", "5f8bd0d4-7d3f-4c3c-9b2e-000000000001", "77071234567"

KEY, NEXT, FOREIGN = (rsa.generate_private_key(65537, 2048) for _ in range(3))
SHORT = rsa.generate_private_key(65537, 1024)  # noqa: S505 - one that must be refused


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwk(key: rsa.RSAPrivateKey, kid: str | None = "one", **more: Any) -> dict[str, Any]:
    """The public half, as a set lists it."""
    numbers = key.public_key().public_numbers()
    n, e = (b64(number.to_bytes((number.bit_length() + 7) // 8)) for number in (numbers.n, numbers.e))
    return {"kty": "RSA", "n": n, "e": e} | ({} if kid is None else {"kid": kid}) | more


def claims(now: float | None = None, **changed: Any) -> dict[str, Any]:
    """As Aitu makes them, 5 s ago; `None` takes a claim away."""
    made = int(time.time() if now is None else now) - 5
    whole = {
        "iss": ISSUER,
        "aud": [CLIENT],
        "sub": "9b2c6c1e-0000-4000-8000-000000000001",
        "sid": "9b2c6c1e-0000-4000-8000-000000000002",
        "iat": made,
        "exp": made + 3600,
        "nonce": NONCE,
        "phone": PHONE,
        "idpc_verification": {"iin": IIN, "requestId": REQUEST_ID},
    }
    return {name: value for name, value in (whole | changed).items() if value is not None}


def signed(payload: Any, header: dict[str, Any] | None = None, key: rsa.RSAPrivateKey = KEY) -> str:
    """`payload` may be bytes; `header` changes or, by `None`, takes away."""
    head = {"alg": "RS256", "typ": "JWT", "kid": "one"} | (header or {})
    head = {name: value for name, value in head.items() if value is not None}
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    text = f"{b64(json.dumps(head).encode())}.{b64(body)}"
    return f"{text}.{b64(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"
