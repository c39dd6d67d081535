"""What the chat's identification deals in: Humo's link, how one of its tasks stands, what was read off a paper; a
session of biometric.kz and what came of it; a login with Aitu Passport and what the state data base says.
"""

from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, get_args

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


Technology = Literal["liveness", "face2face", "edocument", "document_recognition"]
TECHNOLOGIES: Final[tuple[Technology, ...]] = get_args(Technology)

Failing = Literal["not_alive", "mismatch", "face", "otp", "mcdb", "document", "expired", "incomplete"]
"""Why biometric.kz, or our own rule, did not let somebody pass: `liveness.reason.<word>` in the texts.

not_alive: a picture or mask, or too little certainty · mismatch: another face than on the photo · face: none, several,
not to be seen · otp: the code of 1414 · mcdb: the phone is not in the Base of Mobile Citizens · document: not read, or
not given out · expired: the session is over · incomplete: something that we require was not done at all.
"""
FAILINGS: Final[tuple[Failing, ...]] = get_args(Failing)


class Proof(_Closed):
    """One thing the person has proven in this dialogue: by which method and when (Unix seconds).

    `details`: what the method found, by name, such as how sure it is.
    """

    method: str
    at: float
    details: dict[str, str] = Field(default_factory=dict)


class LivenessSession(_Closed):
    """One visit to biometric.kz; `technologies` are its names for what will be done, in order, and opaque."""

    id: str
    technologies: tuple[str, ...] = ()


class Checked(NamedTuple):
    """What one technology found; `prediction` is 0 to 1, None when it said none that we understand."""

    word: Technology
    result: bool
    prediction: float | None = None


class Login(_Closed):
    """What Aitu Passport vouches for, out of the verified id_token alone: IIN (12 digits), the number that COID's data
    are asked for with, the account's phone (E.164, None when it is not told).
    """

    iin: str = Field(repr=False)
    request_id: str = Field(repr=False)
    phone: str | None = Field(default=None, repr=False)


class Citizen(_Closed):
    """What the state data base (COID) says of somebody; its photo is dropped where it arrives.

    `document` is the Russian name of the paper that was read, `citizenship` that of the state. `confidence` (0 to 1) is
    how alike the face must have been. `alive` is False of whom it says to have died; `same_iin`: of the IIN asked for.
    """

    reading: Reading
    document: str = ""
    citizenship: str = ""
    confidence: float | None = None
    alive: bool = True
    same_iin: bool = True


class Verdict(_Closed):
    """How a session stands. `reasons` of a failure: words of `Failing`, the first is the one to say; "" is unknown.

    `at`: Unix seconds of its end, by their clock. What was read is of the e-document or the recognised one; an IIN has
    12 digits.
    """

    status: Literal["running", "passed", "failed"]
    reasons: tuple[Failing | Literal[""], ...] = ()
    technologies: tuple[Checked, ...] = ()
    at: int | None = None
    iin: str | None = Field(default=None, repr=False)
    last_name: str | None = Field(default=None, repr=False)
    first_name: str | None = Field(default=None, repr=False)
    middle_name: str | None = Field(default=None, repr=False)

    @property
    def because(self) -> str:
        """The key of the sentence that says why it failed and what helps."""
        word = self.reasons[0] if self.reasons else ""
        return f"liveness.reason.{word or 'unknown'}"
