"""The simulated biometric.kz over a real socket, and short words for what a test does with it."""

import base64
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient

from sandbox.app import WORLD
from sandbox.biometric_flows import FLOWS

EVERYBODY, NATURAL, LEGAL, ALIVE, DOCUMENT = (flow.key for flow in FLOWS)
"""Keys of the flows: LD F2F, LD ED F2F, LD DR F2F, LD, ED."""


@dataclass
class Kz:
    """The sandbox as the bank's server and as a person's browser see it."""

    http: TestClient[web.Request, web.Application]

    async def post(self, path: str, **body: Any) -> tuple[int, Any]:
        async with self.http.post(path, json=body) as answer:
            return answer.status, await answer.json()

    async def create(self, key: str = EVERYBODY, metadata: Any = None) -> tuple[int, Any]:
        body = {"api_key": key} | ({} if metadata is None else {"metadata": metadata})
        return await self.post("/biometric/api/v1/flows/session/create/", **body)

    async def session(self, key: str = EVERYBODY, metadata: Any = None) -> str:
        status, body = await self.create(key, metadata)
        assert status == 200, body
        return str(body["session_id"])

    async def session_of(self, photo: bytes, key: str = EVERYBODY) -> str:
        return await self.session(key, {"face2face": {"photo1": base64.b64encode(photo).decode()}})

    async def result(self, session_id: str, key: str = EVERYBODY) -> tuple[int, Any]:
        query = {"session_id": session_id, "flow_api_key": key}
        async with self.http.get("/biometric/api/v1/flows/session/result/", params=query) as answer:
            return answer.status, await answer.json()

    async def ended(self, outcome: str, key: str = EVERYBODY) -> dict[str, Any]:
        """The result of a new session with that outcome."""
        session = await self.session(key)
        await self.arm(session, outcome)
        await self.finish(session)
        status, told = await self.result(session, key)
        assert status == 200
        return dict(told)

    async def begin(self, session_id: str) -> tuple[int, Any]:
        return await self.post(f"/biometric/flow/{session_id}/begin")

    async def finish(self, session_id: str) -> tuple[int, Any]:
        return await self.post(f"/biometric/flow/{session_id}/finish")

    async def arm(self, key: str, outcome: str) -> None:
        status, told = await self.post("/_arm", **{"upstream": "biometric", "for": key, "outcome": outcome})
        assert status == 200, told

    async def subscribe(self, url: str) -> None:
        assert (await self.post("/biometric/_subscriptions", url=url))[0] == 200

    async def calls(self) -> list[dict[str, Any]]:
        return list(await (await self.http.get("/_calls?upstream=biometric")).json())

    def remember(self, photo: bytes, who: str) -> None:
        """As though that person had sent it to the sandbox's Telegram."""
        assert self.http.app is not None
        self.http.app[WORLD].photos.remember(photo, who)
