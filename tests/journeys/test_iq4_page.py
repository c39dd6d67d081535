"""The examples of the IQ4 page "Search client API", over HTTP as they stand, and what the contract adds to them."""

import re
from pathlib import Path

from servers import RedisServer
from stand import KEY, OTHER_KEY, STRICT_KEY, WORD, Stand, person, stand, wrong

EXAMPLE = "+79221234567"


async def identify(standing: Stand, phone: str, *, key: str = KEY) -> str:
    asked = await standing.search(phone, key=key)
    word = await standing.search(phone, asked.step, await standing.code(phone), key=key)
    done = await standing.search(phone, word.step, WORD, key=key)
    assert done.body["answerType"] == 2, done.body
    return done.token


async def test_three_examples_of_the_page(folder: Path, redis_server: RedisServer) -> None:
    async with stand(folder, redis_server) as standing:
        unknown = await standing.search(EXAMPLE)
        assert (unknown.status, unknown.code) == (404, "1001")
        assert unknown.body["errorText"] == unknown.body["errorMessage"]

        phone = person(1)
        asked = await standing.search(phone)
        assert asked.status == 200
        assert asked.body["answerType"] == 1
        assert f"*{phone[-4:]}" in asked.body["answerText"]
        assert re.fullmatch("[A-Za-z0-9_-]{22}", asked.step)
        assert re.fullmatch(asked.body["secretWordValidator"], await standing.code(phone))

        # the page's second example as it stands: a step that we never gave
        stale = await standing.search(phone, "a2e4c2b5a9aaf34826ba", "0987")
        assert (stale.status, stale.code) == (410, "1004")

        refused = await standing.search(phone, asked.step, wrong(await standing.code(phone)))
        assert (refused.status, refused.code, refused.step) == (403, "1002", asked.step)
        word = await standing.search(phone, asked.step, await standing.code(phone))
        assert word.body["answerType"] == 1
        done = await standing.search(phone, word.step, WORD)
        assert set(done.body) == {"answerType", "token"}
        again = await standing.search(phone, word.step, WORD)
        assert again.body == done.body

        card = await standing.card(done.token)
        assert card.status == 200
        assert card.body["phone"] == phone
        assert [method["name"] for method in card.body["identification"]["methods"]] == ["code", "secret_word"]
        assert (await standing.card(done.token, key=OTHER_KEY)).code == "1010"
        assert (await standing.call(f"revoke/{KEY}", {"token": done.token})).status == 200
        assert (await standing.card(done.token)).code == "1010"
        assert (await standing.search(phone, word.step, WORD)).body == done.body


async def test_three_steps_in_another_order(folder: Path, redis_server: RedisServer) -> None:
    async with stand(folder, redis_server) as standing:
        phone = person(2)
        birth = await standing.search(phone, key=OTHER_KEY)
        assert birth.body["answerText"].startswith("Enter your date of birth")
        word = await standing.search(phone, birth.step, "31.12.1990", key=OTHER_KEY)
        code = await standing.search(phone, word.step, "РОМАШКА", key=OTHER_KEY)
        done = await standing.search(phone, code.step, await standing.code(phone), key=OTHER_KEY)
        assert done.body["answerType"] == 2
        assert len(await standing.sent(phone)) == 1


async def test_begin_is_repeated_while_nothing_was_answered(folder: Path, redis_server: RedisServer) -> None:
    async with stand(folder, redis_server) as standing:
        phone = person(3)
        first = await standing.search(phone)
        code = await standing.code(phone)
        spelled = f"8{phone}".replace("8+992", "00992 ").replace("90", "90-", 1)
        assert (await standing.search(spelled)).body == first.body
        assert (await standing.search(phone.lstrip("+"))).body == first.body
        assert (await standing.search("T-3")).step == first.step
        again = await standing.search(phone, first.step)
        assert (again.status, again.code) == (429, "1006")
        assert int(again.headers["Retry-After"]) in range(1, 31)
        assert len(await standing.sent(phone)) == 1

        assert (await standing.search(phone, first.step, wrong(code))).code == "1002"
        new = await standing.search(phone)
        assert (new.status, new.code) == (429, "1006")


async def test_a_strict_channel_has_one_refusal(folder: Path, redis_server: RedisServer) -> None:
    async with stand(folder, redis_server) as standing:
        phone = person(4)
        asked = await standing.search(phone, key=STRICT_KEY)
        unknown = await standing.search("+992900000999", key=STRICT_KEY)
        assert set(unknown.body) == set(asked.body)
        code = await standing.code(phone)
        refusals = [
            await standing.search(phone, asked.step, wrong(code), key=STRICT_KEY),
            await standing.search(phone, "A" * 22, wrong(code), key=STRICT_KEY),
            await standing.search(person(5), asked.step, code, key=STRICT_KEY),
            await standing.search("+992900000999", unknown.step, code, key=STRICT_KEY),
        ]
        assert {refusal.raw for refusal in refusals} == {refusals[0].raw}
        assert refusals[0].status == 403
        assert refusals[0].code == "1002"
        assert "stepId" not in refusals[0].body
        passed = await standing.search(phone, asked.step, code, key=STRICT_KEY)
        assert passed.status == 200
        assert not await standing.sent("+992900000999")
