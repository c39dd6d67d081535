"""Where the log in the database begins: after the last record that was archived, as a signed mark in the database.

A mark that somebody makes up to hide that the beginning was cut off would have to be signed with the audit key, and a
former mark does not fit the records that are there.
"""

import hmac
import json
from typing import Final

from cryptography.hazmat.primitives.hmac import HMAC

from flows.records.chain import Head
from flows.records.head import HeadForged
from flows.records.sealing import AuditKeys, mac_of

ARCHIVED: Final = "audit-archived"
"""Its name in the table `marks`."""


def signed(key: HMAC, last: Head) -> bytes:
    """The mark that says: all up to `last` is in the archive."""
    mark = {"seq": last.seq, "hash": last.hash.hex(), "signature": _signature(key, last).hex()}
    return json.dumps(mark).encode()


def checked(keys: AuditKeys, mark: bytes) -> Head:
    """Raises `HeadForged`. A retired key is good for records that it chained, and not for this."""
    try:
        told = json.loads(mark)
        last = Head(int(told["seq"]), bytes.fromhex(told["hash"]))
        signature = bytes.fromhex(told["signature"])
    except (ValueError, KeyError, TypeError) as error:
        raise HeadForged from error
    if not any(hmac.compare_digest(_signature(key, last), signature) for key in keys.live):
        raise HeadForged
    return last


def _signature(key: HMAC, last: Head) -> bytes:
    return mac_of(key, f"archived\x1f{last.seq}\x1f".encode() + last.hash)
