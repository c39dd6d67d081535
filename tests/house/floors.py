"""Reads the table of floors in ARCHITECTURE.md, and finds import arrows that run where they may not."""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("flows", "search_api", "bot", "shinos", "sandbox")
OUTSIDE = -1
"""The floor "–": it stands beside the house."""

IMPURE = frozenset(
    (
        *(
            "aiohttp",
            "aiogram",
            "aiosmtplib",
            "asyncio",
            "httpx",
            "redis",
            "socket",
            "sqlalchemy",
            "subprocess",
            "threading",
        ),
        *("os", "random", "secrets", "time"),
    )
)
ALLOWED = {("flows/settings.py", "os")}
APART = (
    ("search_api/", "bot/"),
    ("bot/", "search_api/"),
    ("flows/upstream/", "flows/records/"),
    ("flows/records/", "flows/upstream/"),
)


def floors(page: str) -> dict[str, int]:
    """File, or folder with its slash → floor, from the rows ``| `path` … | floor | … |``."""
    found: dict[str, int] = {}
    for cells, floor in re.findall(r"^\|((?: `[\w/.]+`)+) \| ([0-9]|–) \|", page, re.MULTILINE):
        for path in re.findall(r"`([\w/.]+)`", cells):
            found[path] = OUTSIDE if floor == "–" else int(floor)
    return found


def floor_of(path: str, table: Mapping[str, int]) -> int | None:
    """The floor of a file: its own row, or that of its folder."""
    if path in table:
        return table[path]
    return next((floor for folder, floor in table.items() if folder.endswith("/") and path.startswith(folder)), None)


def sources(root: Path = ROOT) -> dict[str, str]:
    """Every Python file of the packages: path → text."""
    files = (file for package in PACKAGES for file in sorted((root / package).rglob("*.py")))
    return {str(file.relative_to(root)): file.read_text(encoding="utf-8") for file in files}


@cache
def imported(text: str) -> frozenset[str]:
    """Every module that a file may mean by an import, wherever in the file it stands."""
    return frozenset(_imported(text))


def _imported(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield "." * node.level
            elif node.module:
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__"):
                yield str(node.args[0].value)


def file_of(module: str, files: Mapping[str, str]) -> str | None:
    path = module.replace(".", "/")
    return next((name for name in (f"{path}.py", f"{path}/__init__.py") if name in files), None)


def wrong_arrows(files: Mapping[str, str], table: Mapping[str, int]) -> list[str]:
    """One line for each import that runs up, into the other front, out of the purity of floors 0-2, or outside."""
    found = []
    for path, text in files.items():
        floor = floor_of(path, table)
        for module in imported(text):
            reason = _why_not(path, floor, module, files, table)
            if reason:
                found.append(f"{path} imports {module}: {reason}")
    return sorted(found)


def _why_not(path: str, floor: int | None, module: str, files: Mapping[str, str], table: Mapping[str, int]) -> str:
    top = module.partition(".")[0]
    if module.startswith("."):
        return "imports are written out in full"
    if top in ("tests", "bench"):
        return "nobody imports the tests"
    if top == "sandbox" and not path.startswith(("sandbox/", "shinos/")):
        return "only the front door loads the sandbox"
    if floor is not None and 0 <= floor <= 2 and top in IMPURE and (path, top) not in ALLOWED:
        return "floors 0-2 are pure"
    target = file_of(module, files)
    if target is None:
        return ""
    return _wrong_step(path, floor, target, floor_of(target, table))


def _wrong_step(path: str, floor: int | None, target: str, above: int | None) -> str:
    if floor == OUTSIDE:
        return "" if above == OUTSIDE else "the sandbox imports nothing of ours"
    if floor is not None and above is not None and above > floor:
        return f"runs up from floor {floor} to {above}"
    for here, there in APART:
        if path.startswith(here) and target.startswith(there):
            return f"{here} and {there} never know each other"
    kinds = [name for name in (path, target) if name.startswith("flows/steps/") and not name.endswith("__init__.py")]
    return "a step knows no other step" if len(kinds) == 2 and path != target else ""


def circles(files: Mapping[str, str]) -> list[str]:
    """Files that reach themselves through imports made at start (those inside functions come later)."""
    arrows: dict[str, set[str]] = {}
    for path, text in files.items():
        early = ast.Module([node for node in ast.parse(text).body if not _lazy(node)], [])
        targets = (file_of(module, files) for module in imported(ast.unparse(early)))
        arrows[path] = {target for target in targets if target and target != path}
    return sorted(path for path in arrows if path in _reachable(path, arrows))


def _lazy(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


def _reachable(start: str, arrows: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = list(arrows[start])
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            waiting += arrows[path]
    return seen
