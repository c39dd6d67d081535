"""Everything that is derived from the records' secret, and the data key that each client has.

Personal fields rest under a random key of the client's own; that key rests wrapped by the records' secret. Destroying
one row therefore destroys one client, and a value moved to another client's row does not open.
"""

import hashlib
import json
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from flows.keys import Sealer, Unsealable, subkey

_NONCE = 12
PEPPER_ID = 4
HEIRLOOM = "retired-"


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


class AuditKeys:
    """What chains and signs: the current key and, while rotating, the previous one. A retired key is good for what was
    written up to its `until`: with it nobody can add to the log, and what it signed hangs on records of its successor.
    """

    def __init__(self, secrets: tuple[bytes, ...]) -> None:
        self.live = tuple(HMAC(subkey(secret, "audit"), SHA256()) for secret in secrets)
        self._retired: list[tuple[HMAC, int]] = []
        self.current = self.live[0]

    def retire(self, key: bytes, until: int) -> None:
        self._retired.append((HMAC(key, SHA256()), until))

    def at(self, seq: int) -> tuple[HMAC, ...]:
        """The keys that record `seq`, or a head of that number, may bear."""
        if not self._retired:
            return self.live
        return (*(key for key, until in self._retired if seq <= until), *self.live)


class RecordKeys:
    """The long-lived family. While a secret is being rotated the previous one still finds, opens and verifies."""

    def __init__(self, current: bytes, previous: bytes | None = None) -> None:
        secrets = (current,) if previous is None else (current, previous)
        self._index = tuple(HMAC(subkey(secret, "index"), SHA256()) for secret in secrets)
        peppers = [subkey(secret, "word") for secret in secrets]
        self._peppers = {_key_id(pepper): HMAC(pepper, SHA256()) for pepper in peppers}
        self._client_keys = Sealer(secrets, "client-key")
        self._marks = Sealer(secrets, "records-mark")
        self._heirlooms = Sealer(secrets, "heirloom")
        self._previous = previous
        self.pepper_id = next(iter(self._peppers))
        self.audit = AuditKeys(secrets)
        self.rotating = previous is not None

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

    def rewrapped(self, wrapped: bytes, client_id: str) -> bytes | None:
        """A data key under the current secret; None when it is already. Raises `Unsealable`."""
        return self._client_keys.renewed(wrapped, client_id)

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

    def is_current(self, mark: bytes) -> bool:
        """Has the database been rotated to the current secret? Raises `Unsealable`."""
        return self._marks.renewed(mark, "records") is None

    def heirloom(self, until: int) -> tuple[str, bytes]:
        """Name and sealed value of what the previous secret leaves behind: hashed words cannot be peppered anew, nor
        can the log up to `until` be chained anew.
        """
        if self._previous is None:
            raise ValueError("there is no previous secret")
        pepper, audit = subkey(self._previous, "word"), subkey(self._previous, "audit")
        name = HEIRLOOM + _key_id(pepper).hex()
        left = json.dumps({"pepper": pepper.hex(), "audit": audit.hex(), "until": until})
        return name, self._heirlooms.seal(left.encode(), name)

    def inherit(self, name: str, sealed: bytes) -> None:
        """Raises `Unsealable`."""
        left = json.loads(self._heirlooms.unseal(sealed, name))
        pepper = bytes.fromhex(left["pepper"])
        self._peppers.setdefault(_key_id(pepper), HMAC(pepper, SHA256()))
        self.audit.retire(bytes.fromhex(left["audit"]), left["until"])

    def renewed_heirloom(self, name: str, sealed: bytes) -> bytes | None:
        """Under the current secret; None when it is already. Raises `Unsealable`."""
        return self._heirlooms.renewed(sealed, name)


def mac_of(key: HMAC, plain: bytes) -> bytes:
    """HMAC from a prepared key: a third of the time of `hmac.digest`, and every look-up makes some."""
    mac = key.copy()
    mac.update(plain)
    return mac.finalize()


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()[:PEPPER_ID]
