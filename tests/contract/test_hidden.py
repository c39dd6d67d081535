"""A channel that hides who is a client: nothing visible hangs on it. And what a second look at the store found."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from dialogues import WORD, Dialogues, dialogues, names, phone
from servers import RedisServer

from flows.errors import FlowError, StepUnknown, StoreDown
from flows.identifiers import Identifier, recognise
from flows.service import Answer
from flows.shards import HALL, SHARDS, prefix
from flows.texts import Text

NOBODY = recognise("+992918880001", None, "TJ")
NOBODYS_MAIL = recognise("nobody@example.org", "email", "TJ")


def mail(number: int) -> tuple[Identifier, ...]:
    return recognise(f"t{number}@example.org", "email", "TJ")


async def outcome(call: Any) -> tuple[str, str]:
    """What a caller sees: the refusal's code or the question's words."""
    try:
        answer: Answer = await call
    except FlowError as error:
        return error.code, ""
    text = answer.reply.text or Text(key="")
    return (answer.error.code if answer.error else "ask"), text.key


async def test_another_name_of_a_client_is_another_dialogue(folder: Path, redis_server: RedisServer) -> None:
    async with dialogues(folder, redis_server, houses=1) as talk:
        seen = []
        for by_phone, by_mail in ((names(1), mail(1)), (NOBODY, NOBODYS_MAIL)):
            front, service = talk.front("strict"), talk.house.identification
            first = await service.begin(front, by_phone)
            second = await service.begin(front, by_mail)
            assert second.step_id != first.step_id
            assert second.reply.text
            assert second.reply.text.key == "code.sent_email"
            wrong = await outcome(service.answer(front, by_mail, second.step_id, "000000"))
            seen.append((wrong, await outcome(service.answer(front, by_phone, first.step_id, None))))
            seen.append((await outcome(service.begin(front, by_phone)), await outcome(service.begin(front, by_mail))))
        assert seen[:2] == seen[2:]


async def test_wrong_answers_count_against_the_client_under_all_names(folder: Path, redis_server: RedisServer) -> None:
    async with dialogues(folder, redis_server, houses=1, LIMITS__PAIR_WRONG="5") as talk:
        front, service = talk.front("strict"), talk.house.identification
        by_mail = await service.begin(front, mail(1))
        for guess in range(5):
            await outcome(service.answer(front, mail(1), by_mail.step_id, f"{guess:06d}"))
        by_phone = await service.begin(front, names(1))
        code = talk.house.identification._keys.code  # what the phone would have been sent
        sid = await session_of(talk, by_phone.step_id)
        told = await outcome(service.answer(front, names(1), by_phone.step_id, code(sid, "code", 6)))
        assert told[0] in ("1005", "1002")
        evaluated = [entry for entry in await talk.events("otp_evaluated") if "true" in str(entry).lower()]
        assert not evaluated


async def session_of(talk: Dialogues, step_id: str) -> str:
    for shard in range(SHARDS):
        found = await talk.house.store.redis.get(f"{prefix(shard)}step:{step_id}")
        if isinstance(found, bytes):
            return found.decode()
    raise LookupError


async def test_an_outage_of_the_gateways_looks_the_same_for_everybody(folder: Path, redis_server: RedisServer) -> None:
    async with dialogues(folder, redis_server, houses=1, LIMITS__BREAKER_FAILURES="1") as talk:
        front, service, store = talk.front("strict"), talk.house.identification, talk.house.store
        known, unknown = await service.begin(front, names(1)), await service.begin(front, NOBODY)
        await store.gateway("console", "down")
        seen = [
            await outcome(service.answer(front, names(1), known.step_id, "000000")),
            await outcome(service.answer(front, NOBODY, unknown.step_id, "000000")),
            await outcome(service.begin(front, names(2))),
            await outcome(service.begin(front, NOBODYS_MAIL)),
        ]
        assert [code for code, _ in seen] == ["1007"] * 4
        await store.gateway("console", "up")
        code = await talk.code(1)
        assert (await service.answer(front, names(1), known.step_id, code)).error is None


async def test_a_superseded_dialogue_passes_nothing(
    folder: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with dialogues(folder, redis_server, houses=1, LIMITS__SEND_PAUSES="[1]") as talk:
        front, service, records = talk.front(), talk.house.identification, talk.house.records
        asked = await service.begin(front, names(1))
        word = await service.answer(front, names(1), asked.step_id, await talk.code(1))
        await asyncio.sleep(1.1)
        check, begun = records.check_word, []

        async def begin_meanwhile(client: str | None, text: str) -> bool:
            begun.append(await service.begin(front, names(1)))
            return await check(client, text)

        monkeypatch.setattr(records, "check_word", begin_meanwhile)
        with pytest.raises(StepUnknown):
            await service.answer(front, names(1), word.step_id, WORD)
        assert not await talk.events("token_issued")
        assert (await service.begin(front, names(1))).step_id == begun[0].step_id


async def test_a_decoy_ends_with_the_lock_that_made_it(folder: Path, redis_server: RedisServer) -> None:
    more: dict[str, Any] = {"LIMITS__PAIR_WRONG": "5", "LIMITS__SEND_PAUSES": "[1]"}
    async with dialogues(folder, redis_server, houses=1, **more) as talk:
        front, service = talk.front("strict"), talk.house.identification
        asked = await service.begin(front, names(1))
        await talk.code(1)
        for guess in range(5):
            await outcome(service.answer(front, names(1), asked.step_id, f"{guess:06d}"))
        await asyncio.sleep(1.1)
        decoy = await service.begin(front, names(1))
        await asyncio.sleep(1.1)
        assert talk.sent(1) == 1
        for shard in range(SHARDS):
            for key in [key async for key in talk.house.store.redis.scan_iter(f"{prefix(shard)}lock:*")]:
                await talk.house.store.redis.delete(key)
        fresh = await service.begin(front, names(1))
        assert fresh.step_id != decoy.step_id
        await asyncio.sleep(1.1)
        assert talk.sent(1) == 2


async def test_no_card_while_the_audit_log_is_shut(folder: Path, redis_server: RedisServer) -> None:
    async with dialogues(folder, redis_server, houses=1, work=False) as talk:
        await talk.house.store.redis.set(HALL + "audit_stuck", "1", px=5000)
        with pytest.raises(StoreDown):
            await talk.house.tokens.read("A" * 44, "support")


async def test_a_card_read_whose_answer_was_lost_counts_once(
    folder: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with dialogues(folder, redis_server, houses=1) as talk:
        service, store = talk.house.identification, talk.house.store
        asked = await service.begin(talk.front(), names(1))
        word = await service.answer(talk.front(), names(1), asked.step_id, await talk.code(1))
        done = await service.answer(talk.front(), names(1), word.step_id, WORD)
        call = store.pipeline.call

        def twice(script: Any, key: str, *arguments: Any) -> Any:
            """As after a lost connection: the very same call runs again."""
            if script is store._scripts["token"]:
                call(script, key, *arguments)
            return call(script, key, *arguments)

        monkeypatch.setattr(store.pipeline, "call", twice)
        assert done.token
        await talk.house.tokens.read(done.token, "support")
        await talk.house.tokens.shown(done.token, "support", ["firstName"])
        await talk.house.tokens.revoke(done.token, "support")
        monkeypatch.undo()
        assert len(await talk.events("card_read")) == 1
        assert len(await talk.events("token_revoked")) == 1


async def test_what_a_caller_made_up_does_not_reach_redis(folder: Path, redis_server: RedisServer) -> None:
    async with dialogues(folder, redis_server, houses=1, work=False) as talk:
        monitor = asyncio.create_task(asyncio.to_thread(redis_server.watch, 1.0))
        await asyncio.sleep(0.2)
        with pytest.raises(StepUnknown):
            await talk.house.identification.answer(talk.front(), names(1), f"step of {phone(1)}", "123456")
        assert phone(1).strip("+") not in await monitor
