"""What an upstream says in words that it has documented nowhere, as a word of ours; and its texts made fit to keep."""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TypeVar
from unicodedata import category

W = TypeVar("W", bound=str)

LONGEST = 256
"""Letters of a text that is kept."""
_MOST = 200
"""Texts that are looked at, and letters of each."""
_DEEPEST = 4


def word_of(said: object, table: Mapping[str, W]) -> W | None:
    """The first known word in `said`: a text, a number, a dict, a list or nothing.

    `table`: the beginning of what they say → our word, in lower case, whatever is no letter or digit as "_". Earlier
    rows win.
    """
    rows = {_beginning(said): word for said, word in table.items()}
    for text in islice(_texts(said, _DEEPEST), _MOST):
        spoken = f"_{_plain(text[:_MOST])}_"
        found = next((word for beginning, word in rows.items() if beginning in spoken), None)
        if found:
            return found
    return None


def _beginning(said: str) -> str:
    """`blur` begins a word; a number is a whole one, so that 17 is not found in 170."""
    plain = _plain(said)
    return f"_{plain}_" if plain[-1:].isdigit() else f"_{plain}"


def _texts(said: object, depth: int) -> Iterator[str]:
    """Every text and whole number in it; of `{"is_dark": true}` the name."""
    if isinstance(said, str):
        yield said
    elif isinstance(said, int) and not isinstance(said, bool):
        yield str(said)
    elif isinstance(said, list) and depth:
        for one in said:
            yield from _texts(one, depth - 1)
    elif isinstance(said, dict) and depth:
        yield from (name for name, value in said.items() if value is True)
        for value in said.values():
            yield from _texts(value, depth - 1)


def _plain(text: str) -> str:
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text)
    return re.sub(r"[\W_]+", "_", apart.casefold()).strip("_")


def kept(text: str) -> str:
    """One line, nothing invisible in it, at most `LONGEST` letters; "" when nothing is left."""
    shown = "".join(letter for letter in " ".join(text.split()) if not category(letter).startswith("C"))
    return shown[:LONGEST].strip()
