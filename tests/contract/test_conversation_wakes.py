"""What a chat waits for: looks, results, the showing of what changed. Nothing lost, nothing shown that nobody did."""

import asyncio

import pytest
from conversations import Chats, asks, chats, soon
from servers import RedisServer

from flows.effects import TaskStatus
from flows.model import Session, Speak, Typed
from flows.moves import Leased, Move
from flows.papers import Task
from flows.turns import RACES

ME = "41000001"
CHAT_SHOWN_AGAIN = "redis.call('HSET', chat, 'again:show', '1')"
OUT_OF_HANDS = "redis.call('HDEL', s, 'worker:', 'delivery:')"


async def refused_photo(room: Chats) -> Session:
    """A photo was not taken, for want of a network, and the time to look at it is still to come."""
    room.work()
    await room.reach_document(ME)
    await room.photo(ME, "one")
    return await room.until(ME, lambda session: session.reply.error == "2001")


async def at_humo(room: Chats) -> None:
    room.work()
    await room.reach_document(ME)
    await room.check(ME, "front")


class TestLooks:
    async def test_a_look_and_a_message_that_meet_both_take_effect(self, redis_server: RedisServer) -> None:
        async with chats(redis_server) as room:
            room.bank.looks.append(Task("running"))
            await at_humo(room)
            before = len(room.handled)
            for _ in range(3):
                await asyncio.gather(room.hurry(ME), *(room.tell(ME, Typed("ну?")) for _ in range(4)))
            await room.until(ME, asks("document.ask_back"))
            await room.quiet(ME)
            assert len(room.handled) - before == 12
            assert len(room.bank.of(TaskStatus)) >= 2

    async def test_a_look_that_loses_every_race_is_not_lost(
        self, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("flows.wakes.IDLE_SECONDS", 0.05)
        async with chats(redis_server, bots=1) as room:
            await at_humo(room)
            move, lost = room.bot.store.move, [0]

            async def losing(given: Move) -> tuple[str, int]:
                lost[0] += 1
                return ("lost", 0) if lost[0] <= RACES else await move(given)

            room.bot.store.move = losing  # type: ignore[method-assign,assignment]
            await room.hurry(ME)
            await room.until(ME, asks("document.ask_back"))

    async def test_a_word_between_does_not_put_an_end_to_the_looking(self, redis_server: RedisServer) -> None:
        async with chats(redis_server) as room:
            await at_humo(room)
            due = await room.due(ME)
            for given in (Typed("ну?"), Speak("tg")):
                await room.tell(ME, given)
            await room.quiet(ME)
            assert due == await room.due(ME)

    async def test_a_time_that_the_question_has_overtaken_says_nothing(self, redis_server: RedisServer) -> None:
        async with chats(redis_server) as room:
            told = await refused_photo(room)
            rev = await newest(room)
            assert await room.hurry(ME)
            await soon_gone(room)
            assert await room.session(ME) == told
            assert await newest(room) == rev

    async def test_nor_does_the_one_that_the_link_was_waited_for_with(self, redis_server: RedisServer) -> None:
        async with chats(redis_server) as room:
            room.work()
            asked = await room.reach_passport(ME)
            assert await room.hurry(ME)
            await soon_gone(room)
            assert await room.session(ME) == asked


async def newest(room: Chats) -> int:
    conversation = room.bot.conversation
    return (await conversation.view(conversation.chat_of(ME))).rev


async def soon_gone(room: Chats) -> None:
    """Until the time that was due has been brought, and nothing is due any more."""
    for _ in range(200):
        if await room.due(ME) is None:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it is still due")


async def overtaken(room: Chats) -> tuple[Leased, float | None]:
    """A time is in a worker's hands, who has seen that nobody waits; then a photo comes, with a new time."""
    await refused_photo(room)
    await room.quiet(ME)
    for bot in room.bots:
        await bot.rest()
    await room.hurry(ME)
    (held,) = [wake for wake in await room.bots[0].leased("held") if wake.job == ""]
    room.bots[1].work("talks")
    await room.photo(ME, "two")
    await room.quiet(ME)
    await room.bots[1].rest()
    return held, await room.due(ME)


class TestTimes:
    async def test_who_holds_an_old_one_cannot_take_the_new_one_away(self, redis_server: RedisServer) -> None:
        async with chats(redis_server) as room:
            held, due = await overtaken(room)
            assert not await room.bots[0].store.finish(held)
            assert due == await room.due(ME)

    async def test_without_taking_it_out_of_those_hands_it_is_lost(self, redis_server: RedisServer) -> None:
        async with chats(redis_server) as room:
            room.without("move", OUT_OF_HANDS)
            held, _ = await overtaken(room)
            await room.bots[0].store.finish(held)
            assert await room.due(ME) is None


async def shown_while_showing(room: Chats) -> None:
    """Two messages change the chat while its question is on its way out."""
    gate = asyncio.Event()
    room.work()
    await room.reach_passport(ME)
    await soon(lambda: room.shown)
    for bot in room.bots:
        bot.shower.before = gate.wait
    await room.press(ME, "no_tax_number")
    await room.quiet(ME)
    await asyncio.sleep(0.1)
    await room.press(ME, "no_tax_number")
    await room.quiet(ME)
    gate.set()


class TestShown:
    async def test_what_changes_while_it_is_shown_is_shown_again(self, redis_server: RedisServer) -> None:
        async with chats(redis_server) as room:
            await shown_while_showing(room)
            rev = await newest(room)
            await soon(lambda: room.shown[-1][1] == rev)

    async def test_without_that_rule_the_chat_sees_what_is_old(self, redis_server: RedisServer) -> None:
        async with chats(redis_server) as room:
            room.without("move", CHAT_SHOWN_AGAIN)
            await shown_while_showing(room)
            rev = await newest(room)
            await asyncio.sleep(1.5)
            assert room.shown[-1][1] < rev
