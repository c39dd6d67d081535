"""COID's answer as the rest of the house knows it: one person, and the one paper of theirs that counts."""

from datetime import date
from typing import Final

from flows.papers import Citizen, Reading
from flows.upstream.coid_page import DictionaryItem, Documents, PersonalData, RegAddress
from flows.upstream.spoken import kept, word_of

_GENDERS: Final = {"муж": "M", "ер": "M", "male": "M", "m": "M", "жен": "F", "әйел": "F", "female": "F", "f": "F"}
_GENDER_CODES: Final = {"1": "M", "2": "F"}
_DEAD: Final = dict.fromkeys(("умер", "смерт", "погиб", "қайтыс", "өлген", "dead", "deceased", "died"), "dead")
_VOID: Final = dict.fromkeys(
    (
        "недейств",
        "не_действ",
        "утер",
        "утрач",
        "похищ",
        "украд",
        "истек",
        "истёк",
        "аннулир",
        "изъят",
        "сдан",
        "уничтож",
    ),
    "void",
)
"""A paper's status in Russian that takes it out of use."""


def citizen_of(told: PersonalData, iin: str, today: date) -> Citizen:
    """`iin` is the one that was asked for, and it is what the reading has."""
    person = told.person
    paper = _best(person.documents, today)
    reading = Reading(
        last_name=person.surname,
        first_name=person.name,
        middle_name=person.patronymic,
        birth_date=_iso(person.birth_date),
        gender=_gender(person.gender),
        document_number=paper.number,
        tax_number=iin,
        issued=_iso(paper.begin_date),
        expires=_iso(paper.end_date),
        authority=_name(paper.issue_organization) or None,
        address=_line(person.reg_address) or None,
    )
    return Citizen(
        reading=reading,
        document=_name(paper.type),
        citizenship=_name(person.citizenship),
        confidence=told.verify_response.min_confidence_level,
        alive=word_of(_names(person.life_status), _DEAD) is None,
        same_iin=person.iin == iin,
    )


def _best(papers: tuple[Documents, ...], today: date) -> Documents:
    """The latest of those that are valid today, else the latest of all; an empty one when there is none."""
    valid = [paper for paper in papers if _valid(paper, today)]
    return max(valid or papers, key=lambda paper: paper.begin_date or date.min, default=Documents())


def _valid(paper: Documents, today: date) -> bool:
    begun = paper.begin_date is None or paper.begin_date <= today
    lasts = paper.end_date is None or paper.end_date >= today
    return begun and lasts and word_of(_names(paper.status), _VOID) is None


def _names(item: DictionaryItem | None) -> list[str]:
    return [name for name in (item.name_ru, item.name_kz) if name] if item else []


def _name(item: DictionaryItem | None) -> str:
    return item.name if item else ""


def _gender(item: DictionaryItem | None) -> str | None:
    return word_of(_names(item), _GENDERS) or (_GENDER_CODES.get(item.code or "") if item else None)


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _line(address: RegAddress | None) -> str:
    """From the country to the house, each once."""
    if address is None:
        return ""
    # The page calls the wider one region; others have the two names the other way round.
    areas = sorted((_name(address.region), _name(address.district)), key=lambda name: "район" in name.casefold())
    parts = (_name(address.country), *areas, address.city, address.street, address.building)
    return kept(", ".join(dict.fromkeys(part for part in parts if part)))
