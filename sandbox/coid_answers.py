"""What the COID adapter says of a person: always of the same one, as the vendor's test adapter does (trap A5)."""

import base64
import io
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

from PIL import Image

from sandbox.cast import KAZAKHSTAN
from sandbox.drawn import draw

# Each group holds what excludes each other.
SHAPES: tuple[dict[str, str], ...] = (
    {"dates_datetime": "даты со временем", "dates_ms": "даты в миллисекундах", "dates_dotted": "даты ДД.ММ.ГГГГ"},
    {
        "verify_in_person": "verifyResponse внутри person",
        "verify_flat": "поля verifyResponse на верхнем уровне",
        "verify_absent": "verifyResponse нет",
    },
    {"no_documents": "documents пуст", "documents_null": "documents — null"},
    {"no_patronymic": "patronymic нет"},
    {"items_null": "справочные значения — null"},
    {"deceased": "lifeStatus: умер"},
    {"unknown_fields": "незнакомые поля"},
)
CHANGED = "2008-03-01T00:00:00"
DATES = frozenset({"birthDate", "beginDate", "endDate"})
ITEMS = frozenset({"gender", "nationality", "citizenship", "lifeStatus", "country", "district", "region"}) | {
    *("status", "issueOrganization", "type"),
}
DATE_FORMS = {"dates_datetime": "%Y-%m-%dT00:00:00", "dates_dotted": "%d.%m.%Y"}


def item(code: str, kazakh: str, russian: str) -> dict[str, Any]:
    """A DictionaryItem."""
    return {"code": code, "nameKz": kazakh, "nameRu": russian, "changeDate": CHANGED}


COUNTRY = item("398", "ҚАЗАҚСТАН", "КАЗАХСТАН")
ALMATY = {
    "country": COUNTRY,
    "district": item("1910", "АЛМАТЫ", "АЛМАТЫ"),
    "region": item("191010", "БОСТАНДЫҚ АУДАНЫ", "БОСТАНДЫКСКИЙ РАЙОН"),
    "city": "АЛМАТЫ",
}
VALID, EXPIRED = item("00", "ҚҰЖАТ ЖАРАМДЫ", "ДОКУМЕНТ ДЕЙСТВИТЕЛЕН"), item("01", "МЕРЗІМІ ӨТКЕН", "ДОКУМЕНТ ПРОСРОЧЕН")
CARD = item("002", "ҚР ЖЕКЕ КУӘЛІГІ", "УДОСТОВЕРЕНИЕ ЛИЧНОСТИ РК")
PASSPORT = item("001", "ҚР ПАСПОРТЫ", "ПАСПОРТ РК")
PERMIT = item("006", "ЖЕКЕ КУӘЛІК (МЕРЗІМСІЗ)", "УДОСТОВЕРЕНИЕ (БЕССРОЧНОЕ)")
MINISTRY = item("002", "ҚР ІШКІ ІСТЕР МИНИСТРЛІГІ", "МИНИСТЕРСТВО ВНУТРЕННИХ ДЕЛ РК")


def answer(outcomes: Collection[str] = ()) -> dict[str, Any]:
    """`{"person", "verifyResponse"}`, changed by the outcomes of `SHAPES`."""
    person = _person(outcomes)
    verified = _verified()
    if "unknown_fields" in outcomes:
        able = item("0", "ӘРЕКЕТКЕ ҚАБІЛЕТТІ", "ДЕЕСПОСОБЕН")
        person |= {"capableStatus": able, "excludeStatus": None, "extra": {"x": [1, 2]}}
    whole: dict[str, Any] = {"person": person}
    if "verify_in_person" in outcomes:
        person["verifyResponse"] = verified
    elif "verify_flat" in outcomes:
        whole |= verified
    elif "verify_absent" not in outcomes:
        whole["verifyResponse"] = verified
    return dict(_written(whole, outcomes))


def _person(outcomes: Collection[str]) -> dict[str, Any]:
    alive = item("3", "ҚАЙТЫС БОЛҒАН", "УМЕР") if "deceased" in outcomes else item("0", "ТІРІ", "ЖИВОЙ")
    documents: Any = list(_documents())
    if "no_documents" in outcomes:
        documents = []
    if "documents_null" in outcomes:
        documents = None
    return {
        "iin": KAZAKHSTAN.tax_number,
        **_names(),
        "gender": item("1", "ЕРКЕК", "МУЖСКОЙ"),
        "nationality": item("005", "ҚАЗАҚ", "КАЗАХ"),
        "citizenship": COUNTRY,
        "lifeStatus": alive,
        "birthPlace": ALMATY,
        "regAddress": {**ALMATY, "street": "УЛИЦА ТИМИРЯЗЕВА", "building": "42", "beginDate": "2012-06-15"},
        "documents": documents,
    }


def _names() -> dict[str, str]:
    return {
        "name": KAZAKHSTAN.first_name,
        "surname": KAZAKHSTAN.last_name,
        "patronymic": KAZAKHSTAN.middle_name,
        "birthDate": KAZAKHSTAN.birth_date,
    }


def _documents() -> Iterator[dict[str, Any]]:
    """One that has run out, the one that counts, one without an end."""
    for number, begin, end, status, kind in (
        ("N01234567", "2010-02-10", "2020-02-09", EXPIRED, PASSPORT),
        ("042917365", "2021-05-20", "2031-05-19", VALID, CARD),
        ("012345678", "2006-01-10", None, VALID, PERMIT),
    ):
        dates = {"beginDate": begin} | ({"endDate": end} if end else {})
        yield {**_names(), "number": number, **dates, "status": status, "issueOrganization": MINISTRY, "type": kind}


def _verified() -> dict[str, Any]:
    return {
        "minConfidenceLevel": 0.8,
        "photo": photo(),
        "requisites": {"name": "АО «Банк песочницы»", "bin": "123456789012"},
    }


@cache
def photo() -> str:
    """A small JPEG, as base64."""
    with Image.open(io.BytesIO(draw(KAZAKHSTAN, "selfie"))) as drawn:
        drawn.thumbnail((120, 160))
        written = io.BytesIO()
        drawn.save(written, "JPEG")
    return base64.b64encode(written.getvalue()).decode()


def _written(told: Any, outcomes: Collection[str]) -> Any:
    """Dates and dictionary items spelled as wished, everywhere."""
    if isinstance(told, list):
        return [_written(one, outcomes) for one in told]
    if not isinstance(told, dict):
        return told
    return {name: _value(name, value, outcomes) for name, value in told.items() if _kept(name, outcomes)}


def _kept(name: str, outcomes: Collection[str]) -> bool:
    return name != "patronymic" or "no_patronymic" not in outcomes


def _value(name: str, value: Any, outcomes: Collection[str]) -> Any:
    if name in ITEMS and "items_null" in outcomes:
        return None
    if name in DATES and isinstance(value, str):
        return _date(value, outcomes)
    return _written(value, outcomes)


def _date(text: str, outcomes: Collection[str]) -> str | int:
    day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    if "dates_ms" in outcomes:
        return int(day.timestamp() * 1000)
    return next((day.strftime(form) for name, form in DATE_FORMS.items() if name in outcomes), text)
