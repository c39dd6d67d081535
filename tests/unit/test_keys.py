"""Codes, tokens, seals: uniform, bound to their owner, alive through one rotation."""

import os
from base64 import urlsafe_b64decode
from collections import Counter

import pytest

from flows.keys import Keys, Sealer, Unsealable
from flows.shards import SHARDS, new_step_id, shard_of_fingerprint, shard_of_text

OLD, NEW = b"o" * 32, b"n" * 32
KEYS = Keys(OLD)
ROUNDS = 20_000
CHI2_9 = 33.7
"""Nine degrees of freedom: a fair die goes beyond this once in ten thousand. The keys are fixed: no flicker."""


def chi2(counts: list[int]) -> float:
    expected = sum(counts) / len(counts)
    return sum((count - expected) ** 2 / expected for count in counts)


@pytest.fixture(scope="module")
def codes() -> list[str]:
    return [KEYS.code(f"session {number}", "code", 6) for number in range(ROUNDS)]


def test_every_digit_of_a_code_is_as_likely_as_any(codes: list[str]) -> None:
    for place in range(6):
        counts = [sum(code[place] == digit for code in codes) for digit in "0123456789"]
        assert chi2(counts) < CHI2_9


def test_neighbouring_digits_do_not_depend_on_each_other(codes: list[str]) -> None:
    pairs = Counter(code[:2] for code in codes)
    assert chi2([pairs[f"{pair:02}"] for pair in range(100)]) < 160  # 99 degrees of freedom, one in ten thousand


def test_a_biased_code_would_be_noticed() -> None:
    """The usual mistake: 100000 + something, so that the first digit is never 0."""
    counts = [0] + [ROUNDS // 9] * 9
    assert chi2(counts) > CHI2_9


def test_leading_zeros_stay(codes: list[str]) -> None:
    assert {len(code) for code in codes} == {6}
    zeros = sum(code.startswith("0") for code in codes)
    assert 0.08 < zeros / ROUNDS < 0.12
    assert any(code.startswith("000") for code in codes)


@pytest.mark.parametrize("digits", [6, 8, 10])
def test_a_code_has_its_digits(digits: int) -> None:
    code = KEYS.code("sid", "code", digits)
    assert len(code) == digits
    assert code.isascii()
    assert code.isdigit()


def test_a_code_belongs_to_one_step_of_one_session() -> None:
    code = KEYS.code("sid", "code", 6)
    assert KEYS.is_code("sid", "code", 6, code)
    assert KEYS.code("sid", "code", 6) == code
    assert not KEYS.is_code("sid", "second_code", 6, code)
    assert not KEYS.is_code("other", "code", 6, code)
    assert not Keys(NEW).is_code("sid", "code", 6, code)


@pytest.mark.parametrize("change", ["", "\n", " ", "0"])
def test_only_the_very_code_is_the_code(change: str) -> None:
    code = KEYS.code("sid", "code", 6)
    assert not KEYS.is_code("sid", "code", 6, code + change if change else "")
    assert not KEYS.is_code("sid", "code", 6, change + code[1:])
    assert not KEYS.is_code("sid", "code", 6, "".join(chr(ord(digit) + 0xFEE0) for digit in code))


def test_a_rotation_leaves_the_codes_that_are_out() -> None:
    sid = KEYS.new_sid()
    code, token = KEYS.code(sid, "code", 6), KEYS.token(sid, 3)
    rotating = Keys(NEW, previous=OLD)
    assert rotating.is_code(sid, "code", 6, code)
    assert rotating.token(sid, 3) == token
    assert not Keys(NEW).is_code(sid, "code", 6, code)
    fresh = rotating.new_sid()
    assert rotating.code(fresh, "code", 6) == Keys(NEW).code(fresh, "code", 6)


def test_a_rotation_leaves_the_fingerprints() -> None:
    before, after = Keys(OLD, lasting=b"l" * 32), Keys(NEW, previous=OLD, lasting=b"l" * 32)
    assert before.fingerprint("client", "1") == after.fingerprint("client", "1")


def test_a_seal_opens_for_its_owner_and_for_nobody_else() -> None:
    sealed = KEYS.sessions.seal(b"plain", "sid")
    assert KEYS.sessions.unseal(sealed, "sid") == b"plain"
    assert b"plain" not in sealed
    with pytest.raises(Unsealable):
        KEYS.sessions.unseal(sealed, "other")


def test_a_seal_opens_for_its_purpose_alone() -> None:
    sealed = Sealer((OLD,), "session").seal(b"plain", "sid")
    with pytest.raises(Unsealable):
        Sealer((OLD,), "record").unseal(sealed, "sid")


def test_no_byte_of_a_seal_can_be_changed() -> None:
    plain = os.urandom(64)
    sealed = KEYS.sessions.seal(plain, "sid")
    assert len(sealed) == 4 + 12 + 64 + 16
    for place in range(len(sealed)):
        for bit in (1, 0x80):
            broken = bytearray(sealed)
            broken[place] ^= bit
            with pytest.raises(Unsealable):
                KEYS.sessions.unseal(bytes(broken), "sid")


@pytest.mark.parametrize("length", [0, 3, 4, 15, 16, 31, 95])
def test_a_cut_seal_does_not_open(length: int) -> None:
    sealed = KEYS.sessions.seal(b"x" * 64, "sid")
    with pytest.raises(Unsealable):
        KEYS.sessions.unseal(sealed[:length], "sid")


def test_equal_things_are_sealed_unequally() -> None:
    assert KEYS.sessions.seal(b"plain", "sid") != KEYS.sessions.seal(b"plain", "sid")


def test_a_rotation_leaves_what_is_sealed() -> None:
    sealed = KEYS.sessions.seal(b"plain", "sid")
    assert Keys(NEW, previous=OLD).sessions.unseal(sealed, "sid") == b"plain"
    resealed = Keys(NEW, previous=OLD).sessions.seal(b"plain", "sid")
    assert Keys(NEW).sessions.unseal(resealed, "sid") == b"plain"
    with pytest.raises(Unsealable):
        Keys(NEW).sessions.unseal(sealed, "sid")


@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_token_carries_its_shard(shard: int) -> None:
    token = KEYS.token("sid", shard)
    assert len(token) == 44
    assert shard_of_text(token) == shard
    assert urlsafe_b64decode(token)[-1] & 15 == shard


def test_a_token_is_the_sessions_own() -> None:
    assert KEYS.token("sid", 3) == KEYS.token("sid", 3)
    assert Keys(NEW).token("sid", 3) != KEYS.token("sid", 3)


def test_of_a_token_every_bit_is_drawn_but_the_shard() -> None:
    """Ten thousand: none comes twice, and each of 260 bits is set in about a half of them (9 sigma at most)."""
    issued = [urlsafe_b64decode(KEYS.token(f"sid {number}", 3)) for number in range(10_000)]
    assert len(set(issued)) == len(issued)
    numbers = [int.from_bytes(raw) >> 4 for raw in issued]
    assert max(numbers).bit_length() == 260
    assert all(4550 < sum(number >> bit & 1 for number in numbers) < 5450 for bit in range(260))


@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_step_id_carries_its_shard(shard: int) -> None:
    found = {new_step_id(shard) for _ in range(100)}
    assert len(found) == 100
    assert {shard_of_text(step_id) for step_id in found} == {shard}
    assert {len(step_id) for step_id in found} == {22}


@pytest.mark.parametrize("text", ["", "é", " ", "*", "x\n"])
def test_what_cannot_be_ours_has_no_shard(text: str) -> None:
    assert shard_of_text(text) is None


def test_fingerprints_do_not_run_together() -> None:
    assert KEYS.fingerprint("pair", "ab", "c") != KEYS.fingerprint("pair", "a", "bc")
    assert KEYS.fingerprint("who", "x") != KEYS.fingerprint("name", "x")
    assert Keys(NEW).fingerprint("who", "x") != KEYS.fingerprint("who", "x")
    assert len(KEYS.fingerprint("who", "x")) == 32
    assert {shard_of_fingerprint(KEYS.fingerprint("who", str(n))) for n in range(500)} == set(range(SHARDS))
