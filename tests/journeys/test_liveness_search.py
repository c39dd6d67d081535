"""The check of the face in a chat server's dialogue: a link in the answer, and what the client says afterwards."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alive import Tab
from liveness_stand import KEYS, Faces, faces
from servers import RedisServer
from stand import WORD, Said, person

KEY = KEYS["ru"]


@pytest.fixture
async def standing(folder: Path, redis_server: RedisServer) -> AsyncIterator[Faces]:
    async with faces(folder, redis_server) as stood:
        yield stood


class Client:
    """One who has answered the secret word, and is asked for their face; `asked` is what the chat server got."""

    def __init__(self, faces: Faces, number: int) -> None:
        self.faces = faces
        self.phone = person(number)

    async def says(self, *answer: str) -> Said:
        return await self.faces.standing.search(self.phone, *answer, key=KEY)

    async def is_asked(self) -> Said:
        begun = await self.says()
        self.asked = await self.says(begun.step, WORD)
        return self.asked

    def tab(self, said: str) -> Tab:
        found = re.search(r"http://\S+/liveness/\S+", said)
        assert found, said
        return Tab(self.faces.standing.session, found[0])


async def test_who_says_to_be_back_after_the_verdict_gets_the_token(standing: Faces) -> None:
    client = Client(standing, 41)
    tab = client.tab((await client.is_asked()).body["answerText"])
    ready = await tab.ready()
    early = await client.says(client.asked.step, "готово")
    assert early.status == 200
    assert early.body["answerType"] == 1
    await tab.film(standing.standing.sandbox.url, ready["session"])
    await tab.stands("finish")
    await tab.becomes("passed")
    done = await client.says(client.asked.step, "готово")
    assert done.status == 200, done.body
    card = (await standing.standing.card(done.token, key=KEY)).body
    assert "liveness" in {method["name"] for method in card["identification"]["methods"]}
    assert "liveness" in {one["name"] for one in card["fields"]}


async def test_after_a_failure_the_answer_says_the_new_link(standing: Faces) -> None:
    client = Client(standing, 42)
    tab = client.tab((await client.is_asked()).body["answerText"])
    ready = await tab.ready()
    await standing.arm(ready["session"], "fail_liveness")
    await tab.film(standing.standing.sandbox.url, ready["session"])
    await tab.stands("finish")
    await tab.becomes("failed")
    again = await client.says(client.asked.step)
    assert (again.status, again.code) == (422, "1037")
    assert (await client.tab(again.body["errorText"]).ready())["phase"] == "ready"


async def test_looks_go_on_for_as_long_as_it_takes(standing: Faces) -> None:
    """More often than a wake may fail."""
    client = Client(standing, 43)
    tab = client.tab((await client.is_asked()).body["answerText"])
    ready = await tab.ready()
    await standing.arm(ready["session"], "never_ends")
    await tab.film(standing.standing.sandbox.url, ready["session"])
    await tab.stands("finish")
    await asyncio.sleep(18)
    looked = f"{standing.standing.sandbox.url}/_calls"
    async with standing.standing.session.get(looked, params={"upstream": "biometric"}) as response:
        made = await response.json()
    assert sum(call["path"].endswith("/session/result/") for call in made) >= 5
    assert (await tab.stands("look"))["phase"] == "checking"


async def test_a_webhook_that_comes_late_moves_nothing(standing: Faces) -> None:
    client = Client(standing, 44)
    tab = client.tab((await client.is_asked()).body["answerText"])
    ready = await tab.ready()
    await tab.film(standing.standing.sandbox.url, ready["session"])
    await tab.stands("finish")
    await tab.becomes("passed")
    nudge = {"event": "technology.end", "session_id": ready["session"]}
    for _ in range(3):
        async with standing.standing.session.post(f"{standing.standing.url}/biometric/webhook", json=nudge) as response:
            assert response.status == 200
    assert (await tab.stands("look"))["phase"] == "passed"
    assert (await client.says(client.asked.step, "готово")).token
