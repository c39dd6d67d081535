"""An installation whose Search API asks for a face; everybody is asked once, and how it ends can be armed."""

import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from servers import RedisServer
from stand import WORD, Stand, person, stand

from sandbox.biometric_flows import FLOWS

CHAT, HELP = "https://t.me/shinos_test_bot", "Позвоните нам: 1234, каждый день с 8 до 20."
LANGUAGES = ("ru", "tg", "en", "kk")
CHANNEL = """
[channel.face_{0}]
flow = "face"
key_env = "SHINOS_FACE_{1}"
language = "{0}"
strict = false
reveal_unknown = true
"""
MORE = f"""
[flow.face]
steps = ["client", "secret_word", "liveness"]
[bot]
name = "shinos_test_bot"
help = "{HELP}"
[upstream.biometric]
url = "{{sandbox}}/biometric"
pages = "{{sandbox}}/biometric"
script = "{{sandbox}}/biometric/widget/flow-widget.umd.js"
key_env = "SHINOS_BIOMETRIC_KEY"
""" + "".join(CHANNEL.format(language, language.upper()) for language in LANGUAGES)
KEYS = {language: f"channel-of-faces-in-{language}-0000" for language in LANGUAGES}


@dataclass
class Faces:
    """Each link is of another client."""

    standing: Stand
    numbers: Iterator[int] = field(default_factory=count)

    async def link(self, language: str = "ru") -> str:
        """The address that the chat server gives to somebody new."""
        somebody = person(next(self.numbers))
        said = await self.standing.search(somebody, key=KEYS[language])
        said = await self.standing.search(somebody, said.step, WORD, key=KEYS[language])
        found = re.search(r"http://\S+/liveness/\S+", said.body.get("answerText", ""))
        assert found, said.body
        return found[0]

    async def arm(self, session: str, outcome: str) -> None:
        order = {"upstream": "biometric", "for": session, "outcome": outcome}
        async with self.standing.session.post(f"{self.standing.sandbox.url}/_arm", json=order) as response:
            assert response.status == 200, await response.text()

    async def tell(self, link: str, **said: str) -> dict[str, Any]:
        """Without a browser."""
        async with self.standing.session.post(link, json=said) as response:
            told: dict[str, Any] = await response.json()
            return told


@asynccontextmanager
async def faces(folder: Path, redis: RedisServer) -> AsyncIterator[Faces]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    standing_up = stand(
        folder,
        redis,
        people=100,
        more=MORE,
        SERVER__PORT=str(port),
        SERVER__PUBLIC_URL=f"http://127.0.0.1:{port}",
        BIOMETRIC_KEY=FLOWS[3].key,
        FACE_RU=KEYS["ru"],
        FACE_TG=KEYS["tg"],
        FACE_EN=KEYS["en"],
        FACE_KK=KEYS["kk"],
    )
    async with standing_up as standing:
        nudge = {"url": f"{standing.url}/biometric/webhook"}
        async with standing.session.post(f"{standing.sandbox.url}/biometric/_subscriptions", json=nudge) as response:
            assert response.status == 200, await response.text()
        yield Faces(standing)
