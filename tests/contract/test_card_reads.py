"""Who reads a card: how much of it, how often, and what the audit log says of it (security.md B3, §7 #30)."""

import hashlib
import json
from pathlib import Path

import pytest
from dialogues import WORD, Dialogues, dialogues, names, phone
from servers import RedisServer

from flows.errors import TokenRefused, TooManyRequests
from flows.identifiers import last_four
from flows.records.people import ClientRow
from flows.wiring import open_archive
from search_api.card import _card

NUMBER = "C48120735"
READS = 20
PAPERS = ClientRow(phone=phone(1), document_type="ID_NEW", document_number=NUMBER, address="улица Клестов, дом 1174")


async def identified(talk: Dialogues, number: int = 1) -> str:
    service, front = talk.house.identification, talk.front()
    asked = await service.begin(front, names(number))
    word = await service.answer(front, names(number), asked.step_id, await talk.code(number))
    token = (await service.answer(front, names(number), word.step_id, WORD)).token
    assert token
    return token


def fields_of(entry: dict[str, str]) -> dict[str, str]:
    """Of an entry in the stream, or in the log, where they stand beside the rest."""
    fields: dict[str, str] = json.loads(entry.get("fields", "{}"))
    return entry | fields


async def test_of_a_document_the_card_shows_four_characters_and_the_log_the_names_of_the_fields(
    folder: Path, redis_server: RedisServer
) -> None:
    async with dialogues(folder, redis_server, houses=1) as talk:
        async with open_archive(talk.house.settings) as records:
            await records.upsert(PAPERS)
        token = await identified(talk)
        card = await _card(talk.house, token, "support")
        assert {field.name: field.value for field in card.fields}["documentNumber"] == "*0735"
        assert NUMBER not in card.model_dump_json()
        (entry,) = await talk.events("card_read")
        assert (entry["channel"], bool(entry["object"])) == ("support", True)
        said = fields_of(entry)
        assert said["token"] == hashlib.sha256(token.encode()).hexdigest()[:16]
        shown = [name for name, value in card if value is not None and name != "fields"]
        assert said["shown"].split() == [*shown, *(field.name for field in card.fields)]
        assert {"firstName", "phone", "documentNumber", "address"} <= set(said["shown"].split())
        for value in (NUMBER, "0735", phone(1), "Клестов", token):
            assert value not in str(entry)


async def test_the_twenty_first_read_of_an_hour_is_refused_and_alarms(folder: Path, redis_server: RedisServer) -> None:
    async with dialogues(folder, redis_server, houses=2) as talk:
        token, other = await identified(talk, 1), await identified(talk, 2)
        for _ in range(READS):
            await _card(talk.any(), token, "support")
        for _ in range(3):
            with pytest.raises(TooManyRequests) as refused:
                await _card(talk.any(), token, "support")
            assert refused.value.retry_after
            assert 3500 < refused.value.retry_after <= 3600
        await _card(talk.house, other, "support")  # each token has a quota of its own
        assert len(await talk.events("card_read")) == READS + 1
        for event, word in (("limit_hit", "layer"), ("alarm", "kind")):
            assert {fields_of(entry)[word] for entry in await talk.events(event)} == {"card_reads"}


async def test_what_is_revoked_meanwhile_is_not_shown(folder: Path, redis_server: RedisServer) -> None:
    async with dialogues(folder, redis_server, houses=1) as talk:
        token = await identified(talk)
        await talk.house.tokens.read(token, "support")
        await talk.house.tokens.revoke(token, "support")
        with pytest.raises(TokenRefused):
            await talk.house.tokens.shown(token, "support", ["phone"])
        assert not await talk.events("card_read")


def test_a_short_number_is_not_shown_whole() -> None:
    assert [last_four(text) for text in ("", "1", "1234", "1234567", "12345678")] == ["*", "*", "*34", "*567", "*5678"]
