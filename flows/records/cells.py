"""What each column of a client file may hold, and how it is brought to one spelling."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

from flows.identifiers import Kind, recognise
from flows.records.words import LONGEST, normalise

_OLDEST = date(1900, 1, 1)
_NAME_LENGTH = 100
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})|([0-9]{2})\.([0-9]{2})\.([0-9]{4})")
_TAX_NUMBER = re.compile(r"[0-9]{9}|[0-9]{12}")  # Tajik INN, Kazakh IIN; text, for both may begin with a nought


@dataclass(frozen=True, slots=True)
class Place:
    """What a cell's meaning depends on besides its text."""

    country: str
    today: date


class Unfit(Exception):
    """The cell is not what its column wants. Says what was expected, never what was found."""


def _name(kind: Kind, expected: str) -> Callable[[str, Place], str]:
    def read(cell: str, place: Place) -> str:
        found = recognise(cell, kind, place.country)
        if not found:
            raise Unfit(expected)
        return found[0].value

    return read


def _text(cell: str, _: Place) -> str:
    text = unicodedata.normalize("NFC", " ".join(cell.split()))
    if len(text) > _NAME_LENGTH or not text.isprintable():
        raise Unfit(f"expected at most {_NAME_LENGTH} characters, none of them a control character")
    return text


def _day(cell: str, place: Place) -> str:
    match = _DAY.fullmatch(cell)
    if match is None:
        raise Unfit("expected YYYY-MM-DD or DD.MM.YYYY")
    y, m, d, day, month, year = match.groups()
    try:
        found = date(int(y or year), int(m or month), int(d or day))
    except ValueError:
        raise Unfit("expected a day of the calendar, as YYYY-MM-DD or DD.MM.YYYY") from None
    if not _OLDEST <= found <= place.today:
        raise Unfit(f"expected a day from {_OLDEST.isoformat()} to today")
    return found.isoformat()


def _tax_number(cell: str, _: Place) -> str:
    if not _TAX_NUMBER.fullmatch(cell):
        raise Unfit("expected 9 or 12 digits, leading noughts included")
    return cell


def _word(cell: str, _: Place) -> str:
    word = normalise(cell)
    if not word or len(cell) > LONGEST or not word.isprintable():
        raise Unfit(f"expected at most {LONGEST} characters, none of them a control character")
    return word


COLUMNS: Final[dict[str, tuple[str, Callable[[str, Place], str]]]] = {
    "crmid": ("crm_id", _name("crmid", "expected 1 to 64 printable ASCII characters")),
    "phone": ("phone", _name("phone", "expected a phone number, such as +992900000001")),
    "email": ("email", _name("email", "expected an e-mail address, such as name@example.com")),
    "last_name": ("last_name", _text),
    "first_name": ("first_name", _text),
    "middle_name": ("middle_name", _text),
    "birth_date": ("birth_date", _day),
    "tax_number": ("inn", _tax_number),
    "secret_word": ("secret_word", _word),
}
"""Column of the file → field of the record, and its reader."""
