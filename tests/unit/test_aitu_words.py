"""What Aitu says in a redirect is anybody's words: a refusal of ours comes of it, and nothing of it goes on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.errors import (
    FaceMismatch,
    FlowError,
    IinUnknown,
    LoginCancelled,
    LoginMisconfigured,
    StateDown,
    StateForbidden,
    Unavailable,
    Underage,
    Unexpected,
)
from flows.upstream.aitu import refusal_of
from flows.upstream.aitu_words import iin_of, locale_of, mobile_of, phone_of, real

FACE = (
    "Ваше фото не совпадает с фото из государственной базы данных. Проверьте правильность введенного ИИН или "
    "попробуйте пройти видео-проверку заново"
)
AGE = "Проверку можно пройти при достижении 16 летнего возраста"
IIN = (
    "ИИН не найден в базе данных государственного органа. Проверку можно пройти при наличии гражданства Республики "
    "Казахстан или Вида на жительство. Проверьте правильность ввода ИИН или обратитесь в службу поддержки"
)
DOWN = "Ошибка на сервисе государственного органа"


@pytest.mark.parametrize(
    ("error", "description", "refusal"),
    [
        ("access_denied", "", LoginCancelled),
        ("access_denied", "The resource owner denied the request", LoginCancelled),
        ("access_denied", FACE, FaceMismatch),
        ("access_denied", FACE.upper() + " !", FaceMismatch),
        ("access_denied", FACE.replace(" ", "+"), FaceMismatch),
        ("access_denied", AGE, Underage),
        ("access_denied", IIN, IinUnknown),
        ("access_denied", IIN.replace(".", ""), IinUnknown),
        ("access_denied", DOWN, StateDown),
        ("access_denied", f"{DOWN} (сервис не доступен)", StateDown),
        ("access_denied", f"{DOWN} (Партнеру запрещён доступ к данным)", StateForbidden),
        ("access_denied", f"{AGE} and more", LoginCancelled),
        ("server_error", DOWN, StateDown),
        ("server_error", "", Unavailable),
        ("temporarily_unavailable", "try later", Unavailable),
        ("login_required", "", Unexpected),
        ("", "", Unexpected),
        ("<script>", "<script>", Unexpected),
    ],
)
def test_what_a_redirect_means(error: str, description: str, refusal: type[FlowError]) -> None:
    assert type(refusal_of(error, description)) is refusal


@pytest.mark.parametrize(
    ("error", "description", "word"),
    [
        ("invalid_request", "", "request"),
        ("invalid_request", "client_id_is_not_valid", "client_id"),
        ("invalid_client", "", "client_id"),
        ("unauthorized_client", "", "client_id"),
        ("invalid_scope", "", "scope"),
        ("invalid_request", "error: request_contains_invalid_scopes", "scope"),
        ("invalid_request", "not_allowed_scopes", "scope"),
        ("server_error", "Illegal base64 character 2d", "iin_signature"),
        ("invalid_request", "userDataValidatorId is not registered", "validator"),
        ("invalid_request", "The redirect_uri does not match", "redirect_uri"),
        ("unsupported_response_type", "", "request"),
    ],
)
def test_what_aitu_minds_about_the_bank(error: str, description: str, word: str) -> None:
    found = refusal_of(error, description)
    assert isinstance(found, LoginMisconfigured)
    assert found.word == word


@given(st.text(), st.text(max_size=3000))
def test_nothing_of_it_goes_on(error: str, description: str) -> None:
    found = refusal_of(error, description)
    assert found.params == {}
    assert found.args == (found.code,)
    assert found.__cause__ is None


@pytest.mark.parametrize(
    ("iin", "is_real"),
    [
        ("900101300126", True),
        ("900101300127", False),
        ("000000000000", False),
        *((f"00000000000{n}", False) for n in range(1, 6)),
        ("850505400010", False),
    ],
)
def test_the_check_digit(iin: str, *, is_real: bool) -> None:
    assert real(iin) is is_real


def test_of_ten_last_digits_one_at_most_is_right() -> None:
    """Where the first weights give 10 the second decide; where those do too, the number is given to nobody."""
    rights = [sum(real(f"{first:011}{last}") for last in range(10)) for first in range(90010130000, 90010130500)]
    assert set(rights) == {0, 1}
    assert rights.count(1) > 480


@pytest.mark.parametrize(
    ("phone", "told"),
    [
        ("+77071234567", "77071234567"),
        ("77071234567", "77071234567"),
        ("+79221234567", None),
        ("+992900000001", None),
        ("+7707123456", None),
        ("+770712345678", None),
        ("", None),
        (None, None),
    ],
)
def test_only_a_kazakh_phone_is_told(phone: str | None, told: str | None) -> None:
    assert mobile_of(phone) == told


def test_spellings() -> None:
    assert [locale_of(language) for language in ("ru", "kk", "en", "tg", "xx")] == ["ru", "kk", "en", "ru", "ru"]
    assert phone_of("77071234567") == phone_of(77071234567) == "+77071234567"
    assert iin_of(1) == "000000000001"
    assert [iin_of(claim) for claim in (0, -1, None, "", "1", 1.0, "９" * 12)] == [None] * 7
