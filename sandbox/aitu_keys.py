"""The keys of the simulated Aitu Passport: two are published, the newest signs; and JWTs as compact text (RFC 7515)."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sandbox.world import World

EXPONENT, BITS, WEAK = 65537, 2048, 1024
PUBLISHED = 2


@dataclass(frozen=True, slots=True)
class Key:
    kid: str
    private: RSAPrivateKey = field(repr=False)

    def published(self) -> dict[str, str]:
        numbers = self.private.public_key().public_numbers()
        values = {name: b64(_bytes(value)) for name, value in (("n", numbers.n), ("e", numbers.e))}
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid, **values}

    def sign(self, data: bytes) -> bytes:
        return self.private.sign(data, PKCS1v15(), SHA256())

    def mac(self, data: bytes) -> bytes:
        """What a verifier accepts that takes the public key for a secret."""
        pem = self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return hmac.digest(pem, data, hashlib.sha256)


class Keys:
    """Made when they are first asked for, in a thread."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = asyncio.Lock()
        self._known: list[Key] = []
        self._weak: list[Key] = []

    async def newest(self) -> Key:
        return (await self._all())[0]

    async def oldest(self) -> Key:
        return (await self._all())[-1]

    async def published(self) -> list[dict[str, str]]:
        return [key.published() for key in [*await self._all(), *self._weak]]

    async def rotate(self) -> Key:
        """The new one signs from now on, the oldest is withdrawn."""
        await self._all()
        async with self._lock:
            self._known = [await self.nobodys(), *self._known][:PUBLISHED]
            return self._known[0]

    async def nobodys(self, bits: int = BITS) -> Key:
        """A key that is not published."""
        return Key(str(uuid4()), await self._world.aside(generate_private_key, EXPONENT, bits))

    async def weak(self) -> Key:
        """Published besides, and too short."""
        async with self._lock:
            if not self._weak:
                self._weak.append(await self.nobodys(WEAK))
            return self._weak[0]

    async def _all(self) -> list[Key]:
        async with self._lock:
            while len(self._known) < PUBLISHED:
                self._known.append(await self.nobodys())
            return self._known


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def compact(header: Mapping[str, Any], payload: bytes) -> bytes:
    """What is signed."""
    return f"{b64(json.dumps(header).encode())}.{b64(payload)}".encode()
