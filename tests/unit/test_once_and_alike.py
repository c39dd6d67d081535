"""Secrets are compared in one time, an address is looked up once, and a strict channel has one refusal."""

import asyncio
import hmac
import socket
from typing import Any

import pytest
from aiohttp import web

from flows.errors import AttemptsSpent, FlowError, Locked, StepUnknown, WrongAnswer
from flows.init_data import InitDataRefused, user_of
from flows.keys import Keys
from flows.upstream.resolving import CheckedResolver
from search_api.answers import refused

KEYS = Keys(b"secret of the comparing tests, 32 bytes")
PUBLIC, INSIDE = "93.184.215.14", "127.0.0.1"


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, object]]:
    """What has gone through the comparison that takes the same time however early the two differ."""
    seen: list[tuple[object, object]] = []

    def compare(one: object, other: object) -> bool:
        seen.append((one, other))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare)
    return seen


def test_a_code_is_compared_whole_however_early_it_differs(compared: list[tuple[object, object]]) -> None:
    sid = KEYS.new_sid()
    code = KEYS.code(sid, "code", 6)
    for text in (code, "000000", "", code[:-1]):
        assert KEYS.is_code(sid, "code", 6, text) is (text == code)
    assert compared == [(code.encode(), text.encode()) for text in (code, "000000", "", code[:-1])]


def test_a_signature_is_compared_whole(compared: list[tuple[object, object]]) -> None:
    with pytest.raises(InitDataRefused):
        user_of("auth_date=1&user=1&hash=" + "a" * 64, token="1:token", now=1.0, max_age=60)
    assert [given for _, given in compared] == ["a" * 64]


async def test_a_name_that_moves_inside_is_called_where_it_was_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second look would find the inside address; there must be none."""
    answers = [PUBLIC, INSIDE, INSIDE]

    async def looked_up(*_: object, **__: object) -> list[Any]:
        address = answers.pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))]

    resolver = CheckedResolver(frozenset())
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", looked_up)
    assert [one["host"] for one in await resolver.resolve("moving.example", 443)] == [PUBLIC]
    with pytest.raises(OSError, match="inside"):
        await resolver.resolve("moving.example", 443)
    assert len(answers) == 1


def test_a_strict_channel_has_one_refusal() -> None:
    errors: tuple[FlowError, ...] = (WrongAnswer("code"), AttemptsSpent(), StepUnknown(), Locked(retry_after=60))
    answers = [_shown(refused(error, strict=True, step_id="a" * 22)) for error in errors]
    assert answers == [answers[0]] * len(errors)
    apart = {_shown(refused(error)) for error in errors}
    assert len(apart) == len(errors)


def _shown(answer: web.Response) -> tuple[int, bytes, tuple[tuple[str, str], ...]]:
    assert isinstance(answer.body, bytes)
    return answer.status, answer.body, tuple(answer.headers.items())
