"""The shapes that go out: pydantic models, from which the OpenAPI document is made, and refusals as JSON."""

from typing import Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from flows.errors import FlowError, Malformed, WrongAnswer
from flows.texts import Text, render

SAME_IN_STRICT = frozenset({"1002", "1003", "1004", "1005"})
"""One and the same answer in a strict channel, byte for byte (contract §4)."""


class Question(BaseModel):
    """Status 200: more is wanted. Send the client's answer as `secretWord`, with this `stepId`."""

    model_config = ConfigDict(extra="forbid")

    answerType: Literal[1] = 1
    answerText: str
    stepId: str = Field(pattern="^[A-Za-z0-9_-]{22}$")
    secretWordValidator: str | None = None


class TokenAnswer(BaseModel):
    """Status 200: identified. The token opens the client card."""

    model_config = ConfigDict(extra="forbid")

    answerType: Literal[2] = 2
    token: str = Field(pattern="^[A-Za-z0-9_-]{44}$")


class Refusal(BaseModel):
    """Any status but 200. `errorText` and `errorMessage` are equal: the IQ4 page names it both ways."""

    model_config = ConfigDict(extra="forbid")

    errorCode: str = Field(pattern="^[0-9]{4}$")
    errorText: str
    errorMessage: str
    stepId: str | None = None


def answered(model: BaseModel, *, with_nulls: bool = False) -> web.Response:
    body = model.model_dump_json(exclude_none=not with_nulls).encode()
    return web.Response(body=body, content_type="application/json")


def refused(
    error: FlowError, language: str = "ru", *, strict: bool = False, step_id: str | None = None, link: str = ""
) -> web.Response:
    """The refusal in the channel's language, and the `link` to go on by. In a strict channel 1002-1005 become one."""
    if strict and error.code in SAME_IN_STRICT:
        error, step_id = WrongAnswer(), None
    params = dict(error.params)
    if isinstance(error, Malformed):
        params["problem"] = render(Text(key=f"malformed.{error.problem}"), language)
    text = " ".join(filter(None, (render(Text(key=error.key, params=params), language), link)))
    shape = Refusal(errorCode=error.code, errorText=text, errorMessage=text, stepId=step_id or None)
    response = web.Response(
        status=error.status,
        body=shape.model_dump_json(exclude_none=True).encode(),
        content_type="application/json",
    )
    if error.status in (429, 503):
        response.headers["Retry-After"] = str(error.retry_after or 1)
    return response
