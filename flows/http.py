"""What both of our HTTP servers have of aiohttp's: an answer that no handler gave has our headers too, no name and no
version, and what is no HTTP leaves no traceback in the log.
"""

import secrets
from http import HTTPStatus

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest

from flows.errors import FlowError, Malformed, OurFault

HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Server": "shinos",  # or aiohttp names itself and Python, with their versions
}
"""Of every answer over HTTP, whichever front gives it."""
_log = structlog.get_logger("http")


class Handler(RequestHandler):
    """Of one connection. `refusal` makes the answer; without it, there is a status and no more."""

    __slots__ = ()

    def refusal(self, error: FlowError, status: int) -> web.Response:  # noqa: ARG002 - for those who say it in words
        return web.Response(status=status)

    async def finish_response(
        self, request: BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        resp.headers.update(HEADERS)
        return await super().finish_response(request, resp, start_time)

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - aiohttp's signature; its words are not for outside
    ) -> web.StreamResponse:
        if isinstance(exc, ConnectionError) or request.writer.output_size > 0:
            raise ConnectionError  # nobody is there to be answered
        error: FlowError = Malformed("HTTP", "form")
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            error = OurFault(incident=secrets.token_hex(4))
            _log.error("our_fault", error=type(exc).__name__, exc_info=exc, **error.params)
        else:
            _log.info("not_http", error=type(exc).__name__)
        response = self.refusal(error, status)
        response.force_close()
        return response
