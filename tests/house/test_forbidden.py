"""What must not stand in a committed file: unfinished work, a machine's path, a registry, a drawer without a name."""

import ast
import re
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest
from floors import ROOT, sources

UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK|TB" + r"D|W" + r"IP)\b")
MACHINE = re.compile(r"(?<![\w.:{}$/-])/(?:ho" + r"me|ro" + r"ot|wo" + r"rk|Us" + r"ers|mnt|priv" + r"ate)/\w")
REGISTRY = re.compile(r"py" + r"pi\.|python" + r"hosted|npm" + r"js|index-" + r"url|proxy\.go" + r"lang", re.IGNORECASE)
SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}"
    r"|\bAKIA[0-9A-Z]{16}\b|\bghp_\w{36}|\bxox[abp]-\d|\b\d{8,10}:AA[\w-]{33}\b"
)
"""A key, and what AWS, GitHub, Slack and Telegram hand out."""
SAFE = {"aiohttp": (3, 14, 1), "pillow": (12, 3), "redis": (4, 5, 5)}
"""Versions without the holes that security.md F4 names."""
DRAWERS = {"utils", "util", "helpers", "helper", "common", "base", "manager", "managers", "misc"}
REASONED = re.compile(r"# noqa: [A-Z0-9, ]*BLE001[A-Z0-9, ]* - \S.{9,}")
GIVES_REASON = {"skip": ("reason", 0), "skipif": ("reason", 1), "xfail": ("reason", 1)}


def tracked() -> list[Path]:
    """The files that a clone has."""
    git = shutil.which("git")
    if git and (ROOT / ".git").exists():
        names = subprocess.check_output([git, "-C", str(ROOT), "ls-files", "-z"], text=True).split("\0")
        return [ROOT / name for name in names if name and (ROOT / name).is_file()]
    return [file for file in ROOT.rglob("*") if file.is_file() and not {".venv", "var"} & set(file.parts)]


FILES = tracked()
TEXTS = {str(file.relative_to(ROOT)): file.read_text(encoding="utf-8", errors="replace") for file in FILES}


def lines_with(pattern: re.Pattern[str], texts: dict[str, str]) -> list[str]:
    return [
        f"{path}:{number}: {line.strip()[:80]}"
        for path, text in texts.items()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def unreasoned_skips(path: str, text: str) -> list[str]:
    """Skips and expected failures that do not say why."""
    tree = ast.parse(text)
    calls = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or node.attr not in GIVES_REASON:
            continue
        whose = ast.unparse(node.value)
        if whose not in ("pytest", "pytest.mark"):
            continue
        name, position = GIVES_REASON[node.attr]
        call = calls.get(id(node))
        words = [word.value for word in call.keywords if word.arg == name] if call else []
        places = call.args[position : position + 1] if call and (whose == "pytest" or node.attr == "skip") else []
        if not words and not places:
            found.append(f"{path}:{node.lineno}")
    return found


def broad_excepts(path: str, text: str) -> list[str]:
    """`except Exception` and wider, that neither raises again nor has a reason beside it."""
    lines = text.splitlines()
    return [
        f"{path}:{node.lineno}"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or re.search(r"\b(?:Base)?Exception\b", ast.unparse(node.type)))
        and not (isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None)
        and not REASONED.search(lines[node.lineno - 1])
    ]


def test_nothing_is_left_unfinished() -> None:
    assert lines_with(UNFINISHED, TEXTS) == []


def test_no_path_of_a_machine() -> None:
    assert lines_with(MACHINE, TEXTS) == []


def test_no_package_registry_is_named() -> None:
    assert lines_with(REGISTRY, TEXTS) == []


def test_no_file_is_a_drawer() -> None:
    assert [path for path in TEXTS if DRAWERS & set(re.split(r"[_.-]", Path(path).name))] == []


def test_no_test_is_skipped_without_a_reason() -> None:
    tests = {path: text for path, text in TEXTS.items() if path.startswith("tests/") and path.endswith(".py")}
    assert [place for path, text in tests.items() for place in unreasoned_skips(path, text)] == []


def test_no_exception_is_swallowed_without_a_reason() -> None:
    assert [place for path, text in sources().items() for place in broad_excepts(path, text)] == []


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (UNFINISHED, "# TO" + "DO: later"),
        (UNFINISHED, "x = 1  # FIX" + "ME"),
        (MACHINE, "see /ho" + "me/user/notes"),
        (MACHINE, 'open("/wo' + 'rk/main/x")'),
        (REGISTRY, "--index-" + "url https://example.org"),
        (REGISTRY, "https://files.python" + "hosted.org/x"),
    ],
)
def test_a_planted_word_is_found(pattern: re.Pattern[str], line: str) -> None:
    assert lines_with(pattern, {"x": line}) == [f"x:1: {line}"]


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("pytest.skip()", True),
        ("pytest.skip('no postgres here')", False),
        ("@pytest.mark.skip\ndef test(): ...", True),
        ("@pytest.mark.skip(reason='no browser')\ndef test(): ...", False),
        ("@pytest.mark.skipif(True)\ndef test(): ...", True),
        ("@pytest.mark.skipif(True, reason='no browser')\ndef test(): ...", False),
        ("@pytest.mark.xfail\ndef test(): ...", True),
        ("queue.skip()", False),
    ],
)
def test_a_planted_skip_is_found(source: str, wrong: bool) -> None:  # noqa: FBT001 - a column of the table above
    assert bool(unreasoned_skips("x", source)) is wrong


@pytest.mark.parametrize(
    ("handler", "wrong"),
    [
        ("except Exception:", True),
        ("except:", True),
        ("except (OSError, Exception):", True),
        ("except Exception:  # noqa: BLE001", True),
        ("except Exception:  # noqa: BLE001 - the last resort before the caller", False),
        ("except ValueError:", False),
        ("except BaseException:\n    raise\ntry:\n    pass\nexcept ValueError:", False),
    ],
)
def test_a_planted_broad_except_is_found(handler: str, wrong: bool) -> None:  # noqa: FBT001 - a column of the table
    assert bool(broad_excepts("x", f"try:\n    pass\n{handler}\n    pass")) is wrong


def test_no_secret_of_anybody_stands_in_a_file() -> None:
    assert [path for path, text in TEXTS.items() if SECRET.search(text)] == []
    assert SECRET.search("1234567890:AA" + "x" * 33)


@pytest.mark.parametrize("name", SAFE)
def test_a_dependency_with_a_known_hole_is_not_used(name: str) -> None:
    locked = re.search(rf"^{name}==([\d.]+)", TEXTS["requirements/run.txt"], re.MULTILINE)
    assert locked
    assert tuple(map(int, locked[1].split("."))) >= SAFE[name]
    assert version(name) == locked[1], "and that is the one which is installed"
