"""Aitu's id_token: of 25 one is good; whatever is wrong is one word, and nothing of it is shown (security.md Q16)."""

import base64
import hashlib
import hmac
import json
import random
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from figures import Record
from id_tokens import CLIENT, FOREIGN, IIN, ISSUER, KEY, NEXT, NONCE, PHONE, REQUEST_ID, SHORT, b64, claims, jwk, signed

from flows.errors import Unexpected
from flows.papers import Login
from flows.upstream.aitu_keys import keys_of
from flows.upstream.aitu_token import LARGEST, Doubt, Rule, login_of
from flows.upstream.answer import Answer

NOW = 1_900_000_000
RULE = Rule(ISSUER, CLIENT)


def listed(*keys: dict[str, Any]) -> Answer:
    return Answer(200, json.dumps({"keys": keys}).encode())


KEYS = keys_of(listed(jwk(KEY), jwk(NEXT, "two")))
GOOD = Login(iin=IIN, request_id=REQUEST_ID, phone=f"+{PHONE}")


def read(token: str, *, rule: Rule = RULE, nonce: str | None = NONCE, now: float = NOW) -> Login | str:
    """Who it is, or why not; and the refusal shows nothing."""
    try:
        return login_of(token, KEYS, rule, nonce=nonce, now=now)
    except Doubt as doubt:
        refusal = doubt
    shown = "".join(traceback.format_exception(refusal))
    assert refusal.__cause__ is None
    assert refusal.__context__ is None
    assert not any(secret in shown for secret in (IIN, PHONE, NONCE, REQUEST_ID))
    assert len(token) < 20 or token[:20] not in shown
    return refusal.why


def made(**changed: Any) -> str:
    return signed(claims(NOW, **changed))


def unsigned(alg: str) -> str:
    return f"{b64(json.dumps({'alg': alg, 'kid': 'one'}).encode())}.{b64(json.dumps(claims(NOW)).encode())}."


def by_public_key() -> str:
    """HS256 with what everybody may know as its secret."""
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    text = unsigned("HS256").rstrip(".")
    return f"{text}.{b64(hmac.digest(public, text.encode(), hashlib.sha256))}"


def altered() -> str:
    head, _, signature = made().split(".")
    whole = claims(NOW, idpc_verification={"iin": "850505400015", "requestId": REQUEST_ID})
    return f"{head}.{b64(json.dumps(whole).encode())}.{signature}"


def twice() -> str:
    return signed(json.dumps(claims(NOW)).replace('"sub"', f'"nonce": "{NONCE}", "sub"').encode())


TOKENS: dict[str, tuple[Callable[[], str], Login | str]] = {
    "good": (made, GOOD),
    "no signature": (lambda: unsigned("none"), "form"),
    "alg none": (lambda: unsigned("none") + "AAAA", "alg"),
    "alg HS256 by the public key": (by_public_key, "alg"),
    "alg RS512": (lambda: signed(claims(NOW), {"alg": "RS512"}), "alg"),
    "signed by somebody else": (lambda: signed(claims(NOW), key=FOREIGN), "signature"),
    "altered": (altered, "signature"),
    "unknown key": (lambda: signed(claims(NOW), {"kid": "three"}, FOREIGN), "kid"),
    "brings its key": (lambda: signed(claims(NOW), {"jwk": jwk(FOREIGN)}, FOREIGN), "header"),
    "says where its key is": (lambda: signed(claims(NOW), {"jku": "https://evil.example/jwks"}, FOREIGN), "header"),
    "wants an extension": (lambda: signed(claims(NOW), {"crit": ["exp"]}), "header"),
    "a logout token": (lambda: signed(claims(NOW), {"typ": "logout+jwt"}), "header"),
    "another issuer": (lambda: made(iss="https://passport.evil.example/"), "iss"),
    "for somebody else": (lambda: made(aud=["another-client"]), "aud"),
    "for several, made for nobody": (lambda: made(aud=[CLIENT, "another-client"]), "azp"),
    "made for somebody else": (lambda: made(azp="another-client"), "azp"),
    "expired": (lambda: made(iat=NOW - 300, exp=NOW - 61), "exp"),
    "made eleven minutes ago": (lambda: made(iat=NOW - 661, exp=NOW + 60), "iat"),
    "made in the future": (lambda: made(iat=NOW + 61), "iat"),
    "lives two hours": (lambda: made(exp=NOW + 7200), "lifetime"),
    "of another login": (lambda: made(nonce=NONCE[:-1] + "x"), "nonce"),
    "of no login": (lambda: made(nonce=None), "nonce"),
    "of nobody": (lambda: made(sub=None), "sub"),
    "nobody was checked": (lambda: made(idpc_verification=None), "idpc_verification"),
    "a claim twice": (twice, "form"),
}


@pytest.mark.proof
def test_there_are_25_and_one_is_good(figure: Record) -> None:
    taken = [name for name, (make, _) in TOKENS.items() if isinstance(read(make()), Login)]
    refused = len(TOKENS) - len(taken)
    figure("G9", value=f"{refused} of 24 bad id_tokens refused", met=taken == ["good"], method="each wrong in one way")
    assert len(TOKENS) == 25
    assert taken == ["good"]


@pytest.mark.parametrize("name", TOKENS)
def test_the_word_for_it(name: str) -> None:
    make, expected = TOKENS[name]
    assert read(make()) == expected


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": CLIENT},
        {"azp": CLIENT},
        {"aud": ["another-client", CLIENT], "azp": CLIENT},
        {"idpc_verification": json.dumps({"iin": IIN, "requestId": REQUEST_ID})},
        {"idpc_verification": {"iin": int(IIN), "requestId": REQUEST_ID, "more": [1]}},
        {"iat": NOW + 59, "exp": NOW + 600},
        {"iat": NOW - 659, "exp": NOW + 60},
        {"iat": NOW - 70, "exp": NOW - 59},
        {"iat": NOW - 5.5, "exp": NOW + 0.5},
        {"nbf": NOW + 59},
        {"iin": IIN},
        {"phone": int(PHONE)},
        {"phone": f"+{PHONE}"},
        {"gov_doc_verification": "{", "email": None, "first_name": "Айгерім"},
    ],
)
def test_spellings_that_are_right(changed: dict[str, Any]) -> None:
    assert read(made(**changed)) == GOOD


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"iss": ISSUER.rstrip("/")}, "iss"),
        ({"iss": [ISSUER]}, "iss"),
        ({"iss": ISSUER.upper()}, "iss"),
        ({"aud": []}, "aud"),
        ({"aud": [CLIENT, 5]}, "aud"),
        ({"aud": {"0": CLIENT}}, "aud"),
        ({"aud": f"{CLIENT} another"}, "aud"),
        ({"azp": ""}, "azp"),
        ({"azp": [CLIENT]}, "azp"),
        ({"sub": ""}, "sub"),
        ({"sub": 5}, "sub"),
        ({"exp": str(NOW + 60)}, "exp"),
        ({"exp": True}, "exp"),
        ({"exp": 10**400}, "exp"),
        ({"exp": (NOW + 60) * 1000}, "exp"),
        ({"exp": NOW - 5}, "lifetime"),
        ({"iat": None}, "iat"),
        ({"iat": "now"}, "iat"),
        ({"iat": -1}, "iat"),
        ({"nbf": NOW + 61}, "nbf"),
        ({"nonce": ""}, "nonce"),
        ({"nonce": [NONCE]}, "nonce"),
        ({"nonce": NONCE + " "}, "nonce"),
        ({"nonce": "Ҳ"}, "nonce"),
        ({"nonce": "\ud800"}, "form"),
        ({"idpc_verification": "{"}, "idpc_verification"),
        ({"idpc_verification": "[]"}, "idpc_verification"),
        ({"idpc_verification": '"\\ud800"'}, "idpc_verification"),
        ({"idpc_verification": "\ud800"}, "idpc_verification"),
        ({"idpc_verification": "[" * 10_000}, "idpc_verification"),
        ({"idpc_verification": [IIN]}, "idpc_verification"),
        ({"idpc_verification": {}}, "iin"),
        ({"idpc_verification": {"iin": IIN}}, "requestId"),
        ({"idpc_verification": {"iin": IIN, "requestId": IIN[:0]}}, "requestId"),
        ({"idpc_verification": {"iin": IIN, "requestId": "a b"}}, "requestId"),
        ({"idpc_verification": {"iin": IIN, "requestId": "x" * 129}}, "requestId"),
        ({"idpc_verification": {"iin": IIN, "requestId": [REQUEST_ID]}}, "requestId"),
        ({"idpc_verification": {"iin": IIN[:-1], "requestId": REQUEST_ID}}, "iin"),
        ({"idpc_verification": {"iin": IIN + "\n", "requestId": REQUEST_ID}}, "iin"),
        ({"idpc_verification": {"iin": "٩" * 12, "requestId": REQUEST_ID}}, "iin"),
        ({"idpc_verification": {"iin": True, "requestId": REQUEST_ID}}, "iin"),
        ({"idpc_verification": {"iin": 10**12, "requestId": REQUEST_ID}}, "iin"),
        ({"idpc_verification": {"iin": float(IIN), "requestId": REQUEST_ID}}, "iin"),
        ({"iin": "850505400015"}, "iin"),
    ],
)
def test_claims_that_are_refused(changed: dict[str, Any], why: str) -> None:
    assert read(made(**changed)) == why


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ({"alg": None}, "alg"),
        ({"alg": ["RS256"]}, "alg"),
        ({"alg": "rs256"}, "alg"),
        ({"alg": "PS256"}, "alg"),
        ({"kid": 5}, "kid"),
        ({"kid": "k" * 257}, "kid"),
        ({"kid": None}, "kid"),
        ({"kid": "../../dev/null"}, "kid"),
        ({"kid": "two"}, "signature"),
        ({"x5u": "https://evil.example/x"}, "header"),
        ({"x5c": ["MIIB"]}, "header"),
        ({"crit": []}, "header"),
        ({"b64": False, "crit": ["b64"]}, "header"),
        ({"zip": "DEF"}, "header"),
        ({"typ": "at+jwt"}, "header"),
        ({"typ": ["JWT"]}, "header"),
        ({"more": "x" * 4096}, "form"),
    ],
)
def test_headers_that_are_refused(header: dict[str, Any], why: str) -> None:
    assert read(signed(claims(NOW), header)) == why


@pytest.mark.parametrize("header", [{"typ": None}, {"typ": "jwt"}, {"cty": "x"}, {"x5t": "abc"}])
def test_headers_that_change_nothing(header: dict[str, Any]) -> None:
    assert read(signed(claims(NOW), header)) == GOOD


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "\ud800.a.b", "a" * (LARGEST + 1), "ab.c\n.d", "Ҳ.Ҳ.Ҳ"])
def test_what_is_no_token(token: str) -> None:
    assert read(token) == "form"
    assert read(made() + ".") == "form"
    assert read(signed(claims(NOW, more="x" * LARGEST))) == "form"


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"\xff", b"[" * 20_000, b'{"a":1,"a":1}', b'{"exp":NaN}'])
def test_bodies_that_are_no_object(body: bytes) -> None:
    assert read(signed(body)) == "form"


def test_without_nonce_only_where_that_is_configured() -> None:
    assert read(made(nonce=None), nonce=None) == GOOD


def test_the_longest_life_is_a_setting() -> None:
    rule = Rule(ISSUER, CLIENT, longest=7200)
    assert read(made(exp=NOW - 5 + 7200), rule=rule) == GOOD


@pytest.mark.parametrize(
    ("phone", "known"),
    [(None, None), ("", None), ("0707", None), ("7" * 16, None), (True, None), (5, None), ([PHONE], None)],
)
def test_a_phone_that_makes_no_sense_is_none(phone: object, known: str | None) -> None:
    found = read(made(phone=phone))
    assert isinstance(found, Login)
    assert found.phone == known


@pytest.mark.parametrize("iin", ["000000000001", "000000000005", "000000000000", "900101300127", "110000000000"])
def test_in_production_the_iin_must_be_a_persons(iin: str) -> None:
    token = made(idpc_verification={"iin": iin, "requestId": REQUEST_ID})
    assert isinstance(read(token), Login)
    assert read(token, rule=Rule(ISSUER, CLIENT, production=True)) == "iin"
    assert read(made(), rule=Rule(ISSUER, CLIENT, production=True)) == GOOD


def test_an_iin_that_came_as_a_number_has_its_zeros() -> None:
    found = read(made(idpc_verification={"iin": 10101300127, "requestId": REQUEST_ID}))
    assert isinstance(found, Login)
    assert found.iin == "010101300127"


def test_2000_fuzzed_tokens_give_nothing_but_a_refusal() -> None:
    draw = random.Random(5)
    good = made()
    for _ in range(1000):
        assert isinstance(read(_damaged(good, draw)), str)
    odd: list[Any] = [
        None,
        "",
        0,
        -1,
        True,
        [],
        {},
        [[]],
        "x",
        10**30,
        1e308,
        "\x00",
        {"iin": None},
        [None],
        " ",
        "null",
    ]
    names = ["iss", "aud", "sub", "exp", "iat", "nonce", "idpc_verification"]
    for _ in range(1000):
        name, value = draw.choice(names), draw.choice(odd)
        if (name, value) in [("sub", one) for one in ("x", "\x00", " ", "null")]:
            continue
        assert isinstance(read(made(**{name: value})), str), (name, value)


def _damaged(token: str, draw: random.Random) -> str:
    """A bit turned, bytes cut out or put in, parts exchanged."""
    parts = token.split(".")
    which = draw.randrange(3)
    data = bytearray(base64.urlsafe_b64decode(parts[which] + "=="))
    match draw.randrange(4):
        case 0:
            data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        case 1:
            start = draw.randrange(len(data))
            del data[start : start + draw.randrange(1, 9)]
        case 2:
            start = draw.randrange(len(data))
            data[start:start] = draw.randbytes(draw.randrange(1, 9))
        case _:
            parts[which], parts[which - 1] = parts[which - 1], parts[which]
            return ".".join(parts)
    parts[which] = b64(bytes(data))
    return ".".join(parts)


class TestKeys:
    def test_those_that_do_not_fit_are_left_out(self) -> None:
        odd: list[Any] = [
            jwk(SHORT, "short"),
            jwk(KEY, "for encryption", use="enc"),
            jwk(KEY, "another algorithm", alg="RS512"),
            jwk(KEY, "signs only", key_ops=["sign"]),
            {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "ec"},
            {"kty": "oct", "k": "AA", "kid": "oct"},
            {"kty": "RSA", "n": "***", "e": "AQAB"},
            {"kty": "RSA", "n": "A" * 400, "e": "AQAB"},
            jwk(KEY, "e", e="AA"),
            jwk(KEY, "e", e=65537),
            {},
        ]
        fits = [jwk(KEY, "one", use="sig", alg="RS256", key_ops=["verify"], x5c=["x"]), jwk(NEXT, None)]
        assert [one.kid for one in keys_of(listed(*odd, *fits))] == ["one", ""]

    @pytest.mark.parametrize(
        "answer",
        [listed(), listed(jwk(SHORT)), Answer(200, b"[]"), Answer(200, b"<html>"), Answer(404, b'{"keys":[]}')],
    )
    def test_a_set_without_one(self, answer: Answer) -> None:
        with pytest.raises(Unexpected):
            keys_of(answer)

    def test_names_may_stand_twice_or_be_missing(self) -> None:
        same = keys_of(listed(jwk(FOREIGN), jwk(KEY)))
        assert login_of(made(), same, RULE, nonce=NONCE, now=NOW) == GOOD
        alone = keys_of(listed(jwk(KEY)))
        nameless = signed(claims(NOW), {"kid": None})
        assert login_of(nameless, alone, RULE, nonce=NONCE, now=NOW) == GOOD
        with pytest.raises(Doubt, check=lambda doubt: doubt.why == "kid"):
            login_of(signed(claims(NOW), {"kid": None}, FOREIGN), alone, RULE, nonce=NONCE, now=NOW)
