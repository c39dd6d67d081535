"""A photo from Telegram to Humo: once, however it is cut off; tried again only where it certainly made no task."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from humo_sandbox import FIRUZ, key_of
from paper_room import ME, PaperRoom, paper_room
from servers import RedisServer

from flows import submitting
from flows.conversation import Arrival
from flows.images import Images
from flows.jobs import UploadJob
from flows.model import Photo, Sent, Session
from flows.moves import Leased
from flows.submitting import Submitting
from flows.upstream.humo import Humo, HumoOptions
from sandbox.drawn import draw

OTHER = "41000002"
FRONT = draw(FIRUZ, "front")


@pytest_asyncio.fixture(scope="module")
async def images() -> AsyncIterator[Images]:
    async with Images() as gate:
        yield gate


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submitting, "PAUSES", (0.01, 0.01))


def state(session: Session) -> str:
    return session.reply.error or ("checking" if '"checking"' in session.state else session.step)


class TestOnce:
    async def test_a_photo_is_one_task_and_its_digest_the_files(
        self, redis_server: RedisServer, images: Images
    ) -> None:
        async with paper_room(redis_server, images) as room:
            await room.ready()
            session = await room.sent(FRONT)
            assert state(session) == "checking"
            (call,) = await room.uploads()
            assert call["path"] == "/humo/api/tasks/ocr/id_new/front"
            (file,) = call["files"]
            assert hashlib.sha256(FRONT).hexdigest() in session.state
            assert file["sha256"] not in session.state, "what goes out is a picture of our own making"

    async def test_and_what_it_tells_is_read(self, redis_server: RedisServer, images: Images) -> None:
        async with paper_room(redis_server, images) as room:
            await room.ready()
            await room.sent(FRONT)
            await room.chats.hurry(ME)
            session = await room.chats.until(ME, lambda session: session.facts.there.reading.last_name)
            assert session.reply.text
            assert session.reply.text.key == "document.ask_back"


async def killed_while_uploading(room: PaperRoom, monkeypatch: pytest.MonkeyPatch) -> Session:
    """The first bot dies after its upload has got through and before it knows; the second one goes on."""
    first, second = room.chats.bots
    arrived, submit = asyncio.Event(), Humo.submit_document

    async def unheard(humo: Humo, *rest: Any, **more: Any) -> str:
        task = await submit(humo, *rest, **more)
        if not arrived.is_set():
            arrived.set()
            await asyncio.Event().wait()
        return task

    monkeypatch.setattr(Humo, "submit_document", unheard)
    first.work()
    await room.chats.reach_document(ME)
    await room.photo(FRONT, "one")
    await arrived.wait()
    await first.die()
    second.work()
    return await room.chats.until(ME, lambda session: session.reply.kind == "refuse" or '"checking"' in session.state)


class TestKilled:
    async def test_what_may_have_arrived_is_not_sent_again(
        self, redis_server: RedisServer, images: Images, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with paper_room(redis_server, images) as room:
            session = await killed_while_uploading(room, monkeypatch)
            assert (state(session), len(await room.uploads())) == ("1021", 1)
            assert state(await room.sent(FRONT)) == "checking", "the person may send the very same once more"
            assert len(await room.uploads()) == 2

    async def test_without_writing_it_down_it_would_be(
        self, redis_server: RedisServer, images: Images, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def forget(*_: object) -> None:
            return

        monkeypatch.setattr(Submitting, "_write_down", forget)
        async with paper_room(redis_server, images) as room:
            session = await killed_while_uploading(room, monkeypatch)
            assert (state(session), len(await room.uploads())) == ("checking", 2)

    async def test_what_nobody_waits_for_any_more_is_not_sent(
        self, redis_server: RedisServer, images: Images, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with paper_room(redis_server, images) as room:
            await room.ready()
            carry = Submitting.carry

            async def late(self: Submitting, wake: Leased, job: UploadJob) -> None:
                await carry(self, replace(wake, at=2**40), job)

            monkeypatch.setattr(Submitting, "carry", late)
            assert state(await room.sent(FRONT)) == "1021"
            assert await room.uploads() == []


class TestInDoubt:
    @pytest.mark.parametrize("trouble", ["upload-reset", "reset", "accept-timeout"])
    async def test_a_cut_in_the_middle_is_not_repeated(
        self, redis_server: RedisServer, images: Images, trouble: str
    ) -> None:
        async with paper_room(redis_server, images, upload_seconds=0.5) as room:
            await room.ready()
            if trouble == "upload-reset":
                await room.arm(trouble)
            else:
                await room.sandbox.fault("humo", trouble)
            assert state(await room.sent(FRONT)) == "1021"
            assert len(await room.uploads()) == 1


class TestCertain:
    @pytest.mark.parametrize("trouble", ["500", "html-502"])
    async def test_an_error_page_is_tried_again(self, redis_server: RedisServer, images: Images, trouble: str) -> None:
        async with paper_room(redis_server, images) as room:
            await room.ready()
            for _ in range(2):
                await room.arm(trouble)
            assert state(await room.sent(FRONT)) == "checking"
            assert len(await room.uploads()) == 3

    async def test_but_three_times_at_most(self, redis_server: RedisServer, images: Images) -> None:
        async with paper_room(redis_server, images) as room:
            await room.ready()
            for _ in range(9):
                await room.arm("500")
            assert state(await room.sent(FRONT)) == "2001"
            assert len(await room.uploads()) == 3

    async def test_so_is_a_humo_that_nobody_reaches(
        self, redis_server: RedisServer, images: Images, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tries: list[str] = []
        submit = Humo.submit_document

        async def noted(humo: Humo, *rest: Any, **more: Any) -> str:
            tries.append(more["page"])
            return await submit(humo, *rest, **more)

        monkeypatch.setattr(Humo, "submit_document", noted)
        nowhere = Humo(HumoOptions(url="http://127.0.0.1:9/humo"))
        async with paper_room(redis_server, images) as room:
            await room.ready()
            for one in room.submitting:
                one._humo = nowhere
            assert state(await room.sent(FRONT)) == "2001"
            assert (len(tries), await room.uploads()) == (3, [])
        await nowhere.close()


class TestToken:
    async def test_one_that_has_run_out_is_fetched_anew_once(self, redis_server: RedisServer, images: Images) -> None:
        async with paper_room(redis_server, images) as room:
            before = (await room.ready()).facts.there.link
            await room.arm("401")
            after = (await room.sent(FRONT)).facts.there.link
            assert (len(await room.uploads()), await room.openings()) == (2, 2)
            assert before
            assert after
            assert before.access_token != after.access_token
            await room.chats.hurry(ME)
            await room.chats.until(ME, lambda session: session.facts.there.reading.last_name)

    async def test_and_not_a_second_time(self, redis_server: RedisServer, images: Images) -> None:
        async with paper_room(redis_server, images) as room:
            await room.ready()
            for _ in range(5):
                await room.arm("401")
            assert state(await room.sent(FRONT)) == "2001"
            assert (len(await room.uploads()), await room.openings()) == (2, 2)


class TestRefused:
    async def test_a_copy_of_a_refused_photo_is_known_again(self, redis_server: RedisServer, images: Images) -> None:
        async with paper_room(redis_server, images) as room:
            await room.ready()
            await room.arm("blurred")
            await room.sent(FRONT)
            await room.chats.hurry(ME)
            await room.chats.until(ME, lambda session: session.reply.error == "1017")
            await room.photo(FRONT, "the same under another name")
            await room.chats.until(ME, lambda session: session.reply.error == "1019")
            assert len(await room.uploads()) == 1
            await room.photo(draw(FIRUZ, "front", 1), "a new one")
            await room.chats.until(ME, lambda session: '"checking"' in session.state)

    @pytest.mark.parametrize("data", [b"no picture at all", FRONT[: len(FRONT) // 3], b"\xff\xd8\xff"])
    async def test_what_is_no_picture_never_leaves_us(
        self, redis_server: RedisServer, images: Images, data: bytes
    ) -> None:
        async with paper_room(redis_server, images) as room:
            await room.ready()
            assert state(await room.sent(data)) == "1018"
            assert await room.uploads() == []

    async def test_a_file_that_telegram_has_no_more_is_asked_for_again(
        self, redis_server: RedisServer, images: Images
    ) -> None:
        async with paper_room(redis_server, images) as room:
            await room.ready()
            await room.chats.tell(ME, Sent(Photo(ref="a-reference-of-nothing", unique="one")))
            await room.chats.until(ME, lambda session: session.reply.error == "1021")
            assert await room.uploads() == []

    @pytest.mark.parametrize(("trouble", "error"), [("422", "2003"), ("413", "1018")])
    async def test_humo_would_not_have_it(
        self, redis_server: RedisServer, images: Images, trouble: str, error: str
    ) -> None:
        async with paper_room(redis_server, images) as room:
            await room.ready()
            await room.arm(trouble)
            assert state(await room.sent(FRONT)) == error
            assert len(await room.uploads()) == 1


class TestLinks:
    async def test_a_persons_link_is_for_the_first_chat_that_brings_it(
        self, redis_server: RedisServer, images: Images
    ) -> None:
        async with paper_room(redis_server, images) as room:
            room.chats.work()
            arrival = Arrival(key=key_of(FIRUZ))
            for user, found in ((ME, "consent"), (OTHER, "1022"), (ME, "consent")):
                await room.chats.tell(user, arrival)
                await room.chats.quiet(user)
                session = await room.chats.until(user, lambda session: session.reply.kind in ("ask", "stop"))
                assert state(session) == found

    async def test_the_banks_own_is_for_everybody(self, redis_server: RedisServer, images: Images) -> None:
        async with paper_room(redis_server, images) as room:
            room.chats.work()
            for user in (ME, OTHER):
                await room.chats.tell(user, Arrival())
                await room.chats.until(user, lambda session: session.step == "consent")

    @pytest.mark.parametrize("outcome", ["presign-401", "presign-403", "presign-404", "presign-410"])
    async def test_one_that_humo_refuses_ends_it(self, redis_server: RedisServer, images: Images, outcome: str) -> None:
        async with paper_room(redis_server, images) as room:
            room.chats.work()
            await room.arm(outcome, key_of(FIRUZ))
            await room.chats.tell(ME, Arrival(key=key_of(FIRUZ)))
            session = await room.chats.until(ME, lambda session: session.over)
            assert session.reply.error == "1022"

    async def test_a_humo_that_is_away_leaves_a_button(self, redis_server: RedisServer, images: Images) -> None:
        async with paper_room(redis_server, images) as room:
            room.chats.work()
            await room.sandbox.fault("humo", "500", times=3)
            await room.chats.tell(ME, Arrival())
            await room.chats.until(ME, lambda session: session.reply.error == "2001")
            await room.chats.press(ME, "again")
            await room.chats.until(ME, lambda session: session.step == "consent")
