"""One file per kind of step. `plan.py` finds them by their file's name."""
