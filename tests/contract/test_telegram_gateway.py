"""Telegram Gateway against its simulator (protocols.md 6.4, 6.6)."""

from collections.abc import AsyncIterator

import pytest
from codes_sandbox import Sandbox, message, running_sandbox

from flows.errors import Refused, Unavailable, Unexpected
from flows.upstream.telegram_gateway import TelegramGateway, TelegramGatewayOptions

PHONE = "+992900000003"
UNREACHABLE = "+992900000001"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
async def gateway(sandbox: Sandbox) -> AsyncIterator[TelegramGateway]:
    gateway = make(sandbox)
    yield gateway
    await gateway.close()


def make(sandbox: Sandbox, *, token: str = "sandbox-gateway-token", **options: object) -> TelegramGateway:
    stanza = {"url": f"{sandbox.url}/telegram-gateway", **options}
    return TelegramGateway(TelegramGatewayOptions.model_validate(stanza), token)


async def test_asks_whether_it_can_and_sends_under_the_same_request(sandbox: Sandbox, gateway: TelegramGateway) -> None:
    await gateway.send(message(PHONE))
    assert await sandbox.outbox(PHONE) == [("telegram_gateway", "123456")]
    assert await sandbox.paths("telegram_gateway") == ["checkSendAbility", "sendVerificationMessage"]


async def test_sent_before_is_success(sandbox: Sandbox, gateway: TelegramGateway) -> None:
    """The message went out and the answer was lost: the repeat is refused as sent already."""
    await sandbox.fault("telegram_gateway", "slow", delay=0)
    await sandbox.fault("telegram_gateway", "accept-timeout")
    await gateway.send(message(PHONE))
    assert len(await sandbox.outbox(PHONE)) == 1
    assert (await sandbox.paths("telegram_gateway"))[1:] == ["sendVerificationMessage"] * 2


async def test_the_fee_is_asked_for_once(sandbox: Sandbox, gateway: TelegramGateway) -> None:
    await sandbox.fault("telegram_gateway", "500")
    with pytest.raises(Unavailable):
        await gateway.send(message(PHONE))
    assert await sandbox.paths("telegram_gateway") == ["checkSendAbility"]


async def test_whom_telegram_cannot_reach(sandbox: Sandbox, gateway: TelegramGateway) -> None:
    with pytest.raises(Refused) as refused:
        await gateway.send(message(UNREACHABLE))
    assert refused.value.reason == "unreachable"


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [("unreachable", "unreachable"), ("not-found", "unreachable"), ("no-money", "funds"), ("token", "credentials")],
)
async def test_refusals_have_a_reason(sandbox: Sandbox, gateway: TelegramGateway, outcome: str, reason: str) -> None:
    await sandbox.arm("telegram_gateway", PHONE, outcome)
    with pytest.raises(Refused) as refused:
        await gateway.send(message(PHONE))
    assert refused.value.reason == reason


async def test_flood(sandbox: Sandbox, gateway: TelegramGateway) -> None:
    await sandbox.arm("telegram_gateway", PHONE, "flood")
    with pytest.raises(Unavailable) as unavailable:
        await gateway.send(message(PHONE))
    assert unavailable.value.retry_after == 30


async def test_garbage(sandbox: Sandbox, gateway: TelegramGateway) -> None:
    await sandbox.fault("telegram_gateway", "garbage")
    with pytest.raises(Unexpected):
        await gateway.send(message(PHONE))


async def test_ping(sandbox: Sandbox, gateway: TelegramGateway) -> None:
    await gateway.ping()
    stranger = make(sandbox, token="another")
    with pytest.raises(Refused, check=lambda refused: refused.reason == "credentials"):
        await stranger.ping()
    await stranger.close()


@pytest.mark.parametrize("ttl", [1, 100_000])
async def test_the_lifetime_is_brought_into_the_range_of_both_revisions(sandbox: Sandbox, ttl: int) -> None:
    gateway = make(sandbox, ttl=ttl)
    await gateway.send(message(PHONE))
    await gateway.close()
    assert len(await sandbox.outbox(PHONE)) == 1


def test_serves_codes_that_telegram_takes(sandbox: Sandbox, gateway: TelegramGateway) -> None:
    assert gateway.serves(message(PHONE))
    assert not gateway.serves(message(PHONE, code="123"))
    assert not gateway.serves(message(PHONE, code="123456789"))
    assert not gateway.serves(message(None))
