"""A client from a chat, on both databases: found or made, compared with what the bank knows, proven once."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from flows.errors import ClientMismatch
from flows.identifiers import Identifier, Kind
from flows.papers import Proof
from flows.records import enrolling
from flows.records.clients import Records
from flows.records.people import ClientRow
from flows.records.tables import clients, names, proofs

PHONE, OTHER_PHONE = "+992900000001", "+992900000002"
BORN, INN = "1990-12-31", "020025789"
PROVEN = [Proof(method=method, at=1_800_000_000.5 + n) for n, method in enumerate(("consent", "contact", "document"))]
TOLD = ClientRow(
    first_name="Далер",
    last_name="Раҳимов",
    phone=PHONE,
    birth_date=BORN,
    inn=INN,
    telegram="@daler",
    telegram_id="41000001",
    document_number="A00000025",
    identified_at="1800000000",
)


def told(**update: str | None) -> ClientRow:
    return TOLD.model_copy(update=update)


async def enrol(records: Records, row: ClientRow = TOLD, dialogue: str = "d1") -> str:
    return await records.enrolling.enrol(row, PROVEN, dialogue, {"document": "ID_NEW"})


async def everything(records: Records) -> list[list[tuple[Any, ...]]]:
    """All that the three tables hold."""
    async with records.writer.transaction() as connection:
        return [sorted(map(tuple, await connection.execute(select(table)))) for table in (clients, names, proofs)]


async def client(records: Records, kind: Kind, value: str) -> str | None:
    found = await records.find((Identifier(kind=kind, value=value),))
    return found.client if found else None


class TestSomebodyNew:
    async def test_is_written_with_names_and_proofs(self, records: Records) -> None:
        made = await enrol(records)
        for kind, value in (("phone", PHONE), ("telegram_id", "41000001"), ("telegram", "@daler")):
            assert await client(records, kind, value) == made  # type: ignore[arg-type]
        card = await records.card(made)
        assert card
        assert (card.last_name, card.birth_date, card.inn, card.document_number) == ("Раҳимов", BORN, INN, "A00000025")
        assert [(proof.method, proof.at) for proof in card.proofs] == [
            ("consent", 1_800_000_000),
            ("contact", 1_800_000_001),
            ("document", 1_800_000_002),
        ]

    async def test_is_known_to_the_chat_from_then_on(self, records: Records) -> None:
        await enrol(records)
        found = await records.find((Identifier(kind="telegram_id", value="41000001"),))
        assert found
        assert (found.since, found.chat, found.has_secret_word) == (1_800_000_000, "41000001", False)

    async def test_twice_at_once_is_one_client(self, records: Records) -> None:
        made = await asyncio.gather(*(enrol(records) for _ in range(6)))
        assert len(set(made)) == 1
        assert [len(rows) for rows in await everything(records)] == [1, 3, 3]

    async def test_once_more_changes_nothing(self, records: Records) -> None:
        made, before = await enrol(records), await everything(records)
        assert await enrol(records) == made
        assert await everything(records) == before

    async def test_another_dialogue_is_another_proof(self, records: Records) -> None:
        made = await enrol(records)
        assert await enrol(records, dialogue="d2") == made
        assert len((await everything(records))[2]) == 2 * len(PROVEN)


KNOWN = ClientRow(crm_id="C-1", phone=PHONE, birth_date=BORN, inn=INN, email="daler@example.org", last_name="Rahimov")


def known(**update: str | None) -> ClientRow:
    return KNOWN.model_copy(update=update)


class TestSomebodyKnown:
    @pytest.mark.parametrize(
        ("bank", "papers"),
        [
            ({}, {}),
            ({}, {"inn": None}),
            ({}, {"birth_date": None}),
            ({"inn": None}, {}),
            ({"birth_date": None}, {}),
            ({"birth_date": None, "inn": None}, {}),
            ({"birth_date": None, "inn": None}, {"birth_date": None, "inn": None}),
        ],
    )
    async def test_is_the_one_if_nothing_contradicts(
        self, records: Records, bank: dict[str, None], papers: dict[str, None]
    ) -> None:
        had = await records.upsert(known(**bank))
        assert await enrol(records, told(**papers)) == had
        card = await records.card(had)
        assert card
        assert (card.crm_id, card.email, card.last_name) == ("C-1", "daler@example.org", "Раҳимов")
        assert card.telegram_id == "41000001"

    @pytest.mark.parametrize(
        "papers",
        [
            {"birth_date": "1991-12-31"},
            {"inn": "020025780"},
            {"birth_date": None, "inn": "020025780"},
            {"birth_date": "1991-12-31", "inn": None},
            {"birth_date": None, "inn": None},
            {"crm_id": "C-2"},
        ],
    )
    async def test_with_other_papers_is_somebody_else_and_nothing_is_written(
        self, records: Records, papers: dict[str, str | None]
    ) -> None:
        await records.upsert(KNOWN)
        before = await everything(records)
        with pytest.raises(ClientMismatch):
            await enrol(records, told(**papers))
        assert await everything(records) == before

    async def test_without_the_comparison_the_number_alone_would_be_enough(
        self, records: Records, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(enrolling, "_SAME", ())
        had = await records.upsert(KNOWN)
        assert await enrol(records, told(birth_date="1991-12-31", inn="020025780")) == had

    async def test_under_the_banks_number_though_the_phone_is_new(self, records: Records) -> None:
        had = await records.upsert(KNOWN)
        assert await enrol(records, told(crm_id="C-1", phone=OTHER_PHONE)) == had
        assert await client(records, "phone", PHONE) is None
        assert await client(records, "phone", OTHER_PHONE) == had

    async def test_takes_the_banks_number_from_the_link(self, records: Records) -> None:
        had = await records.upsert(known(crm_id=None))
        assert await enrol(records, told(crm_id="C-7")) == had
        assert await client(records, "crmid", "C-7") == had

    async def test_two_clients_are_never_made_one(self, records: Records) -> None:
        await records.upsert(KNOWN)
        await records.upsert(ClientRow(crm_id="C-2", phone=OTHER_PHONE, birth_date=BORN))
        before = await everything(records)
        for row in (told(crm_id="C-2"), told(crm_id="C-1", phone=OTHER_PHONE)):
            with pytest.raises(ClientMismatch):
                await enrol(records, row)
        assert await everything(records) == before

    async def test_the_same_chat_with_anothers_phone_is_nobodys(self, records: Records) -> None:
        await enrol(records)
        await records.upsert(ClientRow(crm_id="C-2", phone=OTHER_PHONE, birth_date=BORN))
        with pytest.raises(ClientMismatch):
            await enrol(records, told(phone=OTHER_PHONE))


class TestTelegramNames:
    async def test_a_name_that_was_given_up_goes_over(self, records: Records) -> None:
        former = await records.upsert(ClientRow(crm_id="C-2", phone=OTHER_PHONE, telegram="@daler"))
        made = await enrol(records)
        assert made != former
        assert await client(records, "telegram", "@daler") == made
        assert await client(records, "phone", OTHER_PHONE) == former
        card = await records.card(former)
        assert card
        assert card.telegram is None

    async def test_somebody_without_one_takes_none_away(self, records: Records) -> None:
        former = await records.upsert(ClientRow(crm_id="C-2", phone=OTHER_PHONE, telegram="@daler"))
        await enrol(records, told(telegram=None))
        assert await client(records, "telegram", "@daler") == former

    async def test_the_name_alone_is_nobody(self, records: Records) -> None:
        """It may be anybody's by now, so it does not lead to the client who had it."""
        had = await enrol(records)
        assert await enrol(records, told(phone=OTHER_PHONE, telegram_id="41000002"), "d2") != had


class TestWords:
    async def test_one_is_set_and_counts(self, records: Records) -> None:
        made = await enrol(records)
        await records.set_word(made, "Сирли  Калима")
        assert await records.check_word(made, "сирли калима")

    async def test_whoever_was_erased_meanwhile_gets_none(self, records: Records) -> None:
        made = await enrol(records)
        assert await records.writer.erase(made)
        before = await everything(records)
        with pytest.raises(ClientMismatch):
            await records.set_word(made, "сирли калима")
        assert await everything(records) == before == [[], [], []]
