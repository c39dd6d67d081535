"""Reads the parameters of a call: form, multipart, JSON or query string, each parameter once over all of them.

Strict where a mistake could pass for something else (security.md Q7): bytes are counted while they arrive, before any
parser sees them; UTF-8 only; no control characters; a parameter given twice is refused, never "the last one wins".
"""

import asyncio
import json
from collections.abc import Iterable, Mapping
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from aiohttp import web

from flows.errors import Malformed, TooLarge

BODY_LIMIT = 64 * 1024
DEPTH_LIMIT = 32
LENGTHS = {"client": 128, "clientIdType": 16, "channelId": 64, "secretWord": 64, "stepId": 64, "token": 256}
"""The parameters we know and their longest values; others are ignored."""

Pairs = list[tuple[str, object]]


async def read_parameters(request: web.Request, seconds: float) -> dict[str, str]:
    """The known parameters that are given and not empty. Raises `Malformed`, `TooLarge`."""
    pairs: Pairs = list(_query(request.rel_url.raw_query_string))
    body = await _body(request, seconds)
    if body:
        pairs += _parsed(request, body)
    return _once(pairs)


async def _body(request: web.Request, seconds: float) -> bytes:
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Malformed("Content-Encoding", "content_type")
    if (request.content_length or 0) > BODY_LIMIT:
        raise TooLarge(limit=BODY_LIMIT)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > BODY_LIMIT:
                    raise TooLarge(limit=BODY_LIMIT)
    except TimeoutError:
        raise Malformed("body", "slow") from None
    except web.RequestPayloadError:
        raise Malformed("body", "form") from None
    return bytes(body)


def _parsed(request: web.Request, body: bytes) -> Pairs:
    if (request.charset or "utf-8").lower().replace("_", "-") not in ("utf-8", "utf8"):
        raise Malformed("Content-Type", "encoding")
    readers = {
        "application/x-www-form-urlencoded": lambda: _form(body),
        "application/json": lambda: _json(body),
        "multipart/form-data": lambda: _multipart(request.headers["Content-Type"], body),
    }
    reader = readers.get(request.content_type)
    if reader is None:
        raise Malformed("Content-Type", "content_type")
    return reader()


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("body", "encoding") from None


def _form(body: bytes) -> Pairs:
    return _query(_text(body))


def _query(text: str) -> Pairs:
    try:
        return list(parse_qsl(text, keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=64))
    except UnicodeDecodeError:
        raise Malformed("body", "encoding") from None
    except ValueError:
        raise Malformed("body", "form") from None


def _json(body: bytes) -> Pairs:
    try:
        found = json.loads(_text(body), object_pairs_hook=_Object, parse_constant=_refuse)
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
        deepest = max(deepest, depth)
        if isinstance(item, _Object):
            waiting += [(inner, depth + 1) for _, inner in item]
        elif isinstance(item, list):
            waiting += [(inner, depth + 1) for inner in item]
    return deepest


def _multipart(content_type: str, body: bytes) -> Pairs:
    head = b"Content-Type: " + content_type.encode("latin-1", "replace") + b"\r\n\r\n"
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    if not message.is_multipart() or message.defects:
        raise Malformed("body", "form")
    pairs: Pairs = []
    for part in message.get_payload():
        name = part.get_param("name", header="content-disposition")  # type: ignore[union-attr]  # multipart: messages
        value = part.get_payload(decode=True)  # type: ignore[union-attr]
        if not isinstance(name, str) or not isinstance(value, bytes):
            raise Malformed("body", "form")
        pairs.append((name, _text(value)))
    return pairs


def _once(pairs: Iterable[tuple[str, object]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in pairs:
        limit = LENGTHS.get(name)
        if limit is None:
            continue
        if name in found:
            raise Malformed(name, "twice")
        if value is None:
            continue
        if not isinstance(value, str) or not _printable(value):
            raise Malformed(name, "not_text")
        if len(value) > limit:
            raise Malformed(name, "too_long")
        found[name] = value
    return {name: value for name, value in found.items() if value}


def _printable(value: str) -> bool:
    if value.isascii() and value.isprintable():
        return True
    return not any(character < " " or character == "\x7f" or "\ud800" <= character <= "\udfff" for character in value)


def required(parameters: Mapping[str, str], name: str) -> str:
    """Raises `Malformed`."""
    if name not in parameters:
        raise Malformed(name, "missing")
    return parameters[name]
