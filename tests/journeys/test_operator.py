"""What an operator does while clients are in the middle of it: rotate the secret, unlock a client."""

import asyncio
from pathlib import Path
from typing import Any

from servers import RedisServer
from stand import WORD, person, stand, wrong

from flows.identifiers import recognise
from flows.settings import load
from shinos.erasing import unlock

OLD, NEW = "the old secret of the tests, 32 bytes", "the new secret of the tests, 32 bytes"
RECORDS = "the records' secret of the tests, 32 b"


async def test_a_rotation_under_running_dialogues(folder: Path, redis_server: RedisServer) -> None:
    async with stand(folder, redis_server, KEY=OLD, RECORDS_KEY=RECORDS) as standing:
        asked = {number: await standing.search(person(number)) for number in (1, 2)}
        codes = {number: await standing.code(person(number)) for number in (1, 2)}
        assert (await standing.search(person(2), asked[2].step, wrong(codes[2]))).code == "1002"
        word = await standing.search(person(1), asked[1].step, codes[1])
        done = await standing.search(person(1), word.step, WORD)
        assert standing.api.pop().stop() == 0
        standing.serve(SHINOS_KEY=NEW, SHINOS_KEY_PREVIOUS=OLD)

        assert (await standing.card(done.token)).status == 200
        assert (await standing.search(person(1), word.step, WORD)).token == done.token
        for number in range(1, 5):
            assert (await standing.search(person(2), asked[2].step, wrong(codes[2], number))).code in ("1002", "1003")
        assert (await standing.search(person(2), asked[2].step, codes[2])).code == "1003"


async def test_an_operator_unlocks_a_client(folder: Path, redis_server: RedisServer) -> None:
    more: dict[str, Any] = {"LIMITS__PAIR_WRONG": "5", "LIMITS__SEND_PAUSES": "[1]"}
    async with stand(folder, redis_server, **more) as standing:
        phone = person(3)
        asked, code = await standing.search(phone), await standing.code(phone)
        for number in range(5):
            await standing.search(phone, asked.step, wrong(code, number))
        await asyncio.sleep(1.1)
        locked = await standing.search(phone)
        assert (locked.status, locked.code) == (429, "1005")
        assert int(locked.headers["Retry-After"]) > 800
        settings = load(standing.config, standing.environ)
        assert await unlock(settings, recognise(phone, None, "TJ")) == 0
        assert (await standing.search(phone)).status == 200
        unlocked = [entry for entry in await standing.audit() if entry["event"] == "client_unlocked"]
        assert [entry["channel"] for entry in unlocked] == ["operator"]
