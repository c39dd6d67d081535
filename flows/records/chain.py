"""How audit records hang together: HMAC-SHA256(key, length-prefixed fields ‖ hash of the record before)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.hazmat.primitives.hmac import HMAC

from flows.records.sealing import AuditKeys, mac_of

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


def link(key: HMAC, columns: tuple[int, int, int, str, str, str, str, str], prev: bytes) -> bytes:
    """The length in front of each text keeps a character from sliding into the next field unseen."""
    seq, at, shard, entry, event, channel, subject, fields = columns
    numbers = f"{seq} {at} {shard} "
    names = f"{len(entry)}:{entry}{len(event)}:{event}{len(channel)}:{channel}{len(subject)}:{subject}"
    plain = f"{numbers}{names}{len(fields)}:{fields}"
    return mac_of(key, plain.encode("utf-8", "surrogatepass") + prev)


def breach(keys: AuditKeys, row: Sequence[Any], before: Head) -> str | None:
    """What is wrong with a stored row (columns, prev, hash) that follows `before`; None when nothing is."""
    seq, at, shard, entry, event, channel, subject, fields, prev, digest = row
    if seq != before.seq + 1:
        return f"expected record {before.seq + 1}"
    if prev != before.hash:
        return "does not follow the record before it"
    columns = (seq, at, shard, entry, event, channel, subject, fields)
    for key in keys.at(seq):
        if link(key, columns, before.hash) == digest:
            return None
    return "its contents do not match its hash"
