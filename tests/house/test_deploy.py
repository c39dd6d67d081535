"""What `deploy/` hands out fits the service: its settings are known and safe, its commands exist, its files parse."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml  # type: ignore[import-untyped]  # it brings no types along
from floors import ROOT
from test_production import production
from typer.main import get_command

from flows.safety import unsafe
from flows.settings import load
from shinos.__main__ import app

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
OURS = {name: service for name, service in COMPOSE["services"].items() if service["image"] == "shinos"}
ENTRY = ["-m", "shinos"]


def directives(unit: Path) -> Iterator[tuple[str, str, str]]:
    """Section, key, value of each line, with the instance "8080"."""
    section = ""
    for line in unit.read_text(encoding="utf-8").replace("%i", "8080").splitlines():
        if found := re.fullmatch(r"\[(\w+)\]", line):
            section = found[1]
        elif line and not line.startswith("#"):
            key, sign, value = line.partition("=")
            assert section, line
            assert re.fullmatch("[A-Za-z]+", key), line
            assert sign, line
            yield section, key, value


def of_unit(unit: Path, key: str) -> list[str]:
    return [value for section, name, value in directives(unit) if (section, name) == ("Service", key)]


def assert_a_command(words: list[str]) -> None:
    """A command of ours, and options that it has."""
    tree = get_command(app)
    assert isinstance(tree, typer.core.TyperGroup)
    command = tree.commands[words[0]]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words[1:] if word.startswith("-")} <= known, words


def assert_safe(environ: dict[str, str]) -> None:
    settings = load(ROOT / "config.toml", environ)
    assert settings.mode == "production"
    assert unsafe(settings) == []


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_runs_a_command_of_ours_with_settings_that_exist(unit: Path) -> None:
    (line,) = of_unit(unit, "ExecStart")
    path, *words = shlex.split(line)
    assert path.endswith("/.venv/bin/shinos")
    assert_a_command(words)
    given = [pair.split("=", 1) for value in of_unit(unit, "Environment") for pair in shlex.split(value)]
    assert_safe({**production(), **dict(given)})


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_stops_only_after_what_was_begun_is_finished_and_is_shut_in(unit: Path) -> None:
    assert of_unit(unit, "KillMode") == ["mixed"]  # the parent of workers ends them itself
    assert float(of_unit(unit, "TimeoutStopSec")[0]) > 10
    for key in ("NoNewPrivileges", "PrivateTmp", "ProtectHome", "MemoryDenyWriteExecute", "RestrictNamespaces"):
        assert of_unit(unit, key) == ["yes"], key
    assert of_unit(unit, "ProtectSystem") == ["strict"]
    assert of_unit(unit, "StateDirectory") == ["shinos"]
    assert of_unit(unit, "User") == ["shinos"]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd on this machine to ask")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_knows_every_directive(unit: Path, tmp_path: Path) -> None:
    copy = tmp_path / unit.name
    copy.write_text(re.sub("(?m)^ExecStart=.*", "ExecStart=/bin/true", unit.read_text(encoding="utf-8")))
    words = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(copy)]
    told = subprocess.run(words, capture_output=True, text=True, check=False)
    assert [line for line in told.stderr.splitlines() if unit.name in line] == []


@pytest.mark.parametrize("name", OURS)
def test_a_service_of_the_compose_file_is_safe_and_runs_a_command_of_ours(name: str) -> None:
    service = OURS[name]
    assert_a_command(service["command"])
    assert service["env_file"] == ["shinos.env"]
    given = {key: re.sub(r"\$\{\w+:\?\}", "f" * 32, value) for key, value in service["environment"].items()}
    assert all(isinstance(value, str) for value in given.values())
    assert_safe({**production(), **given})
    assert float(service["stop_grace_period"].removesuffix("s")) > 10


def test_the_compose_file_has_two_of_each_and_a_redis_that_remembers() -> None:
    assert sorted(OURS) == ["bot-1", "bot-2", "search-api-1", "search-api-2"]
    told = " ".join(COMPOSE["services"]["redis"]["command"])
    for option in ("--appendonly yes", "--appendfsync always", "--maxmemory-policy noeviction", "--requirepass"):
        assert option in told
    mounted = {volume.split(":")[0] for service in COMPOSE["services"].values() for volume in service["volumes"]}
    for place in mounted:
        assert place in COMPOSE["volumes"] or (DEPLOY / place).exists(), place


def test_the_image_has_all_that_the_service_imports_and_no_sandbox() -> None:
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = [word for line in lines if line.startswith("COPY ") for word in line.split()[1:-1]]
    assert all((ROOT / path).exists() for path in copied)
    assert {"flows", "search_api", "bot", "shinos", "config.toml"} <= set(copied)
    assert "sandbox" not in copied
    assert any(all(word in line for word in ENTRY) for line in lines if line.startswith("ENTRYPOINT"))


def test_the_proxy_leads_to_what_is_there_and_keeps_the_inside_in() -> None:
    shared = (DEPLOY / "nginx" / "locations.conf").read_text(encoding="utf-8")
    upstreams = set(re.findall(r"proxy_pass http://(\w+);", shared))
    for name in ("host.conf", "compose.conf"):
        text = (DEPLOY / "nginx" / name).read_text(encoding="utf-8")
        assert set(re.findall(r"^upstream (\w+)", text, re.MULTILINE)) == upstreams
        assert text.count("{") == text.count("}")
        assert "include /etc/nginx/shinos/locations.conf;" in text
    in_compose = (DEPLOY / "nginx" / "compose.conf").read_text(encoding="utf-8")
    assert set(re.findall(r"server ([\w-]+):", in_compose)) == set(OURS)
    places = set(re.findall(r"^location (?:= )?(/\S*) ", shared, re.MULTILINE))
    assert places == {"/", "/rest/chat/client/", "/liveness/", "/aitu/", "/biometric/webhook", "/telegram"}


def test_every_variable_that_is_named_anywhere_exists() -> None:
    known = set(production()) | {"SHINOS_SERVER__PORT", "SHINOS_BOT__WEBHOOK_HOST"}
    texts = [file.read_text(encoding="utf-8") for file in DEPLOY.rglob("*") if file.is_file()]
    named = {name for text in texts for name in re.findall(r"\bSHINOS_[A-Z0-9_]+", text)}
    assert named
    assert named - known == set()
