"""Delivery over several channels, against the simulators (contract §7, security.md U3, Q22)."""

import asyncio
import io
import logging
import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from codes_sandbox import PHONE, TEXT, Sandbox, message, running_sandbox
from pydantic import ValidationError

from flows.errors import StoreDown
from flows.upstream.code_gateway import CodeMessage, Gateway, country_of
from flows.upstream.codes import CodeDelivery, CodeGateways, Delivered, SecretUnset, build
from flows.upstream.console import Console

REACHABLE = "+992900000003"
ENVIRON = {
    "OSONSMS_TOKEN": "sandbox-osonsms-token",
    "SMSC_PASSWORD": "sandbox-smsc-password",
    "TELEGRAM_GATEWAY_TOKEN": "sandbox-gateway-token",
}
ORDER = ("telegram_gateway", "osonsms", "smsc")


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
async def delivery(sandbox: Sandbox) -> AsyncIterator[CodeDelivery]:
    stanza = {
        "osonsms": {"url": f"{sandbox.url}/osonsms", "login": "shinos", "sender": "Shinos"},
        "smsc": {"url": f"{sandbox.url}/smsc", "reserve": f"{sandbox.url}/smsc-reserve", "login": "shinos"},
        "telegram_gateway": {"url": f"{sandbox.url}/telegram-gateway"},
    }
    delivery = CodeDelivery(build(CodeGateways.model_validate(stanza), ENVIRON))
    yield delivery
    await delivery.close()


class Journal:
    """What the caller stored: the channels begun, in order."""

    def __init__(self) -> None:
        self.started: list[str] = []

    async def __call__(self, channel: str) -> None:
        self.started.append(channel)


class Vanishing:
    """Hands over to a real gateway and dies right after, as a killed process does."""

    def __init__(self, gateway: Gateway) -> None:
        self.name = gateway.name
        self._gateway = gateway

    def serves(self, message: CodeMessage) -> bool:
        return self._gateway.serves(message)

    async def send(self, message: CodeMessage) -> None:
        await self._gateway.send(message)
        raise asyncio.CancelledError

    async def ping(self) -> None:
        await self._gateway.ping()

    async def close(self) -> None:
        await self._gateway.close()


async def deliver(delivery: CodeDelivery, to: str = PHONE, **options: object) -> tuple[Delivered, list[str]]:
    journal = Journal()
    given: dict[str, object] = {"started": journal, "already_started": (), **options}
    return await delivery.deliver(message(to), ORDER, **given), journal.started  # type: ignore[arg-type]


async def test_the_first_channel_that_accepts(sandbox: Sandbox, delivery: CodeDelivery) -> None:
    assert await deliver(delivery, REACHABLE) == (Delivered("telegram_gateway"), ["telegram_gateway"])
    assert await sandbox.outbox(REACHABLE) == [("telegram_gateway", "123456")]


async def test_the_next_one_when_it_does_not(sandbox: Sandbox, delivery: CodeDelivery) -> None:
    delivered, started = await deliver(delivery)
    assert delivered == Delivered("osonsms", (("telegram_gateway", "unreachable"),))
    assert started == ["telegram_gateway", "osonsms"]
    assert await sandbox.outbox(PHONE) == [("osonsms", TEXT)]


async def test_channels_that_do_not_serve_the_country_are_passed_over(delivery: CodeDelivery) -> None:
    delivered, started = await deliver(delivery, "+77011234567")
    assert delivered.channel == "smsc"
    assert "osonsms" not in started


async def test_nobody_serves_the_destination(delivery: CodeDelivery) -> None:
    journal = Journal()
    nowhere = replace(message(None), email="ali@client.example")
    assert await delivery.deliver(nowhere, ORDER, started=journal, already_started=()) == Delivered(None)
    assert journal.started == []


async def test_channels_known_to_be_down_are_not_asked(sandbox: Sandbox, delivery: CodeDelivery) -> None:
    delivered, started = await deliver(delivery, is_down={"telegram_gateway", "osonsms"})
    assert delivered == Delivered("smsc", (("telegram_gateway", "down"), ("osonsms", "down")))
    assert started == ["smsc"]
    assert await sandbox.paths("osonsms") == []
    everything, none = await deliver(delivery, is_down=ORDER)
    assert (everything.channel, none) == (None, [])
    assert [word for _, word in everything.failed] == ["down"] * 3


async def test_all_fail_and_nothing_is_raised(sandbox: Sandbox, delivery: CodeDelivery) -> None:
    await sandbox.fault("telegram_gateway", "garbage", times=None)
    await sandbox.arm("osonsms", PHONE, "119")
    await sandbox.fault("smsc", "reset", times=None)
    await sandbox.fault("smsc_reserve", "500", times=None)
    delivered, _ = await deliver(delivery)
    failed = (("telegram_gateway", "unexpected"), ("osonsms", "funds"), ("smsc", "unavailable"))
    assert delivered == Delivered(None, failed)


async def test_a_silent_channel_gets_its_seconds_and_no_more(sandbox: Sandbox, delivery: CodeDelivery) -> None:
    await sandbox.fault("osonsms", "timeout", times=None)
    begun = asyncio.get_running_loop().time()
    delivered, _ = await deliver(delivery, seconds_each=0.3)
    assert delivered == Delivered("smsc", (("telegram_gateway", "unreachable"), ("osonsms", "timeout")))
    assert asyncio.get_running_loop().time() - begun < 1


async def test_within_three_seconds_a_lost_answer_is_found_out(sandbox: Sandbox, delivery: CodeDelivery) -> None:
    await sandbox.fault("osonsms", "accept-timeout")
    delivered, _ = await deliver(delivery)
    assert delivered.channel == "osonsms"
    assert await sandbox.outbox(PHONE) == [("osonsms", TEXT)]


async def test_the_intent_is_stored_before_anything_goes_out(sandbox: Sandbox, delivery: CodeDelivery) -> None:
    calls: list[list[str]] = []

    async def started(channel: str) -> None:
        calls.append(await sandbox.paths(channel))

    await deliver(delivery, started=started)
    assert calls == [[], []]


async def test_when_the_intent_cannot_be_stored_nothing_goes_out(sandbox: Sandbox, delivery: CodeDelivery) -> None:
    async def started(_: str) -> None:
        raise StoreDown

    with pytest.raises(StoreDown):
        await deliver(delivery, started=started)
    assert [await sandbox.paths(channel) for channel in ORDER] == [[], [], []]


@pytest.mark.parametrize(("channel", "to"), [("osonsms", PHONE), ("smsc", PHONE)])
async def test_killed_after_the_message_went_out(
    sandbox: Sandbox, delivery: CodeDelivery, channel: str, to: str
) -> None:
    """The next process goes on with the very channel, and the person gets one message."""
    dying, journal = CodeDelivery({channel: Vanishing(delivery.gateways[channel])}), Journal()
    with pytest.raises(asyncio.CancelledError):
        await dying.deliver(message(to), [channel], started=journal, already_started=())
    delivered, started = await deliver(delivery, to, already_started=journal.started)
    assert (delivered, started) == (Delivered(channel), [channel])
    assert len(await sandbox.outbox(to)) == 1
    expected = {"osonsms": ["sendsms_v1.php", "sendsms_v1.php"], "smsc": ["send.php", "status.php"]}
    assert await sandbox.paths(channel) == expected[channel]


@pytest.mark.parametrize("channel", ["osonsms", "smsc"])
async def test_killed_before_the_message_went_out(sandbox: Sandbox, delivery: CodeDelivery, channel: str) -> None:
    delivered, _ = await deliver(delivery, already_started=[channel])
    assert delivered.channel == channel
    assert len(await sandbox.outbox(PHONE)) == 1


async def test_after_a_crash_channels_that_failed_are_not_tried_again(sandbox: Sandbox, delivery: CodeDelivery) -> None:
    await sandbox.arm("osonsms", PHONE, "113")
    delivered, started = await deliver(delivery, already_started=["telegram_gateway", "osonsms"])
    assert delivered == Delivered("smsc", (("osonsms", "unavailable"),))
    assert started == ["osonsms", "smsc"]
    assert await sandbox.paths("telegram_gateway") == []


async def test_a_crashed_channel_is_asked_though_it_is_down(sandbox: Sandbox, delivery: CodeDelivery) -> None:
    await delivery.gateways["osonsms"].send(message())
    delivered, _ = await deliver(delivery, already_started=["osonsms"], is_down={"osonsms"})
    assert delivered == Delivered("osonsms")
    assert len(await sandbox.outbox(PHONE)) == 1


async def test_one_resubmission_at_most(sandbox: Sandbox, delivery: CodeDelivery) -> None:
    begun = ["telegram_gateway", "telegram_gateway"]
    delivered, started = await deliver(delivery, REACHABLE, already_started=begun)
    assert delivered == Delivered("osonsms", (("telegram_gateway", "interrupted"),))
    assert started == ["osonsms"]


async def test_a_channel_that_left_the_configuration(delivery: CodeDelivery) -> None:
    delivered, started = await deliver(delivery, already_started=["telegram_gateway", "pigeon"])
    assert (delivered, started) == (Delivered("osonsms"), ["osonsms"])


async def test_cancellation_passes_through(sandbox: Sandbox, delivery: CodeDelivery) -> None:
    await sandbox.fault("telegram_gateway", "timeout")
    task = asyncio.create_task(deliver(delivery))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await sandbox.outbox(PHONE) == []


async def test_no_log_and_no_repr_shows_the_person_the_code_or_a_token(
    sandbox: Sandbox, delivery: CodeDelivery, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for kind in ("500", "reset", "garbage", "slow"):
        for upstream in ORDER:
            await sandbox.fault(upstream, kind, delay=0.01)
        await deliver(delivery)
    ours = [record.getMessage() for record in caplog.records if record.name != "aiohttp.access"]
    shown = "\n".join([*ours, repr(message()), *map(repr, delivery.gateways.values())])
    assert not re.search("2900000001|123456|sandbox-", shown)


async def test_the_console_shows_the_code_and_hides_the_phone() -> None:
    stream = io.StringIO()
    console = CodeDelivery({"console": Console(stream=stream)})
    delivered = await console.deliver(message("+992900004567"), ["console"], started=Journal(), already_started=())
    assert delivered == Delivered("console")
    assert stream.getvalue() == "code 123456 for *4567\n"


@pytest.mark.parametrize(
    ("phone", "country"),
    [
        ("+992900000001", "TJ"),
        ("+77011234567", "KZ"),
        ("+79221234567", "RU"),
        ("+74951234567", "RU"),
        ("+998901234567", "UZ"),
        ("+12025550123", "US"),
        ("+99900000000", None),
        ("+", None),
    ],
)
def test_country_of(phone: str, country: str | None) -> None:
    assert country_of(phone) == country


def test_a_missing_secret_is_named() -> None:
    options = CodeGateways.model_validate({"osonsms": {"login": "shinos", "sender": "Shinos"}})
    with pytest.raises(SecretUnset, match="OSONSMS_TOKEN"):
        build(options, {})


@pytest.mark.parametrize(
    "stanza",
    [
        {"pigeon": {}},
        {"osonsms": {"login": "a", "sender": "b", "token": "in the file"}},
        {"osonsms": {"login": "a", "sender": "b", "url": "https://user:password@a.example"}},
        {"osonsms": {"login": "a", "sender": "b", "countries": ["Tajikistan"]}},
        {"mail": {"host": "a", "sender": "code@a.example\nBcc: b@c"}},
        {"mail": {"host": "a", "sender": "code@a.example", "subjects": {"ru": "a\nBcc: b@c"}}},
    ],
)
def test_stanzas_that_are_refused(stanza: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CodeGateways.model_validate(stanza)


def test_mail_and_console_are_built_from_their_stanzas() -> None:
    stanza = {"mail": {"host": "127.0.0.1", "sender": "code@bank.example"}, "console": {}}
    assert list(build(CodeGateways.model_validate(stanza), {})) == ["mail", "console"]
