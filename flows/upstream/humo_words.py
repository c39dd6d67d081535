"""What Humo's answers mean: its words for a failure, and the names and spellings of what it read off a paper.

Neither is documented, so both are taken tolerantly, and the stanza `[upstream.humo]` can add to both tables.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final, Literal, cast, get_args

from flows.papers import Reading
from flows.upstream.spoken import kept, word_of

Word = Literal[
    "blurred",
    "glare",
    "dark",
    "cropped",
    "no_document",
    "wrong_side",
    "wrong_document",
    "expired",
    "unreadable",
    "no_tax_number",
    "no_face",
    "many_faces",
    "face_mismatch",
    "not_alive",
    "fake",
    "duplicate",
]
"""Why a photo was refused: `reason.<word>` in the texts."""
WORDS: Final[tuple[Word, ...]] = get_args(Word)

REASONS: Final[dict[str, Word]] = {word: word for word in WORDS} | {
    "face_not_found": "no_face",
    "face_not_detected": "no_face",
    "no_faces": "no_face",
    "лицо_не_найден": "no_face",
    "multiple_faces": "many_faces",
    "several_faces": "many_faces",
    "more_than_one_face": "many_faces",
    "несколько_лиц": "many_faces",
    "faces_differ": "face_mismatch",
    "face_not_match": "face_mismatch",
    "faces_do_not_match": "face_mismatch",
    "not_same_person": "face_mismatch",
    "similarity": "face_mismatch",
    "лица_не_совпа": "face_mismatch",
    "лицо_не_совпа": "face_mismatch",
    "liveness": "not_alive",
    "not_live": "not_alive",
    "spoof": "fake",
    "forge": "fake",
    "deepfake": "fake",
    "screen_recapture": "fake",
    "подделк": "fake",
    "tax_number_not_found": "no_tax_number",
    "inn_not_found": "no_tax_number",
    "инн_не_найден": "no_tax_number",
    "document_not_found": "no_document",
    "document_not_detected": "no_document",
    "документ_не_найден": "no_document",
    "document_type": "wrong_document",
    "doc_type_mismatch": "wrong_document",
    "unsupported_document": "wrong_document",
    "не_тот_документ": "wrong_document",
    "wrong_page": "wrong_side",
    "back_side_expected": "wrong_side",
    "front_side_expected": "wrong_side",
    "не_та_сторона": "wrong_side",
    "document_expired": "expired",
    "срок_действия": "expired",
    "просроч": "expired",
    "already_registered": "duplicate",
    "уже_зарегистрирован": "duplicate",
    "glar": "glare",
    "reflect": "glare",
    "overexposed": "glare",
    "блик": "glare",
    "too_dark": "dark",
    "underexposed": "dark",
    "темн": "dark",
    "тёмн": "dark",
    "crop": "cropped",
    "cut_off": "cropped",
    "out_of_frame": "cropped",
    "обрезан": "cropped",
    "blur": "blurred",
    "out_of_focus": "blurred",
    "размыт": "blurred",
    "illegible": "unreadable",
    "not_readable": "unreadable",
    "не_чита": "unreadable",
    "нечита": "unreadable",
    "не_распозна": "unreadable",
}
"""What Humo says → our word, as `word_of` reads it."""

FIELDS: Final[dict[str, str]] = {name: name for name in Reading.model_fields} | {
    "surname": "last_name",
    "family_name": "last_name",
    "name": "first_name",
    "given_name": "first_name",
    "given_names": "first_name",
    "patronymic": "middle_name",
    "father_name": "middle_name",
    "date_of_birth": "birth_date",
    "birthday": "birth_date",
    "dob": "birth_date",
    "sex": "gender",
    "number": "document_number",
    "doc_number": "document_number",
    "passport_number": "document_number",
    "card_number": "document_number",
    "inn": "tax_number",
    "tin": "tax_number",
    "rma": "tax_number",
    "issue_date": "issued",
    "issued_at": "issued",
    "date_of_issue": "issued",
    "expiry_date": "expires",
    "expire_date": "expires",
    "expiration_date": "expires",
    "valid_until": "expires",
    "date_of_expiry": "expires",
    "issued_by": "authority",
    "issuing_authority": "authority",
    "issue_authority": "authority",
    "registration_address": "address",
}
"""Humo's name of a field → ours in `Reading`; case and separators do not matter (`lastName` is `last_name`)."""

_DATES: Final = frozenset({"birth_date", "issued", "expires"})
_WRAPPERS: Final = frozenset({"data", "result", "results", "fields", "document", "ocr", "front", "back"})
_DEEPEST = 4


def reason_of(result: object, more: Mapping[str, str]) -> str:
    """The first known word in a failure's `result`, a text, a dict, a list or nothing; "" when there is none."""
    return word_of(result, dict(more) | REASONS | dict(more)) or ""


def reading_of(result: object, more: Mapping[str, str]) -> Reading:
    """What was read; a field that is absent, empty or makes no sense is None."""
    names = {_squeezed(theirs): ours for theirs, ours in (FIELDS | dict(more)).items()}
    found: dict[str, str] = {}
    for name, value in _pairs(result, _DEEPEST):
        ours = names.get(_squeezed(name))
        if ours and ours not in found and (text := _text(ours, value)):
            found[ours] = text
    return Reading(**found)


def _pairs(result: object, depth: int) -> Iterator[tuple[str, object]]:
    """Names and values: those on top, then those in what only wraps others."""
    if not isinstance(result, dict) or not depth:
        return
    told = cast("dict[str, object]", result)
    yield from told.items()
    for name, value in told.items():
        if _squeezed(name) in _WRAPPERS:
            yield from _pairs(value, depth - 1)


def _squeezed(name: str) -> str:
    return re.sub(r"[\W_]", "", name.casefold())


def _text(field: str, value: object) -> str | None:
    if isinstance(value, dict):
        value = value.get("value", value.get("text"))
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**15:
        # A tax number has nine digits; as a number it has lost its leading zeros.
        value = f"{value:09}" if field == "tax_number" and value >= 10**5 else str(value)
    if not isinstance(value, str):
        return None
    text = kept(value)
    return (_iso(text) if field in _DATES else text) or None


def _iso(text: str) -> str | None:
    """1990-05-14 (a time may follow), 14.05.1990, 14/05/1990 → 1990-05-14."""
    if found := re.fullmatch(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[T ].*)?", text):
        year, month, day = found.groups()
    elif found := re.fullmatch(r"([0-9]{1,2})([./])([0-9]{1,2})\2([0-9]{4})", text):
        day, _, month, year = found.groups()
    else:
        return None
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return None
