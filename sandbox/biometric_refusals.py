"""How the simulated biometric.kz refuses."""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

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
