"""Everything that is derived from the records' secret, and the data key that each client has.

Personal fields rest under a random key of the client's own; that key rests wrapped by the records' secret. Destroying
one row therefore destroys one client, and a value moved to another client's row does not open.
"""

import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from flows.keys import Sealer, Unsealable, subkey

_NONCE = 12
PEPPER_ID = 4


class WrongRecordsKey(Exception):
    """This database was begun with another `SHINOS_RECORDS_KEY`: every client would look unknown."""


class Vault:
    """One client's data key: AES-256-GCM, `nonce(12) ciphertext tag(16)`, bound to the client and one purpose."""

    __slots__ = ("_cipher", "_owner")

    def __init__(self, data_key: bytes, client_id: str) -> None:
        self._cipher = AESGCM(data_key)
        self._owner = client_id

    def seal(self, plain: bytes, purpose: str) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, plain, self._bound(purpose))

    def unseal(self, sealed: bytes, purpose: str) -> bytes:
        """Raises `Unsealable`."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], self._bound(purpose))
        except (InvalidTag, ValueError) as error:
            raise Unsealable from error

    def _bound(self, purpose: str) -> bytes:
        return f"{self._owner}\x1f{purpose}".encode()


class RecordKeys:
    """The long-lived family. While a secret is being rotated the previous one still finds, opens and verifies."""

    def __init__(self, current: bytes, previous: bytes | None = None) -> None:
        secrets = (current,) if previous is None else (current, previous)
        self._index = tuple(HMAC(subkey(secret, "index"), SHA256()) for secret in secrets)
        peppers = [subkey(secret, "word") for secret in secrets]
        self._peppers = {_key_id(pepper): HMAC(pepper, SHA256()) for pepper in peppers}
        self._client_keys = Sealer(secrets, "client-key")
        self._marks = Sealer(secrets, "records-mark")
        self.pepper_id = next(iter(self._peppers))
        self.audit = tuple(HMAC(subkey(secret, "audit"), SHA256()) for secret in secrets)

    def fingerprints(self, canonical: str) -> tuple[bytes, ...]:
        """What stands for a name in the index: under the current key, then under the previous one."""
        plain = canonical.encode()
        return tuple(mac_of(key, plain) for key in self._index)

    def new_vault(self) -> tuple[str, bytes, Vault]:
        """A new client: its id, its wrapped data key, and the key at work."""
        client_id, data_key = os.urandom(16).hex(), os.urandom(32)
        return client_id, self._client_keys.seal(data_key, client_id), Vault(data_key, client_id)

    def vault(self, wrapped: bytes, client_id: str) -> Vault:
        """Raises `Unsealable`."""
        return Vault(self._client_keys.unseal(wrapped, client_id), client_id)

    def word_print(self, client_id: str, word: str, pepper_id: bytes | None = None) -> bytes:
        """HMAC of a normalised word; without the secret nobody can even begin to guess."""
        pepper = self._peppers.get(self.pepper_id if pepper_id is None else pepper_id)
        if pepper is None:
            raise Unsealable
        return mac_of(pepper, f"{client_id}\x1f{word}".encode("utf-8", "surrogatepass"))

    def group_print(self, prints: list[bytes]) -> bytes:
        """One print over many words at once (see `groups.py`)."""
        return mac_of(self._peppers[self.pepper_id], b"group" + b"".join(sorted(prints)))

    def mark(self) -> bytes:
        """What a new database is marked with, so that a wrong secret is noticed at the start."""
        return self._marks.seal(b"shinos", "records")

    def check_mark(self, mark: bytes) -> None:
        try:
            self._marks.unseal(mark, "records")
        except Unsealable as error:
            raise WrongRecordsKey("the database belongs to another records key (SHINOS_RECORDS_KEY)") from error


def mac_of(key: HMAC, plain: bytes) -> bytes:
    """HMAC from a prepared key: a third of the time of `hmac.digest`, and every look-up makes some."""
    mac = key.copy()
    mac.update(plain)
    return mac.finalize()


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()[:PEPPER_ID]
