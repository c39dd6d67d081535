"""COID's answer, object by object, by the names of the bank's page "Получение данных пользователя из ЦОИД".

What is absent, null or makes no sense is None; unknown fields are kept. Whatever is written down of it shows nothing.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from flows.upstream.answer import Told
from flows.upstream.spoken import kept

_EAST: Final = timedelta(hours=7)
"""Midnight in Kazakhstan, written as UTC, is 17 to 19 o'clock of the day before; this brings both back to the day."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_YEARS: Final = range(1850, 2201)
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DOTTED = re.compile(r"([0-9]{1,2})[./]([0-9]{1,2})[./]([0-9]{4})(?:[ T].*)?")
_MILLISECONDS = re.compile(r"-?[0-9]{9,14}")
_MOST = 50
"""Documents that are looked at."""


def _text(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**15:
        value = str(value)
    return (kept(value) or None) if isinstance(value, str) else None


def _iin(value: object) -> str | None:
    """A number has lost its leading zeros."""
    text = _text(value)
    return text.zfill(12) if text and isinstance(value, int) else text


def day_of(value: object) -> date | None:
    """A date, a date with a time, milliseconds since 1970, or day.month.year."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            found = _moment(value) if value % 1000 == 0 else None
        else:
            text = value.strip() if isinstance(value, str) else ""
            found = _moment(int(text)) if _MILLISECONDS.fullmatch(text) else _written(text)
    except (ValueError, OverflowError):
        return None
    return found if found and found.year in _YEARS else None


def _moment(milliseconds: float) -> date:
    return (_EPOCH + timedelta(milliseconds=milliseconds) + _EAST).date()


def _written(text: str) -> date | None:
    if dotted := _DOTTED.fullmatch(text):
        day, month, year = map(int, dotted.groups())
        return date(year, month, day)
    if not _ISO.match(text):
        return None
    found = datetime.fromisoformat(re.sub(r"([+-][0-9]{2})([0-9]{2})$", r"\1:\2", text))
    return (found + _EAST if found.tzinfo and not found.utcoffset() else found).date()


def _number(value: object) -> float | None:
    """0 to 1, as a number or a text; of a percentage the share."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,3}([.,][0-9]{1,20})?", value.strip()):
        value = float(value.strip().replace(",", "."))
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        return None
    return float(value if value <= 1 else value / 100)


def _item(value: object) -> object:
    """One that is a text, not an object, is its name."""
    return {"nameRu": value} if isinstance(value, str) else _object(value)


def _object(value: object) -> object:
    return value if isinstance(value, dict) else None


def _several(value: object) -> object:
    listed = value if isinstance(value, list) else [value]
    return tuple(one for one in listed if isinstance(one, dict))[:_MOST]


class _Page(Told):
    model_config = ConfigDict(extra="allow", alias_generator=to_camel, populate_by_name=True)

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        return []


Text = Annotated[str | None, BeforeValidator(_text)]
Day = Annotated[date | None, BeforeValidator(day_of)]


class DictionaryItem(_Page):
    """`change_date` is a time; its day is kept."""

    code: Text = None
    name_kz: Text = None
    name_ru: Text = None
    change_date: Day = None

    @property
    def name(self) -> str:
        return self.name_ru or self.name_kz or ""


Item = Annotated[DictionaryItem | None, BeforeValidator(_item)]


class BirthPlace(_Page):
    city: Text = None
    country: Item = None
    district: Item = None
    region: Item = None


class RegAddress(_Page):
    building: Text = None
    street: Text = None
    city: Text = None
    country: Item = None
    district: Item = None
    region: Item = None
    begin_date: Day = None


class Documents(_Page):
    """One paper; the page calls it so."""

    name: Text = None
    surname: Text = None
    patronymic: Text = None
    number: Text = None
    birth_date: Day = None
    begin_date: Day = None
    end_date: Day = None
    status: Item = None
    issue_organization: Item = None
    type: Item = None


class Organization(_Page):
    name: Text = None
    bin: Text = None


class VerifyResponse(_Page):
    """`photo`: whether one came. The picture itself goes no further than here."""

    min_confidence_level: Annotated[float | None, BeforeValidator(_number)] = None
    photo: Annotated[bool, BeforeValidator(bool)] = False
    requisites: Annotated[Organization | None, BeforeValidator(_object)] = None


class Person(_Page):
    documents: Annotated[tuple[Documents, ...], BeforeValidator(_several)] = ()
    name: Text = None
    surname: Text = None
    patronymic: Text = None
    birth_date: Day = None
    iin: Annotated[str | None, BeforeValidator(_iin)] = None
    birth_place: Annotated[BirthPlace | None, BeforeValidator(_object)] = None
    life_status: Item = None
    gender: Item = None
    nationality: Item = None
    citizenship: Item = None
    reg_address: Annotated[RegAddress | None, BeforeValidator(_object)] = None


class PersonalData(_Page):
    """`verify_response` may lie beside the person, within it, or be taken apart in either place."""

    person: Person
    verify_response: VerifyResponse = Field(default_factory=VerifyResponse)

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, told: object) -> object:
        if not isinstance(told, Mapping) or not isinstance(told.get("person"), Mapping):
            return told
        top, person = dict(told), dict(told["person"])
        found: dict[str, Any] = {}
        for place in (top, person):
            whole = place.pop("verifyResponse", None)
            apart = {name: place.pop(name) for name in _VERIFIED if name in place}
            found = (whole if isinstance(whole, dict) else apart) | found
        return top | {"person": person, "verifyResponse": found}


_VERIFIED: Final = ("minConfidenceLevel", "photo", "requisites")
