"""Which worker of the tests gets which file: those that share an installation go to one, or each starts it anew."""

import re
from functools import cache
from pathlib import Path

import pytest
from xdist.remote import Producer  # type: ignore[import-untyped]  # it has types, but does not say so
from xdist.scheduler.loadfile import LoadFileScheduling  # type: ignore[import-untyped]

SHARED = {
    "of_two_ways": re.compile(r"\bof_two_ways: "),
    "installation": re.compile(r"^async def test_\w+\([^)]*\b(chats|known|meanwhile): ", re.MULTILINE),
}
"""The fixtures of a whole run, and how one sees that a file asks for them."""
OWN = "def chats("


@cache
def scope_of(path: Path) -> str:
    text = path.read_text(encoding="utf-8") if path.parent.name == "journeys" else ""
    if SHARED["of_two_ways"].search(text):
        return "of_two_ways"
    shares = SHARED["installation"].search(text) and OWN not in text
    return "installation" if shares else str(path)


class Together(LoadFileScheduling):  # type: ignore[misc]  # the same
    """As xdist's own, but that several files may be one unit of work."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        self._root = config.rootpath

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(self._root / super()._split_scope(nodeid))
