"""The Bot API's refusals, in its own words (tdlib/telegram-bot-api, May 2026)."""

from typing import Any


class Refused(Exception):
    """`{"ok":false,"error_code":…,"description":…}`; `error_code` is the HTTP status too."""

    error_code = 400
    prefix = "Bad Request: "

    @property
    def body(self) -> dict[str, Any]:
        return {"ok": False, "error_code": self.error_code, "description": self.prefix + str(self)}


class Unauthorized(Refused):
    error_code = 401
    prefix = "Unauthorized"


class Forbidden(Refused):
    error_code = 403
    prefix = "Forbidden: "


class NotFound(Refused):
    error_code = 404
    prefix = "Not Found"


class Conflict(Refused):
    error_code = 409
    prefix = "Conflict: "


class BadGateway(Refused):
    error_code = 502
    prefix = "Bad Gateway"


class TooMany(Refused):
    """429 with `parameters.retry_after` in seconds."""

    error_code = 429
    prefix = "Too Many Requests: retry after "

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after

    @property
    def body(self) -> dict[str, Any]:
        return {**super().body, "parameters": {"retry_after": self.retry_after}}


class NeverAnswered(Exception):
    """The call was carried out, and its answer gets lost."""
