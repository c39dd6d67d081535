"""Tell that a word is the same as last time without argon2 for each client, and without a print worth stealing.

A repeated import must see that 100 000 words are unchanged, and 100 000 argon2 checks take half an hour. A fast print
of each word beside its argon2 hash would undo argon2 for whoever holds our secret: he would guess against the print. So
prints are kept only over groups of words: HMAC over the sorted prints of 32 words. Who guesses must have all of a
group's words right at once, at least 16 of them; even at 10 bits a word that is out of anybody's reach. When the print
of a group still fits, all its words are unchanged. When it does not, its few members are checked one by one.
"""

import os
from dataclasses import dataclass, field
from typing import Any

from flows.records.sealing import RecordKeys

_FULL, FEWEST = 32, 16


class Groups:
    """Words that are being written, put together as they come."""

    def __init__(self, keys: RecordKeys) -> None:
        self._keys = keys
        self._id = os.urandom(16)
        self._prints: list[bytes] = []
        self.rows: list[dict[str, Any]] = []

    def join(self, word_print: bytes) -> bytes:
        """The id of the group that this word belongs to."""
        joined = self._id
        self._prints.append(word_print)
        if len(self._prints) == _FULL:
            self._finish()
        return joined

    def finished(self) -> list[dict[str, Any]]:
        """Rows of `word_groups`. Too small a rest gets none: its members will be checked one by one."""
        if len(self._prints) >= FEWEST:
            self._finish()
        return self.rows

    def _finish(self) -> None:
        self.rows.append({"id": self._id, "size": len(self._prints), "print": self._keys.group_print(self._prints)})
        self._id, self._prints = os.urandom(16), []


@dataclass(frozen=True, slots=True)
class Unsure:
    """A word of the file whose client has a hardened word already."""

    client_id: str
    group: bytes | None
    then: bytes = field(repr=False)
    """Its print under the pepper that the client's word was hardened with."""
    now: bytes = field(repr=False)
    """Its print under today's pepper."""
    counted: bool
    """The client counts as changed already, for another reason."""
