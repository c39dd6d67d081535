"""The server dies by SIGKILL at every boundary of an effect, one run after the other; another one takes over."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from figures import FULL
from servers import RedisServer
from stand import KEY, WORD, Said, Stand, person, stand

RUNS = 60
ONCE = ("otp_evaluated", "word_evaluated", "token_issued")
"""A card that is read again because the first answer was lost has been read twice."""


class Nursery:
    def __init__(self, standing: Stand) -> None:
        tests = Path(__file__).parent
        self._config = standing.config
        self._log = (standing.folder / "nursery.log").open("w")
        self._process = subprocess.Popen(
            [sys.executable, str(tests / "nursery.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, **standing.environ, "PYTHONPATH": str(tests.parent.parent)},
            start_new_session=True,
        )

    def server(self, boundary: int, breach: str = "none") -> str:
        """The URL of a server that dies at that boundary; 0: it lives."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin
        assert stdout
        stdin.write(f"{self._config} {boundary} {breach}\n")
        stdin.flush()
        line = stdout.readline()
        assert line.startswith("ready "), Path(self._log.name).read_text()
        return line.split()[1]

    def close(self) -> None:
        os.killpg(self._process.pid, 9)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            if stream:
                stream.close()


@contextmanager
def nursery(standing: Stand) -> Iterator[Nursery]:
    opened = Nursery(standing)
    try:
        yield opened
    finally:
        opened.close()


class Call:
    """Calls the server that is to die; once it has died, the one that lives, with the same call."""

    def __init__(self, mortal: str, heir: str, standing: Stand) -> None:
        self._mortal: str | None = mortal
        self._heir = heir
        self._session = standing.session

    @property
    def died(self) -> bool:
        return self._mortal is None

    async def __call__(self, path: str, form: dict[str, str]) -> Said:
        if self._mortal:
            try:
                return await self._send(self._mortal, path, form)
            except aiohttp.ClientError:
                self._mortal = None
        return await self._send(self._heir, path, form)

    async def _send(self, url: str, path: str, form: dict[str, str]) -> Said:
        async with self._session.post(f"{url}/rest/chat/client/{path}", data=form) as response:
            raw = await response.read()
            return Said(response.status, await response.json(), dict(response.headers), raw)


async def identify(call: Call, standing: Stand, phone: str) -> Said:
    asked = await call(f"search/{KEY}", {"client": phone})
    assert asked.status == 200, asked.body
    code = await standing.code(phone)
    word = await call(f"search/{KEY}", {"client": phone, "stepId": asked.step, "secretWord": code})
    assert word.status == 200, word.body
    form = {"client": phone, "stepId": word.step, "secretWord": WORD}
    done = await call(f"search/{KEY}", form)
    assert done.status == 200, done.body
    assert (await call(f"search/{KEY}", form)).body == done.body
    return await call(f"auth/{KEY}", {"token": done.token})


async def test_death_at_every_boundary_loses_and_doubles_nothing(folder: Path, redis_server: RedisServer) -> None:
    limits: dict[str, Any] = {"LIMITS__LEASE": "2", "LIMITS__PREFIX_SENDS_10MIN": "10000"}
    async with stand(folder, redis_server, people=RUNS + 1, **limits) as standing:
        with nursery(standing) as nursed:
            survived = 0
            for boundary in range(1, RUNS + 1):
                call = Call(nursed.server(boundary), standing.url, standing)
                card = await identify(call, standing, person(boundary))
                assert card.body["phone"] == person(boundary)
                survived = 0 if call.died else survived + 1
                if survived == 3:
                    break
            assert boundary > 25, "fewer boundaries than an identification has effects"
            assert survived == 3, "the walk did not reach the end of an identification"
        for number in range(1, boundary + 1):
            box = await standing.outbox(person(number))
            assert len(box) == 1, (number, [(sent["gateway"], sent["at"]) for sent in box])
        await check_audit(standing, boundary)


async def check_audit(standing: Stand, runs: int) -> None:
    """One entry for each event of each client, and a whole chain."""
    entries = await standing.audit()
    counts = Counter((entry["object"], entry["event"]) for entry in entries)
    for (client, event), count in counts.items():
        if event in ONCE:
            assert count == 1, (client, event)
        if event == "step_started":
            assert count == 2, (client, event)
    assert sum(count for (_, event), count in counts.items() if event == "token_issued") == runs


@pytest.mark.skipif(not FULL, reason="the control of the test above: it takes as long")
@pytest.mark.proof
async def test_without_a_stable_id_a_death_doubles_the_message(folder: Path, redis_server: RedisServer) -> None:
    async with stand(folder, redis_server, people=40, LIMITS__LEASE="2") as standing:
        standing.api.pop().kill()  # the heirs shall be without the rule too
        with nursery(standing) as nursed:
            heir = nursed.server(0, "new-id")
            for boundary in range(12, 20):
                call = Call(nursed.server(boundary, "new-id"), heir, standing)
                await call(f"search/{KEY}", {"client": person(boundary)})
                await asyncio.sleep(3.5)  # the lease ends, and the heir goes on
                if len(await standing.sent(person(boundary))) == 2:
                    return
    raise AssertionError("no death doubled the message: the test beside this one cannot see it either")
