"""What the chat's identification deals in: Humo's link, how one of its tasks stands, what was read off a paper."""

from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Running = Literal["running", "success", "failure"]


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Link(_Closed):
    """What a presign key opens (Humo, step 1). `external_id`, when given, is the client's id in the bank's CRM."""

    key: str = Field(repr=False)
    source: str
    access_token: str = Field(repr=False)
    depart_id: str | None = None
    external_id: str | None = Field(default=None, repr=False)
    callback: str | None = Field(default=None, repr=False)
    home_page: str | None = Field(default=None, repr=False)


class Reading(_Closed):
    """What was read off a paper: dates in ISO 8601, numbers as text with their leading zeros; None was not found."""

    last_name: str | None = Field(default=None, repr=False)
    first_name: str | None = Field(default=None, repr=False)
    middle_name: str | None = Field(default=None, repr=False)
    birth_date: str | None = Field(default=None, repr=False)
    gender: str | None = Field(default=None, repr=False)
    document_number: str | None = Field(default=None, repr=False)
    tax_number: str | None = Field(default=None, repr=False)
    issued: str | None = Field(default=None, repr=False)
    expires: str | None = Field(default=None, repr=False)
    authority: str | None = Field(default=None, repr=False)
    address: str | None = Field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Task:
    """`reason` of a failure is a word of our closed list (`reason.<word>` in the texts), "" when it is not known."""

    status: Running
    reason: str = ""
    reading: Reading = field(default_factory=Reading, repr=False)
