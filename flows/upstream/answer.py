"""What an upstream answered over HTTP, read as hostile input (security.md Q14, M28)."""

import json
from dataclasses import dataclass, field
from typing import NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from flows.errors import Unexpected

M = TypeVar("M", bound="Told")


class Told(BaseModel):
    """Base of what we read from upstreams: fields that we do not know are ignored, values never show in errors."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, defer_build=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` is below 300 or 4xx without 429: `Web.call` raises for the others. `body` is at most as long as asked.

    A reader that cannot make sense of the body raises `Unexpected`, with no cause: a cause would carry the body.
    """

    status: int
    body: bytes = field(repr=False)

    def text(self) -> str:
        try:
            return self.body.decode("utf-8")
        except UnicodeDecodeError:
            trouble = Unexpected()
        raise trouble

    def json(self) -> object:
        """Strict JSON: UTF-8 only, no NaN, no key twice, no depth that breaks the parser."""
        text = self.text()
        try:
            parsed: object = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)
        except (ValueError, RecursionError):
            trouble = Unexpected()
        else:
            return parsed
        raise trouble

    def read(self, model: type[M]) -> M:
        """The body as that model."""
        parsed = self.json()
        try:
            return model.model_validate(parsed)
        except ValidationError:
            trouble = Unexpected()
        raise trouble


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    whole = dict(pairs)
    if len(whole) != len(pairs):
        raise ValueError("a key twice")
    return whole


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
