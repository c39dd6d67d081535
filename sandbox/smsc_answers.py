"""SMSC's answers in its four formats (fmt=0 text, 1 numbers, 2 XML, 3 JSON), all with HTTP 200."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any

from aiohttp import web

NOT_FOUND = -3
PRICE = 12.5
ERRORS = {
    1: "parameters error",
    2: "authorise error",
    3: "no money",
    4: "IP is blocked for a while",
    5: "invalid date format",
    6: "message is denied",
    7: "invalid number",
    8: "message can not be delivered",
    9: "duplicate request, wait a minute",
}
WITH_ID = frozenset({3, 6, 7, 8})


class Format(Enum):
    """The parameter fmt; anything unknown is text."""

    TEXT = "0"
    NUMBERS = "1"
    XML = "2"
    JSON = "3"

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Format":
        wanted = str(given.get("fmt", "0"))
        return next((fmt for fmt in cls if fmt.value == wanted), cls.TEXT)


def _answer(fmt: Format, text: str, numbers: str, fields: dict[str, Any]) -> web.Response:
    if fmt is Format.JSON:
        return web.json_response(fields)
    if fmt is Format.XML:
        inner = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
        return web.Response(text=f"<result>{inner}</result>", content_type="text/xml")
    return web.Response(text=text if fmt is Format.TEXT else numbers)


def sent(fmt: Format, number: int, count: int) -> web.Response:
    return _answer(fmt, f"OK - {count} SMS, ID - {number}", f"{number},{count}", {"id": number, "cnt": count})


def price(fmt: Format, count: int) -> web.Response:
    """cost=1: what it would cost; nothing is sent."""
    cost = f"{PRICE * count:.2f}"
    return _answer(fmt, f"{cost} ({count} SMS)", f"{cost},{count}", {"cost": cost, "cnt": count})


def error(fmt: Format, code: int, number: int | None = None) -> web.Response:
    fields: dict[str, Any] = {"error": ERRORS[code], "error_code": code}
    if number is not None:
        fields["id"] = number
    return _answer(fmt, f"ERROR = {code} ({ERRORS[code]})", f"{number or 0},-{code}", fields)


def status(fmt: Format, code: int, at: datetime) -> web.Response:
    date, seconds = at.strftime("%d.%m.%Y %H:%M:%S"), int(at.timestamp())
    fields = {"status": code, "last_date": date, "last_timestamp": seconds}
    return _answer(fmt, f"Status = {code}, check_time = {date}", f"{code},{seconds},0", fields)


def not_found(fmt: Format) -> web.Response:
    fields = {"status": NOT_FOUND, "last_date": "", "last_timestamp": 0}
    return _answer(fmt, f"Status = {NOT_FOUND}", f"{NOT_FOUND},0,0", fields)
