"""COID's answer: every object of the bank's page, each spelling of it, and which paper counts."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.errors import Unexpected
from flows.papers import Citizen
from flows.upstream.answer import Answer
from flows.upstream.coid_citizen import citizen_of
from flows.upstream.coid_page import PersonalData, day_of

IIN = "900101300126"
TODAY = date(2026, 6, 1)
PHOTO = "/9j/4AAQSkZJRgABAQ"


def item(name: str, code: str = "1") -> dict[str, str]:
    return {"code": code, "nameRu": name, "nameKz": f"{name} (kz)", "changeDate": "2008-03-01T10:00:00"}


def paper(
    number: str = "012345678", begins: Any = "2020-05-05", ends: Any = "2030-05-04", **more: Any
) -> dict[str, Any]:
    return {
        "name": "АЙГЕРІМ",
        "surname": "САМАТОВА",
        "patronymic": "ЕРЛАНҚЫЗЫ",
        "number": number,
        "birthDate": "1990-01-01",
        "beginDate": begins,
        "endDate": ends,
        "status": item("ДОКУМЕНТ ДЕЙСТВИТЕЛЕН", "00"),
        "issueOrganization": item("МИНИСТЕРСТВО ВНУТРЕННИХ ДЕЛ РК", "002"),
        "type": item("УДОСТОВЕРЕНИЕ РК", "UL"),
    } | more


ADDRESS = {
    "building": "10",
    "street": "АБАЯ",
    "city": "АЛМАТЫ",
    "country": item("КАЗАХСТАН", "398"),
    "district": item("МЕДЕУСКИЙ РАЙОН"),
    "region": item("АЛМАТЫ"),
    "beginDate": "2015-02-03",
}
VERIFIED = {"minConfidenceLevel": 0.85, "photo": PHOTO, "requisites": {"name": "АО БАНК", "bin": "123456789012"}}


def told(*, verified: Any = VERIFIED, **person: Any) -> dict[str, Any]:
    whole = {
        "iin": IIN,
        "name": "АЙГЕРІМ",
        "surname": "САМАТОВА",
        "patronymic": "ЕРЛАНҚЫЗЫ",
        "birthDate": "1990-01-01",
        "gender": item("ЖЕНСКИЙ", "2"),
        "nationality": item("КАЗАХИ", "005"),
        "citizenship": item("КАЗАХСТАН", "398"),
        "lifeStatus": item("НОРМАЛЬНЫЙ", "0"),
        "birthPlace": {
            "city": "ТАЛДЫКОРГАН",
            "country": item("КАЗАХСТАН"),
            "district": None,
            "region": item("АЛМАТИНСКАЯ"),
        },
        "regAddress": ADDRESS,
        "documents": [paper()],
    }
    return {"person": whole | person} | ({"verifyResponse": verified} if verified else {})


def read(answer: Any) -> PersonalData:
    return Answer(200, json.dumps(answer).encode()).read(PersonalData)


def citizen(answer: Any = None, iin: str = IIN) -> Citizen:
    return citizen_of(read(answer or told()), iin, TODAY)


def test_the_person_as_the_house_knows_them() -> None:
    found = citizen()
    assert found.reading.model_dump() == {
        "last_name": "САМАТОВА",
        "first_name": "АЙГЕРІМ",
        "middle_name": "ЕРЛАНҚЫЗЫ",
        "birth_date": "1990-01-01",
        "gender": "F",
        "document_number": "012345678",
        "tax_number": IIN,
        "issued": "2020-05-05",
        "expires": "2030-05-04",
        "authority": "МИНИСТЕРСТВО ВНУТРЕННИХ ДЕЛ РК",
        "address": "КАЗАХСТАН, АЛМАТЫ, МЕДЕУСКИЙ РАЙОН, АБАЯ, 10",
    }
    assert found.model_dump(exclude={"reading"}) == {
        "document": "УДОСТОВЕРЕНИЕ РК",
        "citizenship": "КАЗАХСТАН",
        "confidence": 0.85,
        "alive": True,
        "same_iin": True,
    }


def test_every_object_of_the_page_is_read_and_unknown_fields_are_kept() -> None:
    data = read(told(more={"a": 1}) | {"requestTime": 5})
    person, document = data.person, data.person.documents[0]
    assert person.birth_place and person.reg_address and person.nationality and document.status  # noqa: PT018 - for mypy
    assert (person.birth_place.city, person.birth_place.district) == ("ТАЛДЫКОРГАН", None)
    assert person.birth_place.region and person.birth_place.region.name_kz == "АЛМАТИНСКАЯ (kz)"  # noqa: PT018
    assert (person.nationality.code, person.nationality.change_date) == ("005", date(2008, 3, 1))
    assert person.reg_address.begin_date == date(2015, 2, 3)
    assert (document.surname, document.birth_date, document.status.code) == ("САМАТОВА", date(1990, 1, 1), "00")
    assert data.verify_response.requisites
    assert (data.verify_response.requisites.name, data.verify_response.requisites.bin) == ("АО БАНК", "123456789012")
    assert person.model_extra == {"more": {"a": 1}}
    assert data.model_extra == {"requestTime": 5}


@pytest.mark.parametrize(
    "answer",
    [
        told(),
        told(verified=None) | VERIFIED,
        told(verified=None, verifyResponse=VERIFIED),
        told(verified=None, **VERIFIED),
        told(verified=VERIFIED | {"minConfidenceLevel": "0,85"}),
        told(verified=VERIFIED | {"minConfidenceLevel": 85}),
    ],
)
def test_where_the_check_of_the_face_lies(answer: dict[str, Any]) -> None:
    data = read(answer)
    assert citizen(answer).confidence == 0.85
    assert data.verify_response.photo
    assert PHOTO not in str(data.model_dump()) + data.model_dump_json()


def test_the_photo_goes_no_further_and_nobody_is_shown() -> None:
    data = read(told())
    shown = repr(data) + str(data) + repr(data.person.documents) + repr(citizen())
    assert not any(secret in shown for secret in (PHOTO, IIN, "САМАТОВА", "012345678", "АБАЯ", "1990"))


@pytest.mark.parametrize(
    "spelling",
    [
        "1990-01-01",
        " 1990-01-01 ",
        "1990-01-01T00:00:00",
        "1990-01-01T00:00:00.000",
        "1990-01-01 00:00:00",
        "1990-01-01T00:00:00+06:00",
        "1990-01-01T00:00:00+0600",
        "1990-01-01T00:00:00Z",
        "1989-12-31T18:00:00Z",
        "1989-12-31T18:00:00.000+00:00",
        "01.01.1990",
        "1.1.1990",
        "01/01/1990",
        "01.01.1990 00:00:00",
        631152000000,
        631130400000,
        631152000000.0,
        "631130400000",
    ],
)
def test_spellings_of_a_day(spelling: object) -> None:
    assert day_of(spelling) == date(1990, 1, 1)


@pytest.mark.parametrize(
    "odd",
    [
        None,
        "",
        "soon",
        "1990-13-01",
        "31.02.1990",
        "1990",
        "0001-01-01",
        "9999-12-31T23:59:59Z",
        10**20,
        True,
        [],
        1.5,
        {},
    ],
)
def test_what_is_no_day_is_none(odd: object) -> None:
    assert day_of(odd) is None


@given(st.dates(date(1900, 1, 1), date(2100, 12, 31)), st.integers(0, 7))
def test_milliseconds_of_any_midnight_between_utc_and_kazakhstan(day: date, ahead: int) -> None:
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=ahead)
    assert day_of(int(midnight.timestamp() * 1000)) == day


@pytest.mark.parametrize("milliseconds", [0, -18_000_000, -21_600_000])
def test_the_first_day_of_1970_is_hardly_any_milliseconds(milliseconds: int) -> None:
    assert day_of(milliseconds) == date(1970, 1, 1)


NEWER = paper("2", "2024-01-01", "2034-01-01")
EXPIRED = paper("3", "2025-01-01", "2026-05-31")
ENDLESS = paper("4", "2022-01-01", None)
COMING = paper("5", "2026-06-02", "2036-06-02")
LOST = paper("6", "2025-06-01", "2035-06-01", status=item("УТЕРЯН"))
ODD = paper("7", None, None)


@pytest.mark.parametrize(
    ("papers", "number"),
    [
        ([paper(), NEWER], "2"),
        ([NEWER, paper()], "2"),
        ([paper(), EXPIRED], "012345678"),
        ([paper(), ENDLESS, EXPIRED], "4"),
        ([paper(), COMING], "012345678"),
        ([paper(), LOST], "012345678"),
        ([ODD, paper()], "012345678"),
        ([ODD, EXPIRED], "7"),
        ([EXPIRED, LOST], "6"),
        ([EXPIRED], "3"),
        ([None, 5, paper()], "012345678"),
        (paper(), "012345678"),
        ([], None),
        (None, None),
        ("none", None),
    ],
)
def test_which_paper_counts(papers: object, number: str | None) -> None:
    assert citizen(told(documents=papers)).reading.document_number == number


def test_the_two_areas_may_have_each_others_names() -> None:
    other = ADDRESS | {"district": ADDRESS["region"], "region": ADDRESS["district"]}
    assert citizen(told(regAddress=other)).reading.address == citizen().reading.address


@pytest.mark.parametrize(
    ("gender", "letter"),
    [
        (item("МУЖСКОЙ"), "M"),
        (item("Женский", "2"), "F"),
        ({"nameKz": "Ер"}, "M"),
        ({"nameKz": "Әйел"}, "F"),
        ({"code": "1"}, "M"),
        ({"code": 2}, "F"),
        ("мужской", "M"),
        ({"code": "9"}, None),
        ({}, None),
        (None, None),
        (5, None),
    ],
)
def test_gender(gender: object, letter: str | None) -> None:
    assert citizen(told(gender=gender)).reading.gender == letter


@pytest.mark.parametrize("status", [item("УМЕР", "3"), {"nameKz": "Қайтыс болған"}, {"nameRu": "Смерть"}, "Умершая"])
def test_who_has_died(status: object) -> None:
    assert not citizen(told(lifeStatus=status)).alive


@pytest.mark.parametrize("status", [None, {}, item("НОРМАЛЬНЫЙ"), {"code": "0"}, "Живой"])
def test_who_lives(status: object) -> None:
    assert citizen(told(lifeStatus=status)).alive


@pytest.mark.parametrize(("theirs", "same"), [(IIN, True), (int(IIN), True), ("850505400015", False), (None, False)])
def test_whose_data_they_are(theirs: object, same: bool) -> None:  # noqa: FBT001 - a column of the table above
    found = citizen(told(iin=theirs))
    assert found.same_iin is same
    assert found.reading.tax_number == IIN


def test_an_iin_that_came_as_a_number_has_its_zeros() -> None:
    assert citizen(told(iin=10101300127), "010101300127").same_iin


def test_a_person_of_whom_hardly_anything_is_known() -> None:
    found = citizen(
        {"person": {"iin": IIN, "surname": "САМАТОВА", "patronymic": None, "regAddress": {}, "gender": None}}
    )
    assert found.reading.model_dump(exclude_none=True) == {"last_name": "САМАТОВА", "tax_number": IIN}
    assert (found.document, found.citizenship, found.confidence) == ("", "", None)


@pytest.mark.parametrize("answer", [{}, [], None, "x", {"person": None}, {"person": []}, {"persons": {}}])
def test_an_answer_without_a_person(answer: object) -> None:
    with pytest.raises(Unexpected):
        read(answer)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda below: st.lists(below) | st.dictionaries(st.sampled_from([*told()["person"], *paper(), "code", "x"]), below),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from([*told()["person"], "photo", "verifyResponse"]), ANYTHING), ANYTHING)
def test_whatever_the_fields_hold_it_is_read(person: dict[str, Any], verified: object) -> None:
    found = citizen_of(PersonalData.model_validate({"person": person, "verifyResponse": verified}), IIN, TODAY)
    assert found.reading.tax_number == IIN
