"""The numbers of security.md §7 that no single dialogue comes to: each is gone up to, and over, as time goes by."""

from pathlib import Path

import pytest
from movable import WORD, Movable, movable, phone
from servers import RedisServer

DAY, MINUTE = 86_413, 60
LIMIT, LOCKED = "1006", "1005"


async def identified(house: Movable, person: int) -> str:
    """A token of the channel "open"."""
    name = phone(person)
    _, step = await house.begin("open", name)
    _, word = await house.answer("open", name, step, await house.code(step))
    what, token = await house.answer("open", name, word, WORD)
    assert what == "token"
    return token


async def guess(house: Movable, most: int, first: int) -> int:
    """Wrong words for people whom nobody knows, three each; how many were taken."""
    taken = 0
    for person in range(first, first + most):
        what, step = await house.begin("strict", phone(person))
        if what != "asked":
            break
        for _ in range(min(3, most - taken)):
            what, _ = await house.answer("strict", phone(person), step, "чужое слово")
            taken += 1
        if taken == most:
            break
    return taken


async def test_a_token_that_nobody_uses_in_five_minutes_is_dead(folder: Path, redis_server: RedisServer) -> None:
    async with movable(folder, redis_server) as house:
        await house.restart()
        in_time, late = await identified(house, 0), await identified(house, 1)
        await house.sleep(299)
        assert await house.read(in_time, "open")
        await house.sleep(2)
        assert await house.read(late, "open") is None


async def test_a_token_rests_for_fifteen_minutes_and_lives_for_sixty(folder: Path, redis_server: RedisServer) -> None:
    async with movable(folder, redis_server) as house:
        await house.restart()
        used, rested = await identified(house, 0), await identified(house, 1)
        assert await house.read(rested, "open")
        for _ in range(4):
            assert await house.read(used, "open")
            await house.sleep(14 * MINUTE)
        assert await house.read(used, "open")
        assert await house.read(rested, "open") is None
        await house.sleep(5 * MINUTE)
        assert await house.read(used, "open") is None


async def test_a_channel_under_a_spray_lets_nobody_begin(folder: Path, redis_server: RedisServer) -> None:
    async with movable(folder, redis_server) as house:
        await house.restart()
        _, running = await house.begin("strict", phone(0))
        assert await guess(house, 100, 100) == 100
        assert await house.begin("strict", phone(1)) == ("refused", LIMIT)
        assert (await house.answer("strict", phone(0), running, WORD))[0] == "asked", "who is inside goes on"
        assert (await house.begin("open", phone(1)))[0] == "asked", "another channel is not touched"
        await house.sleep(601)
        assert (await house.begin("strict", phone(1)))[0] == "asked"


async def test_after_a_thousand_wrong_answers_a_channel_compares_nothing(
    folder: Path, redis_server: RedisServer
) -> None:
    async with movable(folder, redis_server) as house:
        await house.restart()
        wrong = 0
        while wrong < 1000:  # the last answer of a portion is counted with the first call of the next one
            wrong += await guess(house, min(99, 1000 - wrong), 100 + wrong)
            await house.sleep(601)
        _, step = await house.begin("strict", phone(0))
        assert await house.answer("strict", phone(0), step, WORD) == ("refused", LIMIT)
        await house.sleep(DAY)
        _, step = await house.begin("strict", phone(0))
        assert (await house.answer("strict", phone(0), step, WORD))[0] == "asked"


async def test_a_hundred_wrong_codes_in_a_row_shut_the_factor_for_good(folder: Path, redis_server: RedisServer) -> None:
    async with movable(folder, redis_server) as house:
        await house.restart()
        name, wrong = phone(0), 0
        for _ in range(30):
            for channel in ("open", "other"):
                what, step = await house.begin(channel, name)
                code = await house.code(step) if what == "asked" else ""
                while what == "asked" and wrong < 100:
                    said, _ = await house.answer(channel, name, step, f"{(int(code) + 1) % 10**6:06d}")
                    if not said.startswith("refused") or said == "refused":
                        break
                    wrong += 1
            await house.sleep(DAY)
        assert await evaluated(house) == 100
        for _ in range(3):
            _, step = await house.begin("open", name)
            assert await house.answer("open", name, step, await house.code(step)) == ("refused", LOCKED)
            await house.sleep(DAY)


async def evaluated(house: Movable) -> int:
    return len(await house.events("otp_evaluated"))


@pytest.mark.parametrize("entered", [0, 14, 15])
async def test_a_prefix_whose_codes_nobody_enters_is_shut(
    folder: Path, redis_server: RedisServer, entered: int
) -> None:
    async with movable(folder, redis_server) as house:
        await house.restart()
        permit = house.house.store.permit
        for number in range(50):
            assert await permit(f"send-{number}", f"phone-{number}", "prefix", f"guard-{number}") == "ok"
            await house.sleep(31)
        hall = "shinos:1:{00}:prefix:prefix"
        assert await house.house.store.redis.hget(hall, "sent") == b"50"
        if entered:
            await house.house.store.redis.hset(hall, "entered", str(entered))
        shut = "ok" if entered == 15 else "prefix_entered"
        assert await permit("send-50", "phone-50", "prefix", "guard-50") == shut
        assert await permit("send-51", "phone-51", "another", "guard-51") == "ok"


async def test_a_phone_gets_fifteen_messages_a_day_whoever_asks(folder: Path, redis_server: RedisServer) -> None:
    async with movable(folder, redis_server) as house:
        await house.restart()
        said = []
        for number in range(16):
            said.append(await house.house.store.permit(f"send-{number}", "phone", "prefix", f"guard-{number % 4}"))
            await house.sleep(31 * MINUTE)
        assert said == ["ok"] * 15 + ["phone"]
        await house.sleep(DAY)
        assert await house.house.store.permit("send-16", "phone", "prefix", "guard-0") == "ok"


async def test_a_prefix_gets_twenty_messages_in_ten_minutes(folder: Path, redis_server: RedisServer) -> None:
    async with movable(folder, redis_server) as house:
        await house.restart()
        permit = house.house.store.permit
        said = [await permit(f"send-{number}", f"phone-{number}", "prefix", f"guard-{number}") for number in range(21)]
        assert said == ["ok"] * 20 + ["prefix"]
        await house.sleep(601)
        assert await permit("send-21", "phone-21", "prefix", "guard-21") == "ok"
