"""Humo's client against its simulator: every outcome (protocols.md 2.3)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from humo_sandbox import FIRUZ, ZARINA, Bank, end, key_of, open_bank, token_of

from flows.errors import Refused, Unexpected
from flows.papers import Reading, Task
from flows.upstream.humo_words import WORDS
from sandbox.cast import CAST
from sandbox.drawn import draw
from sandbox.humo import STANDING_KEY
from sandbox.humo_answers import FAILURES, invented

JPEG = b"\xff\xd8\xff\xe0 a photo \xff\xd9"


@pytest.fixture
async def bank() -> AsyncIterator[Bank]:
    async with open_bank() as bank:
        yield bank


class TestReading:
    async def test_a_whole_way(self, bank: Bank) -> None:
        link = await bank.link(FIRUZ)
        front = await bank.humo.task(link, await bank.submit(link))
        back = await bank.humo.task(link, await bank.submit(link, page="back"))
        token = token_of(FIRUZ)
        selfie = await bank.humo.task(link, await bank.humo.submit_selfie(link, document="ID_NEW", token=token))
        assert end(front) == end(back) == end(selfie) == "success"
        told = front.reading.model_dump(exclude_none=True) | back.reading.model_dump(exclude_none=True)
        assert told == {
            "last_name": "Раҳимов",
            "first_name": "Фирӯз",
            "middle_name": "Саидович",
            "birth_date": "1990-05-14",
            "gender": "M",
            "document_number": "A31950007",
            "tax_number": "020025781",
            "issued": "2019-06-12",
            "expires": "2029-06-12",
            "authority": FIRUZ.documents["authority"],
            "address": FIRUZ.documents["address"],
        }
        assert selfie.reading == Reading()
        assert link.external_id == "C-000001"
        uploads = await bank.calls()
        assert [call["path"].rpartition("/")[2] for call in uploads] == ["front", "back", "selfie"]
        assert uploads[2]["fields"]["img"] == {"length": len(token)}

    async def test_each_of_the_cast_by_the_own_link(self, bank: Bank) -> None:
        """Without depart_id, with a number and with text; `other` absent, empty and nested."""
        for person in CAST:
            link = await bank.link(person)
            task = await bank.humo.task(link, await bank.submit(link, person))
            assert (task.reading.first_name, link.external_id) == (person.first_name, person.crmid)
        assert {type((await bank.link(person)).depart_id) for person in CAST} == {str, type(None)}

    async def test_the_old_passport(self, bank: Bank) -> None:
        link = await bank.link(FIRUZ)
        image = draw(FIRUZ, "old_front")
        task = await bank.humo.submit_document(link, document="ID_OLD", page="front", image=image, tax_number=None)
        assert (await bank.humo.task(link, task)).reading.document_number == FIRUZ.documents["id_old"]
        (call,) = await bank.calls()
        assert (call["path"], call["fields"]["doc_type"]) == ("/humo/api/tasks/ocr/id_old/front", "ID_OLD")

    async def test_further_documents_by_configuration(self) -> None:
        more = {"PASSPORT": {"path": "passport", "pages": ["main", "stamp"]}}
        async with open_bank(documents=more, additional=["PASSPORT"]) as bank:
            link = await bank.link(FIRUZ)
            for page in bank.humo.options.documents["PASSPORT"].pages:
                task = await bank.humo.submit_document(
                    link, document="PASSPORT", page=page, image=JPEG, tax_number="020025781"
                )
                assert (await bank.humo.task(link, task)).reading.last_name == "Раҳимов"
            assert [call["path"][-13:] for call in await bank.calls()] == ["passport/main", "assport/stamp"]
            assert not any("tax_number" in call["fields"] for call in await bank.calls())
            assert list(bank.humo.options.documents) == ["ID_NEW", "ID_OLD", "PASSPORT"]

    @pytest.mark.parametrize(
        ("person", "typed", "read"),
        [(ZARINA, "620914775", "620914775"), (ZARINA, None, None), (FIRUZ, "111111111", "020025781")],
    )
    async def test_where_the_tax_number_comes_from(
        self, bank: Bank, person: Any, typed: str | None, read: str | None
    ) -> None:
        link = await bank.link(person)
        task = await bank.humo.task(link, await bank.submit(link, person, "back", tax_number=typed))
        assert task.reading.tax_number == read

    async def test_a_number_that_lost_its_zeros(self, bank: Bank) -> None:
        for person in (FIRUZ, next(one for one in CAST if one.tax_number.startswith("00"))):
            link = await bank.link(person)
            await bank.arm(key_of(person), "int-tax-number")
            task = await bank.humo.task(link, await bank.submit(link, person, "back"))
            assert task.reading.tax_number == person.tax_number

    async def test_the_standing_key_reads_whoevers_photo_it_is(self, bank: Bank) -> None:
        link = await bank.link()
        photos = {FIRUZ.phone: FIRUZ, "+992918000007": invented("+992918000007"), "tg:5": invented("tg:5")}
        for who, person in photos.items():
            bank.world.photos.remember(draw(person, "front"), who)
            task = await bank.humo.task(link, await bank.submit(link, person))
            assert task.reading.last_name == person.last_name
            assert task.reading.document_number == person.documents["id_card"]
        assert (link.external_id, link.callback, link.home_page, link.depart_id) == (None,) * 4

    async def test_a_photo_that_nobody_sent_is_a_strangers(self, bank: Bank) -> None:
        link = await bank.link()
        first, again, other = [
            (await bank.humo.task(link, await bank.submit(link, n=n))).reading.document_number for n in (0, 0, 1)
        ]
        assert first == again != other
        assert first not in {person.documents["id_card"] for person in CAST}


class TestFailures:
    @pytest.mark.parametrize("word", WORDS)
    async def test_each_word_however_it_is_told(self, bank: Bank, word: str) -> None:
        link = await bank.link(FIRUZ)
        await bank.arm(key_of(FIRUZ), word)
        assert end(await bank.humo.task(link, await bank.submit(link))) == f"failure {word}"
        assert end(await bank.humo.task(link, await bank.submit(link))) == "success"

    def test_every_word_can_be_armed(self) -> None:
        assert set(WORDS) == {name for name in FAILURES if not name.startswith("failure-")}

    @pytest.mark.parametrize(
        ("outcome", "reason"), [("failure-text", "blurred"), ("failure-null", ""), ("failure-dict-unknown", "")]
    )
    async def test_other_failures(self, bank: Bank, outcome: str, reason: str) -> None:
        link = await bank.link(FIRUZ)
        await bank.arm(FIRUZ.phone, outcome)
        assert end(await bank.humo.task(link, await bank.submit(link))) == f"failure {reason}".strip()

    async def test_what_the_stanza_adds(self) -> None:
        async with open_bank(reasons={"E-771": "fake"}, fields={"document_number": "address"}) as bank:
            link = await bank.link(FIRUZ)
            await bank.arm(FIRUZ.phone, "failure-dict-unknown")
            assert end(await bank.humo.task(link, await bank.submit(link))) == "failure fake"
            reading = (await bank.humo.task(link, await bank.submit(link))).reading
            assert (reading.address, reading.document_number) == ("A31950007", None)

    async def test_by_phone_with_the_standing_key(self, bank: Bank) -> None:
        link = await bank.link()
        for person in (FIRUZ, ZARINA):
            bank.world.photos.remember(draw(person, "front"), person.phone)
        await bank.arm(ZARINA.phone, "glare")
        assert end(await bank.humo.task(link, await bank.submit(link, FIRUZ))) == "success"
        assert end(await bank.humo.task(link, await bank.submit(link, ZARINA))) == "failure glare"

    async def test_by_the_selfies_face_with_the_standing_key(self, bank: Bank) -> None:
        link = await bank.link()
        bank.world.photos.remember(draw(ZARINA, "selfie"), ZARINA.phone)
        await bank.arm(ZARINA.phone, "face_mismatch")
        for person, expected in ((FIRUZ, "success"), (ZARINA, "failure face_mismatch")):
            task = await bank.humo.submit_selfie(link, document="ID_NEW", token=token_of(person))
            assert end(await bank.humo.task(link, task)) == expected

    async def test_statuses_on_the_way(self, bank: Bank) -> None:
        link = await bank.link(FIRUZ)
        for outcome, looks in (("pending", 3), ("slow", 5)):
            await bank.arm(FIRUZ.phone, outcome)
            task = await bank.submit(link)
            seen = [end(await bank.humo.task(link, task)) for _ in range(looks + 2)]
            assert seen == ["running"] * looks + ["success"] * 2
        await bank.arm(FIRUZ.phone, "never")
        task = await bank.submit(link)
        assert {end(await bank.humo.task(link, task)) for _ in range(9)} == {"running"}

    async def test_an_empty_success(self, bank: Bank) -> None:
        link = await bank.link(FIRUZ)
        await bank.arm(FIRUZ.phone, "empty")
        task = await bank.humo.task(link, await bank.submit(link))
        assert task == Task("success", reading=Reading())


class TestRefusals:
    @pytest.mark.parametrize(
        ("outcome", "reason"),
        [
            ("presign-401", "expired"),
            ("presign-403", "expired"),
            ("presign-410", "expired"),
            ("presign-404", "unknown"),
        ],
    )
    async def test_of_a_link(self, bank: Bank, outcome: str, reason: str) -> None:
        await bank.arm(key_of(FIRUZ), outcome)
        with pytest.raises(Refused, check=lambda refused: refused.reason == reason):
            await bank.link(FIRUZ)
        assert (await bank.link(FIRUZ)).key == key_of(FIRUZ)

    async def test_an_unknown_link_and_an_answer_about_another(self, bank: Bank) -> None:
        with pytest.raises(Refused, check=lambda refused: refused.reason == "unknown"):
            await bank.humo.open_link("11111111-2222-4333-8444-555555555555")
        await bank.arm(STANDING_KEY, "other-key")
        with pytest.raises(Unexpected):
            await bank.link()

    @pytest.mark.parametrize(("outcome", "reason"), [("422", "request"), ("413", "too_large"), ("401", "token")])
    async def test_of_an_upload(self, bank: Bank, outcome: str, reason: str) -> None:
        link = await bank.link(FIRUZ)
        await bank.arm(FIRUZ.phone, outcome)
        with pytest.raises(Refused, check=lambda refused: refused.reason == reason):
            await bank.submit(link)

    async def test_an_expired_token_is_renewed_by_the_link(self, bank: Bank) -> None:
        old = await bank.link(FIRUZ)
        task = await bank.submit(old)
        await bank.arm(key_of(FIRUZ), "401")
        with pytest.raises(Refused):
            await bank.submit(old)
        with pytest.raises(Refused, check=lambda refused: refused.reason == "token"):
            await bank.humo.task(old, task)
        new = await bank.link(FIRUZ)
        assert new.access_token != old.access_token
        assert end(await bank.humo.task(new, task)) == "success"

    async def test_a_task_that_is_not_ours(self, bank: Bank) -> None:
        link, other = await bank.link(FIRUZ), await bank.link(ZARINA)
        task = await bank.submit(link)
        await bank.arm(FIRUZ.phone, "unknown-task")
        lost = await bank.submit(link)
        for asked, by in ((task, other), (lost, link), ("0", link)):
            with pytest.raises(Refused, check=lambda refused: refused.reason == "unknown_task"):
                await bank.humo.task(by, asked)

    async def test_a_key_that_is_not_of_the_token(self, bank: Bank) -> None:
        link = (await bank.link(FIRUZ)).model_copy(update={"key": key_of(ZARINA)})
        with pytest.raises(Refused, check=lambda refused: refused.reason == "token"):
            await bank.submit(link)
