"""What biometric.kz's results are made of: its words for a failure, its spellings of yes, of numbers, times and people.

What really comes differs from what is documented, so all of it is taken tolerantly (protocols.md 3.4, 3.5).
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from flows.errors import Unexpected
from flows.papers import Failing, Technology
from flows.upstream.answer import Answer
from flows.upstream.spoken import kept, word_of

Told = Mapping[str, Any]

SAID: Final[dict[str, Failing]] = {
    "otp": "otp",
    "1414": "otp",
    "sms_code": "otp",
    "wrong_code": "otp",
    "invalid_code": "otp",
    "mcdb": "mcdb",
    "bmg": "mcdb",
    "mobile_citizens": "mcdb",
    "бмг": "mcdb",
    "мобильных_граждан": "mcdb",
    "face2face": "mismatch",
    "f2f": "mismatch",
    "mismatch": "mismatch",
    "faces_differ": "mismatch",
    "face_not_match": "mismatch",
    "face_does_not_match": "mismatch",
    "faces_do_not_match": "mismatch",
    "not_same_person": "mismatch",
    "similarity": "mismatch",
    "лица_не_совпа": "mismatch",
    "лицо_не_совпа": "mismatch",
    "spoof": "not_alive",
    "fake": "not_alive",
    "deepfake": "not_alive",
    "not_alive": "not_alive",
    "not_live": "not_alive",
    "face": "face",
    "eye": "face",
    "лиц": "face",
    "session_expired": "expired",
    "document": "document",
    "e_document": "document",
    "edocument": "document",
    "документ": "document",
    "expire": "expired",
    "timeout": "expired",
    "timed_out": "expired",
    "истек": "expired",
    "истёк": "expired",
    "liveness": "not_alive",
}
"""What they say of a failure → our word, as `word_of` reads it."""

_TECHNOLOGIES: Final[dict[str, Technology]] = {
    "liveness": "liveness",
    "ld": "liveness",
    "face2face": "face2face",
    "f2f": "face2face",
    "e_document": "edocument",
    "edocument": "edocument",
    "ed": "edocument",
    "document_recognition": "document_recognition",
    "dr": "document_recognition",
}
_NAMES: Final[dict[Technology, dict[str, str]]] = {
    "edocument": {"iin": "iin", "lastName": "last_name", "firstName": "first_name", "middleName": "middle_name"},
    "document_recognition": {
        "personal_number": "iin",
        "last_name": "last_name",
        "first_name": "first_name",
        "patronymic": "middle_name",
    },
}
"""Their names of what is read → ours in `Verdict`."""
_NUMBER = re.compile(r"[0-9]{1,3}(?:[.,][0-9]{0,20})?(?:[eE]-[0-9]{1,3})?")
_CENTURY: Final = (946_684_800, 4_102_444_800)
"""Unix seconds of its beginning and its end."""


def technology_of(said: object) -> Technology | None:
    """Of a text when a session is made, of an object in its result."""
    name = said.get("name") if isinstance(said, dict) else said
    return word_of(name, _TECHNOLOGIES) if isinstance(name, str) else None


def truth(value: object) -> bool | None:
    """None for what is not there; what is neither yes nor no is no."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value.strip().casefold() in ("true", "1")
    return isinstance(value, int) and value == 1


def share(value: object) -> float | None:
    """0 to 1, as a number or a text."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value.strip().replace(",", "."))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= 1 else None


def moment(value: object) -> int | None:
    """Unix seconds. A time without an offset could be of any zone, and is not taken."""
    if isinstance(value, str):
        try:
            found = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
        value = found.timestamp() if found.tzinfo else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    seconds = value // 1000 if value > _CENTURY[1] else value
    return int(seconds) if _CENTURY[0] <= seconds < _CENTURY[1] else None


def person_of(technology: Technology, block: Told) -> dict[str, str]:
    """Whose document it is, in the fields of `Verdict`; what is absent or makes no sense is left out."""
    owner = _within(block, "result_json", "common", "docOwner") if technology == "edocument" else block
    names = _NAMES.get(technology, {})
    return {ours: text for theirs, ours in names.items() if (text := _text(ours, owner.get(theirs)))}


def _within(block: object, *names: str) -> Told:
    """The object that lies that deep; one on the way may be a text of JSON. Empty when there is none."""
    for name in names:
        block = block.get(name) if isinstance(block, dict) else None
        if isinstance(block, str):
            try:
                block = Answer(200, block.encode("utf-8", "replace")).json()
            except Unexpected:
                return {}
    return block if isinstance(block, dict) else {}


def _text(field: str, value: object) -> str | None:
    """An IIN that came as a number has lost its leading zeros: whoever was born in 2000 has three of them."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**12:
        value = str(value)
    text = kept(value) if isinstance(value, str) else ""
    if field == "iin":
        return text.zfill(12) if re.fullmatch(r"[0-9]{1,12}", text) and text.strip("0") else None
    return text or None
