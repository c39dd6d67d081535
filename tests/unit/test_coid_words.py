"""COID's four messages have five causes; each is found whatever wraps it, and nothing else is taken for one."""

import pytest
from test_aitu_words import AGE, DOWN, FACE, IIN

from flows.errors import FaceMismatch, FlowError, IinUnknown, StateDown, StateForbidden, Underage
from flows.upstream.coid_words import documented, refusal_in

MESSAGES: list[tuple[str, type[FlowError]]] = [
    (FACE, FaceMismatch),
    (AGE, Underage),
    (IIN, IinUnknown),
    (DOWN, StateDown),
    (f"{DOWN} (сервис не доступен)", StateDown),
    (f"{DOWN} (Партнеру запрещен доступ к данным)", StateForbidden),
]


@pytest.mark.parametrize(("message", "refusal"), MESSAGES)
def test_each_message_means_its_cause(message: str, refusal: type[FlowError]) -> None:
    assert documented(message) is documented(f" {message.upper()}. ") is refusal
    for said in (
        message,
        {"message": message},
        {"error": message, "status": 500},
        {"timestamp": "2030-01-01", "error": "Internal Server Error", "message": message},
        {"errors": [{"code": 7, "text": message}]},
        f"<html><body><p>{message}</p></body></html>",
    ):
        assert refusal_in(said) is refusal


@pytest.mark.parametrize("said", ["", "OK", {}, [], None, 16, {"message": "Ошибка"}, {"message": "request not found"}])
def test_other_words_mean_none(said: object) -> None:
    assert documented(str(said)) is refusal_in(said) is None


def test_part_of_a_message_is_none_in_a_redirect() -> None:
    assert documented(FACE.partition(".")[0]) is None
    assert documented(f"{AGE}, {AGE}") is None
