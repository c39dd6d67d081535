"""The names a client goes by: phone, e-mail, crmid, Telegram name and number; recognised, brought to one spelling.

One spelling matters before any limit and any look-up (security.md Q1): otherwise each spelling of a phone has a budget
of its own.
"""

import re
import unicodedata
from typing import Final, Literal

import phonenumbers
from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["phone", "email", "crmid", "telegram", "telegram_id"]
KINDS: Final[tuple[Kind, ...]] = ("phone", "email", "crmid", "telegram", "telegram_id")

_INVISIBLE = re.compile(r"[\s\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+")
_HYPHENS = re.compile(r"[\u2010-\u2015\u2212]")
_PHONE_MARKS = re.compile(r"[-()./]+")
_PLAIN_PHONE = re.compile(r"\+(?:992[0-9]{9}|7[0-9]{10})")
_EMAIL = re.compile(r"[!-?A-~]{1,64}@[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?")
_TELEGRAM = re.compile(r"@[a-z][a-z0-9_]{3,31}")
_TELEGRAM_ID = re.compile(r"[1-9][0-9]{0,19}")
_CRMID = re.compile(r"[!-~]{1,64}")


class Identifier(BaseModel):
    """One name in its one spelling: phone as E.164, e-mail and Telegram name in lower case, crmid as it is.

    A Telegram name may be given up and taken by somebody else, a Telegram number (`telegram_id`) never.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    kind: Kind
    value: str = Field(repr=False)

    def canonical(self) -> str:
        return f"{self.kind}:{self.value}"

    def mask(self) -> str:
        """What may be shown: the last four digits of a phone, the first letter and the house of an e-mail."""
        if self.kind == "phone":
            return last_four(self.value)
        if self.kind == "email":
            return f"{self.value[0]}***@{self.value.rpartition('@')[2]}"
        return ""


def last_four(text: str) -> str:
    """What may be shown of a number that a paper bears: `*0025`; of a short one no more than half."""
    return "*" + text[len(text) - min(4, len(text) // 2) :]


def recognise(text: str, kind: Kind | None, country: str) -> tuple[Identifier, ...]:
    """All names that `text` can mean, the likeliest first; empty when it can mean none.

    `country` (ISO 3166 alpha-2) reads local spellings of phones. A "+" that a form turned into a space is put back
    (protocols.md Q7). Digits can be a phone or a crmid: both are returned when the kind is not given.
    """
    clean = _INVISIBLE.sub("", _HYPHENS.sub("-", unicodedata.normalize("NFKC", text)))
    if not clean or not clean.isascii():
        return ()
    readers = {"phone": _phone, "email": _email, "crmid": _crmid, "telegram": _telegram, "telegram_id": _telegram_id}
    kinds: tuple[Kind, ...] = (kind,) if kind else _likely(clean)
    found = ((k, readers[k](clean, country)) for k in kinds)
    return tuple(Identifier(kind=k, value=value) for k, value in found if value)


def _likely(clean: str) -> tuple[Kind, ...]:
    if clean.startswith("@"):
        return ("telegram",)
    if "@" in clean:
        return ("email",)
    return ("phone", "crmid")


def _email(clean: str, _country: str) -> str | None:
    lower = clean.casefold()
    return lower if _EMAIL.fullmatch(lower) and ".." not in lower else None


def _telegram(clean: str, _country: str) -> str | None:
    lower = clean.casefold()
    return lower if _TELEGRAM.fullmatch(lower) else None


def _telegram_id(clean: str, _country: str) -> str | None:
    return clean if _TELEGRAM_ID.fullmatch(clean) else None


def _crmid(clean: str, _country: str) -> str | None:
    return clean if _CRMID.fullmatch(clean) else None


def _phone(clean: str, country: str) -> str | None:
    digits = _PHONE_MARKS.sub("", clean)
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    if _PLAIN_PHONE.fullmatch(digits):  # the usual spelling, 60 times faster than the parser
        return digits
    if re.fullmatch(r"8[0-9]{10}", digits):
        digits = "+7" + digits[1:]  # how Russia and Kazakhstan dial within the country
    if digits.startswith("+"):
        return _parsed(digits, country)
    return _parsed(digits, country) or _parsed("+" + digits, country)


def _parsed(digits: str, country: str) -> str | None:
    if not re.fullmatch(r"\+?[0-9]{5,15}", digits):
        return None
    try:
        number = phonenumbers.parse(digits, country)
    except phonenumbers.NumberParseException:
        return None
    certain = phonenumbers.is_possible_number if digits.startswith("+") else phonenumbers.is_valid_number
    if not certain(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
