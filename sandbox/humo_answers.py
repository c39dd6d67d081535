"""What the simulated Humo reads off papers, how it says that something failed, and people whom nobody knows.

The fields follow protocols.md 2.1. Dates are spelled in three ways, and failures told in many, because nobody has
written down how Humo does it.
"""

from functools import lru_cache
from random import Random
from typing import Any

from sandbox.cast import TAJIKISTAN, Person, papers
from sandbox.latin import latin

# outcome → (what it is, the result of the FAILURE)
FAILURES: dict[str, tuple[str, Any]] = {
    "blurred": ("фото размыто", {"code": "IMAGE_BLURRED", "message": "Изображение размыто"}),
    "glare": ("блик", {"error": "glare"}),
    "dark": ("темно", {"is_dark": True, "is_blurred": False}),
    "cropped": ("документ обрезан", ["document_cropped"]),
    "no_document": ("документа нет в кадре", "Document not found"),
    "wrong_side": ("не та сторона", {"errors": [{"code": "wrong_side", "expected": "front"}]}),
    "wrong_document": ("другой документ", {"detail": {"reason": "WRONG_DOCUMENT"}}),
    "expired": ("срок действия истёк", {"code": "documentExpired"}),
    "unreadable": ("не читается", "Текст не читается"),
    "no_tax_number": ("нет ИНН", {"code": "NO_TAX_NUMBER"}),
    "no_face": ("нет лица", {"code": "FACE_NOT_FOUND"}),
    "many_faces": ("несколько лиц", {"code": "multiple_faces", "count": 3}),
    "face_mismatch": ("лицо не то", {"code": "FACE_MISMATCH", "similarity": 0.31}),
    "not_alive": ("не живой человек", {"message": "Liveness check failed"}),
    "fake": ("подделка", [{"type": "spoof"}, {"type": "other"}]),
    "duplicate": ("уже было", "duplicate"),
    "failure-text": ("причина строкой", "Изображение размыто"),
    "failure-null": ("result: null", None),
    "failure-dict-unknown": ("причина неизвестным кодом", {"code": "E-771", "trace": {"node": 4}}),
}


def read_off(person: Person, page: str, tax_number: str, *, old: bool = False) -> dict[str, Any]:
    """The result of a SUCCESS: `back`, and every other page as `front`. `tax_number` is what was sent with it."""
    return _back(person, tax_number) if page == "back" else _front(person, old=old)


def _front(person: Person, *, old: bool) -> dict[str, Any]:
    return {
        "last_name": person.last_name,
        "first_name": person.first_name,
        "middle_name": person.middle_name or None,
        "birth_date": person.birth_date,
        "gender": person.documents["gender"],
        "document_number": person.documents["id_old" if old else "id_card"],
    }


def _back(person: Person, tax_number: str) -> dict[str, Any]:
    """What stands on the card counts more than what was typed."""
    return {
        "tax_number": person.documents["card_tax_number"] or tax_number or None,
        "issue_date": ".".join(reversed(person.documents["issued"].split("-"))),
        "expiry_date": "/".join(reversed(person.documents["expires"].split("-"))),
        "authority": person.documents["authority"],
        "address": person.documents["address"],
        "mrz": mrz(person),
    }


def mrz(person: Person) -> list[str]:
    """TD1, three lines of 30 (ICAO 9303 part 5)."""
    papers = person.documents
    number = f"{papers['id_card']:<9}".replace(" ", "<")
    born, expires = (day[2:].replace("-", "") for day in (person.birth_date, papers["expires"]))
    first = f"I<TJK{number}{check_digit(number)}".ljust(30, "<")
    second = f"{born}{check_digit(born)}{papers['gender']}{expires}{check_digit(expires)}TJK".ljust(29, "<")
    second += check_digit(first[5:] + second[:7] + second[8:15] + second[18:])
    names = f"{latin(person.last_name)}<<{latin(person.first_name)}".upper().replace(" ", "<")
    return [first, second, names[:30].ljust(30, "<")]


def check_digit(text: str) -> str:
    """Weights 7, 3, 1; a letter counts from 10, the filler is 0."""
    values = (0 if sign == "<" else int(sign, 36) for sign in text)
    return str(sum(value * (7, 3, 1)[place % 3] for place, value in enumerate(values)) % 10)


@lru_cache(maxsize=10_000)
def invented(who: str) -> Person:
    """The person behind a stranger's photo: for the same `who` always the same."""
    draw = Random(f"humo:{who}")  # noqa: S311 - repeatable on purpose
    gender = draw.choice("MF")
    rows = [row for row in TAJIKISTAN if row[0].endswith(("ова", "ева")) == (gender == "F") and row[2]]
    number, tax_number = draw.randrange(200, 900_000) * 5, f"{draw.randrange(10**9):09}"
    return Person(
        crmid="",
        phone=who if who.startswith("+") else "",
        email="",
        last_name=draw.choice(rows)[0],
        first_name=draw.choice(rows)[1],
        middle_name=draw.choice(rows)[2],
        birth_date=f"{draw.randrange(1950, 2003)}-{draw.randrange(1, 13):02}-{draw.randrange(1, 29):02}",
        tax_number=tax_number,
        secret_word="",
        documents=papers(f"stranger {who}", number, tax_number, gender),
    )
