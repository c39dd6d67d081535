"""The rules of the house against parallel calls, and each breach that shows when its rule is taken out.

The tests with `without` are the proof that the tests beside them can see what they say they see.
"""

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest
from dialogues import WORD, Dialogues, dialogues, names, staggered
from servers import RedisServer

from flows import machine
from flows.errors import AttemptsSpent, FlowError, Locked, StepUnknown, WrongAnswer
from flows.identifiers import recognise
from flows.model import Session
from flows.service import Answer

GUESSES = 200
NOT_COUNTED_FIRST = (
    ("take", "if count >= limit then return {'spent', now} end\n    tries = tries .. attempt", ""),
    ("take", "redis.call('ZADD', key, now, attempt)", ""),
    (
        "move",
        "if todo.verdict == 'wrong' then",
        "if todo.verdict == 'wrong' then redis.call('HSET', s, 'tries', redis.call('HGET', s, 'tries') .. attempt)",
    ),
    ("take", "found[7] = (string.find(tries, attempt, 1, true) or 1) / 8", "found[7] = count + 1"),
)


def wrong(code: str, number: int) -> str:
    return f"{(int(code) + 1 + number) % 10**6:06d}"


async def begun(talk: Dialogues, number: int, channel: str = "support") -> tuple[str, str]:
    """A dialogue's step and its code."""
    asked = await talk.house.identification.begin(talk.front(channel), names(number))
    return asked.step_id, await talk.code(number)


def guess(talk: Dialogues, number: int, step: str, text: str, channel: str = "support") -> Any:
    return talk.any().identification.answer(talk.front(channel), names(number), step, text)


async def evaluated_of_parallel_guesses(talk: Dialogues) -> int:
    step, code = await begun(talk, 1)
    await staggered([guess(talk, 1, step, wrong(code, n)) for n in range(GUESSES)])
    return len(await talk.events("otp_evaluated"))


async def test_parallel_guesses_are_counted_before_they_are_compared(folder: Path, redis_server: RedisServer) -> None:
    async with dialogues(folder, redis_server) as talk:
        assert await evaluated_of_parallel_guesses(talk) == 5


async def test_without_counting_first_more_are_compared(folder: Path, redis_server: RedisServer) -> None:
    async with dialogues(folder, redis_server) as talk:
        for script, rule, instead in NOT_COUNTED_FIRST:
            talk.without(script, rule, instead)
        assert await evaluated_of_parallel_guesses(talk) > 5


async def passes_of_parallel_right_codes(talk: Dialogues) -> tuple[set[str], int]:
    """The next steps that were handed out, and how often the code counted as right."""
    step, code = await begun(talk, 2)
    said = await staggered([guess(talk, 2, step, code) for _ in range(GUESSES)], seconds=0.02)
    steps = {answer.step_id for answer in said if isinstance(answer, Answer) and answer.error is None}
    right = [event for event in await talk.events("otp_evaluated") if "true" in str(event).lower()]
    return steps - {step}, len(right)


async def test_parallel_right_codes_pass_once(folder: Path, redis_server: RedisServer) -> None:
    async with dialogues(folder, redis_server) as talk:
        steps, right = await passes_of_parallel_right_codes(talk)
        assert (len(steps), right) == (1, 1)


async def test_without_compare_and_set_they_pass_more_than_once(folder: Path, redis_server: RedisServer) -> None:
    async with dialogues(folder, redis_server) as talk:
        talk.without(
            "move", "if tonumber(redis.call('HGET', s, 'rev') or -1) ~= todo.rev then return {'lost', now} end"
        )
        steps, right = await passes_of_parallel_right_codes(talk)
        assert len(steps) > 1 or right > 1


async def token_after_the_end(talk: Dialogues) -> bool:
    """Five wrong codes end the dialogue; does the right one still pass?"""
    step, code = await begun(talk, 3)
    for number in range(5):
        await staggered([guess(talk, 3, step, wrong(code, number))])
    try:
        return (await guess(talk, 3, step, code)).error is None
    except FlowError:
        return False


async def test_an_ended_dialogue_accepts_nothing(folder: Path, redis_server: RedisServer) -> None:
    async with dialogues(folder, redis_server) as talk:
        assert not await token_after_the_end(talk)


async def test_without_the_terminal_rows_an_ended_dialogue_goes_on(
    folder: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = machine.advance

    def advance(plan: Any, session: Session, *rest: Any) -> Any:
        return real(plan, session.model_copy(update={"over": False}), *rest)

    monkeypatch.setattr(machine, "advance", advance)
    async with dialogues(folder, redis_server) as talk:
        talk.without("take", "if h[11] == 'stopped' then return {'spent', now} end")
        talk.without("take", "if count >= limit then return {'spent', now} end")
        assert await token_after_the_end(talk)


async def test_foreign_client_costs_an_attempt_and_moves_nothing(folder: Path, redis_server: RedisServer) -> None:
    async with dialogues(folder, redis_server) as talk:
        step, code = await begun(talk, 5)
        for _ in range(4):
            with pytest.raises(WrongAnswer):
                await talk.house.identification.answer(talk.front(), names(6), step, code)
        passed = await guess(talk, 5, step, code)
        assert passed.error is None
        assert passed.step_id != step
        assert len(await talk.events("otp_evaluated")) == 1


async def test_a_foreign_client_uses_the_step_up(folder: Path, redis_server: RedisServer) -> None:
    async with dialogues(folder, redis_server) as talk:
        step, code = await begun(talk, 5)
        for _ in range(5):
            with pytest.raises(WrongAnswer):
                await talk.house.identification.answer(talk.front(), names(6), step, code)
        with pytest.raises(AttemptsSpent):
            await guess(talk, 5, step, code)
        (six,) = await staggered([talk.house.identification.begin(talk.front(), names(6))])
        assert isinstance(six, Answer)


async def test_another_channel_cannot_answer(folder: Path, redis_server: RedisServer) -> None:
    async with dialogues(folder, redis_server) as talk:
        step, code = await begun(talk, 5)
        with pytest.raises(WrongAnswer):
            await guess(talk, 5, step, code, channel="second")


async def test_fifth_right_code_passes_and_the_rest_is_repeated(folder: Path, redis_server: RedisServer) -> None:
    async with dialogues(folder, redis_server) as talk:
        step, code = await begun(talk, 7)
        for number in range(4):
            refused = await guess(talk, 7, step, wrong(code, number))
            assert isinstance(refused.error, WrongAnswer)
        passed = await guess(talk, 7, step, code)
        assert (await guess(talk, 7, step, code)).step_id == passed.step_id
        with pytest.raises(StepUnknown):
            await guess(talk, 7, step, wrong(code, 9))
        done = await guess(talk, 7, passed.step_id, WORD)
        assert done.token
        assert (await guess(talk, 7, passed.step_id, WORD)).token == done.token
        with pytest.raises(StepUnknown):
            await guess(talk, 7, step, code)
        assert len(await talk.events("token_issued")) == 1


async def test_parallel_begins_are_one_dialogue_and_one_message(folder: Path, redis_server: RedisServer) -> None:
    async with dialogues(folder, redis_server) as talk:
        calls = [talk.any().identification.begin(talk.front(), names(8)) for _ in range(60)]
        said = await staggered(calls, seconds=0.02)
        assert len({answer.step_id for answer in said if isinstance(answer, Answer)}) == 1
        assert all(isinstance(answer, Answer) for answer in said)
        await talk.code(8)
        await asyncio.sleep(0.5)
        assert talk.sent(8) == 1


async def test_a_code_that_is_sent_again_brings_no_more_tries(folder: Path, redis_server: RedisServer) -> None:
    async with dialogues(folder, redis_server, LIMITS__SEND_PAUSES="[1]") as talk:
        step, code = await begun(talk, 8)
        await staggered([guess(talk, 8, step, wrong(code, number)) for number in range(4)])
        await asyncio.sleep(1.1)
        again = await talk.house.identification.answer(talk.front(), names(8), step, None)
        said = await staggered([guess(talk, 8, again.step_id, wrong(code, number)) for number in range(4, 8)])
        assert talk.sent(8) == 2
        assert sum(isinstance(one, AttemptsSpent) for one in said) >= 3
        assert len(await talk.events("otp_evaluated")) == 5


async def test_a_lock_shuts_the_dialogues_that_were_begun_before_it(folder: Path, redis_server: RedisServer) -> None:
    async with dialogues(folder, redis_server, LIMITS__PAIR_WRONG="5") as talk:
        by_mail = recognise("t7@example.org", "email", "TJ")
        identification, front = talk.house.identification, talk.front("strict")
        before = await identification.begin(front, by_mail)
        step, code = await begun(talk, 7, "strict")
        await staggered([guess(talk, 7, step, wrong(code, number), "strict") for number in range(5)])
        with pytest.raises(Locked):
            await identification.answer(front, by_mail, before.step_id, code)
        assert len(await talk.events("otp_evaluated")) == 5


async def test_ten_wrong_answers_lock_the_client_in_the_channel(folder: Path, redis_server: RedisServer) -> None:
    quick: dict[str, Any] = {"LIMITS__SEND_PAUSES": "[1]", "LIMITS__SENDS_HOUR": "20"}
    async with dialogues(folder, redis_server, **quick) as talk:
        for _ in range(2):
            step, code = await begun(talk, 9)
            for number in range(5):
                await staggered([guess(talk, 9, step, wrong(code, number))])
            await asyncio.sleep(1.1)
        with pytest.raises(Locked) as locked:
            await talk.house.identification.begin(talk.front(), names(9))
        assert locked.value.retry_after in range(880, 901)
        # another channel stays open until the client's wider budget is spent; a strict one does not say "locked"
        assert (await talk.house.identification.begin(talk.front("second"), names(9))).error is None
        assert len(await talk.events("otp_evaluated")) == 10


async def test_randomly_interleaved_dialogues_never_mix(folder: Path, redis_server: RedisServer) -> None:
    async with dialogues(folder, redis_server) as talk:
        steps = [await begun(talk, number) for number in range(1, 9)]

        async def whole(number: int, step: str, code: str) -> str:
            await asyncio.sleep(random.random() * 0.05)
            asked = await guess(talk, number, step, code)
            done = await guess(talk, number, asked.step_id, WORD)
            token: str = done.token
            return token

        tokens = await asyncio.gather(*(whole(n, *pair) for n, pair in enumerate(steps, 1)))
        for number, token in enumerate(tokens, 1):
            identified = await talk.house.tokens.read(token, "support")
            found = await talk.house.records.find(names(number))
            assert found
            assert identified.client == found.client
