"""What a drill has measured, for the report of `make proof`; without PROOF a drill is small and writes nothing down."""

import json
import os
from dataclasses import asdict
from typing import Protocol

from proof.report import FIGURES, Figure

FULL = bool(os.environ.get("PROOF"))


class Record(Protocol):
    def __call__(self, goal: str, *, value: str, met: bool, method: str) -> None:
        """`value` and `method` in a few words; `met`: does the figure keep the goal?"""


def record(goal: str, *, value: str, met: bool, method: str) -> None:
    if not FULL:
        return
    FIGURES.parent.mkdir(exist_ok=True)
    with FIGURES.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(asdict(Figure(goal, value, met, method)), ensure_ascii=False) + "\n")
