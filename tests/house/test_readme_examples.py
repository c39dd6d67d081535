"""The README's shorter examples do what is said of them; the longer ones run in `tests/journeys/test_readme.py`."""

import base64
import hmac
import re
import secrets
import time
import tomllib
from collections.abc import Callable, Mapping
from typing import cast

import pytest
from readme import HALVES, block

from flows.papers import Reading
from flows.telling import signed
from flows.upstream.humo import HumoOptions
from flows.upstream.humo_words import WORDS, reading_of, reason_of


@pytest.mark.parametrize("half", HALVES)
def test_the_papers_that_are_shown_are_understood(half: str) -> None:
    humo = HumoOptions.model_validate(tomllib.loads(block(half, "papers"))["upstream"]["humo"])
    assert humo.documents["ID_OLD"].pages == ("front", "back", "address")
    assert humo.documents["ID_NEW"].pages == ("front", "back")
    assert reading_of({"паспорт №": "A3400013"}, humo.fields).document_number == "A3400013"
    assert reason_of({"code": 17}, humo.reasons) == "glare"
    named = set(re.findall("`([a-z_]+)`", HALVES[half]))
    assert named >= {*WORDS, *Reading.model_fields}


def test_the_receiver_that_is_shown_knows_our_callback_from_another() -> None:
    given = {"base64": base64, "hmac": hmac, "time": time, "Mapping": Mapping}
    exec(block("ru", "receiver"), given)  # noqa: S102 - the README's own lines
    genuine = cast("Callable[[Mapping[str, str], bytes, bytes], bool]", given["genuine"])
    secret, body = secrets.token_bytes(32), b'{"type":"identification.done"}'
    headers = signed("0123456789abcdef", body, secret)
    assert genuine(headers, body, secret)
    assert not genuine(headers, body + b" ", secret)
    assert not genuine(headers | {"webhook-id": "0123456789abcdee"}, body, secret)
    assert not genuine(headers, body, secrets.token_bytes(32))
    assert not genuine(signed("0123456789abcdef", body, secret, at=int(time.time()) - 600), body, secret)
