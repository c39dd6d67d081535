"""The report of `make proof`: every goal has a drill or says why not, and what a drill writes is what is shown."""

import json
import re
from html import unescape
from pathlib import Path

import pytest
from floors import ROOT

from proof.report import Figure, figures, goals, rows, write

DRILLS = "\n".join(file.read_text(encoding="utf-8") for file in sorted((ROOT / "tests").rglob("*.py")))
MEASURED = set(re.findall(r'figure\(\s*"(\w+)"', DRILLS))


def test_every_goal_has_a_drill_or_says_why_not() -> None:
    silent = {name for name, goal in goals().items() if "unmet" not in goal}
    assert sorted(silent - MEASURED) == []


def test_every_figure_has_its_goal() -> None:
    assert sorted(MEASURED - goals().keys()) == []
    assert {f"G{number}" for number in range(1, 26)} <= goals().keys()


def test_the_report_shows_what_was_measured(tmp_path: Path) -> None:
    told = [Figure("G1", "0 of <10 000>", met=True, method="50 steps"), Figure("G2", "3 passes", met=False, method="m")]
    write(rows(told), tmp_path)
    page = unescape((tmp_path / "proof.html").read_text(encoding="utf-8"))
    assert "0 of <10 000>" in page
    assert "1 of " in page
    whole = json.loads((tmp_path / "proof.json").read_text(encoding="utf-8"))
    states = {row["name"]: row["state"] for row in whole["goals"]}
    assert (states["G1"], states["G2"], states["G3"]) == ("met", "not met", "not measured")
    assert set(whole) == {"date", "machine", "goals"}


@pytest.mark.parametrize("line", ["{", '{"goal": "G1"}', "[]"])
def test_a_line_that_no_drill_has_written_is_refused(line: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        figures([line])


def test_a_figure_of_no_goal_is_refused() -> None:
    with pytest.raises(ValueError, match="no such goal: G99"):
        rows([Figure("G99", "1", met=True, method="m")])
