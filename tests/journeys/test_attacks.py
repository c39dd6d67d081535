"""What somebody tries who holds the channel's key, from outside, against two workers (A4, A5, A7, A15, B2)."""

import asyncio
import secrets
import string
from collections.abc import AsyncIterator

import pytest
from chat_stand import own_redis
from figures import FULL
from stand import KEY, OTHER_KEY, STRICT_KEY, WORD, Stand, person, stand, wrong

FORGED = 10_000 if FULL else 600


async def at_the_word(standing: Stand, client: str) -> tuple[str, str, str]:
    """The step of the code, the code, and the step of the secret word."""
    asked = await standing.search(client)
    code = await standing.code(client)
    word = await standing.search(client, asked.step, code)
    assert word.status == 200
    return asked.step, code, word.step


@pytest.fixture(scope="module")
async def standing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stand]:
    """Each test has clients of its own."""
    folder = tmp_path_factory.mktemp("attacks")
    with own_redis(folder) as redis:
        async with stand(folder, redis, people=7, workers=2, LIMITS__SEND_PAUSES="[1]") as running:
            yield running


async def compared(standing: Stand, event: str) -> int:
    """So many of these events there have been."""
    return sum(entry["event"] == event for entry in await standing.audit())


async def test_another_code_brings_no_new_guesses(standing: Stand) -> None:
    client, before = person(1), await compared(standing, "otp_evaluated")
    asked = await standing.search(client)
    code = await standing.code(client)
    for number in range(4):
        assert (await standing.search(client, asked.step, wrong(code, number))).code == "1002"
    await asyncio.sleep(1.1)
    assert (await standing.search(client, asked.step)).step == asked.step
    assert await standing.code(client, 2) == code
    assert (await standing.search(client, asked.step, wrong(code, 4))).code in ("1002", "1003")
    assert (await standing.search(client, asked.step, code)).code in ("1003", "1004")
    assert await compared(standing, "otp_evaluated") == before + 5


async def test_a_used_step_says_again_what_it_said_and_nothing_else(standing: Stand) -> None:
    client, codes, tokens = (
        person(2),
        await compared(standing, "otp_evaluated"),
        await compared(standing, "token_issued"),
    )
    step, code, word = await at_the_word(standing, client)
    again = await asyncio.gather(*(standing.search(client, step, code) for _ in range(20)))
    assert {said.step for said in again} == {word}
    others = await asyncio.gather(*(standing.search(client, step, wrong(code, n)) for n in range(20)))
    assert {said.code for said in others} == {"1004"}
    assert (await standing.search(client, word, WORD)).token
    assert await compared(standing, "otp_evaluated") == codes + 1
    assert await compared(standing, "token_issued") == tokens + 1


async def test_no_stage_is_passed_by_what_another_one_wants(standing: Stand) -> None:
    client, before = person(3), await compared(standing, "token_issued")
    asked = await standing.search(client)
    code = await standing.code(client)
    assert (await standing.search(client, asked.step, WORD)).code == "1002", "the word where the code is asked for"
    word = await standing.search(client, asked.step, code)
    assert (await standing.search(client, word.step, code)).code == "1002", "the code where the word is asked for"
    strangers = [(person(6), KEY), (client, STRICT_KEY), (client, OTHER_KEY), (client, STRICT_KEY)]
    for who, key in strangers:
        assert (await standing.search(who, word.step, WORD, key=key)).code in ("1002", "1003", "1004")
    assert await compared(standing, "token_issued") == before


async def test_twenty_words_at_once_are_three(standing: Stand) -> None:
    client, before = person(4), await compared(standing, "word_evaluated")
    _, _, step = await at_the_word(standing, client)
    said = await asyncio.gather(*(standing.search(client, step, f"слово {number}") for number in range(20)))
    assert {one.code for one in said} <= {"1002", "1003"}
    assert sum(one.code == "1002" for one in said) <= 3
    assert (await standing.search(client, step, WORD)).code in ("1003", "1004")
    assert await compared(standing, "word_evaluated") == before + 3


@pytest.mark.proof
async def test_no_token_is_guessed_and_all_that_do_not_open_look_alike(standing: Stand) -> None:
    """At the card and at the revocation, which ends no token that was not given."""
    client = person(5)
    _, _, step = await at_the_word(standing, client)
    token = (await standing.search(client, step, WORD)).token
    others = f"{string.ascii_letters}{string.digits}-_" if FULL else "AB"
    changed = {token[:at] + other + token[at + 1 :] for at in range(len(token)) for other in others} - {token}
    forged = [*changed, token[:-1], token + "A", token.swapcase()]
    forged += [secrets.token_urlsafe(33) for _ in range(FORGED - len(forged))]
    answers = set()
    for act in ("auth", "revoke"):
        for portion in range(0, len(forged), 50):
            calls = [standing.call(f"{act}/{KEY}", {"token": one}) for one in forged[portion : portion + 50]]
            answers |= {(said.status, said.raw) for said in await asyncio.gather(*calls)}
        stolen = await standing.call(f"{act}/{STRICT_KEY}", {"token": token})
        answers.add((stolen.status, stolen.raw))
    assert (stolen.status, stolen.code) == (401, "1010")
    assert answers == {(stolen.status, stolen.raw)}
    assert (await standing.card(token)).status == 200
