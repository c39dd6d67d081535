"""Which Shinos this is."""

import tomllib
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from pathlib import Path


def version() -> str:
    """Of the installed package, or of the checkout that runs without being installed."""
    try:
        return installed("shinos")
    except PackageNotFoundError:
        table = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))
        return str(table["project"]["version"])
