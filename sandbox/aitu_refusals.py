"""How the simulated Aitu Passport refuses: on a page, by sending the browser back, or as JSON (protocols.md 4.6)."""

from collections.abc import Awaitable, Callable

from aiohttp import web

NAME = "aitu"
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ShownError(Exception):
    """A page of ours says so, because there is nowhere to send the browser."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error, self.description = error, description


class SentBackError(Exception):
    """The browser goes back to the bank with these."""

    def __init__(self, error: str, description: str = "") -> None:
        super().__init__(error)
        self.error, self.description = error, description


class ToldError(Exception):
    """JSON; integrators have seen both names of the description."""

    def __init__(self, status: int, error: str, description: str, *, camel: bool = False) -> None:
        super().__init__(error)
        self.status, self.error, self.description, self.camel = status, error, description, camel

    def response(self) -> web.Response:
        name = "errorDescription" if self.camel else "error_description"
        body = {"error": self.error, name: self.description}
        headers = NO_STORE | ({"WWW-Authenticate": f'Basic realm="{NAME}"'} if self.status == 401 else {})
        return web.json_response(body, status=self.status, headers=headers)


def telling(handler: Handler) -> Handler:
    async def called(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except ToldError as told:
            return told.response()

    return called
