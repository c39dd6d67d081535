"""OsonSMS against its simulator (protocols.md 6.1, 6.6)."""

from collections.abc import AsyncIterator

import pytest
from codes_sandbox import PHONE, TEXT, Sandbox, message, running_sandbox

from flows.errors import Refused, Unavailable, Unexpected
from flows.upstream.osonsms import OsonSMS, OsonSMSOptions

TOKEN = "sandbox-osonsms-token"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
async def osonsms(sandbox: Sandbox) -> AsyncIterator[OsonSMS]:
    gateway = make(sandbox)
    yield gateway
    await gateway.close()


def make(sandbox: Sandbox, *, token: str = TOKEN, **options: object) -> OsonSMS:
    stanza = {"url": f"{sandbox.url}/osonsms", "login": "shinos", "sender": "Shinos", "seconds": 1.6, **options}
    return OsonSMS(OsonSMSOptions.model_validate(stanza), token)


async def test_sends_the_text_unchanged(sandbox: Sandbox, osonsms: OsonSMS) -> None:
    await osonsms.send(message())
    await osonsms.send(message(send=2))  # the simulator gives msg_id as a number and as text by turns
    assert await sandbox.outbox(PHONE) == [("osonsms", TEXT), ("osonsms", TEXT)]


async def test_the_same_send_again_is_accepted_and_goes_out_once(sandbox: Sandbox, osonsms: OsonSMS) -> None:
    await osonsms.send(message())
    await osonsms.send(message(resubmitted=True))
    assert len(await sandbox.outbox(PHONE)) == 1


@pytest.mark.parametrize("kind", ["accept-timeout", "timeout", "500", "reset"])
async def test_trouble_once_is_tried_again_and_goes_out_once(sandbox: Sandbox, osonsms: OsonSMS, kind: str) -> None:
    await sandbox.fault("osonsms", kind)
    await osonsms.send(message())
    assert len(await sandbox.outbox(PHONE)) == 1


async def test_gives_up_within_its_time(sandbox: Sandbox) -> None:
    gateway = make(sandbox, seconds=0.4)
    await sandbox.fault("osonsms", "timeout", times=None)
    with pytest.raises(Unavailable):
        await gateway.send(message())
    await gateway.close()
    assert 1 <= len(await sandbox.paths("osonsms")) <= 3


async def test_garbage_with_status_200_is_no_success(sandbox: Sandbox, osonsms: OsonSMS) -> None:
    await sandbox.fault("osonsms", "garbage")
    with pytest.raises(Unexpected):
        await osonsms.send(message())


@pytest.mark.parametrize(
    ("code", "reason"),
    [(100, "request"), (105, "account"), (106, "credentials"), (107, "sender"), (114, "network"), (119, "funds")],
)
async def test_refusals_have_a_reason(sandbox: Sandbox, osonsms: OsonSMS, code: int, reason: str) -> None:
    await sandbox.arm("osonsms", PHONE, str(code))
    with pytest.raises(Refused) as refused:
        await osonsms.send(message())
    assert refused.value.reason == reason
    assert await sandbox.outbox(PHONE) == []


@pytest.mark.parametrize("code", [109, 112, 113])
async def test_their_own_trouble_is_unavailable(sandbox: Sandbox, osonsms: OsonSMS, code: int) -> None:
    await sandbox.arm("osonsms", PHONE, str(code))
    with pytest.raises(Unavailable):
        await osonsms.send(message())


async def test_old_accounts_sign_with_a_hash(sandbox: Sandbox) -> None:
    gateway = make(sandbox, auth="hash")
    await gateway.send(message())
    await gateway.ping()
    await gateway.close()
    assert len(await sandbox.outbox(PHONE)) == 1


async def test_ping(sandbox: Sandbox, osonsms: OsonSMS) -> None:
    await osonsms.ping()
    await sandbox.arm("osonsms", "shinos", "119")
    with pytest.raises(Refused, check=lambda refused: refused.reason == "funds"):
        await osonsms.ping()
    stranger = make(sandbox, token="another")
    with pytest.raises(Refused, check=lambda refused: refused.reason == "credentials"):
        await stranger.ping()
    await stranger.close()


def test_serves_its_countries(sandbox: Sandbox, osonsms: OsonSMS) -> None:
    assert osonsms.serves(message("+992900000001"))
    assert not osonsms.serves(message("+77011234567"))
    assert not osonsms.serves(message(None))
