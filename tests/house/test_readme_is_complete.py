"""The README is complete in both languages: every command, error code and key of the configuration."""

import re

import pytest
import typer
from configuration import rows
from floors import ROOT
from readme import HALVES, block
from test_errors import PINNED
from typer.main import get_command

from flows.settings import SANDBOX, load
from flows.wiring import upstreams
from proof.report import goals
from shinos.__main__ import app

SHIPPED = load(ROOT / "config.toml", {})


def table(half: str, width: int) -> list[list[str]]:
    """The rows of the tables of that width, without their heads."""
    cells = (
        [cell.strip().strip("`") for cell in line.strip("|").split(" | ")]
        for line in HALVES[half].splitlines()
        if line.startswith("| ")
    )
    return [row for row in cells if len(row) == width]


def commands() -> set[str]:
    tree = get_command(app)
    assert isinstance(tree, typer.core.TyperGroup)
    found = set()
    for name, command in tree.commands.items():
        below = getattr(command, "commands", None)
        found |= {f"{name} {inner}" for inner in below} if below else {name}
    return found


@pytest.mark.parametrize("half", HALVES)
def test_every_key_is_there_with_its_default_and_range(half: str) -> None:
    written = {key: (default, span) for key, default, span, _ in table(half, 4) if "." in key or key == "mode"}
    assert written == {key: (default, span) for key, default, span in rows()}


@pytest.mark.parametrize("half", HALVES)
def test_every_error_code_is_there_with_its_status_and_what_to_do(half: str) -> None:
    written = {row[0]: row[1] for row in table(half, 4) if re.fullmatch("[0-9]{4}", row[0])}
    statuses = {code: str(status) for code, (_, status) in PINNED.items()} | {"3003": "404, 405"}
    assert written == statuses


@pytest.mark.parametrize("half", HALVES)
def test_every_command_is_there(half: str) -> None:
    named = " ".join(row[0] for row in table(half, 2))
    assert [command for command in commands() if not re.search(rf"(^|[`\s]){command}\b", named)] == []


def test_both_halves_have_the_same_parts() -> None:
    russian, english = (re.findall(r"^(##+) ", text, re.MULTILINE) for text in HALVES.values())
    assert russian == english
    assert [len(table("ru", width)) for width in (2, 4)] == [len(table("en", width)) for width in (2, 4)]


@pytest.mark.parametrize("what", ["flows/steps/contract.py", "config", "production", "receiver"])
def test_both_halves_show_the_same_examples(what: str) -> None:
    assert block("ru", what) == block("en", what)


def test_the_links_lead_somewhere() -> None:
    anchors: dict[str, set[str]] = {}
    for page in ("README.md", "ARCHITECTURE.md", "CHANGELOG.md"):
        heads = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
        anchors[page] = {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}
        text = re.sub(r"```.*?```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)
        for link in re.findall(r"\]\(([^)]+)\)", text):
            assert link.startswith("http") or (ROOT / (link.partition("#")[0] or page)).exists(), link
    for link in re.findall(r"\]\(([^)h][^)]*)\)", "".join(HALVES.values())):
        path, _, anchor = link.partition("#")
        assert not anchor or anchor in anchors[path or "README.md"], link


def test_as_shipped_nothing_but_the_sandbox_is_called() -> None:
    """An address that is left out is the vendor's own: nobody who tries Shinos may send a real message."""
    options = upstreams(SHIPPED)
    values = (value for table in options.model_dump(exclude_none=True).values() for value in table.values())
    addresses = [value for value in values if isinstance(value, str) and value.startswith("http")]
    assert len(addresses) == 10
    assert [address for address in addresses if not address.startswith(SHIPPED.sandbox_url)] == []
    assert SANDBOX not in "".join(addresses)


@pytest.mark.parametrize("half", HALVES)
def test_every_goal_has_its_figure_and_a_mark(half: str) -> None:
    told = [row[0].partition(" ") for row in table(half, 3)]
    assert [name for name, _, mark in told if mark in ("✓", "✗")] == list(goals())
