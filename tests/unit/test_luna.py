"""The selfie's JWT: what is made can be read; whatever is wrong with a token is one silent refusal (protocols.md 5)."""

import base64
import hashlib
import hmac
import json
import traceback
from collections.abc import Mapping

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from flows.errors import Refused
from flows.upstream.luna import (
    LARGEST,
    LunaKey,
    LunaOptions,
    checking_key,
    luna_key,
    make_selfie,
    read_selfie,
    signing_key,
)

NOW = 1_900_000_000
JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) + b"\xff\xd9"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
SECRET = "an invented secret of the tests, 40 bytes"


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> tuple[str, str]:
    """Private, public."""
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


RSA_PRIVATE, RSA_PUBLIC = pem(rsa.generate_private_key(65537, 2048))
EC_PRIVATE, EC_PUBLIC = pem(ec.generate_private_key(ec.SECP256R1()))
FAMILIES = [(SECRET, SECRET, "HS256"), (RSA_PRIVATE, RSA_PUBLIC, "RS256"), (EC_PRIVATE, EC_PUBLIC, "ES256")]


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token_of(payload: object, header: object = None, secret: bytes = SECRET.encode()) -> str:
    """A token with whatever in it, signed by HMAC."""
    header = {"alg": "HS256", "typ": "JWT"} if header is None else header
    head, body = (part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload))
    signed = f"{b64url(head)}.{b64url(body)}"
    return f"{signed}.{b64url(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def shot(image: bytes = JPEG) -> str:
    return base64.b64encode(image).decode()


def payload(**changed: object) -> dict[str, object]:
    """As LUNA PASS sends it; `None` takes a claim away."""
    details = {"ags": 0.9, "eyeglasses": "noGlasses", "liveness": {"qualityScore": 0.9, "score": 0.99}}
    whole = {"isOk": True, "errors": [], "bestshot": shot(), "details": details} | changed
    return {name: value for name, value in whole.items() if value is not None}


def refused(token: str, key: LunaKey | None = None) -> bool:
    """It is the one refusal, which shows nothing of the token."""
    with pytest.raises(Refused) as caught:
        read_selfie(token, key, now=NOW)
    assert caught.value.__context__ is None
    assert caught.value.params == {}
    assert not token or len(token) < 12 or token[:12] not in "".join(traceback.format_exception(caught.value))
    return caught.value.reason == "selfie"


@pytest.mark.parametrize(("signs", "checks", "algorithm"), FAMILIES)
def test_what_is_made_can_be_read(signs: str, checks: str, algorithm: str) -> None:
    token = make_selfie(JPEG, key=luna_key(signs, lifetime=60), now=NOW)
    head, body, _ = (base64.urlsafe_b64decode(part + "==") for part in token.split("."))
    assert json.loads(head) == {"typ": "JWT", "alg": algorithm}
    assert json.loads(body) == {"isOk": True, "bestshot": shot(), "iat": NOW, "exp": NOW + 60}
    assert read_selfie(token, luna_key(checks), now=NOW + 59) == JPEG
    with pytest.raises(Refused):
        read_selfie(token, luna_key(checks), now=NOW + 60)


def test_without_a_key_the_form_is_right_and_the_signature_is_nobodys() -> None:
    first, second = (make_selfie(JPEG, key=None, now=NOW) for _ in range(2))
    assert first.split(".")[:2] == second.split(".")[:2]
    assert first != second
    assert read_selfie(first, None, now=NOW) == JPEG
    assert refused(first, luna_key(SECRET))


@pytest.mark.parametrize(("signs", "checks", "algorithm"), FAMILIES)
def test_a_wrong_key_or_family_is_refused(signs: str, checks: str, algorithm: str) -> None:
    token = make_selfie(JPEG, key=luna_key(signs), now=NOW)
    others = [
        pem(rsa.generate_private_key(65537, 2048))[1],
        pem(ec.generate_private_key(ec.SECP256R1()))[1],
        SECRET * 2,
    ]
    for other in [*others, *(key for _, key, _ in FAMILIES if key != checks)]:
        assert refused(token, luna_key(other))
    assert refused(token[:-8] + "AAAAAAAA", luna_key(checks))
    head, body, signature = token.split(".")
    assert refused(f"{head}.{body[:-4]}AAAA.{signature}", luna_key(checks))


def test_a_public_key_is_never_an_hmac_secret() -> None:
    for spelling in (RSA_PUBLIC, RSA_PUBLIC.strip(), EC_PUBLIC):
        forged = token_of(payload(), secret=spelling.encode())
        assert refused(forged, luna_key(spelling))
        assert luna_key(spelling).algorithm != "HS256"


@pytest.mark.parametrize("wrap", ['"{}"', "'{}'", "{}\n", "\r\n {} \t", ' "{}"\n'])
def test_quotes_and_line_ends_around_it(wrap: str) -> None:
    token = make_selfie(JPEG, key=luna_key(SECRET), now=NOW)
    assert read_selfie(wrap.format(token), luna_key(SECRET), now=NOW) == JPEG


@pytest.mark.parametrize(
    ("changed", "image"),
    [
        ({}, JPEG),
        ({"details": None, "errors": None}, JPEG),
        ({"iat": NOW - 9, "exp": NOW + 9, "iss": "luna", "nbf": 1}, JPEG),
        ({"exp": NOW + 0.5}, JPEG),
        ({"bestshot": shot(PNG)}, PNG),
        ({"bestshot": None, "best_shot": shot()}, JPEG),
        ({"bestshot": None, "image": shot()}, JPEG),
        ({"bestshot": "", "image": shot(PNG)}, PNG),
        ({"bestshot": shot().rstrip("=")}, JPEG),
        ({"bestshot": "data:image/jpeg;base64," + shot()}, JPEG),
        ({"bestshot": "data:image/png;base64," + shot(PNG).rstrip("=")}, PNG),
        ({"bestshot": shot(JPEG + b"x" * 1_200_000)}, JPEG + b"x" * 1_200_000),
    ],
)
@pytest.mark.parametrize("key", [None, luna_key(SECRET)])
def test_variants_that_are_read(changed: dict[str, object], image: bytes, key: LunaKey | None) -> None:
    assert read_selfie(token_of(payload(**changed)), key, now=NOW) == image


@pytest.mark.parametrize(
    "changed",
    [
        {"isOk": False, "errors": ["liveness"]},
        {"isOk": None},
        {"isOk": 1},
        {"isOk": "true"},
        {"bestshot": None},
        {"bestshot": ""},
        {"bestshot": 5},
        {"bestshot": [shot()]},
        {"bestshot": "***"},
        {"bestshot": shot()[:-3] + "\n"},
        {"bestshot": "=" + shot()},
        {"bestshot": "Ҳ" + shot()},
        {"bestshot": "data:text/html;base64," + shot()},
        {"bestshot": "data:image/png;base64,data:image/png;base64," + shot()},
        {"bestshot": shot(b"GIF89a" + JPEG)},
        {"bestshot": shot(b"<svg/>")},
        {"exp": NOW},
        {"exp": 1},
        {"exp": True},
        {"exp": "soon"},
        {"exp": 10**400},
    ],
)
@pytest.mark.parametrize("key", [None, luna_key(SECRET)])
def test_payloads_that_are_refused(changed: dict[str, object], key: LunaKey | None) -> None:
    assert refused(token_of(payload(**changed)), key)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"\xff", b'{"isOk":true,"isOk":true}', b"[" * 100_000])
def test_bodies_that_are_no_object(body: bytes) -> None:
    assert refused(token_of(body))
    assert refused(token_of(body), luna_key(SECRET))


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "None"},
        {"alg": "NONE"},
        {"alg": "HS512"},
        {"alg": "hs256"},
        {"alg": ""},
        {"alg": None},
        {"alg": ["HS256"]},
        {"typ": "JWT"},
        {"alg": "HS256", "b64": False, "crit": ["b64"]},
        {"alg": "HS256", "b64": False},
        {"alg": "HS256", "crit": []},
        {"alg": "HS256", "kid": "k" * 1100},
        [],
        "HS256",
        None,
        b"",
        b"{",
        b'{"alg":"none","alg":"HS256"}',
        b'{"alg":"HS256","x":' + b"[" * 900,
    ],
)
@pytest.mark.parametrize("key", [None, luna_key(SECRET)])
def test_headers_that_are_refused(header: object, key: LunaKey | None) -> None:
    head = b"null" if header is None else header
    assert refused(token_of(payload(), head), key)


@pytest.mark.parametrize("more", [{"kid": "2026-1"}, {"typ": "JWT", "cty": "x"}, {"made-by": "luna"}, {"crit": None}])
def test_more_in_the_header_does_no_harm_to_a_reader(more: Mapping[str, object]) -> None:
    """Nor does it help: a header that the library cannot make sense of is refused when there is a key."""
    token = token_of(payload(), {"alg": "HS256", **more})
    assert read_selfie(token, None, now=NOW) == JPEG
    if "crit" in more:
        assert refused(token, luna_key(SECRET))
    else:
        assert read_selfie(token, luna_key(SECRET), now=NOW) == JPEG


def test_forms_that_are_no_token() -> None:
    token = token_of(payload())
    head, body, signature = token.split(".")
    nested = token_of(token.encode(), {"alg": "HS256", "cty": "JWT"})
    unsigned = f"{b64url(b'{}')}.{body}."
    wrong = ["", ".", "..", "...", head, f"{head}.{body}", f"{head}.{body}.", f".{body}.{signature}", f"{token}.x"]
    for one in [*wrong, nested, unsigned, f"{head}.{body[:9]}\n{body[9:]}.{signature}", f"{head}.{body}=.{signature}"]:
        assert refused(one)
        assert refused(one, luna_key(SECRET))
    for image in (JPEG, PNG):
        assert refused(image.decode("latin-1"))
        assert refused(base64.b64encode(image).decode())


def test_size_is_looked_at_first() -> None:
    assert refused("x" * (LARGEST + 1))
    assert refused("x" * 50_000_000)
    longest = token_of(payload(bestshot=shot(JPEG + b"x" * 4_400_000)))
    assert 7 * 2**20 < len(longest) <= LARGEST
    assert len(read_selfie(longest, luna_key(SECRET), now=NOW)) == len(JPEG) + 4_400_000
    assert refused(longest + " " * (LARGEST + 1 - len(longest)))


JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=9), lambda x: st.lists(x, max_size=3))
NAMES = st.sampled_from(["alg", "kid", "typ", "crit", "b64", "zip", "jwk", "x5c", "cty"])
KEYS = st.sampled_from([None, *(luna_key(checks) for _, checks, _ in FAMILIES)])


@given(token=st.text() | st.from_regex(r"[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*", fullmatch=True), key=KEYS)
def test_nothing_but_a_refusal_comes_out_of_text(token: str, key: LunaKey | None) -> None:
    assert refused(token, key)


HEADERS = st.dictionaries(NAMES, JSON).filter(lambda header: header.get("alg") not in ["HS256", "RS256", "ES256"])
CLAIMS = st.dictionaries(st.sampled_from(list(payload())), JSON).filter(lambda claims: claims.get("isOk") is not True)


@given(header=HEADERS, claims=CLAIMS, key=KEYS)
def test_nothing_but_a_refusal_comes_out_of_odd_tokens(
    header: dict[str, object], claims: dict[str, object], key: LunaKey | None
) -> None:
    assert refused(token_of(payload(), header), key)
    assert refused(token_of(payload(isOk=False) | claims, {"alg": "HS256"} | header), key)


@given(at=st.integers(0, 700), byte=st.integers(0, 127))
def test_a_changed_letter_is_a_changed_signature(at: int, byte: int) -> None:
    token = make_selfie(JPEG, key=luna_key(SECRET), now=NOW)
    place = at % (len(token) - 1)  # the last letter has bits that mean nothing
    altered = f"{token[:place]}{chr(byte)}{token[place + 1 :]}"
    if altered.strip(" \t\r\n\"'") != token:
        assert refused(altered, luna_key(SECRET))


class TestKeys:
    def test_by_the_stanza(self) -> None:
        environ = {"SIGN": EC_PRIVATE.replace("\n", "\\n"), "CHECK": RSA_PUBLIC}
        options = LunaOptions(algorithm="ES256", key_env="SIGN", verify_key_env="CHECK", lifetime=60)
        signs, checks = signing_key(options, environ), checking_key(options, environ)
        assert signs
        assert checks
        assert (signs.algorithm, signs.lifetime, checks.algorithm) == ("ES256", 60, "RS256")
        assert signing_key(LunaOptions(), {}) is checking_key(LunaOptions(), {}) is None

    @pytest.mark.parametrize(
        ("algorithm", "text"),
        [
            ("HS256", RSA_PRIVATE),
            ("RS256", EC_PRIVATE),
            ("RS256", RSA_PUBLIC),
            ("ES256", EC_PUBLIC),
            ("ES256", pem(ec.generate_private_key(ec.SECP384R1()))[0]),
            ("HS256", "too short"),
            ("HS256", ""),
            ("RS256", "-----BEGIN PRIVATE KEY-----\nnonsense"),
        ],
    )
    def test_what_does_not_fit_is_refused_at_start(self, algorithm: str, text: str) -> None:
        options = LunaOptions.model_validate({"algorithm": algorithm, "key_env": "SIGN"})
        with pytest.raises(ValueError) as caught:
            signing_key(options, {"SIGN": text})
        assert not text or text not in str(caught.value)

    def test_keys_are_not_shown(self) -> None:
        for text, _, _ in FAMILIES:
            assert text[30:50] not in repr(luna_key(text))
