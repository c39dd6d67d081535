"""From the figures that the drills wrote down to `var/proof.json` and `var/proof.html`."""

import json
import os
import platform
import tomllib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from string import Template
from typing import Literal

HERE = Path(__file__).parent
ROOT = HERE.parent
FIGURES = ROOT / "var" / "proof.jsonl"
State = Literal["met", "not met", "not measured"]


@dataclass(frozen=True, slots=True)
class Figure:
    """What one drill has measured for a goal."""

    goal: str
    value: str
    met: bool
    method: str


@dataclass(frozen=True, slots=True)
class Row:
    """A goal beside its figures. `why` explains what is not met, or was not measured."""

    name: str
    claim: str
    goal: str
    state: State
    figures: tuple[Figure, ...]
    why: str


def goals() -> dict[str, dict[str, str]]:
    return tomllib.loads((HERE / "goals.toml").read_text(encoding="utf-8"))


def figures(lines: Iterable[str]) -> list[Figure]:
    """Raises `ValueError` for a line that no drill has written."""
    return [Figure(**json.loads(line)) for line in lines if line.strip()]


def rows(found: Iterable[Figure]) -> list[Row]:
    """Every goal, in its order; met when each of its figures is."""
    found = list(found)
    unknown = {figure.goal for figure in found} - goals().keys()
    if unknown:
        raise ValueError(f"no such goal: {', '.join(sorted(unknown))}")
    return [_row(name, goal, [figure for figure in found if figure.goal == name]) for name, goal in goals().items()]


def _row(name: str, goal: dict[str, str], mine: list[Figure]) -> Row:
    state: State = "not measured" if not mine else "met" if all(figure.met for figure in mine) else "not met"
    why = goal.get("unmet", "") if state != "met" else ""
    return Row(name, goal["claim"], goal["goal"], state, tuple(mine), why)


def machine() -> str:
    """Where it was measured, without naming the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}"


def write(told: list[Row], folder: Path = ROOT / "var") -> None:
    """Both files, and where they are."""
    when = datetime.now(UTC).isoformat(timespec="minutes")
    whole = {"date": when, "machine": machine(), "goals": [asdict(row) for row in told]}
    folder.mkdir(exist_ok=True)
    (folder / "proof.json").write_text(json.dumps(whole, ensure_ascii=False, indent=1), encoding="utf-8")
    page = Template((HERE / "proof.html").read_text(encoding="utf-8"))
    met = sum(row.state == "met" for row in told)
    summary = f"{met} of {len(told)} goals met"
    filled = page.substitute(when=when, machine=escape(machine()), summary=summary, rows="\n".join(map(_html, told)))
    (folder / "proof.html").write_text(filled, encoding="utf-8")


def _html(row: Row) -> str:
    told = "<hr>".join(f"<strong>{escape(one.value)}</strong>{_small(one.method)}" for one in row.figures)
    cells = (
        f'<th scope="row">{escape(row.name)}</th>',
        f"<td>{escape(row.claim)}{_small(row.goal)}</td>",
        f"<td>{told or '–'}</td>",
        f'<td class="{row.state.replace(" ", "-")}">{row.state}{_small(row.why)}</td>',
    )
    return f"<tr>{''.join(cells)}</tr>"


def _small(text: str) -> str:
    return f"<br><small>{escape(text)}</small>" if text else ""
