"""What the upstreams received: fields and sizes, never a message's text, a password, a token or a body."""

import base64
import hashlib
import json
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, TypedDict

from aiohttp import web

LIMIT = 10_000
GIVEN: web.RequestKey[dict[str, Any]] = web.RequestKey("given", dict[str, Any])


class File(TypedDict):
    """One uploaded file, `size` in bytes."""

    name: str
    size: int
    sha256: str


class Call(TypedDict):
    """`fields` holds query and body parameters; a text field is `{"length": n}`, secrets are left out."""

    at: str
    upstream: str
    method: str
    path: str
    fields: dict[str, Any]
    files: list[File]


class Calls:
    """The last LIMIT calls of each upstream."""

    def __init__(self) -> None:
        self._by_upstream: dict[str, deque[Call]] = {}

    def add(self, call: Call) -> None:
        self._by_upstream.setdefault(call["upstream"], deque(maxlen=LIMIT)).append(call)

    def received(self, upstream: str | None = None) -> list[Call]:
        if upstream is not None:
            return list(self._by_upstream.get(upstream, ()))
        everything = (call for calls in self._by_upstream.values() for call in calls)
        return sorted(everything, key=lambda call: call["at"])

    def clear(self) -> None:
        self._by_upstream.clear()


def masked(fields: Mapping[str, Any], *, texts: frozenset[str], secrets: frozenset[str]) -> dict[str, Any]:
    """Fields without secrets, texts by their length only."""
    return {
        name: {"length": len(str(value))} if name in texts else value
        for name, value in fields.items()
        if name not in secrets
    }


def without_file(fields: Mapping[str, Any], place: Sequence[str]) -> tuple[dict[str, Any], list[File]]:
    """Fields without the base64 text that stands at `place` in them, and what file it was; of bad base64 the text."""
    name, *deeper = place
    value = fields.get(name)
    if deeper and isinstance(value, dict):
        inner, files = without_file(value, deeper)
        return {**fields, name: inner}, files
    if deeper or not isinstance(value, str):
        return dict(fields), []
    rest = {other: told for other, told in fields.items() if other != name}
    try:
        data = base64.b64decode(value, validate=True)
    except ValueError:
        data = value.encode("utf-8", "surrogatepass")
    return rest, [{"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}]


def parameters(request: web.Request) -> dict[str, Any]:
    """What the gate has read from the query and the body."""
    return request[GIVEN]


async def read(request: web.Request) -> tuple[dict[str, Any], list[File]]:
    """Parameters from the query, then from a form or a JSON object (the body wins), and the uploaded files."""
    fields: dict[str, Any] = dict(request.query)
    files: list[File] = []
    if request.can_read_body:
        with suppress(ValueError, LookupError):  # broken JSON, form or charset: parameters will be missing
            await _read_body(request, fields, files)
    return fields, files


async def _read_body(request: web.Request, fields: dict[str, Any], files: list[File]) -> None:
    if request.content_type.endswith("json"):
        body = json.loads(await request.read())
        fields.update(body if isinstance(body, dict) else {})
        return
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            files.append(_fingerprint(name, value))
        else:
            fields[name] = value


def _fingerprint(name: str, upload: web.FileField) -> File:
    digest = hashlib.file_digest(upload.file, "sha256").hexdigest()  # type: ignore[arg-type]
    size = upload.file.tell()
    upload.file.seek(0)
    return {"name": name, "size": size, "sha256": digest}
