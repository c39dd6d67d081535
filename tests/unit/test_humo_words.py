"""Humo's undocumented results, read tolerantly: failures into a closed list of words, readings into fields."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.papers import Reading
from flows.texts import LANGUAGES, sentences
from flows.upstream.humo_words import FIELDS, REASONS, WORDS, reading_of, reason_of


@pytest.mark.parametrize(
    ("result", "word"),
    [
        ("BLURRED", "blurred"),
        ("The image is too blurry", "blurred"),
        ("Изображение размыто", "blurred"),
        ("tooDark", "dark"),
        ({"code": "IMAGE_DARK"}, "dark"),
        ({"is_dark": True, "is_blurred": False}, "dark"),
        ({"is_dark": "no", "blur": 0.9}, ""),
        ({"error": {"detail": [{"msg": "Face not detected"}]}}, "no_face"),
        (["a", ["b", {"c": "document-expired"}]], "expired"),
        ("Срок действия документа истёк", "expired"),
        ("Лицо не найдено", "no_face"),
        ("Лица не совпадают", "face_mismatch"),
        ("more than one face", "many_faces"),
        ("Liveness check failed", "not_alive"),
        ("ИНН не найден", "no_tax_number"),
        ("unblurred", ""),
        ("", ""),
        (None, ""),
        ({}, ""),
        ([], ""),
        (17, ""),
        (True, ""),
        ({"code": "E-771"}, ""),
        ([[[[["blurred"]]]]], ""),
        ("x" * 300 + " blurred", ""),
        (["x"] * 500 + ["blurred"], ""),
    ],
)
def test_words_are_found_wherever_they_stand(result: object, word: str) -> None:
    assert reason_of(result, {}) == word


def test_the_banks_own_table_comes_first() -> None:
    more = {"E-771": "fake", "17": "glare", "blurred": "dark"}
    said: list[object] = ["e 771", {"code": 17}, 170, "BLURRED", "E-7710"]
    assert [reason_of(one, more) for one in said] == ["fake", "glare", "", "dark", ""]


def test_the_first_known_word_counts() -> None:
    assert reason_of({"code": "E1", "message": "glare", "more": ["blurred"]}, {}) == "glare"


def test_every_row_finds_its_own_word() -> None:
    """A row that an earlier one shadows would be a dead one, or lie."""
    assert {said: reason_of(said, {}) for said in REASONS} == REASONS
    assert {said.replace("_", " ").upper(): reason_of(said.replace("_", " ").upper(), {}) for said in REASONS} == {
        said.replace("_", " ").upper(): word for said, word in REASONS.items()
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_has_a_sentence_that_says_what_to_do(language: str) -> None:
    told = {key: text for key, text in sentences(language).items() if key.startswith("reason.")}
    assert set(told) == {f"reason.{word}" for word in (*WORDS, "unknown")}
    assert [key for key, text in told.items() if len(re.findall(r"[.!?](?:\s|$)", text)) < 2] == []


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ({"birth_date": "1990-05-14"}, {"birth_date": "1990-05-14"}),
        ({"birth_date": "14.05.1990"}, {"birth_date": "1990-05-14"}),
        ({"dob": "14/05/1990"}, {"birth_date": "1990-05-14"}),
        ({"DateOfBirth": "4.5.1990"}, {"birth_date": "1990-05-04"}),
        ({"birthDate": "1990-05-14T00:00:00Z"}, {"birth_date": "1990-05-14"}),
        ({"birth_date": "31.02.1990"}, {}),
        ({"birth_date": "05/14/1990"}, {}),
        ({"birth_date": "14.05/1990"}, {}),
        ({"birth_date": "0000-01-01"}, {}),
        ({"birth_date": 19900514}, {}),
        ({"tax_number": "020025781"}, {"tax_number": "020025781"}),
        ({"tax_number": 20025781}, {"tax_number": "020025781"}),
        ({"inn": 4582196}, {"tax_number": "004582196"}),
        ({"rma": 20025781.0}, {"tax_number": "020025781"}),
        ({"tin": 510348902}, {"tax_number": "510348902"}),
        ({"tax_number": 660012345614}, {"tax_number": "660012345614"}),
        ({"tax_number": 12}, {"tax_number": "12"}),
        ({"tax_number": -20025781}, {}),
        ({"tax_number": True}, {}),
        ({"tax_number": None, "inn": "020025781"}, {"tax_number": "020025781"}),
        ({"tax_number": "", "inn": " "}, {}),
        ({"number": 31950007}, {"document_number": "31950007"}),
        ({"Last Name": " Раҳимов\n"}, {"last_name": "Раҳимов"}),
        (
            {"address": "ш. Душанбе,\r\n\tкӯчаи Рӯдакӣ\x00\x1b[1m\u202e\u200b"},
            {"address": "ш. Душанбе, кӯчаи Рӯдакӣ[1m"},
        ),
        ({"address": "\ud800x"}, {"address": "x"}),
        ({"address": "я" * 300}, {"address": "я" * 256}),
        ({"last_name": {"value": "Раҳимов", "confidence": 0.98}}, {"last_name": "Раҳимов"}),
        ({"last_name": {"text": "Раҳимов"}, "first_name": ["Ф"]}, {"last_name": "Раҳимов"}),
        ({"data": {"fields": {"surname": "Раҳимов"}}}, {"last_name": "Раҳимов"}),
        ({"mother": {"last_name": "Раҳимова"}, "photo": "/9j/"}, {}),
        ({"last_name": "А", "data": {"last_name": "Б"}}, {"last_name": "А"}),
        ({"issue_date": "12.06.2019", "validUntil": "12/06/2029"}, {"issued": "2019-06-12", "expires": "2029-06-12"}),
        ([], {}),
        (None, {}),
        ("last_name", {}),
    ],
)
def test_readings(told: object, read: dict[str, str]) -> None:
    assert reading_of(told, {}).model_dump(exclude_none=True) == read


def test_the_banks_own_names_come_first() -> None:
    more = {"ФАМИЛИЯ": "last_name", "name": "last_name"}
    assert reading_of({"Фамилия": "Раҳимов"}, more).last_name == "Раҳимов"
    assert reading_of({"name": "Раҳимов"}, more) == Reading(last_name="Раҳимов")


def test_every_known_name_is_of_a_field() -> None:
    assert set(FIELDS.values()) == set(Reading.model_fields)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([*FIELDS, *REASONS])
NAMES = st.text(max_size=5) | st.sampled_from([*FIELDS, "data", "result", "value", "text"])
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4))


@given(result=JSON)
def test_nothing_breaks_on_any_json(result: object) -> None:
    assert reason_of(result, {"E17": "dark"}) in {*WORDS, ""}
    for value in reading_of(result, {}).model_dump(exclude_none=True).values():
        assert 0 < len(value) <= 256
        assert value == value.strip()
        assert value.encode()
        assert not re.search(r"[\x00-\x1f\x7f-\x9f]", value)
