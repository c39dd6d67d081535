"""Each bug that is known of others, put back into a copy of this tree: a test sees it. With PROOF=1; else, that each
could still be put back.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from figures import FULL, Record
from floors import ROOT
from known_bugs import BUGS, Bug

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


def failed(tree: Path, *tests: str) -> bool:
    """Do the tests of that tree fail? Not by an error of their own: those count as sound."""
    environ = {**os.environ, "PYTHONPATH": str(tree)}
    environ.pop("PROOF", None)
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--no-header", *tests]
    ended = subprocess.run(command, cwd=tree, env=environ, capture_output=True, text=True, check=False, timeout=280)
    if ended.returncode not in (0, 1):
        raise AssertionError(ended.stdout[-2000:] + ended.stderr[-2000:])
    return ended.returncode == 1


@pytest.mark.proof
@pytest.mark.skipif(not FULL, reason="runs under make proof: each bug is a run of its own")
def test_each_is_seen(folder: Path, figure: Record) -> None:
    sound = copied(folder, None)
    blind = sorted({bug.seen_by for bug in BUGS if failed(sound, bug.seen_by)})
    assert not blind, "these fail without any bug"
    survivors = []
    for bug in BUGS:
        tree = copied(folder, bug)
        if not failed(tree, bug.seen_by):
            survivors.append(f"{bug.number}: {bug.name}")
        shutil.rmtree(tree)
    killed = len(BUGS) - len(survivors)
    sys.stdout.write("".join(f"survives: {line}\n" for line in survivors))
    figure(
        "G25",
        value=f"{killed} of {len(BUGS)}",
        met=not survivors,
        method="each put into a copy of the tree, and a test of it run there",
    )
    assert survivors == []
