"""What a way of delivering one-time codes is: the message it gets, what it must do, the words it may fail with."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal, Protocol

import phonenumbers
from pydantic import BaseModel, ConfigDict, Field

Country = Annotated[str, Field(pattern=r"^([A-Z]{2}|\*)$")]
"""ISO 3166 alpha-2, or `*` for every country."""

Reason = Literal[
    "account", "content", "credentials", "destination", "funds", "network", "request", "sender", "unreachable"
]
"""Why a gateway says no (`Refused.reason`), in our words.

account: closed or blocked · content: the text is forbidden · credentials · destination: no such phone or address ·
funds · network: our address is not allowed · request: it misses a parameter · sender: not ours · unreachable: exists,
and cannot be reached through this gateway.
"""

ONE_DESTINATION: Final = frozenset({"content", "destination", "unreachable"})
"""Failures that say nothing about the gateway itself: a breaker does not count them."""


class GatewayOptions(BaseModel):
    """Base of a gateway's stanza. Secrets are never in it: `…_env` *names* an environment variable."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)


@dataclass(frozen=True, slots=True)
class CodeMessage:
    """One code on its way to one person.

    `send_id`, 16 to 32 hex digits, stays the same for one send, whatever crashes: it is what makes a repeat harmless.
    `text` is the whole sentence. `resubmitted`: an earlier try through this very channel may have gone out already.
    """

    send_id: str
    phone: str | None = field(repr=False)
    email: str | None = field(repr=False)
    code: str = field(repr=False)
    text: str = field(repr=False)
    language: str
    resubmitted: bool = False
    chat: str | None = field(default=None, repr=False)


class Gateway(Protocol):
    """A way of delivering codes. `send` returns when the gateway has accepted, which is not yet delivered.

    `send` and `ping` raise `Unavailable`, `Refused(reason)` with a `Reason`, or `Unexpected`.
    """

    name: str

    def serves(self, message: CodeMessage) -> bool:
        """Can this message go this way at all?"""

    async def send(self, message: CodeMessage) -> None: ...

    async def ping(self) -> None:
        """Is it there, and are our credentials good? Sends nothing to anybody."""

    async def close(self) -> None: ...


class SecretUnset(ValueError):
    """A stanza names an environment variable that is not set."""


def secret(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "")
    if not value:
        raise SecretUnset(f"the environment variable {name} is not set")
    return value


def in_countries(phone: str | None, countries: tuple[str, ...]) -> bool:
    """`*` is every country; satellites and other numbers of no country (+882…) are an invitation to toll fraud."""
    country = country_of(phone) if phone else None
    return country is not None and country != "001" and ("*" in countries or country in countries)


def country_of(phone: str) -> str | None:
    """The country of an E.164 phone; numbers that nobody assigned yet get their prefix's main country."""
    if phone.startswith("+992"):
        return "TJ"
    if phone.startswith("+7"):
        return "KZ" if re.match(r"\+77", phone) else "RU"
    try:
        number = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.region_code_for_number(number) or phonenumbers.region_code_for_country_code(
        number.country_code or 0
    )
