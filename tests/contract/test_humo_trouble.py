"""Humo's client in trouble: what is known of an upload, what is asked again, what is never shown (U1, U2, E3)."""

import logging
import traceback
from collections.abc import AsyncIterator
from typing import Any

import pytest
from humo_sandbox import FIRUZ, Bank, end, key_of, open_bank, token_of
from pydantic import ValidationError

from flows.errors import FlowError, Refused, Unavailable, Unexpected
from flows.papers import Link
from flows.upstream.humo import Humo, HumoOptions
from sandbox.humo import STANDING_KEY, UPLOAD

TYPED = "987654321"


@pytest.fixture
async def bank() -> AsyncIterator[Bank]:
    async with open_bank() as bank:
        yield bank


@pytest.mark.parametrize(
    ("outcome", "known"),
    [("500", (True, True)), ("html-502", (True, True)), ("upload-reset", (True, False))],
)
async def test_an_upload_goes_out_once_and_says_what_is_known(
    bank: Bank, outcome: str, known: tuple[bool, bool]
) -> None:
    link = await bank.link(FIRUZ)
    await bank.arm(FIRUZ.phone, outcome)
    with pytest.raises(Unavailable) as caught:
        await bank.submit(link)
    assert (caught.value.reached, caught.value.answered) == known
    assert len(await bank.calls()) == 1


async def test_after_a_cut_the_task_is_there(bank: Bank) -> None:
    link = await bank.link(FIRUZ)
    before = int(await bank.submit(link))
    await bank.arm(FIRUZ.phone, "upload-reset")
    with pytest.raises(Unavailable):
        await bank.submit(link)
    assert end(await bank.humo.task(link, str(before + 1))) == "success"


@pytest.mark.parametrize("kind", ["timeout", "accept-timeout", "reset"])
async def test_silence_and_cuts_are_doubts(kind: str) -> None:
    async with open_bank(upload_seconds=0.4) as bank:
        link = await bank.link(FIRUZ)
        await bank.sandbox.fault("humo", kind, times=None)
        with pytest.raises(Unavailable) as caught:
            await bank.humo.submit_selfie(link, document="ID_NEW", token=token_of(FIRUZ))
        assert caught.value.reached
        assert not caught.value.answered
        assert len(await bank.calls()) == 1


async def test_nobody_there_is_none(unused_tcp_port: int) -> None:
    humo = Humo(HumoOptions(url=f"http://127.0.0.1:{unused_tcp_port}"))
    link = Link(key=STANDING_KEY, source="humo_online", access_token="x")
    with pytest.raises(Unavailable) as caught:
        await humo.submit_selfie(link, document="ID_NEW", token="aa.bb.cc")
    assert not caught.value.reached
    await humo.close()


async def test_garbage_is_unexpected_wherever_it_comes(bank: Bank) -> None:
    link = await bank.link(FIRUZ)
    task = await bank.submit(link)
    await bank.sandbox.fault("humo", "garbage", times=None)
    for call in (bank.link(FIRUZ), bank.submit(link), bank.humo.task(link, task), bank.humo.ping()):
        with pytest.raises(Unexpected):
            await call


@pytest.mark.parametrize("kind", ["500", "reset", "timeout"])
async def test_questions_are_asked_again(kind: str) -> None:
    async with open_bank(seconds=1.2) as bank:
        await bank.sandbox.fault("humo", kind)
        link = await bank.link(FIRUZ)
        task = await bank.submit(link)
        await bank.sandbox.fault("humo", kind)
        assert end(await bank.humo.task(link, task)) == "success"


async def test_ping() -> None:
    async with open_bank(key_of(FIRUZ)) as bank:
        await bank.humo.ping()
        await bank.arm(key_of(FIRUZ), "presign-410")
        with pytest.raises(Refused, check=lambda refused: refused.reason == "expired"):
            await bank.humo.ping()
    async with open_bank() as bank:
        await bank.humo.ping()
        await bank.sandbox.fault("humo", "500", times=None)
        with pytest.raises(Unavailable):
            await bank.humo.ping()


async def test_nothing_personal_is_shown(bank: Bank, caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG, over successes and failures: no name, number, key, token or picture; and the capture works."""
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []
    link = await bank.link(FIRUZ)
    for outcome in ("empty", "upload-reset", "401", *UPLOAD):
        await bank.arm(FIRUZ.phone, outcome)
        try:
            task = await bank.submit(link, page="back", tax_number=TYPED)
            shown.append(repr(await bank.humo.task(link, task)))
        except FlowError as error:
            shown += traceback.format_exception(error)
            link = await bank.link(FIRUZ)
    task = await bank.submit(link)
    shown += [repr(link), repr(await bank.humo.task(link, task)), repr(bank.humo.options), repr(bank.humo)]
    ours = [record for record in caplog.records if record.name not in {"aiohttp.access", "aiohttp.server"}]
    written = "".join(shown) + "".join(record.getMessage() for record in ours)
    for secret in ("Раҳимов", "A31950007", "020025781", TYPED, "C-000001", key_of(FIRUZ), link.access_token):
        assert secret not in written
    logging.getLogger("control").debug("020025781")
    assert "020025781" in caplog.text


@pytest.mark.parametrize(
    ("stanza", "named"),
    [
        ({"additional": ["PASSPORT"]}, "PASSPORT"),
        ({"fields": {"surname": "family"}}, "family"),
        ({"reasons": {"E17": "sad"}}, "sad"),
        ({"reasons": {"--": "dark"}}, "reasons"),
        ({"documents": {"X": {"path": "../x"}}}, "path"),
        ({"documents": {"X": {"path": "x", "pages": []}}}, "pages"),
        ({"documents": {"X": {"path": "x", "pages": ["front/back"]}}}, "pages"),
        ({"nulls": "null"}, "nulls"),
        ({"url": "https://user:pass@humo.example"}, "credentials"),
        ({"kee_env": "X"}, "kee_env"),
    ],
)
def test_stanzas_that_are_refused(stanza: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        HumoOptions.model_validate({"url": "https://crm.humo.example", **stanza})
