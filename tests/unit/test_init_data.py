"""Telegram's initData: good in both ways; whatever is wrong is one refusal and never another exception (C5, M14)."""

import hmac
import json
from base64 import urlsafe_b64encode
from contextlib import nullcontext, suppress
from urllib.parse import quote, urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from figures import Record
from hypothesis import given
from hypothesis import strategies as st

from flows.init_data import FUTURE, LONGEST, TELEGRAM, TELEGRAM_TEST, InitDataRefused, user_of

TOKEN = "7000000001:a-token-of-nobody"
OTHER_TOKEN = "7000000002:a-token-of-nobody"
NOW = 1_700_000_000
AGE = 300
PRIVATE = Ed25519PrivateKey.from_private_bytes(b"a key of Telegram's, for tests!!")
KEY = PRIVATE.public_key().public_bytes_raw()
KEYS = (TELEGRAM, KEY)
PERSON = {"id": 7_000_000_123, "first_name": "Фирӯз & Ко", "language_code": "tg"}


def lines(fields: dict[str, str]) -> str:
    return "\n".join(f"{key}={fields[key]}" for key in sorted(fields))


def signed(token: str = TOKEN, private: Ed25519PrivateKey = PRIVATE, **more: str | None) -> dict[str, str]:
    """As Telegram does it: first its own signature, then the bot's over that too."""
    given = {"auth_date": str(NOW), "query_id": "AAA", "user": json.dumps(PERSON), **more}
    fields = {key: value for key, value in given.items() if value is not None}
    bot = token.partition(":")[0]
    message = f"{bot}:WebAppData\n{lines(fields)}".encode()
    fields["signature"] = urlsafe_b64encode(private.sign(message)).decode().rstrip("=")
    secret = hmac.digest(b"WebAppData", token.encode(), "sha256")
    return fields | {"hash": hmac.new(secret, lines(fields).encode(), "sha256").hexdigest()}


def resigned(fields: dict[str, str], token: str = TOKEN) -> dict[str, str]:
    """With a hash of the bot's that fits."""
    rest = {key: value for key, value in fields.items() if key != "hash"}
    secret = hmac.digest(b"WebAppData", token.encode(), "sha256")
    return rest | {"hash": hmac.new(secret, lines(rest).encode(), "sha256").hexdigest()}


def of_telegram(**more: str) -> dict[str, str]:
    """Good by Ed25519 alone."""
    return signed() | {"hash": "0" * 64} | more


def user(init_data: str, token: str = TOKEN, keys: tuple[bytes, ...] = ()) -> str:
    return user_of(init_data, token=token, now=NOW, max_age=AGE, keys=keys).user


def test_the_bots_own_signature() -> None:
    assert user(urlencode(signed())) == "7000000123"
    assert user(urlencode(signed(), quote_via=quote), keys=KEYS) == "7000000123"


def test_an_older_telegram_sends_no_signature_of_its_own() -> None:
    fields = {key: value for key, value in signed().items() if key != "signature"}
    assert user(urlencode(resigned(fields))) == "7000000123"


def test_telegrams_own_signature() -> None:
    assert user(urlencode(of_telegram()), token="7000000001:", keys=KEYS) == "7000000123"


@pytest.mark.parametrize(("age", "good"), [(AGE, True), (AGE + 1, False), (-FUTURE, True), (-FUTURE - 1, False)])
def test_not_too_old_and_not_from_tomorrow(age: int, good: bool) -> None:  # noqa: FBT001
    fields = signed(auth_date=str(NOW - age))
    for brought in (fields, fields | {"hash": "0" * 64}):
        with nullcontext() if good else pytest.raises(InitDataRefused):
            assert user(urlencode(brought), keys=KEYS) == "7000000123"


def test_one_launch_has_one_name_however_it_is_brought() -> None:
    """Else the half that was not looked at could be altered, and the launch be used once more."""
    good = signed()
    spellings = [
        urlencode(good),
        urlencode(dict(reversed(good.items()))),
        urlencode(good, quote_via=quote),
        urlencode(good | {"hash": "0" * 64}),
        urlencode(resigned(good | {"signature": "A" * 86})),
    ]
    names = {user_of(one, token=TOKEN, now=NOW, max_age=AGE, keys=KEYS).hash for one in spellings}
    assert len(names) == 1
    assert user_of(urlencode(signed(query_id="AAB")), token=TOKEN, now=NOW, max_age=AGE).hash not in names


def test_the_name_of_a_launch_stays_out_of_logs() -> None:
    launch = user_of(urlencode(signed()), token=TOKEN, now=NOW, max_age=AGE)
    assert repr(launch) == "Launch(user='7000000123')"


LAUNDERED = "auth_date=1700000000\nquery_id"
WRONG = {
    "empty": "",
    "nothing but a separator": "&",
    "no pairs": "hello",
    "no hash": urlencode({key: value for key, value in signed().items() if key != "hash"}),
    "empty hash": urlencode(signed() | {"hash": ""}),
    "hash in capitals": urlencode(signed() | {"hash": signed()["hash"].upper()}),
    "hash cut short": urlencode(signed() | {"hash": signed()["hash"][:-1]}),
    "hash is not ASCII": urlencode(signed() | {"hash": "ё" * 64}),
    "hash in other digits": urlencode(signed() | {"hash": "٣" * 64}),
    "signature is not ASCII": urlencode(of_telegram(signature="ё" * 86)),
    "signature cut short": urlencode(of_telegram(signature=signed()["signature"][:-2])),
    "signature is no base64": urlencode(of_telegram(signature="!" * 86)),
    "signature of somebody else": urlencode(
        signed(private=Ed25519PrivateKey.generate()) | {"hash": "0" * 64},
    ),
    "another person": urlencode(signed() | {"user": json.dumps(PERSON | {"id": 7_000_000_124})}),
    "a field more": urlencode(signed() | {"start_param": "x"}),
    "another bot": urlencode(signed(OTHER_TOKEN)),
    "a year old": urlencode(signed(auth_date=str(NOW - 365 * 86400))),
    "ten years ahead": urlencode(signed(auth_date=str(NOW + 3650 * 86400))),
    "no time": urlencode(signed(auth_date=None)),
    "time is no number": urlencode(signed(auth_date="now")),
    "time in other digits": urlencode(signed(auth_date="١٧٠٠٠٠٠٠٠٠")),
    "time below nothing": urlencode(signed(auth_date="-1")),
    "time without end": urlencode(signed(auth_date="9" * 400)),
    "a forged person in front": "user=%7B%22id%22%3A1%7D&" + urlencode(signed()),
    "a forged person behind": urlencode(signed()) + "&user=%7B%22id%22%3A1%7D",
    "the hash twice": urlencode(signed()) + "&hash=" + signed()["hash"],
    "an empty repeat": urlencode(signed()) + "&user=",
    "nobody": urlencode(signed(user=None)),
    "an empty person": urlencode(signed(user="")),
    "person is no JSON": urlencode(signed(user="{")),
    "person is a list": urlencode(signed(user="[1]")),
    "person without end": urlencode(signed(user="[" * 3000), safe="["),
    **{
        f"id is {value!r}": urlencode(signed(user=json.dumps({"id": value})))
        for value in (0, -1, True, None, "1", 1.0, [1], 2**63, 10**300)
    },
    "a line end moves the time": urlencode(
        {LAUNDERED: "AAA"} | {key: value for key, value in signed().items() if key not in ("auth_date", "query_id")}
    ),
    "not UTF-8": urlencode(signed(x="\ufffd")).replace("%EF%BF%BD", "%ff"),
    "half a character": urlencode(signed()) + "&x=\ud800",
    "a zero byte": urlencode(resigned(signed() | {"x": "\0"})),
    "too many fields": urlencode(resigned(signed() | {f"x{n}": "1" for n in range(40)})),
    "too long": urlencode(resigned(signed() | {"x": "x" * LONGEST})),
}


@pytest.mark.parametrize("keys", [(), KEYS], ids=["hmac", "both"])
@pytest.mark.parametrize("init_data", WRONG.values(), ids=WRONG.keys())
def test_whatever_is_wrong_is_refused(init_data: str, keys: tuple[bytes, ...]) -> None:
    with pytest.raises(InitDataRefused) as refused:
        user(init_data, keys=keys)
    assert (refused.value.code, refused.value.status) == ("1035", 401)
    assert refused.value.__cause__ is refused.value.__context__ is None


@pytest.mark.proof
def test_none_of_it_gets_through(figure: Record) -> None:
    taken = []
    for name, init_data in WRONG.items():
        with suppress(InitDataRefused):
            user(init_data, keys=KEYS)
            taken.append(name)
    value = f"{len(WRONG) - len(taken)} of {len(WRONG)} bad initData refused"
    figure("G9", value=value, met=not taken, method="both signatures looked at; a refusal is 401, never another fault")
    assert taken == []


@pytest.mark.parametrize("keys", [(), (TELEGRAM, TELEGRAM_TEST), (b"too short",)], ids=["none", "others", "broken"])
def test_telegrams_signature_needs_telegrams_key(keys: tuple[bytes, ...]) -> None:
    with pytest.raises(InitDataRefused):
        user(urlencode(of_telegram()), keys=keys)


def test_telegrams_signature_is_for_one_bot() -> None:
    with pytest.raises(InitDataRefused):
        user(urlencode(of_telegram()), token=OTHER_TOKEN, keys=KEYS)


def test_an_unset_token_lets_nobody_in() -> None:
    """Its HMAC could be made by anybody."""
    with pytest.raises(InitDataRefused):
        user(urlencode(resigned(signed(), "")), token="")


def never_more_than_refused(init_data: str) -> None:
    with suppress(InitDataRefused):
        assert user(init_data, keys=KEYS).isdigit()


@given(init_data=st.text() | st.text(alphabet="ahsuer=&%25ё\ud800{}[]\x00+;"))
def test_nothing_else_is_ever_raised(init_data: str) -> None:
    never_more_than_refused(init_data)


FIELDS = st.dictionaries(
    st.sampled_from(["user", "auth_date", "signature", "chat"]) | st.text(max_size=4), st.text(max_size=90)
)


@given(fields=FIELDS, sound=st.booleans())
def test_nor_for_what_telegram_has_signed(fields: dict[str, str], sound: bool) -> None:  # noqa: FBT001
    never_more_than_refused(urlencode(resigned(signed() | fields if sound else fields)))


@given(at=st.integers(0, 400), other=st.characters())
def test_no_character_of_it_can_be_changed(at: int, other: str) -> None:
    """It is refused, or says the same: `+` and `%20` are one space."""
    good = urlencode(signed())
    at %= len(good)
    with suppress(InitDataRefused):
        assert user(good[:at] + other + good[at + 1 :]) == "7000000123"
