"""The head of the audit chain, published outside the database: `{seq, hash, count}`, signed, replaced atomically."""

import hmac
import json
import os
import threading
from pathlib import Path

from cryptography.hazmat.primitives.hmac import HMAC

from flows.records.chain import GENESIS, Head
from flows.records.sealing import AuditKeys, mac_of


class HeadForged(Exception):
    """The head file is there and is not ours."""


class HeadFile:
    """`<storage.dir>/audit.head`. Blocking: called in a thread."""

    def __init__(self, path: Path, keys: AuditKeys) -> None:
        self.path = path
        self._keys = keys

    def read(self) -> Head | None:
        """None when there is none. Raises `HeadForged`."""
        try:
            plain = self.path.read_text(encoding="ascii")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            raise HeadForged from error
        return self._verified(plain)

    def publish(self, head: Head) -> None:
        """Never backwards: of two writers the slower one keeps silent."""
        known = self.read()
        if known is None or known.seq < head.seq:
            self._replace(head)

    def _verified(self, plain: str) -> Head:
        try:
            record = json.loads(plain)
            head = Head(int(record["seq"]), bytes.fromhex(record["hash"]))
            signed = bytes.fromhex(record["signature"])
            whole = record["count"] == head.seq
        except (ValueError, KeyError, TypeError) as error:
            raise HeadForged from error
        if not whole or not any(hmac.compare_digest(_signature(key, head), signed) for key in self._keys.at(head.seq)):
            raise HeadForged
        return head

    def _replace(self, head: Head) -> None:
        record = {
            "seq": head.seq,
            "hash": head.hash.hex(),
            "count": head.seq,
            "signature": _signature(self._keys.current, head).hex(),
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_name(f"{self.path.name}.{os.getpid()}.{threading.get_ident()}.new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(json.dumps(record) + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)
        _sync_folder(self.path.parent)


def _signature(key: HMAC, head: Head) -> bytes:
    return mac_of(key, f"head\x1f{head.seq}\x1f".encode() + head.hash)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


BEGINNING = Head(0, GENESIS)
