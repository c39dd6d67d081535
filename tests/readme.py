"""The README as its readers and its tests see it: two halves, and blocks that run."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "README.md").read_text(encoding="utf-8")
HALVES = dict(zip(("ru", "en"), PAGE.split("\n---\n\n# Shinos in English"), strict=True))


def block(half: str, what: str) -> str:
    """The text of the block that is marked as running in a test."""
    found = re.findall(
        rf"<!-- runs as a test: {re.escape(what)} -->\n```\w+\n(.*?)```", HALVES[half], re.DOTALL
    )  # fmt: skip
    assert len(found) == 1
    text: str = found[0]
    return text
