"""Each bug that is known of others, put back into a copy of this tree: a test sees it. With PROOF=1; else, that each
could still be put back.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from figures import FULL, Record
from floors import ROOT
from known_bugs import BUGS, Bug

PATIENCE = 280
"""Seconds for the test of one bug."""
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "var", "__pycache__", ".*_cache", ".hypothesis")


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: f"{bug.number}")
def test_it_could_still_be_put_back(bug: Bug) -> None:
    for file, piece, _ in bug.patches:
        text = (ROOT / file).read_text(encoding="utf-8")
        assert text.count(piece) == 1, f"{bug.name}: {text.count(piece)} times in {file}"
    path, _, name = bug.seen_by.partition("::")
    tests = (ROOT / path).read_text(encoding="utf-8")
    assert not name or re.search(rf"def {name}\b", tests), bug.seen_by


def test_all_of_them_are_here() -> None:
    assert [bug.number for bug in BUGS] == list(range(1, 25))


def copied(folder: Path, bug: Bug | None) -> Path:
    """This tree, with the bug in it."""
    tree = folder / (str(bug.number) if bug else "sound")
    shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
    for file, piece, other in bug.patches if bug else ():
        path = tree / file
        path.write_text(path.read_text(encoding="utf-8").replace(piece, other), encoding="utf-8")
    return tree


def failed(tree: Path, *tests: str) -> bool | None:
    """Do the tests of that tree fail? None when they hang or cannot be run: that shows nothing of the bug."""
    environ = {**os.environ, "PYTHONPATH": str(tree)}
    environ.pop("PROOF", None)
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--no-header", *tests]
    with subprocess.Popen(
        command, cwd=tree, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    ) as running:
        try:
            told, _ = running.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            return None
    if running.returncode not in (0, 1):
        sys.stdout.write(told.decode("utf-8", "replace")[-2000:])
        return None
    return running.returncode == 1


def verdict(tree: Path, bug: Bug) -> str:
    """killed | SURVIVES | no verdict; said as soon as it is known, with the seconds that it took."""
    began = time.monotonic()
    seen = failed(tree, bug.seen_by)
    word = "no verdict" if seen is None else "killed" if seen else "SURVIVES"
    sys.stdout.write(f"{word}, {time.monotonic() - began:.1f} s: {bug.number} {bug.name} ({bug.seen_by})\n")
    sys.stdout.flush()
    return word


@pytest.mark.proof
@pytest.mark.skipif(not FULL, reason="runs under make proof: each bug is a run of its own")
def test_each_is_seen(folder: Path, figure: Record) -> None:
    sound = copied(folder, None)
    blind = [test for test in sorted({bug.seen_by for bug in BUGS}) if failed(sound, test) is not False]
    found: dict[str, list[str]] = {"killed": [], "SURVIVES": [], "no verdict": []}
    for bug in BUGS:
        tree = copied(folder, bug)
        word = "no verdict" if bug.seen_by in blind else verdict(tree, bug)
        found[word].append(f"{bug.number} {bug.name}")
        shutil.rmtree(tree)
    killed = len(found.pop("killed"))
    others = "".join(f"; {word}: {', '.join(bugs)}" for word, bugs in found.items() if bugs)
    figure(
        "G25",
        value=f"{killed} of {len(BUGS)}{others}",
        met=killed == len(BUGS),
        method="each put into a copy of the tree, and a test of it run there; the same tests pass without any bug",
    )
    assert blind == [], "these do not pass without any bug"
    assert others == ""


def test_a_test_that_hangs_or_errs_is_no_verdict(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither ends the drill."""
    for number, name, body, patience in (
        (1, "hangs", "import time; time.sleep(100)", 3),
        (2, "errs", "import nothing_of_that_name", 60),
    ):
        (folder / f"test_{name}.py").write_text(f"{body}\n", encoding="utf-8")
        monkeypatch.setattr(sys.modules[__name__], "PATIENCE", patience)
        began = time.monotonic()
        assert verdict(folder, Bug(number, name, f"test_{name}.py", ())) == "no verdict"
        assert (time.monotonic() - began >= patience) == (name == "hangs")
