"""A chat at its limits, in an outage, and in the end: what is kept, what is dropped, what is not sent again."""

from dataclasses import dataclass
from typing import Any

import pytest
from conversations import Chats, asks, chats
from servers import RedisServer
from visits import PHONE, READING, Bank

from flows.conversation import Arrival
from flows.effects import Effect, FindClient
from flows.errors import ClientMismatch, StoreDown
from flows.model import Cancel, Chosen, Happened, Photo, Sent, Session, Speak
from flows.moves import Leased
from flows.papers import Link

ME, OTHER = "41000001", "41000002"
ENOUGH_PAPERS = "if redis.call('ZCARD', key) >= limits.papers then return"
GIVEN_BACK = "if ARGV[7] == 'back' then redis.call('HINCRBY', s, 'delivery:' .. job, -1) end"


async def sixth_photo(room: Chats) -> Session:
    """Six uploads of one page, none of which the photo is to blame for."""
    room.work()
    await room.reach_document(ME)
    for number in range(6):
        await room.photo(ME, f"photo {number}")
        await room.quiet(ME)
        await room.until(ME, lambda session: session.reply.kind == "refuse")
    return await room.session(ME)


class TestPapers:
    async def test_five_uploads_of_a_page_are_enough_for_six_hours(self, redis_server: RedisServer) -> None:
        async with chats(redis_server) as room:
            told = await sixth_photo(room)
            assert (told.reply.error, told.step, len(room.uploads)) == ("1006", "document", 5)
            await room.reach_document(ME)
            await room.photo(ME, "in another dialogue")
            assert (await room.until(ME, lambda session: session.reply.error)).reply.error == "1006"
            assert (await room.reach_document(OTHER)).step == "document"
            await room.photo(OTHER, "of another chat")
            assert (await room.until(OTHER, lambda session: session.reply.error)).reply.error == "2001"

    async def test_without_the_limit_there_are_more(self, redis_server: RedisServer) -> None:
        async with chats(redis_server) as room:
            room.without("move", ENOUGH_PAPERS, "if false then return")
            await sixth_photo(room)
            assert len(room.uploads) == 6

    async def test_an_album_that_comes_to_the_limit_is_looked_at_again(self, redis_server: RedisServer) -> None:
        """Its first page has passed; until its second may be sent, the dialogue must not be forgotten."""
        async with chats(redis_server, PAPERS=3) as room:
            room.work()
            await room.reach_document(ME)
            await room.check(ME, "front")
            await room.hurry(ME)
            await room.until(ME, asks("document.ask_back"))
            room.humo_works = False
            for number in range(3):
                await room.photo(ME, f"back {number}")
                await room.quiet(ME)
                await room.until(ME, lambda session: session.reply.error == "2001")
            await room.reach_document(ME)
            await room.check(ME, "front")
            await room.photo(ME, "back")
            await room.quiet(ME)
            await room.hurry(ME)
            await room.until(ME, lambda session: session.reply.error == "1006")
            assert await room.due(ME)


@pytest.fixture
def soon_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.wakes.IDLE_SECONDS", 0.1)


@dataclass
class Away(Bank):
    """The records are away for the first `times` questions."""

    times: int = 0

    def perform(self, effect: Effect[Any]) -> object:
        if isinstance(effect, FindClient) and self.times:
            self.times -= 1
            raise StoreDown
        return super().perform(effect)


@pytest.mark.usefixtures("soon_given_back")
class TestFailures:
    async def test_a_message_outlives_an_outage_of_the_records(self, redis_server: RedisServer) -> None:
        async with chats(redis_server, bank=Away(times=4)) as room:
            room.work()
            await room.tell(ME, Arrival())
            await room.until(ME, lambda session: session.step == "consent")
            assert room.handled == ["u1"] * 5

    async def test_without_giving_it_back_it_is_dropped(self, redis_server: RedisServer) -> None:
        async with chats(redis_server, bank=Away(times=4)) as room:
            room.without("hold", GIVEN_BACK)
            room.work()
            await room.tell(ME, Arrival())
            await room.quiet(ME)
            assert room.handled == ["u1"] * 3

    async def test_papers_of_somebody_else_end_it(self, redis_server: RedisServer) -> None:
        async with chats(redis_server, bank=Bank(mismatch=ClientMismatch())) as room:
            told = await whole(room)
            assert (told.reply.kind, told.reply.error) == ("stop", "1014")


async def whole(room: Chats) -> Session:
    """From the first photo to the end of the enrolment."""
    room.work()
    await room.reach_document(ME)
    for name in ("front", "back", "face"):
        await room.check(ME, name)
        await room.hurry(ME)
        told = await room.until(ME, lambda session: '"checking"' not in session.state)
    return told


class TestEndings:
    async def test_an_ended_dialogue_keeps_nothing_of_the_person(self, redis_server: RedisServer) -> None:
        async with chats(redis_server) as room:
            kept = (await whole(room)).model_dump_json()
            assert PHONE in kept
            assert str(READING.document_number) in kept
            await room.press(ME, "later")
            done = await room.until(ME, lambda session: session.over)
            left = done.model_dump_json()
            for secret in (PHONE, str(READING.last_name), str(READING.document_number), "access_token", "daler"):
                assert secret not in left
            assert done.facts.there.litter

    async def test_what_an_older_dialogue_posted_does_not_come_into_the_new_one(
        self, redis_server: RedisServer
    ) -> None:
        async with chats(redis_server) as room:
            room.work()
            await room.tell(ME, Arrival())
            old = await room.until(ME, lambda session: session.step == "consent")
            await room.tell(ME, Arrival())
            new = await room.until(ME, lambda session: session.sid != old.sid and session.step == "consent")
            shard = room.bot.conversation.chat_of(ME)[0]
            wake = Leased(int(shard, 16), "nobody's", old.sid, "x", b"", queue="uploads")
            link = Link(key="k", source="s", access_token="t")
            await room.bot.conversation.bring(room.bot.fronts, wake, Happened("consent", result=link))
            assert await room.session(ME) == new

    async def test_a_language_that_was_chosen_is_spoken_in_the_next_dialogue(self, redis_server: RedisServer) -> None:
        async with chats(redis_server) as room:
            room.work()
            await room.reach_passport(ME)
            await room.tell(ME, Speak("kk"))
            await room.tell(ME, Cancel())
            await room.until(ME, lambda session: session.over)
            await room.tell(ME, Sent(Photo(ref="r", unique="u")))
            begun = await room.until(ME, lambda session: session.step == "consent")
            assert begun.facts.language == "kk"

    @pytest.mark.parametrize("step", ["x" * 22, ""])
    async def test_a_button_of_another_question_asks_for_the_one_that_stands(
        self, redis_server: RedisServer, step: str
    ) -> None:
        async with chats(redis_server) as room:
            room.work()
            asked = await room.reach_passport(ME)
            for choice in ("0", "2", "99", "", "-1", "0 "):
                await room.tell(ME, Chosen(choice), step=step)
            await room.quiet(ME)
            assert await room.session(ME) == asked
