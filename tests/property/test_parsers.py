"""What reads foreign text: any text comes to a value or to the declared refusal, and a value read again is itself."""

import json
import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from flows.errors import Malformed
from flows.identifiers import KINDS, Identifier, Kind, recognise
from flows.settings import SettingsError, load
from flows.steps.birth_date import _iso
from search_api import multipart, parameters

STEADY = settings(
    deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
COUNTRIES = st.sampled_from(["TJ", "KZ", "RU", "US", "UZ", "DE"])
DIGITS = st.text(alphabet="0123456789", min_size=5, max_size=16)
HOSTILE = st.text(alphabet="+0123456789 -()./@_aZé\u0130\u200b\u00a0\u202e\ufeff٣７\x00\n", max_size=40)
NAMES = st.one_of(
    st.text(max_size=130), HOSTILE, st.emails(), DIGITS, DIGITS.map("+{}".format), DIGITS.map("00{}".format)
)


@settings(STEADY, max_examples=400)
@given(text=NAMES, kind=st.sampled_from([None, *KINDS]), country=COUNTRIES)
@example(text="İ@example.com", kind="email", country="TJ")
@example(text="8" + "9" * 10, kind=None, country="TJ")
def test_a_name_has_one_spelling_and_its_mask_shows_little(text: str, kind: Kind | None, country: str) -> None:
    for name in recognise(text, kind, country):
        assert recognise(name.value, name.kind, country) == (name,)
        assert name in recognise(name.value, None, country) or name.kind in ("crmid", "telegram_id")
        assert recognise(f" {name.value}\u200b", name.kind, country) == (name,)
        check_mask(name)


def check_mask(name: Identifier) -> None:
    mask = name.mask()
    if name.kind == "phone":
        assert re.fullmatch(r"\+[0-9]{5,15}", name.value)
        assert re.fullmatch(r"\*[0-9]{4}", mask)
        assert name.value.endswith(mask[1:])
    elif name.kind == "email":
        local, _, house = name.value.rpartition("@")
        assert mask == f"{local[0]}***@{house}"
    else:
        assert mask == ""


@STEADY
@given(day=st.dates(min_value=date(1, 1, 1)), sign=st.sampled_from("./- "), blank=st.sampled_from(["", " ", "\t"]))
def test_a_day_is_read_in_its_usual_spellings(day: date, sign: str, blank: str) -> None:
    if day.year > 31:
        assert _iso(f"{blank}{day.day}{sign}{day.month:02}{sign}{day.year}{blank}") == day.isoformat()
        assert _iso(day.isoformat()) == day.isoformat()


@settings(STEADY, max_examples=300)
@given(text=st.one_of(st.text(max_size=64), st.text(alphabet="0123456789./- ٣\n", max_size=12)))
@example(text="31.02.1990")
@example(text="0.0.0")
@example(text="9999-99-9999")
def test_any_text_is_a_day_or_none(text: str) -> None:
    found = _iso(text)
    if found:
        assert date.fromisoformat(found).isoformat() == found == _iso(found)


KNOWN = st.sampled_from(sorted(parameters.LENGTHS))
VALUES = st.text(max_size=20).filter(lambda text: not parameters._CONTROLS.search(text))


def read(pairs: parameters.Pairs) -> dict[str, str] | None:
    """The parameters; None when they are refused as malformed, which is the only refusal."""
    try:
        return parameters._once(pairs)
    except Malformed:
        return None


@STEADY
@given(given_=st.dictionaries(KNOWN, VALUES.filter(lambda text: len(text) <= 16), max_size=5))
def test_each_carrier_says_the_same(given_: dict[str, str]) -> None:
    form = "&".join(f"{name}={quote_plus(value)}" for name, value in given_.items())
    parts = [f'--b\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in given_.items()]
    wanted = {name: value for name, value in given_.items() if value}
    assert read(parameters._query(form)) == wanted
    assert read(parameters._json(json.dumps(given_))) == wanted
    assert read(parameters._json(json.dumps(given_, ensure_ascii=False))) == wanted
    if given_:
        assert read(parameters._multipart("".join(parts) + "--b--\r\n", "b")) == wanted


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(KNOWN, st.text(max_size=4)), inner, max_size=4)
    ),
)
SCRAPS = st.text(alphabet='{}[]":,&=%+;\\u0d8 eclintNa1\r\n-\x00é', max_size=60)


@STEADY
@given(text=st.one_of(JSON.map(json.dumps), SCRAPS, st.text(max_size=60)))
@example(text="[" * 20_000)
@example(text='{"client":' * 40 + "1" + "}" * 40)
@example(text='{"client":"a","client":"a"}')
@example(text='{"client":"\\ud800"}')
@example(text="1" * 5000)
def test_any_body_is_read_or_refused(text: str) -> None:
    for reader in (parameters._query, parameters._json, lambda body: parameters._multipart(body, "-")):
        try:
            found = read(reader(text))
        except Malformed:
            continue
        for name, value in (found or {}).items():
            assert 0 < len(value) <= parameters.LENGTHS[name]
            assert parameters._printable(value)
            value.encode()


@STEADY
@given(pairs=st.lists(st.tuples(KNOWN, VALUES), min_size=1, max_size=4), again=st.integers(0, 3))
def test_given_twice_is_refused_wherever_it_stands(pairs: parameters.Pairs, again: int) -> None:
    doubled = [*pairs, pairs[again % len(pairs)]]
    with pytest.raises(Malformed):
        parameters._once(doubled)


@STEADY
@given(header=st.one_of(st.text(max_size=60), st.text(alphabet='form-data/;= "\\,()\tnamecharset', max_size=60)))
def test_any_media_type_is_read_or_refused(header: str) -> None:
    try:
        kind, options = multipart.read_kind(header)
    except ValueError:
        return
    assert kind == kind.lower().strip()
    assert all(name == name.lower() for name in options)


FILE = '[channel.web]\nflow = "f"\nkey_env = "WEB_KEY"\n[flow.f]\nsteps = ["client", "code"]\n'
SECTIONS = st.sampled_from(
    [
        "SERVER",
        "LIMITS",
        "CHANNEL",
        "FLOW",
        "UPSTREAM",
        "MODE",
        "SECRETS",
        "BANK",
        "LOG",
        "DATABASE",
        "SERVRE",
        "WEB",
        "",
    ]
)
WORDS = st.sampled_from(
    ["PORT", "HOST", "WEB", "F", "STEPS", "LOCK", "FLOW", "STRICT", "LEVEL", "SEND_PAUSES", "", "x"]
)
VARIABLES = st.builds(
    lambda section, rest: "SHINOS_" + "__".join([section, *rest]), SECTIONS, st.lists(WORDS, max_size=3)
)
CHOSEN = [
    "0",
    "8080",
    "true",
    "[1]",
    "[]",
    "{}",
    '{"a":1}',
    "[",
    "{\x00",
    "null",
    '["client"]',
    "[" * 5_000,
    "-1",
    "é",
]


@settings(STEADY, max_examples=300)
@given(environ=st.dictionaries(VARIABLES, st.one_of(st.sampled_from(CHOSEN), st.text(max_size=12)), max_size=4))
def test_any_environment_is_taken_or_refused(tmp_path: Path, environ: dict[str, str]) -> None:
    config = tmp_path / "config.toml"
    config.write_text(FILE, encoding="utf-8")
    try:
        loaded = load(config, environ)
    except SettingsError:
        return
    assert loaded == load(config, environ)
    assert "WEB_KEY" not in loaded.secrets or environ.get("WEB_KEY")


@STEADY
@given(text=st.one_of(st.text(max_size=80), st.text(alphabet='[]{}"=.\nabchanelfow1', max_size=80)))
def test_any_file_is_taken_or_refused(tmp_path: Path, text: str) -> None:
    config = tmp_path / "config.toml"
    config.write_text(text, encoding="utf-8", errors="replace")
    try:
        load(config, {})
    except SettingsError:
        return
    tree: dict[str, Any] = tomllib.loads(config.read_text(encoding="utf-8"))
    assert "secrets" not in tree
