"""`make proof`: the drills at full size, one after the other, then the report. Exit 1 when one of them failed.

Words after it choose drills as pytest does: `python -m proof -k tampering`. With `--more` before them the figures of
the last run stay, and those of these drills come beside them: a run that was broken off is gone on with.
"""

import os
import subprocess
import sys

from proof.report import FIGURES, ROOT, figures, rows, write

SYMBOLS = {"met": "✓", "not met": "✗", "not measured": "·"}


def main(chosen: list[str]) -> int:
    FIGURES.parent.mkdir(exist_ok=True)
    if chosen[:1] == ["--more"]:
        chosen = chosen[1:]
    else:
        FIGURES.unlink(missing_ok=True)
    drills = [sys.executable, "-m", "pytest", "-m", "proof", "-s", *chosen]
    status = subprocess.run(drills, cwd=ROOT, env=os.environ | {"PROOF": "1"}, check=False).returncode
    told = rows(figures(FIGURES.read_text(encoding="utf-8").splitlines() if FIGURES.exists() else ()))
    write(told)
    for row in told:
        sys.stdout.write(f"{SYMBOLS[row.state]} {row.name:<5} {'; '.join(figure.value for figure in row.figures)}\n")
    sys.stdout.write("var/proof.html, var/proof.json\n")
    return int(status != 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
