"""Secret words: brought to one spelling, peppered, argon2id; computed in a few threads with a bounded queue.

A word rests as `state(1) pepper id(4) payload` sealed under the client's data key. `a`: argon2id over the peppered
print. `p` (pending): the print itself, as an import leaves it, since 100 000 argon2 hashes take half an hour of CPU;
usable at once, and hardened after the import or at its first use, whichever comes first. Both cost the same to check.
"""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from flows.errors import StoreDown
from flows.records.sealing import PEPPER_ID, RecordKeys, Vault

T = TypeVar("T")

LONGEST = 64  # what the Search API lets through (security.md Q7)


def normalise(text: str) -> str:
    """Letter case, width and blanks do not matter to a person; so not to us."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


@dataclass(frozen=True, slots=True)
class StoredWord:
    """What rests of a word, unsealed."""

    pending: bool
    pepper_id: bytes
    payload: bytes = field(repr=False)

    def seal(self, vault: Vault) -> bytes:
        return vault.seal((b"p" if self.pending else b"a") + self.pepper_id + self.payload, "word")

    @classmethod
    def unseal(cls, vault: Vault, sealed: bytes) -> "StoredWord":
        plain = vault.unseal(sealed, "word")
        return cls(plain[:1] == b"p", plain[1 : 1 + PEPPER_ID], plain[1 + PEPPER_ID :])

    @classmethod
    def fresh(cls, keys: RecordKeys, client_id: str, word: str) -> "StoredWord":
        return cls(True, keys.pepper_id, keys.word_print(client_id, word))  # noqa: FBT003 - the first field, pending

    def hardened(self, encoded: bytes) -> "StoredWord":
        return StoredWord(False, self.pepper_id, encoded)  # noqa: FBT003 - the first field, pending


class WordThreads:
    """A few threads for argon2 (it releases the GIL). When the queue is full the caller is refused at once."""

    def __init__(self, threads: int, queue: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="word")
        self._room = threads + queue

    async def run(self, work: Callable[..., T], *given: bytes) -> T:
        if self._room <= 0:
            raise StoreDown(retry_after=1)
        self._room -= 1
        future = self._pool.submit(work, *given)
        # The place is given back when the thread is done, not when the caller goes away: a caller who hangs up
        # must not make room for more work than the threads can do.
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._leave))
        return await asyncio.wrap_future(future)

    def _leave(self) -> None:
        self._room += 1

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
