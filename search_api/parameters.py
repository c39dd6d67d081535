"""Reads the parameters of a call: form, multipart, JSON or query string, each parameter once over all of them.

Strict where a mistake could pass for something else (security.md Q7): bytes are counted while they arrive, before any
parser sees them; UTF-8 only; no control characters; a parameter given twice is refused, never "the last one wins".
"""

import asyncio
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from aiohttp import web

from flows.errors import Malformed, TooLarge
from search_api.multipart import PARTS_LIMIT, is_utf8, read_kind, read_parts

BODY_LIMIT = 64 * 1024
DEPTH_LIMIT = 32
LENGTHS = {"client": 128, "clientIdType": 16, "channelId": 64, "secretWord": 64, "stepId": 64, "token": 256}
"""The parameters we know and their longest values; others are ignored."""

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_NONE: tuple[str, ...] = ()

Pairs = list[tuple[str, object]]


async def read_parameters(request: web.Request, seconds: float) -> dict[str, str]:
    """The known parameters that are given and not empty. Raises `Malformed`, `TooLarge`."""
    pairs: Pairs = list(_query(request.rel_url.raw_query_string))
    body = await read_body(request, seconds)
    if body:
        pairs += _parsed(request, body)
    return _once(pairs)


async def read_body(request: web.Request, seconds: float, limit: int = BODY_LIMIT) -> bytes:
    """The bytes of the body, counted while they arrive. Raises `Malformed`, `TooLarge`."""
    if any(encoding.lower() != "identity" for encoding in request.headers.getall("Content-Encoding", _NONE)):
        raise Malformed("Content-Encoding", "content_type")
    if (request.content_length or 0) > limit:
        raise TooLarge(limit=limit)
    if request.content.is_eof():  # it came with the headers, as small bodies do
        return _within(limit, request.content.read_nowait())
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.content.iter_any():
                body += chunk
                _within(limit, body)
    except TimeoutError:
        raise Malformed("body", "slow") from None
    except web.RequestPayloadError:
        raise Malformed("body", "form") from None
    return bytes(body)


def _within(limit: int, body: bytes | bytearray) -> bytes:
    if len(body) > limit:
        raise TooLarge(limit=limit)
    return bytes(body)


def _parsed(request: web.Request, body: bytes) -> Pairs:
    try:
        (header,) = request.headers.getall("Content-Type", _NONE)
        kind, options = read_kind(header)
    except ValueError:
        raise Malformed("Content-Type", "content_type") from None
    if not is_utf8(options):
        raise Malformed("Content-Type", "encoding")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("body", "encoding") from None
    match kind:
        case "application/x-www-form-urlencoded":
            return _query(text)
        case "application/json":
            return _json(text)
        case "multipart/form-data":
            return _multipart(text, options.get("boundary", ""))
        case _:
            raise Malformed("Content-Type", "content_type")


def _query(text: str) -> Pairs:
    try:
        return list(
            parse_qsl(text, keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=PARTS_LIMIT)
        )
    except UnicodeDecodeError:
        raise Malformed("body", "encoding") from None
    except ValueError:
        raise Malformed("body", "form") from None


def _json(text: str) -> Pairs:
    try:
        found = json.loads(text, object_pairs_hook=_Object, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Malformed("body", "json") from None
    if not isinstance(found, _Object) or _depth(found) > DEPTH_LIMIT:
        raise Malformed("body", "json")
    return list(found)


class _Object(list[tuple[str, Any]]):
    """A JSON object as its pairs, so that a name given twice is seen."""


def _refuse(_constant: str) -> NoReturn:
    raise ValueError


def _depth(value: object) -> int:
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if isinstance(item, list):
            deepest = max(deepest, depth)
            inner = [value for _, value in item] if isinstance(item, _Object) else item
            waiting += [(one, depth + 1) for one in inner]
    return deepest


def _multipart(text: str, boundary: str) -> Pairs:
    try:
        return list(read_parts(text, boundary))
    except ValueError:
        raise Malformed("body", "form") from None


def _once(pairs: Iterable[tuple[str, object]]) -> dict[str, str]:
    """What is null counts as given, and as empty."""
    found: dict[str, str] = {}
    for name, value in pairs:
        limit = LENGTHS.get(name)
        if limit is None:
            continue
        if name in found:
            raise Malformed(name, "twice")
        text = "" if value is None else value
        if not isinstance(text, str) or not _printable(text):
            raise Malformed(name, "not_text")
        if len(text) > limit:
            raise Malformed(name, "too_long")
        found[name] = text
    return {name: value for name, value in found.items() if value}


def _printable(value: str) -> bool:
    """No control characters (C0, delete, C1), no halves of a surrogate pair."""
    if value.isascii() and value.isprintable():
        return True
    return not _CONTROLS.search(value)


def required(parameters: Mapping[str, str], name: str) -> str:
    """Raises `Malformed`."""
    if name not in parameters:
        raise Malformed(name, "missing")
    return parameters[name]
