"""A chat's messages: each once, one after the other, none lost; and what breaks when one of the rules is taken out."""

import asyncio
import random

from chat_process import LEASE, Process
from conversations import Chats, chats, soon
from servers import RedisServer

from flows.conversation import Arrival
from flows.model import Typed
from flows.moves import Leased

ME, OTHER = "41000001", "41000002"
CLAIM = "if not redis.call('SET', p .. 'update:' .. ARGV[2], '1', 'NX', 'PX', 86400000) then return 'known' end"
FENCE = """if cause and redis.call('HGET', p .. 'session:' .. cause.sid, 'worker:' .. cause.job) ~= cause.lease then
  return {'fenced', now}
end"""
DONE_WITH_ITS_CAUSE = "if cause then finish(p, cause.queue, cause.sid, cause.job, now, '') end"


async def die(*_: object) -> None:
    """As a killed process does: no more is written, and the lease runs out."""
    raise asyncio.CancelledError


class TestOnce:
    async def test_an_update_told_five_times_is_handled_once(self, redis_server: RedisServer) -> None:
        async with chats(redis_server) as room:
            assert [await room.tell(ME, Arrival(), "u1") for _ in range(5)] == ["stored"] + ["known"] * 4
            room.bot.work()
            await room.quiet(ME)
            assert room.handled == ["u1"]

    async def test_an_update_told_to_two_bots_at_once_is_stored_once(self, redis_server: RedisServer) -> None:
        async with chats(redis_server) as room:
            told = await asyncio.gather(*(room.tell(ME, Arrival(), "u1") for _ in range(20)))
            assert sorted(told) == ["known"] * 19 + ["stored"]

    async def test_without_the_claim_it_is_handled_again(self, redis_server: RedisServer) -> None:
        async with chats(redis_server) as room:
            room.without("hear", CLAIM)
            for _ in range(5):
                await room.tell(ME, Arrival(), "u1")
            room.bot.work()
            await room.quiet(ME)
            assert room.handled == ["u1"] * 5


async def heard_in_disorder(room: Chats) -> list[str]:
    """Updates in the order of their arrival, which is not that of their numbers."""
    updates = [f"u{number}" for number in random.sample(range(1, 100), 12)]
    for update in updates:
        await room.tell(ME, Typed("да"), update)
    for bot in room.bots:
        bot.work("talks")
    await room.quiet(ME)
    return updates


class TestInOrder:
    async def test_a_later_number_that_comes_first_is_first_and_both_are_handled(
        self, redis_server: RedisServer
    ) -> None:
        async with chats(redis_server) as room:
            assert await heard_in_disorder(room) == room.handled

    async def test_without_the_queue_it_is_not(self, redis_server: RedisServer) -> None:
        async with chats(redis_server) as room:
            for script in ("move", "hold"):
                room.without(script, "redis.call('LPOP'", "redis.call('RPOP'")
            assert await heard_in_disorder(room) != room.handled


async def heard_at_once(room: Chats) -> None:
    """Thirty messages of one person and as many of another, while two bots work."""
    for bot in room.bots:
        bot.work("talks")
    await asyncio.gather(*(room.tell(user, Typed("да")) for _ in range(30) for user in (ME, OTHER)))
    for user in (ME, OTHER):
        await room.quiet(user)


class TestOneByOne:
    async def test_never_two_of_one_chat_at_the_same_time(self, redis_server: RedisServer) -> None:
        async with chats(redis_server) as room:
            await heard_at_once(room)
            assert sorted(room.handled) == sorted(room.sent)
            assert room.together == 0

    async def test_without_the_inbox_some_are_lost(self, redis_server: RedisServer) -> None:
        async with chats(redis_server) as room:
            room.without("hear", "if redis.call('HEXISTS', s, 'job:in') == 1 then", "if false then")
            await heard_at_once(room)
            assert len(room.handled) < len(room.sent)

    async def test_a_full_inbox_drops_what_comes_and_goes_on(self, redis_server: RedisServer) -> None:
        async with chats(redis_server, INBOX=10) as room:
            told = [await room.tell(ME, Typed("да")) for _ in range(14)]
            assert told == ["stored"] * 11 + ["full"] * 3
            assert await room.tell(OTHER, Typed("да")) == "stored"
            room.bot.work("talks")
            await room.quiet(ME)
            assert await room.tell(ME, Typed("да")) == "stored"


async def ticked(room: Chats) -> bool:
    """Has the box been ticked? Ticked twice, it is not."""
    return "ticked" in (await room.session(ME)).reply.expects.choices[2].text.key.split("_")


async def at_the_box(room: Chats) -> None:
    room.bot.work()
    await room.reach_passport(ME)
    await room.bot.rest()


async def crashed(room: Chats) -> Chats:
    """The first bot dies over a press of the box; the second one works for longer than a lease."""
    room.bots[0].work("talks")
    await room.press(ME, "no_tax_number")
    await soon(lambda: room.handled[-1:] == list(room.sent)[-1:] and not room.in_hand)
    await room.bots[0].rest()
    room.bots[1].work("talks")
    await asyncio.sleep(2 * LEASE)
    await room.quiet(ME)
    return room


class TestCrashes:
    async def test_after_the_save_the_message_is_done_with(self, redis_server: RedisServer) -> None:
        async with chats(redis_server) as room:
            await at_the_box(room)
            room.bots[0].reader.after = die
            assert await ticked(await crashed(room))

    async def test_without_its_cause_in_the_save_it_is_done_twice(self, redis_server: RedisServer) -> None:
        async with chats(redis_server) as room:
            await at_the_box(room)
            room.without("move", DONE_WITH_ITS_CAUSE)
            room.bots[0].reader.after = die
            assert not await ticked(await crashed(room))

    async def test_before_the_save_it_is_done_by_the_next(self, redis_server: RedisServer) -> None:
        async with chats(redis_server) as room:
            await at_the_box(room)
            room.bots[0].store.move = die  # type: ignore[assignment,method-assign]
            assert await ticked(await crashed(room))
            assert room.handled[-1] == room.handled[-2]


async def pressed_by_two(room: Chats) -> tuple[Process, Leased, Process, Leased]:
    """A press that the first bot holds for too long, so that the second one has it too."""
    slow, quick = room.bots
    await room.press(ME, "no_tax_number")
    (late,) = [wake for wake in await slow.leased("slow", seconds=0.3) if wake.job == "in"]
    await asyncio.sleep(0.4)
    (taken,) = [wake for wake in await quick.leased("quick") if wake.job == "in"]
    assert (late.nth, taken.nth) == (1, 2)
    return slow, late, quick, taken


class TestFence:
    async def test_who_has_lost_the_lease_writes_nothing(self, redis_server: RedisServer) -> None:
        async with chats(redis_server) as room:
            await at_the_box(room)
            slow, late, quick, taken = await pressed_by_two(room)
            await quick.reader.carry(taken, None)
            await slow.reader.carry(late, None)
            assert await ticked(room)

    async def test_nor_while_the_other_still_works(self, redis_server: RedisServer) -> None:
        async with chats(redis_server) as room:
            await at_the_box(room)
            slow, late, quick, taken = await pressed_by_two(room)
            await slow.reader.carry(late, None)
            assert not await ticked(room)
            await quick.reader.carry(taken, None)
            assert await ticked(room)

    async def test_without_the_fence_it_is_written_twice(self, redis_server: RedisServer) -> None:
        async with chats(redis_server) as room:
            await at_the_box(room)
            room.without("move", FENCE)
            slow, late, quick, taken = await pressed_by_two(room)
            await quick.reader.carry(taken, None)
            await slow.reader.carry(late, None)
            assert not await ticked(room)
