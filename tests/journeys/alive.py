"""The liveness page without a browser: what it says to our server, and the widget within it to biometric.kz."""

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from chats import Entry

Told = dict[str, Any]


def link_of(entry: Entry) -> str:
    """Of the button that opens the browser."""
    return next(str(button["url"]) for row in entry["buttons"] for button in row if "url" in button)


@dataclass
class Tab:
    """One browser with the page of that address; `device` is the secret that it has made."""

    session: aiohttp.ClientSession
    address: str
    device: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    async def say(self, event: str, **more: str) -> tuple[int, Told]:
        body = {"event": event, "device": self.device, **more}
        async with self.session.post(self.address, json=body) as response:
            return response.status, await response.json()

    async def stands(self, event: str, **more: str) -> Told:
        """What the page shows after that; a refusal is none."""
        status, told = await self.say(event, **more)
        assert status == 200, told
        self.device = told.get("device", self.device)
        return told

    async def ready(self, **more: str) -> Told:
        """Opened, and the widget may start."""
        told = await self.stands("open", **more)
        return told if told["phase"] == "ready" else await self.becomes("ready")

    async def becomes(self, phase: str, seconds: float = 20) -> Told:
        for _ in range(int(seconds / 0.1)):
            told = await self.stands("look")
            if told["phase"] == phase:
                return told
            await asyncio.sleep(0.1)
        raise AssertionError(f"it is {told['phase']}, not {phase}")

    async def film(self, sandbox: str, session: str) -> None:
        """The widget has seen enough, and says so to biometric.kz alone."""
        async with self.session.post(f"{sandbox}/biometric/flow/{session}/finish") as response:
            assert response.status == 200, await response.text()
