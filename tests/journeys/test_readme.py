"""The README's examples, as they stand: the first dialogue pasted into a shell, and the step that it shows."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from readme import HALVES, ROOT, block

from flows.texts import LANGUAGES

KEY = "a57974242d0146c28056"
ANNA, CONTRACT = "+79221234567", "100001"
START_SECONDS = 60
SPARE = {"SHINOS_SERVER__PORT": "0", "SHINOS_SANDBOX__PORT": "0", "SHINOS_LOG__LEVEL": "warning"}


@dataclass(frozen=True)
class Up:
    """The addresses that `shinos up` printed."""

    api: str
    sandbox: str

    def ask(self, **fields: str) -> dict[str, Any]:
        """One call of the Search API; a refusal is an answer too."""
        url, body = f"{self.api}/rest/chat/client/search/{KEY}", urllib.parse.urlencode(fields).encode()
        try:
            with urllib.request.urlopen(url, body, timeout=10) as response:  # noqa: S310 - our own address
                found: dict[str, Any] = json.load(response)
        except urllib.error.HTTPError as error:
            found = json.load(error)
        return found

    def code(self, phone: str) -> str:
        """The code in the newest message to that phone; it may be on its way."""
        query = urllib.parse.urlencode({"to": phone})
        for _ in range(100):
            url = f"{self.sandbox}/sms/outbox?{query}"
            with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310 - our own address
                messages = json.load(response)
            if messages:
                return re.findall("^[0-9]+", messages[-1]["text"])[0]  # type: ignore[no-any-return]
            time.sleep(0.05)
        raise AssertionError("no message came")


@contextmanager
def up(folder: Path, root: Path = ROOT, **environ: str) -> Iterator[Up]:
    """`shinos up` of that checkout on free ports, with its state in `folder`."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SHINOS_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "shinos", "up"],
        cwd=root,
        env=inherited | SPARE | {"SHINOS_STORAGE__DIR": str(folder / "var"), "PYTHONPATH": str(root)} | environ,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield _addresses(process)
    finally:
        process.terminate()
        assert process.wait(15) == 0
        assert process.stdout
        process.stdout.close()


def _addresses(process: subprocess.Popen[str]) -> Up:
    assert process.stdout
    sandbox, until = "", time.monotonic() + START_SECONDS
    for line in process.stdout:
        assert time.monotonic() < until
        if line.startswith("Sandbox"):
            sandbox = line.split()[1].rstrip("/")
        if line.startswith("ready "):
            return Up(line.split()[1], sandbox)
    raise AssertionError("it did not start")


@pytest.mark.parametrize("half", HALVES)
def test_the_first_dialogue_can_be_pasted(half: str, folder: Path) -> None:
    """It ends with a token and the card; nothing is changed in it but the two addresses."""
    lines = block(half, "tests/journeys/test_readme.py")
    assert lines.count("http://127.0.0.1:8080") == lines.count("http://127.0.0.1:8081") == 1
    with up(folder) as running:
        script = lines.replace("http://127.0.0.1:8080", running.api).replace("http://127.0.0.1:8081", running.sandbox)
        shell = ["bash", "-euo", "pipefail", "-c", script]
        told = subprocess.run(shell, check=False, capture_output=True, text=True, timeout=60)
    assert (told.returncode, told.stderr) == (0, "")
    asked, code, asked_again, token, *card = told.stdout.splitlines()
    assert json.loads(asked)["answerType"] == json.loads(asked_again)["answerType"] == 1
    assert re.fullmatch("[0-9]{6}", code)
    assert json.loads(token)["answerType"] == 2
    known = json.loads("\n".join(card))
    assert (known["phone"], known["firstName"], known["identification"]["level"]) == (ANNA, "Анна", "high")


def checkout_with_the_step(half: str, folder: Path) -> Path:
    """A copy of the code with the README's step in it, its words in every language, and its flow."""
    root = folder / "checkout"
    for package in ("flows", "bot", "search_api", "shinos", "sandbox"):
        shutil.copytree(ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "flows" / "steps" / "contract.py").write_text(block(half, "flows/steps/contract.py"), encoding="utf-8")
    section, refusal = re.split(r"\n\[error\].*\n", block(half, "texts"))
    for language in LANGUAGES:
        words = root / "flows" / "texts" / f"{language}.toml"
        text = words.read_text(encoding="utf-8").replace("[error]\n", f"[error]\n{refusal}")
        words.write_text(f"{text}\n{section}", encoding="utf-8")
    shipped = (ROOT / "config.toml").read_text(encoding="utf-8")
    (root / "config.toml").write_text(f"{shipped}\n{block(half, 'config')}", encoding="utf-8")
    return root


@pytest.mark.parametrize("half", HALVES)
def test_the_step_that_is_shown_is_a_step(half: str, folder: Path) -> None:
    root = checkout_with_the_step(half, folder)
    with up(folder, root, SHINOS_CHANNEL__SUPPORT__FLOW="contract") as running:
        step = running.ask(client=ANNA)["stepId"]
        asked = running.ask(client=ANNA, stepId=step, secretWord=running.code(ANNA))
        assert asked["answerText"] in block(half, "texts")
        step = asked["stepId"]
        wrong = running.ask(client=ANNA, stepId=step, secretWord="C-000001")
        assert (wrong["errorCode"], wrong["stepId"]) == ("1002", step)
        assert wrong["errorText"] in block(half, "texts")
        assert running.ask(client=ANNA, stepId=step, secretWord=CONTRACT)["answerType"] == 2


def test_the_step_that_is_shown_keeps_the_house_rules(folder: Path) -> None:
    root = checkout_with_the_step("ru", folder)
    shutil.copy(ROOT / "pyproject.toml", root)
    file, environ = "flows/steps/contract.py", os.environ | {"PYTHONPATH": str(root)}
    for command in (["ruff", "check", file], ["ruff", "format", "--check", file], ["mypy", "-p", "flows.steps"]):
        told = subprocess.run(
            [sys.executable, "-m", *command], check=False, cwd=root, env=environ, capture_output=True, text=True
        )
        assert told.returncode == 0, told.stdout
