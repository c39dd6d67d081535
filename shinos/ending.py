"""How a command ends when it does not end well: one line on stderr that says what to do, and the exit status."""

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import typer

from shinos.options import NothingAnswers

INTERRUPTED = 130


@dataclass(slots=True)
class End:
    status: int | None = 0


@contextmanager
def ended() -> Iterator[End]:
    end = End()
    try:
        yield end
    except typer.Exit as left:
        end.status = left.exit_code
    except (typer.Abort, KeyboardInterrupt):
        end.status = INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last resort: its words could hold a phone, its place cannot
        end.status, said = _said(error)
        sys.stderr.write(f"shinos: {said}\n")


def _said(error: Exception) -> tuple[int, str]:
    from flows.errors import StoreDown
    from flows.settings import SettingsError

    match error:
        case typer.TyperException():
            return 2, _misused(error)
        case SettingsError():
            return 2, str(error)
        case NothingAnswers():
            return 1, str(error)
        case StoreDown():
            return 1, "Redis or the database cannot be reached; see `shinos check`"
        case OSError(strerror=str(reason)) if error.filename:
            return 1, f"{error.filename}: {reason}"
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{frame.filename.rpartition('/')[2]}:{frame.lineno} in {frame.name}"
    return 1, f"a fault of ours: {type(error).__name__} at {where}; please report this line"


def _misused(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    said = error.format_message().removesuffix(".")
    return said if "?" in said else f"{said}; see `{context.command_path if context else 'shinos'} --help`"
