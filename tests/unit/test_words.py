"""Secret words: one spelling, sealed for one client, and a queue that has an end."""

import asyncio
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.errors import StoreDown
from flows.keys import Unsealable
from flows.records.argon import argon2id, decoy, hash_until, is_argon2id_of
from flows.records.groups import Groups
from flows.records.sealing import RecordKeys
from flows.records.words import StoredWord, WordThreads, normalise

KEYS = RecordKeys(b"k" * 32)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("  Себи\t Сурх ", "себи сурх"), ("ＡＢＣ", "abc"), ("Straße", "strasse"), ("e\u0301", "é"), ("\u00a0", "")],
)
def test_spellings_of_one_word(typed: str, meant: str) -> None:
    assert normalise(typed) == meant


@given(st.text())
def test_the_one_spelling_is_its_own(typed: str) -> None:
    assert normalise(normalise(typed)) == normalise(typed)


def test_argon2id_knows_its_own_and_a_decoy_knows_none() -> None:
    encoded = argon2id(b"print")
    assert encoded.startswith(b"$argon2id$v=19$m=19456,t=2,p=1$")
    assert is_argon2id_of(encoded, b"print")
    assert not is_argon2id_of(encoded, b"prinT")
    assert not is_argon2id_of(decoy(), b"print")
    assert not is_argon2id_of(b"garbage", b"print")


def test_hashing_stops_at_its_deadline() -> None:
    assert hash_until([b"1", b"2"], time.monotonic() - 1) == []
    assert len(hash_until([b"1", b"2"], time.monotonic() + 60)) == 2


def test_a_stored_word_opens_for_its_client_alone() -> None:
    client, _, vault = KEYS.new_vault()
    word = StoredWord.fresh(KEYS, client, "себи сурх")
    assert StoredWord.unseal(vault, word.seal(vault)) == word
    assert word.pending
    assert not word.hardened(b"$argon2id").pending
    assert "payload" not in repr(word)
    _, _, other = KEYS.new_vault()
    with pytest.raises(Unsealable):
        StoredWord.unseal(other, word.seal(vault))


def test_a_print_depends_on_client_word_and_pepper() -> None:
    rotated = RecordKeys(b"n" * 32, b"k" * 32)
    assert rotated.word_print("a", "word", KEYS.pepper_id) == KEYS.word_print("a", "word")
    prints = {KEYS.word_print("a", "word"), KEYS.word_print("b", "word"), rotated.word_print("a", "word")}
    assert len(prints) == 3
    with pytest.raises(Unsealable):
        RecordKeys(b"n" * 32).word_print("a", "word", KEYS.pepper_id)


def test_few_words_make_no_group() -> None:
    groups = Groups(KEYS)
    ids = [groups.join(bytes([n])) for n in range(32 + 15)]
    assert [row["size"] for row in groups.finished()] == [32]
    assert len(set(ids)) == 2


async def test_a_full_queue_refuses_at_once_and_has_room_again() -> None:
    words, go = WordThreads(threads=2, queue=3), threading.Event()
    held = [asyncio.create_task(words.run(lambda _: go.wait(10), b"")) for _ in range(5)]
    await asyncio.sleep(0)
    started = time.monotonic()
    with pytest.raises(StoreDown) as caught:
        await words.run(argon2id, b"x")
    assert caught.value.retry_after == 1
    assert time.monotonic() - started < 0.1
    go.set()
    assert await asyncio.gather(*held) == [True] * 5
    await asyncio.sleep(0.01)
    assert await words.run(argon2id, b"x")
    words.close()


async def test_who_hangs_up_makes_no_room() -> None:
    words, go = WordThreads(threads=1, queue=0), threading.Event()
    caller = asyncio.create_task(words.run(lambda _: go.wait(10), b""))
    await asyncio.sleep(0.05)
    caller.cancel()
    await asyncio.sleep(0.01)
    with pytest.raises(StoreDown):
        await words.run(argon2id, b"x")
    go.set()
    await asyncio.sleep(0.05)
    assert await words.run(argon2id, b"x")
    words.close()
