"""The diagrams on the pages are the ones that the code draws from the shipped configuration."""

import re

import pytest
from floors import ROOT

from flows.plan import diagram, make_plan
from flows.settings import load

SHIPPED = load(ROOT / "config.toml", {})
DRAWN = {name: diagram(make_plan(name, flow.steps)) for name, flow in SHIPPED.flow.items()}


def drawings(page: str) -> list[str]:
    """The state diagrams of a page; its other drawings are free."""
    return [block for block in re.findall(r"```mermaid\n(.*?)```", page, re.DOTALL) if block.startswith("stateDiagram")]


@pytest.mark.parametrize("page", ["README.md", "ARCHITECTURE.md"])
def test_each_page_shows_the_shipped_flows(page: str) -> None:
    shown = drawings((ROOT / page).read_text(encoding="utf-8"))
    assert set(shown) == set(DRAWN.values())


def test_a_stale_drawing_would_be_noticed() -> None:
    stale = diagram(make_plan("search", ["client", "secret_word"]))
    assert drawings(f"```mermaid\n{stale}```") == [stale]
    assert stale not in DRAWN.values()
