"""The clients' records on both databases: found, asked about, written, erased."""

import pytest

from flows.identifiers import Identifier
from flows.records.clients import Records
from flows.records.people import ClientRow
from flows.records.writing import NameTaken

PHONE = Identifier(kind="phone", value="+992900000001")
EMAIL = Identifier(kind="email", value="zarina@example.tj")
CRMID = Identifier(kind="crmid", value="C-1")
STRANGER = Identifier(kind="phone", value="+992900000999")
ZARINA = ClientRow(
    crm_id="C-1",
    first_name="Зарина",
    last_name="Раҳимова",
    phone=PHONE.value,
    email=EMAIL.value,
    birth_date="1990-02-28",
    inn="012345678",
    secret_word="Себи  Сурх",
)


async def test_a_client_is_found_under_each_name_and_a_stranger_is_not(records: Records) -> None:
    client = await records.upsert(ZARINA)
    for name in (PHONE, EMAIL, CRMID):
        found = await records.find((name,))
        assert found
        assert (found.client, found.phone, found.email) == (client, PHONE.value, EMAIL.value)
        assert found.has_secret_word
        assert found.has_birth_date
    assert await records.find((STRANGER,)) is None
    assert await records.find(()) is None


async def test_the_first_known_name_wins(records: Records) -> None:
    first = await records.upsert(ZARINA)
    second = await records.upsert(ClientRow(crm_id="992900000001"))
    digits = Identifier(kind="crmid", value="992900000001")
    for names, client in (((PHONE, digits), first), ((digits, PHONE), second), ((STRANGER, digits), second)):
        found = await records.find(names)
        assert found
        assert found.client == client


async def test_the_card_has_what_was_written(records: Records) -> None:
    client = await records.upsert(ZARINA)
    card = await records.card(client)
    assert card
    assert card.model_dump(exclude={"proofs"}, exclude_none=True) == {
        "clientId": client,
        "crmId": "C-1",
        "firstName": "Зарина",
        "lastName": "Раҳимова",
        "phone": PHONE.value,
        "email": EMAIL.value,
        "birthDate": "1990-02-28",
        "inn": "012345678",
    }
    assert "Зарина" not in repr(card)
    assert PHONE.value not in repr(card)
    assert await records.card("0" * 32) is None


async def test_a_birth_date_is_compared_whole(records: Records) -> None:
    client = await records.upsert(ZARINA)
    dateless = await records.upsert(ClientRow(crm_id="C-2"))
    assert await records.born_on(client, "1990-02-28")
    assert not await records.born_on(client, "1990-02-2")
    for nobody in (None, dateless, "0" * 32):
        assert not await records.born_on(nobody, "1990-02-28")
        assert not await records.born_on(nobody, "0000-00-00")
    assert not await records.born_on(client, "\ud800")


async def test_a_word_is_right_in_any_spelling(records: Records) -> None:
    client = await records.upsert(ZARINA)
    for spelling in ("Себи  Сурх", " себи сурх ", "СЕБИ\u00a0СУРХ"):
        assert await records.check_word(client, spelling)
    for wrong in ("себисурх", "", "\ud800", "себи сурх!"):
        assert not await records.check_word(client, wrong)


async def test_nobody_has_a_word(records: Records) -> None:
    wordless = await records.upsert(ClientRow(crm_id="C-2"))
    for nobody in (None, wordless, "0" * 32):
        assert not await records.check_word(nobody, "себи сурх")
        assert not await records.check_word(nobody, "")


async def test_writing_again_merges_and_keeps_the_id(records: Records) -> None:
    client = await records.upsert(ZARINA)
    assert await records.upsert(ClientRow(phone=PHONE.value, telegram="@zarina", secret_word="себи сурх")) == client
    card = await records.card(client)
    assert card
    assert (card.telegram, card.crm_id) == ("@zarina", "C-1")
    assert await records.find((Identifier(kind="telegram", value="@zarina"),))
    assert await records.check_word(client, "себи сурх")


async def test_a_new_phone_replaces_the_old_one(records: Records) -> None:
    client = await records.upsert(ZARINA)
    await records.upsert(ClientRow(crm_id="C-1", phone=STRANGER.value))
    assert await records.find((PHONE,)) is None
    found = await records.find((STRANGER,))
    assert found
    assert found.client == client


async def test_a_name_belongs_to_one_client(records: Records) -> None:
    await records.upsert(ZARINA)
    with pytest.raises(NameTaken, match="phone"):
        await records.upsert(ClientRow(crm_id="C-2", phone=PHONE.value))
    assert await records.find((Identifier(kind="crmid", value="C-2"),)) is None


async def test_a_proof_is_kept_once(records: Records) -> None:
    client = await records.upsert(ZARINA)
    for _ in range(3):
        assert await records.writer.add_proof(client, "document", "d-1", 1_700_000_000, {"task": "t"})
    assert await records.writer.add_proof(client, "document", "d-2", 1_700_000_100, {})
    assert not await records.writer.add_proof("0" * 32, "document", "d-1", 1_700_000_000, {})
    card = await records.card(client)
    assert card
    assert [(proof.method, proof.at) for proof in card.proofs] == [
        ("document", 1_700_000_000),
        ("document", 1_700_000_100),
    ]


async def test_an_operator_sees_the_card_and_the_state_of_the_word(records: Records) -> None:
    client = await records.upsert(ZARINA)
    shown = await records.show((STRANGER, EMAIL))
    assert shown
    assert (shown.client_id, shown.secret_word) == (client, "set")
    assert shown.created == shown.updated > 1_600_000_000
    assert await records.show((STRANGER,)) is None


async def test_erasing_leaves_nothing_and_can_be_repeated(records: Records) -> None:
    client = await records.upsert(ZARINA)
    await records.writer.add_proof(client, "document", "d-1", 1_700_000_000, {})
    other = await records.upsert(ClientRow(crm_id="C-2"))
    assert await records.erase((PHONE,)) == client
    assert await records.erase((PHONE,)) is None
    for name in (PHONE, EMAIL, CRMID):
        assert await records.find((name,)) is None
    assert await records.card(client) is None
    assert not await records.check_word(client, "себи сурх")
    assert await records.card(other)
