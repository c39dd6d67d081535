"""argon2id over peppered prints. Apart from `words.py`, so that a process that only hashes loads nothing else."""

import os
import time
from base64 import b64encode

from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type, hash_secret, verify_secret

PASSES, MEMORY_KIB, LANES = 2, 19 * 1024, 1  # 35-70 ms; the library's default takes 480 ms (dependencies.md)


def argon2id(word_print: bytes) -> bytes:
    salt = os.urandom(16)
    return hash_secret(word_print, salt, PASSES, MEMORY_KIB, LANES, hash_len=32, type=Type.ID)


def is_argon2id_of(encoded: bytes, word_print: bytes) -> bool:
    try:
        return verify_secret(encoded, word_print, Type.ID)
    except (VerificationError, InvalidHashError):
        return False


def decoy() -> bytes:
    """A well-formed hash that no word has: verifying against it costs what a real one costs."""
    salt, digest = (b64encode(os.urandom(size)).rstrip(b"=").decode() for size in (16, 32))
    return f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${digest}".encode()


def hash_until(prints: list[bytes], deadline: float) -> list[bytes]:
    """As many as there is time for (`time.monotonic()` is one clock for all processes of a machine)."""
    done: list[bytes] = []
    for word_print in prints:
        if time.monotonic() > deadline:
            break
        done.append(argon2id(word_print))
    return done
