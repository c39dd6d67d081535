"""How the simulated biometric.kz reads a body, and how it refuses."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

ANY_ORIGIN = {"Access-Control-Allow-Origin": "*", "Cache-Control": "no-store"}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class RefusedError(Exception):
    """Bodies are now `{"message": …}`, now `{"detail": …}`: nobody has written down which."""

    def __init__(self, status: int, text: str, *, key: str = "message") -> None:
        super().__init__(status)
        self.status, self.text, self.key = status, text, key


def refusing(handler: Handler, headers: Mapping[str, str] | None = None) -> Handler:
    async def called(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except RefusedError as refused:
            return web.json_response({refused.key: refused.text}, status=refused.status, headers=headers)

    return called


async def body_of(request: web.Request) -> dict[str, Any]:
    """A JSON object. Raises `RefusedError`."""
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError):
        raise RefusedError(400, "JSON parse error", key="detail") from None
    if not isinstance(body, dict):
        raise RefusedError(400, "Invalid data. Expected a dictionary", key="detail")
    return body
