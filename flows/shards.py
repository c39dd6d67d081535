"""Shards: sixteen slots, and the four bits in a stepId, a token and a fingerprint that say which one is meant."""

import secrets
from base64 import urlsafe_b64encode

SHARDS = 16
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def prefix(shard: int) -> str:
    return f"shinos:1:{{{shard:02}}}:"


HALL = prefix(0)
PREFIXES = tuple(prefix(shard) for shard in range(SHARDS))


def shard_of_fingerprint(fingerprint: str) -> int:
    return int(fingerprint[0], 16)


def shard_of_text(text: str) -> int | None:
    """The shard in the last four bits of a stepId or token; None when it cannot be one of ours."""
    index = _ALPHABET.find(text[-1:]) if text else -1
    return index & 15 if index >= 0 else None


def new_step_id(shard: int) -> str:
    """128 random bits and the shard, as 22 base64url characters (security.md §7 #14)."""
    body = urlsafe_b64encode(secrets.token_bytes(16)).decode()[:21]
    return body + _ALPHABET[secrets.randbelow(4) << 4 | shard]
