"""An authorization request to the simulated Aitu Passport, and what is wrong with one (protocols.md 4.3)."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from multidict import MultiMapping

from sandbox.aitu_console import CLIENT_ID, Console, public_key
from sandbox.aitu_refusals import SentBackError, ShownError

PARAMETERS = (
    *("response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge"),
    *("code_challenge_method", "phone", "iin", "iin_signature", "otp_confirmation", "Refresh_request_id_coid"),
    *("locale", "ui_locales", "theme"),
)
SCOPES = frozenset(
    {
        *("openid", "phone", "first_name", "last_name", "birth_date", "iin", "liveness_3d", "idpc_verification"),
        *(
            "gov_doc_verification",
            "sign",
            "ul_sign",
            "CONFIDENCE_LEVEL",
            "INTERNATIONAL_PASSPORT_MANUAL_3D_VERIFICATION",
        ),
    }
)
ABOUT_IIN = frozenset({"iin", "idpc_verification", "gov_doc_verification"})
SHORTEST_STATE = 8
CHALLENGE = re.compile("[A-Za-z0-9_-]{43}")
ALPHABETS = {"base64": "+/", "base64url": "-_"}
LANGUAGES = {"kz": "kk"}


@dataclass(frozen=True, slots=True)
class Asked:
    """`given` are the parameters as they came; `phone` has digits alone; `locked`: the bank has signed the IIN."""

    redirect_uri: str
    state: str
    scopes: frozenset[str]
    given: Mapping[str, str] = field(repr=False)
    locked: bool = False

    @property
    def phone(self) -> str:
        return self.given.get("phone", "")

    @property
    def iin(self) -> str:
        return self.given.get("iin", "")

    @property
    def wants_iin(self) -> bool:
        return bool(self.scopes & ABOUT_IIN)

    @property
    def refresh(self) -> bool:
        return self.given.get("Refresh_request_id_coid") == "true"


def once(given: MultiMapping[str]) -> dict[str, str]:
    """The parameters by name. Raises `ShownError` when one is there twice."""
    found = {name: given.getall(name, []) for name in PARAMETERS}
    if repeated := [name for name, values in found.items() if len(values) > 1]:
        raise ShownError("invalid_request", f"{repeated[0]} is repeated")
    return {name: values[0] for name, values in found.items() if values and values[0]}


def place_of(given: Mapping[str, str], console: Console) -> str:
    """Where the browser may be sent back to. Raises `ShownError`."""
    uri = given.get("redirect_uri", "")
    if console.registered(uri):
        return uri
    if given.get("client_id") != CLIENT_ID:
        raise ShownError("invalid_request", "client_id_is_not_valid")
    raise ShownError("invalid_request", "redirect_uri does not match any of the registered Redirect URIs")


def asked(given: Mapping[str, str], console: Console) -> Asked:
    """Raises `SentBackError`, or `ShownError` where there is nowhere to send the browser."""
    uri, state = place_of(given, console), given.get("state", "")
    if given.get("client_id") != CLIENT_ID:
        raise SentBackError("invalid_request", "client_id_is_not_valid")
    if given.get("response_type") != "code":
        raise SentBackError("unsupported_response_type", "response_type: code is expected")
    if len(state) < SHORTEST_STATE:
        raise SentBackError("invalid_state", "The state is missing or has less than 8 characters")
    challenged(given)
    named(given)
    return Asked(uri, state, scopes(given), given, locked=signed(given, console))


def scopes(given: Mapping[str, str]) -> frozenset[str]:
    wanted = given.get("scope", "").split()
    if not wanted or any(one not in SCOPES and not one.startswith("sign.") for one in wanted):
        raise SentBackError("invalid_scope", "request_contains_invalid_scopes")
    return frozenset(wanted)


def challenged(given: Mapping[str, str]) -> None:
    if (challenge := given.get("code_challenge")) is None and "code_challenge_method" not in given:
        return
    if given.get("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(challenge or ""):
        raise SentBackError("invalid_request", "code_challenge: S256 is expected")


def named(given: Mapping[str, str]) -> None:
    if not re.fullmatch("(?:7[0-9]{10})?", given.get("phone", "")):
        raise SentBackError("invalid_request", "phone: 7XXXXXXXXXX is expected")
    if not re.fullmatch("(?:[0-9]{12})?", given.get("iin", "")):
        raise SentBackError("invalid_request", "iin: 12 digits are expected")


def signed(given: Mapping[str, str], console: Console) -> bool:
    """Whether the bank has signed the IIN: SHA256withRSA over its digits."""
    if (signature := given.get("iin_signature")) is None:
        return False
    if console.iin_key is None:
        raise SentBackError("invalid_request", "iin_signature: no public key for this userdatavalidatorid")
    alphabet = ALPHABETS[console.iin_signature]
    if strange := re.sub(f"[A-Za-z0-9{re.escape(alphabet)}=]", "", signature):
        raise SentBackError("invalid_request", f"Illegal base64 character {ord(strange[0]):x}")
    try:
        whole = base64.b64decode(signature.rstrip("=") + "=" * (-len(signature.rstrip("=")) % 4), alphabet)
        public_key(console.iin_key).verify(whole, given.get("iin", "").encode(), PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error):
        raise SentBackError("invalid_request", "iin_signature is not valid") from None
    return True


def language(given: Mapping[str, str], known: Mapping[str, object]) -> str:
    """`locale` or the first of `ui_locales`: ru, kk (also kz), en, and anything else is Russian."""
    wished = [given.get("locale", ""), *given.get("ui_locales", "").split()]
    short = [one.lower().partition("-")[0].partition("_")[0] for one in wished]
    return next((one for one in (LANGUAGES.get(one, one) for one in short) if one in known), "ru")
