"""Aitu's signing keys (`/.well-known/jwks.json`), kept for an hour and read again when a token names another one."""

import asyncio
import base64
from binascii import Error as NoBase64
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from typing import Annotated, Any, Final, Literal

from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from pydantic import Field, StrictStr, ValidationError

from flows.errors import Unexpected
from flows.upstream.aitu_token import Key
from flows.upstream.answer import Answer, Told
from flows.upstream.web import Web

_FRESH = 3600.0
"""Seconds that the keys are kept."""
_PAUSE = 60.0
"""Seconds between two looks for a key that is not there: invented names must not make us ask."""
_LARGEST = 256 * 2**10
"""Bytes of the whole set."""
_MOST = 20
_BITS: Final = (2048, 8192)


class _Listed(Told):
    keys: Annotated[list[dict[str, Any]], Field(max_length=100)]


class _Rsa(Told):
    """A key for signatures by RS256; one for anything else does not fit."""

    kty: Literal["RSA"]
    n: StrictStr = Field(repr=False)
    e: StrictStr
    kid: Annotated[StrictStr, Field(max_length=256)] = ""
    use: Literal["sig"] | None = None
    alg: Literal["RS256"] | None = None
    key_ops: list[str] | None = None


class Keys:
    """All calls raise `Unavailable` or `Unexpected`."""

    def __init__(self, web: Web, path: str) -> None:
        self._web = web
        self._path = path
        self._keys: tuple[Key, ...] = ()
        self._read_at = self._searched_at = float("-inf")
        self._reading = asyncio.Lock()

    async def known(self) -> Sequence[Key]:
        async with self._reading:
            if monotonic() - self._read_at > _FRESH:
                await self._read()
            return self._keys

    async def newer(self, than: Sequence[Key]) -> Sequence[Key] | None:
        """The keys as they are now, for a token whose key is not among these; None when it is too early to ask."""
        async with self._reading:
            if self._keys is not than:  # somebody else has just asked
                return self._keys
            if monotonic() - self._searched_at < _PAUSE:
                return None
            self._searched_at = monotonic()
            await self._read()
            return self._keys

    async def read(self) -> None:
        async with self._reading:
            await self._read()

    async def _read(self) -> None:
        answer = await self._web.call("GET", self._path, retry=True, largest=_LARGEST)
        self._keys = keys_of(answer)
        self._read_at = monotonic()


def keys_of(answer: Answer) -> tuple[Key, ...]:
    """Those that fit; `Unexpected` when there is none."""
    if answer.status != 200:
        raise Unexpected
    found = tuple(key for told in answer.read(_Listed).keys if (key := _key(told)))[:_MOST]
    if not found:
        raise Unexpected
    return found


def _key(told: dict[str, Any]) -> Key | None:
    """None for a key that is of another kind, too short, or no key at all."""
    with suppress(ValidationError, JoseError, ValueError, TypeError):
        rsa = _Rsa.model_validate(told)
        if _BITS[0] <= _bits(rsa.n) <= _BITS[1] and (rsa.key_ops is None or "verify" in rsa.key_ops):
            return Key(rsa.kid, RSAKey.import_key({"kty": "RSA", "n": rsa.n, "e": rsa.e}))
    return None


def _bits(modulus: str) -> int:
    try:
        whole = base64.urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4))
    except NoBase64:
        return 0
    return int.from_bytes(whole).bit_length()
