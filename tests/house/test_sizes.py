"""Files stay short enough to be read in one go: about 100 lines, rarely 300, never 400."""

import ast
import warnings

import pytest
from floors import PACKAGES, ROOT, sources

SOFT, HARD = 300, 400
LONGEST_FUNCTION = 60


def lengths() -> dict[str, int]:
    scripts = (file for package in PACKAGES for file in (ROOT / package).rglob("*.lua"))
    texts = sources() | {str(file.relative_to(ROOT)): file.read_text(encoding="utf-8") for file in scripts}
    return {path: text.count("\n") for path, text in texts.items()}


@pytest.mark.filterwarnings("default")
def test_no_file_is_too_long() -> None:
    long = {path: lines for path, lines in lengths().items() if lines > SOFT}
    for path, lines in long.items():
        warnings.warn(f"{path} has {lines} lines; think of parting it", stacklevel=1)
    assert [path for path, lines in long.items() if lines > HARD] == []


def test_most_files_are_short() -> None:
    found = sorted(lines for lines in lengths().values() if lines)
    assert found[len(found) // 2] <= 120


def test_no_function_is_too_long() -> None:
    functions = (
        (path, node)
        for path, text in sources().items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    long = [
        f"{path}: {node.name}"
        for path, node in functions
        if (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION and "/migrations/" not in path
    ]
    assert long == []
