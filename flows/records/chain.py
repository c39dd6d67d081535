"""How audit records hang together: HMAC-SHA256(key, length-prefixed fields ‖ hash of the record before)."""

import hmac
import json
from dataclasses import dataclass, field
from typing import Final

GENESIS: Final = bytes(32)
"""What stands before the first record."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One event as it came out of its shard's stream. `at`: milliseconds of Redis' clock; `entry`: the stream's id.

    `object` is a fingerprint; `fields` hold nothing personal.
    """

    shard: int
    entry: str
    at: int
    event: str
    channel: str
    object: str
    fields: dict[str, str | int | bool] = field(default_factory=dict)

    def columns(self, seq: int) -> tuple[int, int, int, str, str, str, str, str]:
        fields = json.dumps(self.fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return seq, self.at, self.shard, self.entry, self.event, self.channel, self.object, fields


@dataclass(frozen=True, slots=True)
class Head:
    """The last record there is."""

    seq: int
    hash: bytes


def link(key: bytes, columns: tuple[object, ...], prev: bytes) -> bytes:
    """The length in front of each field keeps a character from sliding into the next field unseen."""
    parts = [str(column).encode("utf-8", "surrogatepass") for column in columns]
    plain = b"".join([len(part).to_bytes(4, "big") + part for part in parts])
    return hmac.digest(key, plain + prev, "sha256")


def breach(keys: tuple[bytes, ...], row: tuple[object, ...], before: Head) -> str | None:
    """What is wrong with a stored row (columns ‖ prev ‖ hash) that follows `before`; None when nothing is."""
    *columns, prev, digest = row
    if columns[0] != before.seq + 1:
        return f"expected record {before.seq + 1}"
    if prev != before.hash:
        return "does not follow the record before it"
    if not any(link(key, tuple(columns), before.hash) == digest for key in keys):
        return "its contents do not match its hash"
    return None
