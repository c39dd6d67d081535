"""What Aitu Passport says in a redirect, and how it writes phones, IINs and languages (protocols.md 4.3, 4.5, 4.6)."""

import re
from typing import Final, Literal

from flows.errors import FlowError, LoginCancelled, LoginMisconfigured, Unavailable, Unexpected
from flows.upstream.coid_words import documented, squeezed

Word = Literal["client_id", "scope", "iin_signature", "validator", "redirect_uri", "request"]
"""What Aitu minds about us (`LoginMisconfigured.word`).

client_id: not of this environment · scope: not granted to the client · iin_signature: the key or its base64 ·
validator: the client-side validation is set up in the console by halves · redirect_uri: not registered · request.
"""

_SAID: Final[dict[str, Word]] = {
    "clientidisnotvalid": "client_id",
    "scopes": "scope",
    "invalidscope": "scope",
    "base64": "iin_signature",
    "iinsignature": "iin_signature",
    "userdatavalidatorid": "validator",
    "redirecturi": "redirect_uri",
}
"""What stands in a description, squeezed → our word."""
_ERRORS: Final[dict[str, Word]] = {
    "invalid_scope": "scope",
    "invalid_client": "client_id",
    "unauthorized_client": "client_id",
    "invalid_request": "request",
    "invalid_request_object": "request",
    "invalid_request_uri": "request",
    "request_not_supported": "request",
    "unsupported_response_type": "request",
}
"""RFC 6749 4.1.2.1, OpenID Connect Core 3.1.2.6."""
_LONGEST = 1024
"""Letters of a description that are looked at."""

_LOCALES: Final = {"ru": "ru", "kk": "kk", "en": "en"}
_MOBILE = re.compile(r"\+?(77[0-9]{9})")
_PHONE = re.compile(r"\+?([1-9][0-9]{6,14})")
_IIN = re.compile(r"[0-9]{12}")
_WEIGHTS: Final = (tuple(range(1, 12)), (*range(3, 12), 1, 2))


def refusal_of(error: str, description: str) -> FlowError:
    """What the parameters `error` and `error_description` of a redirect mean.

    They are anybody's words, so nothing of them is passed on. Of COID's messages, which Aitu documents for its own
    screen only, each counts when it is the whole description.
    """
    if found := documented(description[:_LONGEST]):
        return found()
    if error == "access_denied":
        return LoginCancelled()
    spoken = squeezed(description[:_LONGEST])
    if word := next((word for said, word in _SAID.items() if said in spoken), None) or _ERRORS.get(error):
        return LoginMisconfigured(word)
    if error in ("server_error", "temporarily_unavailable"):
        return Unavailable(answered=True)
    return Unexpected()


def locale_of(language: str) -> str:
    """A language of ours as Aitu calls it; one that it lacks falls back to Russian."""
    return _LOCALES.get(language, "ru")


def mobile_of(phone: str | None) -> str | None:
    """77XXXXXXXXX for a Kazakh mobile phone in E.164; Aitu serves no others."""
    found = _MOBILE.fullmatch(phone or "")
    return found[1] if found else None


def phone_of(claim: object) -> str | None:
    """E.164 of the claim `phone`, which has no plus and may be a number."""
    text = str(claim) if isinstance(claim, int) and not isinstance(claim, bool) and 0 < claim < 10**15 else claim
    found = _PHONE.fullmatch(text) if isinstance(text, str) else None
    return f"+{found[1]}" if found else None


def iin_of(claim: object) -> str | None:
    """12 digits; an IIN that came as a number has lost its leading zeros."""
    if isinstance(claim, int) and not isinstance(claim, bool) and 0 < claim < 10**12:
        return f"{claim:012}"
    return claim if isinstance(claim, str) and _IIN.fullmatch(claim) else None


def real(iin: str) -> bool:
    """The check digit is right, and it is none of the test environment's, which are born on no day (A4)."""
    digits = [int(digit) for digit in iin]
    sums = (sum(map(int.__mul__, weights, digits)) % 11 for weights in _WEIGHTS)
    return not iin.startswith("000000") and next((one for one in sums if one < 10), None) == digits[11]
