"""Mappings that forget their oldest entries, so that a long run does not fill the memory."""

from collections import OrderedDict
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")
LIMIT = 100_000


class Recent(OrderedDict[K, V]):
    """A mapping of the last LIMIT keys."""

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        if len(self) > LIMIT:
            self.popitem(last=False)
