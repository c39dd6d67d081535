"""The multipart forms that the simulated Humo takes, and its refusals, which look like FastAPI's."""

import base64
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

LARGEST_IMAGE = 10 * 2**20
WANTED = ("img", "doc_type", "source", "key")
NO_ALGORITHM = "none"


class RefusedError(Exception):
    """`{"detail": …}`, a text or a list of fields."""

    def __init__(self, status: int, detail: Any) -> None:
        super().__init__(status)
        self.status, self.detail = status, detail

    @classmethod
    def field(cls, *names_and_message: str) -> Self:
        *names, message = names_and_message
        return cls(422, [{"loc": ["body", name], "msg": message, "type": "value_error"} for name in names])

    def response(self) -> web.Response:
        return web.json_response({"detail": self.detail}, status=self.status)


@dataclass(frozen=True, slots=True)
class Form:
    """`image` is the picture, of a selfie the one in the token; what was not sent is ""."""

    image: bytes = field(repr=False)
    doc_type: str
    source: str
    key: str
    depart_id: str
    tax_number: str


async def upload_form(request: web.Request, path: str) -> Form:
    """`img` is a file; doc_type is the path in capitals."""
    given: Mapping[str, Any] = {}
    with suppress(ValueError, LookupError):  # a broken form has no fields
        given = await request.post()
    _complete(given)
    upload = given["img"]
    if not isinstance(upload, web.FileField):
        raise RefusedError.field("img", "expected UploadFile")
    image = upload.file.read()
    if not image:
        raise RefusedError.field("img", "empty file")
    if len(image) > LARGEST_IMAGE:
        raise RefusedError(413, "Request Entity Too Large")
    if given["doc_type"] != path.upper():
        raise RefusedError.field("doc_type", "unlike the path")
    return _form(image, given)


def selfie_form(given: Mapping[str, Any], now: float) -> Form:
    """`img` is text: a JWT, perhaps in quotes. Its signature is looked for and not checked: nobody has said how."""
    _complete(given)
    try:
        image = bestshot(given["img"], now)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise RefusedError.field("img", "not a LUNA PASS token") from None
    return _form(image, given)


def bestshot(token: str, now: float) -> bytes:
    header, payload, signature = token.strip(" \t\r\n\"'").split(".")
    if _decoded(header)["alg"].lower() == NO_ALGORITHM or not signature:
        raise ValueError("not signed")
    told = _decoded(payload)
    if told["isOk"] is not True or told.get("exp", now + 1) <= now:
        raise ValueError("not ok, or expired")
    shot = told.get("bestshot") or told.get("best_shot") or told["image"]
    text = shot.rpartition("base64,")[2].rstrip("=")
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def _decoded(part: str) -> Any:
    return json.loads(base64.b64decode(part + "=" * (-len(part) % 4), b"-_", validate=True))


def _complete(given: Mapping[str, Any]) -> None:
    if missing := [name for name in WANTED if name not in given or given[name] == ""]:
        raise RefusedError.field(*missing, "field required")


def _form(image: bytes, given: Mapping[str, Any]) -> Form:
    names = ("doc_type", "source", "key", "depart_id", "tax_number")
    return Form(image, *(str(given.get(name, "")) for name in names))
