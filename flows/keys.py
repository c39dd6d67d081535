"""Everything that is derived from the two secrets of the service, and the sealing of what rests.

`SHINOS_KEY` serves what lives minutes: one-time codes, tokens, sessions, fingerprints in Redis. `SHINOS_RECORDS_KEY`
serves what lives years: the index of names, the clients' data keys, the pepper of secret words, the audit chain. Each
purpose has a key of its own, HMAC-SHA256(secret, purpose).
"""

import hashlib
import hmac
import os
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV

_NONCE = 12
_KEY_ID = 4
_STATE = b"state"
_TICKET = re.compile("[A-Za-z0-9_-]{52}")


class Unsealable(Exception):
    """Sealed bytes that none of our keys opens: another key, another owner, or tampering."""


def subkey(secret: bytes, purpose: str) -> bytes:
    """32 bytes for one purpose."""
    return hmac.digest(secret, purpose.encode(), "sha256")


class Sealer:
    """AES-256-GCM with a key id in front: `id(4) nonce(12) ciphertext tag(16)`. The first secret seals, all open.

    The additional data binds a value to its owner and purpose, so it cannot be moved to another client.
    """

    def __init__(self, secrets: tuple[bytes, ...], purpose: str) -> None:
        keys = [subkey(secret, purpose) for secret in secrets]
        self._ciphers = {hashlib.sha256(key).digest()[:_KEY_ID]: AESGCM(key) for key in keys}
        self._id, self._cipher = next(iter(self._ciphers.items()))

    def seal(self, plain: bytes, owner: str) -> bytes:
        nonce = os.urandom(_NONCE)
        return self._id + nonce + self._cipher.encrypt(nonce, plain, owner.encode())

    def renewed(self, sealed: bytes, owner: str) -> bytes | None:
        """The same under the first secret; None when it is already. Raises `Unsealable`."""
        return None if sealed[:_KEY_ID] == self._id else self.seal(self.unseal(sealed, owner), owner)

    def unseal(self, sealed: bytes, owner: str) -> bytes:
        """Raises `Unsealable`."""
        cipher = self._ciphers.get(sealed[:_KEY_ID])
        if cipher is None:
            raise Unsealable
        nonce, rest = sealed[_KEY_ID : _KEY_ID + _NONCE], sealed[_KEY_ID + _NONCE :]
        try:
            return cipher.decrypt(nonce, rest, owner.encode())
        except (InvalidTag, ValueError) as error:
            raise Unsealable from error


class Keys:
    """The short-lived family, from the current secret and, while rotating, the previous one.

    A session's id names the secret that it began under, so its code and its token stay what they were. Fingerprints
    come from a `lasting` secret: locks and budgets outlive a rotation.
    """

    def __init__(self, current: bytes, previous: bytes | None = None, *, lasting: bytes | None = None) -> None:
        secrets = (current,) if previous is None else (current, previous)
        self._id = _id_of(current)
        self._codes = {_id_of(secret): subkey(secret, "code") for secret in secrets}
        self._tokens = {_id_of(secret): subkey(secret, "token") for secret in secrets}
        self._logins = {_id_of(secret): subkey(secret, "login") for secret in secrets}
        self._prints = subkey(lasting or current, "fingerprint")
        self._tickets = [AESSIV(subkey(secret, "ticket")) for secret in secrets]
        self.sessions = Sealer(secrets, "session")

    def new_sid(self) -> str:
        """A session's id: which secret it began under, and 128 random bits."""
        return self._id + os.urandom(16).hex()

    def fingerprint(self, *parts: str) -> str:
        """128 bits in hex that stand for personal data in Redis keys, logs and the audit log.

        Keyed BLAKE2b (RFC 7693 §2.9) is a MAC like HMAC, at an eighth of OpenSSL's price for one.
        """
        return hashlib.blake2b("\x1f".join(parts).encode(), key=self._prints, digest_size=16).hexdigest()

    def code(self, sid: str, step: str, digits: int) -> str:
        """The one-time code of a step: derived, so the same on resend, and nowhere at rest."""
        return _digits(self._of(self._codes, sid), sid, step, digits)

    def is_code(self, sid: str, step: str, digits: int, text: str) -> bool:
        """Compared in constant time."""
        return hmac.compare_digest(self.code(sid, step, digits).encode(), text.encode("utf-8", "replace"))

    def token(self, sid: str, shard: int) -> str:
        """The session's token: 44 base64url characters, 260 derived bits and the shard in the last four."""
        raw = bytearray(hmac.digest(self._of(self._tokens, sid), sid.encode(), "sha512")[:33])
        raw[-1] = (raw[-1] & 0xF0) | shard
        return urlsafe_b64encode(raw).decode()

    def ticket(self, sid: str, shard: int, number: int) -> str:
        """The link of that `number` (below 65 536) to a session's page: 52 base64url characters, of which 128 bits are
        a MAC (AES-SIV, RFC 5297). Derived, so that asking again yields the same one; it says nothing of the session.
        """
        return self._sealed(sid, shard, number, None)

    def read_ticket(self, ticket: str) -> tuple[str, int, int] | None:
        """Session, shard and number; None when it is none of ours."""
        return self._read(ticket, None)

    def state(self, sid: str, shard: int, number: int) -> str:
        """What a login of that `number` is known again by when it comes back: like a ticket, and no link of ours."""
        return self._sealed(sid, shard, number, [_STATE])

    def read_state(self, state: str) -> tuple[str, int, int] | None:
        """Session, shard and number; None when it is none of ours."""
        return self._read(state, [_STATE])

    def login(self, sid: str, number: int) -> tuple[str, str]:
        """PKCE verifier (RFC 7636) and nonce of that login, 43 characters each; derived, so they rest nowhere."""
        key = self._of(self._logins, sid)
        made = (hmac.digest(key, f"{sid}\x1f{number}\x1f{what}".encode(), "sha256") for what in ("verifier", "nonce"))
        verifier, nonce = (urlsafe_b64encode(one).rstrip(b"=").decode() for one in made)
        return verifier, nonce

    def _sealed(self, sid: str, shard: int, number: int, about: list[bytes] | None) -> str:
        plain = bytes((shard,)) + number.to_bytes(2, "big") + bytes.fromhex(sid)
        return urlsafe_b64encode(self._tickets[0].encrypt(plain, about)).decode()

    def _read(self, sealed: str, about: list[bytes] | None) -> tuple[str, int, int] | None:
        if not _TICKET.fullmatch(sealed):
            return None
        for cipher in self._tickets:
            with suppress(InvalidTag):
                plain = cipher.decrypt(urlsafe_b64decode(sealed), about)
                return plain[3:].hex(), plain[0], int.from_bytes(plain[1:3], "big")
        return None

    def _of(self, keys: dict[str, bytes], sid: str) -> bytes:
        return keys.get(sid[: len(self._id)]) or keys[self._id]


def _id_of(secret: bytes) -> str:
    return hashlib.sha256(subkey(secret, "id")).hexdigest()[:8]


def _digits(key: bytes, sid: str, step: str, digits: int) -> str:
    # 64 bits against a modulus of at most 10^10: the bias is below one in a billion.
    number = int.from_bytes(hmac.digest(key, f"{sid}\x1f{step}".encode(), "sha256")[:8], "big")
    return str(number % 10**digits).zfill(digits)
