"""The sandbox over a real socket, for the tests of the gateways."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp.test_utils import TestServer

from flows.upstream.code_gateway import CodeMessage
from sandbox.app import make_app

PHONE = "+992900000001"
TEXT = "123456 — код банка «Ҳумо». Никому не говорите: 100% & +1; қ#?=/"


class Sandbox:
    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session

    async def fault(self, upstream: str, kind: str, times: int | None = 1, delay: float | None = None) -> None:
        order = {"upstream": upstream, "kind": kind, "times": times, "delay": delay}
        await self._post("/_faults", {name: value for name, value in order.items() if value is not None})

    async def arm(self, upstream: str, key: str, outcome: str) -> None:
        await self._post("/_arm", {"upstream": upstream, "for": key, "outcome": outcome})

    async def outbox(self, to: str) -> list[tuple[str, str]]:
        """(gateway, text), oldest first."""
        return [(sent["gateway"], sent["text"]) for sent in await self._get("/sms/outbox", to=to)]

    async def paths(self, upstream: str) -> list[str]:
        """The last part of each path that was called."""
        return [call["path"].rpartition("/")[2] for call in await self._get("/_calls", upstream=upstream)]

    async def _post(self, path: str, order: dict[str, Any]) -> None:
        async with self._session.post(self.url + path, json=order) as response:
            assert response.status == 200, await response.text()

    async def _get(self, path: str, **query: str) -> Any:
        async with self._session.get(self.url + path, params=query) as response:
            return await response.json()


@asynccontextmanager
async def running_sandbox() -> AsyncIterator[Sandbox]:
    async with TestServer(make_app(speed=0, seed=1)) as server, aiohttp.ClientSession() as session:
        yield Sandbox(str(server.make_url("/")).rstrip("/"), session)


def message(
    phone: str | None = PHONE, *, send: int = 1, resubmitted: bool = False, code: str = "123456"
) -> CodeMessage:
    return CodeMessage(
        send_id=f"{send:032x}",
        phone=phone,
        email=None,
        code=code,
        text=TEXT,
        language="ru",
        resubmitted=resubmitted,
    )
