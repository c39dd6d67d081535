"""Whatever is unsafe does not start in production, and what is refused is named; the safe configuration does start.

Every time all of it is read as a start reads it; `make proof` starts the real process with each.
"""

import random
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from figures import FULL, Record
from floors import ROOT
from servers import Command, RedisServer
from test_production import production

from flows.fronts import plans
from flows.plan import PlanError
from flows.safety import unsafe
from flows.settings import SANDBOX_SECRETS, SettingsError, load
from shinos import checking

SAFE = production()
SHORT = "0123456789abcdef"
UNSAFE: dict[str, tuple[dict[str, str], str]] = {
    "the sandbox runs": ({"SHINOS_SANDBOX__ENABLED": "true"}, "sandbox.enabled"),
    "logs everything": ({"SHINOS_LOG__LEVEL": "debug"}, "log.level"),
    "Redis without a password": ({"SHINOS_REDIS__URL": "redis://redis.bank.example/0"}, "redis.url"),
    "no secret": ({"SHINOS_KEY": ""}, "SHINOS_KEY"),
    "a short records key": ({"SHINOS_RECORDS_KEY": SHORT}, "SHINOS_RECORDS_KEY"),
    "a channel key of 64 bits": ({"SHINOS_SUPPORT_KEY": SHORT}, "channel.support.key_env"),
    "the sandbox's channel key": (
        {"SHINOS_SUPPORT_KEY": SANDBOX_SECRETS["SHINOS_SUPPORT_KEY"]},
        "SHINOS_SUPPORT_KEY: a key of the sandbox",
    ),
    "COID's public test password": (
        {"SHINOS_COID_PASSWORD": SANDBOX_SECRETS["SHINOS_COID_PASSWORD"]},
        "SHINOS_COID_PASSWORD: a key of the sandbox",
    ),
    "one secret for two": ({"SHINOS_HUMO_KEY": "x" * 40, "SHINOS_LUNA_KEY": "x" * 40}, "two variables hold"),
    "a gateway that is the sandbox": ({"SHINOS_UPSTREAM__SMSC__URL": "http://127.0.0.1:8081/smsc"}, "upstream.smsc"),
    "codes on the console": ({"SHINOS_UPSTREAM__CONSOLE": "{}"}, "upstream.console"),
    "pages without https": ({"SHINOS_SERVER__PUBLIC_URL": "http://shinos.bank.example"}, "server.public_url"),
    "no bot token": ({"SHINOS_TELEGRAM_TOKEN": "nonsense"}, "upstream.telegram.token_env"),
    "a webhook without https": (
        {"SHINOS_BOT__WEBHOOK_URL": "http://bot.bank.example/x", "SHINOS_WEBHOOK_SECRET": "w" * 40},
        "bot.webhook_url",
    ),
    "a webhook without a secret": ({"SHINOS_BOT__WEBHOOK_URL": "https://bot.bank.example/x"}, "SHINOS_WEBHOOK_SECRET"),
    "callbacks that nothing signs": ({"SHINOS_CALLBACK_SECRET": ""}, "callback_hosts"),
    "selfies that nothing signs": ({"SHINOS_LUNA_KEY": ""}, "upstream.luna.key_env"),
    "Aitu's test contour": (
        {"SHINOS_UPSTREAM__AITU__URL": "https://passport.test.supreme-team.tech"},
        "upstream.aitu.url",
    ),
    "the sandbox's client at Aitu": ({"SHINOS_UPSTREAM__AITU__CLIENT_ID": "shinos-sandbox"}, "upstream.aitu.client_id"),
    "a limit that is none": ({"SHINOS_LIMITS__CLIENT_WRONG": "1000000"}, "limits.client_wrong"),
    "tries without end": (
        {"SHINOS_FLOW__SEARCH__STEPS": '["client", {"kind": "code", "tries": 1000}]'},
        "flow.search",
    ),
}
FORGETFUL = {
    "a Redis that forgets when it restarts": ("appendonly no", "appendonly yes", "appendonly is off"),
    "a Redis that forgets when it is full": (
        "maxmemory-policy allkeys-lru",
        "maxmemory-policy noeviction",
        "maxmemory-policy is allkeys-lru",
    ),
}


def environ_of(changed: Mapping[str, str]) -> dict[str, str]:
    return {**SAFE, **changed}


def refusal(changed: Mapping[str, str]) -> str:
    """What a start would say to it; nothing when it would go on."""
    try:
        settings = load(ROOT / "config.toml", environ_of(changed))
        plans(settings)
        return "\n".join(unsafe(settings))
    except (SettingsError, PlanError) as error:
        return str(error)


def started(folder: Path, changed: Mapping[str, str]) -> str:
    """What the process says to it; nothing when it does not refuse by itself, at once."""
    environ = environ_of({"SHINOS_STORAGE__DIR": str(folder / "var"), **changed})
    command = [sys.executable, "-m", "shinos", "serve", "--config", str(ROOT / "config.toml")]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=30, check=False, cwd=folder)
    return done.stderr if done.returncode == 2 else ""


@pytest.mark.proof
def test_whatever_is_unsafe_is_refused_by_name(folder: Path, redis_server: RedisServer, figure: Record) -> None:
    accepted = [what for what, (changed, named) in UNSAFE.items() if named not in refusal(changed)]
    for what in UNSAFE if FULL else random.sample(list(UNSAFE), 1):
        changed, named = UNSAFE[what]
        if named not in started(folder, changed):
            accepted.append(f"{what}, started")
    near = {
        "SHINOS_REDIS__URL": redis_server.url,
        "SHINOS_DATABASE__URL": f"sqlite:///{folder}/records.db",
        "SHINOS_SERVER__PORT": "0",
    }
    for what, (unfit, fit, named) in FORGETFUL.items() if FULL else ():
        redis_server.command(f"CONFIG SET {unfit}")
        if named not in started(folder, near):
            accepted.append(what)
        redis_server.command(f"CONFIG SET {fit}")
    tried = len(UNSAFE) + len(FORGETFUL)
    value = f"{tried - len(accepted)} of {tried} refused"
    figure("G14", value=value, met=not accepted and tried >= 15, method="`shinos serve` with each, exit 2 and the name")
    assert accepted == []
    assert refusal({}) == ""
    safe = environ_of({**near, "SHINOS_STORAGE__DIR": str(folder / "var")})
    command = Command(folder, "serve", environ=safe, config=ROOT / "config.toml")
    assert command.stop() == 0, "and the safe one does start"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("redis://:canary@redis.bank.example:6379/0", "redis.bank.example"),
        ("redis+sentinel://:canary@10.0.0.1:26379,10.0.0.2:26379/master", "10.0.0.1, 10.0.0.2"),
        ("redis+cluster://:canary@127.0.0.1:7000,10.0.0.2:7000", "no TLS to 10.0.0.2;"),
        ("rediss://:canary@redis.bank.example:6379/0", ""),
        ("redis://:canary@127.0.0.1:6379/0", ""),
        ("redis://:canary@[::1]:6379/0", ""),
        ("unix:///run/redis.sock", ""),
    ],
)
def test_a_redis_over_a_network_without_tls_is_told_and_not_refused(url: str, told: str) -> None:
    """The network of a compose file is the service's alone and has no TLS; a name does not show whose network it is."""
    changed = {"SHINOS_REDIS__URL": url, "SHINOS_REDIS__REPLICAS": "1"}
    assert refusal(changed) == ""
    findings = list(checking._unsafe(load(ROOT / "config.toml", environ_of(changed))))
    said = [finding.said for finding in findings if finding.state == "warn"]
    assert len(said) == bool(told)
    assert told in "".join(said)
    assert not any("canary" in finding.said or finding.state == "FAIL" for finding in findings)
