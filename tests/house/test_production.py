"""What the README tells a bank to set is enough to start in production, and no line of it is idle."""

import re
import secrets
import shlex
from pathlib import Path

import pytest
from floors import ROOT
from readme import HALVES, block

from flows.attendance import callback_secret, open_upstreams
from flows.fronts import chat_front, plans
from flows.safety import unsafe
from flows.settings import SettingsError, load
from flows.wiring import gateways, open_biometric


def production(*without: str) -> dict[str, str]:
    """The variables as a shell reads them, with something random for each "…"."""
    lines = (shlex.split(line)[0].split("=", 1) for line in block("ru", "production").splitlines())
    return {name: value.replace("…", secrets.token_hex(32)) for name, value in lines if name not in without}


def test_the_variables_for_production_are_enough() -> None:
    settings = load(ROOT / "config.toml", production())
    assert settings.mode == "production"
    assert unsafe(settings) == []
    assert plans(settings)
    assert gateways(settings).gateways.keys() == {"telegram", "osonsms", "smsc"}
    assert [way.name for way in chat_front(settings).plan.ways] == ["telegram", "telegram_kz"]
    assert open_upstreams(settings)[2] is not None
    assert len(callback_secret(settings)) >= 22


NEEDED = [
    "SHINOS_KEY",
    "SHINOS_SUPPORT_KEY",
    "SHINOS_UPSTREAM__SMSC__RESERVE",
    "SHINOS_UPSTREAM__TELEGRAM__URL",
    "SHINOS_TELEGRAM_TOKEN",
    "SHINOS_UPSTREAM__HUMO__URL",
    "SHINOS_LUNA_KEY",
    "SHINOS_SERVER__PUBLIC_URL",
    "SHINOS_UPSTREAM__BIOMETRIC__URL",
    "SHINOS_UPSTREAM__BIOMETRIC__PAGES",
    "SHINOS_UPSTREAM__BIOMETRIC__SCRIPT",
    "SHINOS_BIOMETRIC_KEY",
    "SHINOS_UPSTREAM__AITU__URL",
    "SHINOS_UPSTREAM__AITU__CLIENT_ID",
    "SHINOS_AITU_SECRET",
    "SHINOS_UPSTREAM__COID__URL",
    "SHINOS_COID_PASSWORD",
    "SHINOS_BOT__CALLBACK_HOSTS",
    "SHINOS_CALLBACK_SECRET",
]


@pytest.mark.parametrize("name", NEEDED)
def test_one_variable_less_would_be_noticed(name: str) -> None:
    assert unsafe(load(ROOT / "config.toml", production(name))) != []


def test_the_webhook_of_the_page_is_safe_too() -> None:
    (url,) = set(re.findall("`(SHINOS_BOT__WEBHOOK_URL=[^`]+)`", HALVES["ru"]))
    environ = production() | {"SHINOS_WEBHOOK_SECRET": secrets.token_hex(32)} | dict([url.split("=", 1)])
    assert unsafe(load(ROOT / "config.toml", environ)) == []


KAZAKHSTAN = ("flow.telegram_kz", "upstream.aitu", "upstream.coid")
CHAT = (
    *("flow.telegram", "bot", "upstream.telegram", "upstream.humo", "upstream.luna", "upstream.biometric"),
    *KAZAKHSTAN,
)


def shipped_without(*sections: str) -> str:
    text = (ROOT / "config.toml").read_text(encoding="utf-8")
    for section in sections:
        assert all(f"`[{section}]`" in half for half in HALVES.values())
        text, found = re.subn(rf"^\[{section}\](?:.*\n)(?:(?!\[[a-z]).*\n)*", "", text, flags=re.MULTILINE)
        assert found == 1
    return text


def test_a_bank_without_the_sections_of_the_chat_needs_no_bot(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(shipped_without(*CHAT), encoding="utf-8")
    settings = load(tmp_path / "config.toml", production(*list(production())[-18:]))
    assert unsafe(settings) == []
    assert gateways(settings).gateways.keys() == {"osonsms", "smsc"}


def test_a_bank_that_awaits_nobody_from_kazakhstan_asks_for_no_citizenship(tmp_path: Path) -> None:
    text, config = shipped_without(*KAZAKHSTAN), tmp_path / "config.toml"
    assert all('`flows = ["telegram"]`' in half for half in HALVES.values())
    config.write_text(text.replace('flows = ["telegram", "telegram_kz"]', 'flows = ["telegram"]'), encoding="utf-8")
    idle = [name for name in production() if "AITU" in name or "COID" in name]
    assert len(idle) == 6
    settings = load(config, production(*idle))
    assert unsafe(settings) == []
    assert chat_front(settings).plan.name == "telegram"
    assert chat_front(settings).plan.ways == ()


def test_a_chat_that_checks_no_faces_needs_no_biometric(tmp_path: Path) -> None:
    text, config = shipped_without("upstream.biometric"), tmp_path / "config.toml"
    environ = production(*(name for name in production() if "BIOMETRIC" in name))
    config.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"step liveness needs the stanza upstream\.biometric"):
        plans(load(config, environ))
    config.write_text(text.replace(' "liveness",', ""), encoding="utf-8")
    settings = load(config, environ)
    assert unsafe(settings) == []
    assert plans(settings)
    assert [way.name for way in chat_front(settings).plan.ways] == ["telegram", "telegram_kz"]
    assert open_biometric(settings) is None
