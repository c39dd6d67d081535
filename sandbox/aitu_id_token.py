"""id_token as Aitu Passport makes it (protocols.md 4.5), in the shapes that integrators have seen, and bad ones."""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sandbox.aitu_console import CLIENT_ID
from sandbox.aitu_keys import Key, Keys, b64, compact
from sandbox.aitu_logins import Login
from sandbox.aitu_refusals import NAME
from sandbox.arms import Arms

LIVES = 3600  # seconds
NESTED = ("idpc_verification", "gov_doc_verification", "confidence_level")
OTHER_IIN = "850615400125"
# Each group holds what excludes each other; all of them are as good as the usual one.
SHAPES: tuple[dict[str, str], ...] = (
    {
        "nested_object": "вложенные поля — объекты (обычно строки с JSON)",
        "iin_number": "ИИН в idpc_verification числом, без ведущих нулей",
    },
    {"aud_string": "aud строкой (обычно список)", "aud_two_azp": "aud из двух, azp — мы"},
    {"phone_absent": "нет phone", "phone_plus": "phone с плюсом"},
    {"rotated": "подписано новым ключом, которого вчера не было", "previous_key": "подписано предыдущим ключом"},
)
CLAIMS = {
    "iss_wrong": "чужой iss",
    "iss_no_slash": "iss без / в конце",
    "aud_wrong": "чужой aud",
    "aud_two": "aud из двух, azp нет",
    "azp_wrong": "чужой azp",
    "nonce_wrong": "чужой nonce",
    "nonce_absent": "нет nonce",
    "expired": "истёк час назад",
    "exp_absent": "нет exp",
    "exp_far": "срок десять лет",
    "iat_future": "выдан через час",
    "iat_old": "выдан двадцать минут назад",
    "iat_absent": "нет iat",
    "sub_absent": "нет sub",
    "idpc_absent": "нет idpc_verification",
    "idpc_broken": "idpc_verification — строка, но не JSON",
    "idpc_no_request": "нет requestId",
    "iin_other": "ИИН другого человека",
}
SIGNATURES = {
    "bad_signature": "испорченная подпись",
    "alg_none": "alg none, подписи нет",
    "alg_hs256": "HS256, секрет — открытый ключ",
    "kid_unknown": "ключа нет в JWKS",
    "kid_other": "kid другого ключа",
    "kid_absent": "нет kid",
    "key_in_header": "свой ключ в заголовке jwk и jku",
    "key_weak": "ключ в 1024 бита",
    "crit": "неизвестный crit",
    "claim_twice": "iss дважды",
    "no_jwt": "не JWT вовсе",
}
WRONG = {name: f"плохой id_token: {what}" for name, what in (CLAIMS | SIGNATURES).items()}


@dataclass(slots=True)
class Draft:
    header: dict[str, Any]
    claims: dict[str, Any]


async def id_token(login: Login, issuer: str, now: float, keys: Keys, arms: Arms) -> str:
    taken = {arms.first_of(NAME, (login.phone, "*"), group) for group in (*SHAPES, WRONG)} - {None}
    outcomes: frozenset[str] = frozenset(filter(None, taken))
    key = await _key(outcomes, keys)
    draft = Draft({"alg": "RS256", "typ": "JWT", "kid": key.kid}, claims_of(login, issuer, int(now)))
    shape(draft.claims, outcomes)
    for outcome in outcomes & CLAIMS.keys():
        spoil(draft.claims, outcome, int(now))
    _nest(draft.claims, outcomes)
    await _head(draft.header, outcomes, keys, key)
    return _sealed(draft, outcomes, key)


def claims_of(login: Login, issuer: str, now: int) -> dict[str, Any]:
    """What the scopes let through."""
    person, scopes = login.person, login.asked.scopes
    names = {"firstName": person.first_name, "lastName": person.last_name}
    by_scope: dict[str, tuple[str, Any]] = {
        "phone": ("phone", login.phone[1:]),
        "first_name": ("first_name", person.first_name),
        "last_name": ("last_name", person.last_name),
        "birth_date": ("birth_date", person.birth_date),
        "iin": ("iin", login.iin),
        "liveness_3d": ("sessionDocumentId", str(uuid4())),
        "idpc_verification": ("idpc_verification", {"iin": login.iin, "requestId": login.request_id}),
        "gov_doc_verification": ("gov_doc_verification", {"iin": login.iin, **names}),
        "CONFIDENCE_LEVEL": ("confidence_level", {"faceMatch": "VERIFIED"}),
    }
    digest = hashlib.sha256(login.access_token.encode()).digest()
    nonce = {"nonce": login.asked.given["nonce"]} if "nonce" in login.asked.given else {}
    times = {"iat": now, "exp": now + LIVES, "auth_time": int(login.at)}
    who = {"iss": issuer, "aud": [CLIENT_ID], "sub": login.sub, "sid": login.sid, "jti": str(uuid4())}
    return {
        **who,
        **times,
        **nonce,
        "at_hash": b64(digest[:16]),
        **dict(by_scope[one] for one in by_scope if one in scopes),
    }


def shape(claims: dict[str, Any], outcomes: Collection[str]) -> None:
    if "aud_string" in outcomes:
        claims["aud"] = CLIENT_ID
    if "aud_two_azp" in outcomes:
        claims |= {"aud": [CLIENT_ID, "another-service"], "azp": CLIENT_ID}
    if "phone_absent" in outcomes:
        claims.pop("phone", None)
    if "phone_plus" in outcomes and "phone" in claims:
        claims["phone"] = f"+{claims['phone']}"
    if "iin_number" in outcomes and "idpc_verification" in claims:
        claims["idpc_verification"]["iin"] = int(claims["idpc_verification"]["iin"])


def spoil(claims: dict[str, Any], outcome: str, now: int) -> None:
    changes: dict[str, dict[str, Any]] = {
        "iss_wrong": {"iss": "https://passport.example.org/"},
        "iss_no_slash": {"iss": claims["iss"].rstrip("/")},
        "aud_wrong": {"aud": ["another-service"]},
        "aud_two": {"aud": [CLIENT_ID, "another-service"]},
        "azp_wrong": {"azp": "another-service"},
        "nonce_wrong": {"nonce": "a nonce of somebody else, of 128 bits"},
        "expired": {"iat": now - 2 * LIVES, "exp": now - LIVES},
        "exp_far": {"exp": now + 10 * 365 * 86400},
        "iat_future": {"iat": now + LIVES, "exp": now + 2 * LIVES},
        "iat_old": {"iat": now - 1200, "exp": now + LIVES - 1200},
        "idpc_broken": {"idpc_verification": "{iin: 900101300126"},
        "idpc_no_request": {"idpc_verification": {"iin": claims.get("idpc_verification", {}).get("iin", "")}},
        "iin_other": {"idpc_verification": {**claims.get("idpc_verification", {}), "iin": OTHER_IIN}},
    }
    claims |= changes.get(outcome, {})
    if outcome.endswith("_absent"):
        claims.pop({"idpc_absent": "idpc_verification"}.get(outcome, outcome.removesuffix("_absent")), None)


async def _key(outcomes: Collection[str], keys: Keys) -> Key:
    if "rotated" in outcomes:
        return await keys.rotate()
    if "kid_unknown" in outcomes or "key_in_header" in outcomes:
        return await keys.nobodys()
    if "key_weak" in outcomes:
        return await keys.weak()
    return await (keys.oldest() if "previous_key" in outcomes else keys.newest())


async def _head(header: dict[str, Any], outcomes: Collection[str], keys: Keys, key: Key) -> None:
    if "alg_none" in outcomes:
        header["alg"] = "none"
    if "alg_hs256" in outcomes:
        header["alg"] = "HS256"
    if "kid_other" in outcomes:
        header["kid"] = (await keys.oldest()).kid
    if "kid_absent" in outcomes:
        del header["kid"]
    if "key_in_header" in outcomes:
        header |= {"jwk": key.published(), "jku": "http://127.0.0.1:9/jwks.json"}
    if "crit" in outcomes:
        header |= {"crit": ["exp2"], "exp2": 1}


def _nest(claims: dict[str, Any], outcomes: Collection[str]) -> None:
    """As text, unless objects are wished for."""
    if "nested_object" in outcomes:
        return
    for name in NESTED:
        if isinstance(claims.get(name), dict):
            claims[name] = json.dumps(claims[name], ensure_ascii=False)


def _sealed(draft: Draft, outcomes: Collection[str], key: Key) -> str:
    if "no_jwt" in outcomes:
        return "not.a-token"
    payload = json.dumps(draft.claims, ensure_ascii=False)
    if "claim_twice" in outcomes:
        payload = '{"iss": "https://passport.example.org/", ' + payload[1:]
    text = compact(draft.header, payload.encode())
    signature = {"none": lambda _: b"", "HS256": key.mac}.get(draft.header["alg"], key.sign)(text)
    if "bad_signature" in outcomes:
        signature = signature[:-1] + bytes([signature[-1] ^ 1])
    return f"{text.decode()}.{b64(signature)}"
