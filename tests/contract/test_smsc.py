"""SMSC against its simulator (protocols.md 6.2, 6.6)."""

from collections.abc import AsyncIterator

import pytest
from codes_sandbox import TEXT, Sandbox, message, running_sandbox

from flows.errors import Refused, Unavailable, Unexpected
from flows.upstream.smsc import SMSC, SMSCOptions

PHONE = "+77011234567"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
async def smsc(sandbox: Sandbox) -> AsyncIterator[SMSC]:
    gateway = make(sandbox)
    yield gateway
    await gateway.close()


def make(sandbox: Sandbox, *, secret: str = "sandbox-smsc-password", **options: object) -> SMSC:
    hosts = {"url": f"{sandbox.url}/smsc", "reserve": f"{sandbox.url}/smsc-reserve"}
    return SMSC(SMSCOptions.model_validate({**hosts, "login": "shinos", "seconds": 1.6, **options}), secret)


async def test_sends_the_text_unchanged(sandbox: Sandbox, smsc: SMSC) -> None:
    await smsc.send(message(PHONE))
    assert await sandbox.outbox(PHONE) == [("smsc", TEXT)]
    assert await sandbox.paths("smsc") == ["send.php"]


async def test_the_same_within_a_minute_is_accepted(sandbox: Sandbox, smsc: SMSC) -> None:
    await smsc.send(message(PHONE))
    await smsc.send(message(PHONE))
    assert len(await sandbox.outbox(PHONE)) == 1
    assert await sandbox.paths("smsc_reserve") == []


async def test_a_resubmission_asks_first(sandbox: Sandbox, smsc: SMSC) -> None:
    await smsc.send(message(PHONE, resubmitted=True))
    await smsc.send(message(PHONE, resubmitted=True))
    assert await sandbox.paths("smsc") == ["status.php", "send.php", "status.php"]
    assert len(await sandbox.outbox(PHONE)) == 1


@pytest.mark.parametrize("kind", ["accept-timeout", "timeout", "500", "reset"])
async def test_the_reserve_host_takes_over_and_the_message_goes_out_once(
    sandbox: Sandbox, smsc: SMSC, kind: str
) -> None:
    await sandbox.fault("smsc", kind, times=None)
    await smsc.send(message(PHONE))
    assert len(await sandbox.outbox(PHONE)) == 1
    expected = ["status.php"] if kind == "accept-timeout" else ["status.php", "send.php"]
    assert await sandbox.paths("smsc_reserve") == expected


async def test_without_a_reserve_the_first_host_is_asked_again(sandbox: Sandbox) -> None:
    gateway = make(sandbox, reserve=None)
    await sandbox.fault("smsc", "accept-timeout")
    await gateway.send(message(PHONE))
    await gateway.close()
    assert len(await sandbox.outbox(PHONE)) == 1
    assert await sandbox.paths("smsc") == ["send.php", "status.php"]


async def test_both_hosts_away(sandbox: Sandbox, smsc: SMSC) -> None:
    await sandbox.fault("smsc", "500", times=None)
    await sandbox.fault("smsc_reserve", "500", times=None)
    with pytest.raises(Unavailable):
        await smsc.send(message(PHONE))


async def test_garbage_is_no_success(sandbox: Sandbox, smsc: SMSC) -> None:
    await sandbox.fault("smsc", "garbage")
    with pytest.raises(Unexpected):
        await smsc.send(message(PHONE))


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (1, "request"),
        (2, "credentials"),
        (3, "funds"),
        (4, "network"),
        (5, "request"),
        (6, "content"),
        (7, "destination"),
        (8, "unreachable"),
    ],
)
async def test_refusals_have_a_reason_though_the_status_is_200(
    sandbox: Sandbox, smsc: SMSC, code: int, reason: str
) -> None:
    await sandbox.arm("smsc", PHONE, str(code))
    with pytest.raises(Refused) as refused:
        await smsc.send(message(PHONE))
    assert refused.value.reason == reason


async def test_ping(sandbox: Sandbox, smsc: SMSC) -> None:
    await smsc.ping()
    stranger = make(sandbox, secret="another")
    with pytest.raises(Refused, check=lambda refused: refused.reason == "credentials"):
        await stranger.ping()
    await stranger.close()


async def test_a_key_in_place_of_login_and_password(sandbox: Sandbox) -> None:
    gateway = make(sandbox, secret="sandbox-smsc-apikey", auth="apikey", sender="Shinos")
    await gateway.send(message(PHONE))
    await gateway.close()
    assert len(await sandbox.outbox(PHONE)) == 1


def test_serves_every_country_unless_told(sandbox: Sandbox, smsc: SMSC) -> None:
    assert smsc.serves(message(PHONE))
    assert smsc.serves(message("+992900000001"))
    assert not smsc.serves(message(None))
    assert not make(sandbox, countries=["RU"]).serves(message(PHONE))
