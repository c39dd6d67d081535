"""Telegram's initData: who has opened a Mini App (core.telegram.org/bots/webapps#validating-data-received).

A check of our own: the libraries' takes data that is years old or from tomorrow, folds repeated keys and breaks on what
is no ASCII (security.md M14, C5). Either signature will do: the HMAC under the bot's token, or Telegram's own Ed25519.
"""

import hashlib
import hmac
import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from flows.errors import FlowError

TELEGRAM: Final = bytes.fromhex("e7bf03a2fa4602af4580703d88dda5bb59f32ed8b02a56c187fe7d34caed242d")
TELEGRAM_TEST: Final = bytes.fromhex("40055058a4ee38156a06562e52eece92a771bcd8346a8c4615cb7376eddf72ec")
"""Telegram's public keys, the second of its test environment (core.telegram.org/bots/webapps)."""

LONGEST = 4096
"""Characters of initData that are looked at."""
FUTURE = 60
"""Seconds that Telegram's clock may be ahead of ours (security.md §7 #20)."""
_MOST = 32
_LARGEST_ID = 2**63
_HASH = re.compile(r"[0-9a-f]{64}")
_SIGNATURE = re.compile(r"[A-Za-z0-9_-]{86}")
_TIME = re.compile(r"[1-9][0-9]{0,11}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class InitDataRefused(FlowError):
    """Forged, stale, of another bot, or nobody's: one answer for all."""

    code, key, status = "1035", "error.init_data", 401


@dataclass(frozen=True, slots=True)
class Launch:
    """`user` is Telegram's id of the person.

    `hash` names this launch for whoever takes each but once. It is ours, over what both signatures cover: of the two
    that Telegram sends, the one that was not looked at could be anything.
    """

    user: str
    hash: str = field(repr=False)


def user_of(init_data: str, *, token: str, now: float, max_age: int, keys: tuple[bytes, ...] = ()) -> Launch:
    """Who has opened the Mini App of the bot with that token. Raises `InitDataRefused`, and nothing else.

    `now` in Unix seconds, `max_age` in seconds. `keys`: Ed25519 keys whose signature is taken instead of the HMAC.
    """
    try:
        fields = _fields(init_data)
        if not (_is_bots(fields, token) or _is_telegrams(fields, token, keys)):
            raise InitDataRefused
        if not -FUTURE <= now - _auth_date(fields) <= max_age:
            raise InitDataRefused
        return Launch(_user(fields), hashlib.sha256(_signed(fields, token)).hexdigest())
    except (ValueError, RecursionError):
        refusal = InitDataRefused()
    raise refusal


def _fields(init_data: str) -> dict[str, str]:
    """Each key once. A line end within a field could move what is signed into another field."""
    if len(init_data) > LONGEST:
        raise ValueError("too long")
    pairs = parse_qsl(init_data, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=_MOST)
    fields = dict(pairs)
    if len(fields) != len(pairs) or any(_CONTROL.search(key + value) for key, value in pairs):
        raise ValueError("repeated, or not plain")
    if not _HASH.fullmatch(fields.get("hash", "")):
        raise ValueError("no hash")
    return fields


def _is_bots(fields: Mapping[str, str], token: str) -> bool:
    """Without a token anybody could sign."""
    secret = hmac.digest(b"WebAppData", token.encode(), "sha256")
    made = hmac.new(secret, _lines(fields, "hash"), "sha256").hexdigest()
    return bool(token) and hmac.compare_digest(made, fields["hash"])


def _is_telegrams(fields: Mapping[str, str], token: str, keys: tuple[bytes, ...]) -> bool:
    signature = fields.get("signature", "")
    if not _SIGNATURE.fullmatch(signature):
        return False
    return any(_verifies(key, urlsafe_b64decode(f"{signature}=="), _signed(fields, token)) for key in keys)


def _verifies(key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _signed(fields: Mapping[str, str], token: str) -> bytes:
    """What Telegram signs for third parties: the bot's number, and all but both signatures."""
    return f"{token.partition(':')[0]}:WebAppData\n".encode() + _lines(fields, "hash", "signature")


def _lines(fields: Mapping[str, str], *without: str) -> bytes:
    return "\n".join(f"{key}={fields[key]}" for key in sorted(fields.keys() - set(without))).encode()


def _auth_date(fields: Mapping[str, str]) -> int:
    if not _TIME.fullmatch(fields.get("auth_date", "")):
        raise ValueError("no time")
    return int(fields["auth_date"])


def _user(fields: Mapping[str, str]) -> str:
    user = json.loads(fields.get("user", ""))
    found = user.get("id") if isinstance(user, dict) else None
    if isinstance(found, bool) or not isinstance(found, int) or not 0 < found < _LARGEST_ID:
        raise ValueError("nobody")
    return str(found)
