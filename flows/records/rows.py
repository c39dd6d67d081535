"""Read a client file row by row. Whatever is wrong is named by line and column; what a cell holds is never repeated."""

import csv
import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from flows.records.cells import COLUMNS, Place, Unfit

if TYPE_CHECKING:
    import _csv

_LONGEST_LINE = 16 * 1024
_ENOUGH = 20


class BadFile(Exception):
    """Nothing was imported; `problems` say why, each in one line."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Problems:
    """Collected until there are enough of them."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def add(self, line: int, column: str | None, what: str) -> None:
        self.found.append(f"line {line}, column {column}: {what}" if column else f"line {line}: {what}")
        if len(self.found) >= _ENOUGH:
            raise BadFile(self.found)

    def settle(self) -> None:
        if self.found:
            raise BadFile(self.found)


@dataclass(frozen=True, slots=True)
class FileRow:
    """One client of the file: fields of the record that are not empty, and the normalised word."""

    line: int
    person: dict[str, str] = field(repr=False)
    word: str | None = field(repr=False)


def read_rows(path: Path, place: Place, problems: Problems) -> Iterator[FileRow]:
    """The rows that are as they should be; the others become problems."""
    with path.open("rb") as file:
        lines = _lines(file, problems)
        first = next(lines, "")
        delimiter = ";" if first.count(";") > first.count(",") else ","
        columns = _header(first, delimiter)
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        for line, cells in _records(reader):
            if not any(cells):
                continue
            if len(cells) != len(columns):
                problems.add(line, None, f"expected {len(columns)} cells, found {len(cells)}")
            elif row := _row(line, dict(zip(columns, cells, strict=True)), place, problems):
                yield row


def _lines(file: BinaryIO, problems: Problems) -> Iterator[str]:
    for number, raw in enumerate(iter(partial(file.readline, _LONGEST_LINE + 1), b""), 1):
        if len(raw) > _LONGEST_LINE:
            raise BadFile([*problems.found, f"line {number}: longer than {_LONGEST_LINE} bytes"])
        try:
            yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            problems.add(number, None, f"expected UTF-8, byte {error.start + 1} is not")
            if number == 1:
                problems.settle()
            yield "\n"


def _header(line: str, delimiter: str) -> list[str]:
    columns = [name.strip() for name in next(csv.reader([line], delimiter=delimiter), [])]
    problems = [f'line 1: unknown column "{name}"{_suggestion(name)}' for name in columns if name not in COLUMNS]
    problems += [f'line 1: column "{name}" is missing' for name in COLUMNS if name not in columns]
    problems += [f'line 1: column "{name}" stands twice' for name in COLUMNS if columns.count(name) > 1]
    if problems:
        raise BadFile(problems[:_ENOUGH])
    return columns


def _suggestion(name: str) -> str:
    near = difflib.get_close_matches(name.lower(), COLUMNS, 1)
    return f', did you mean "{near[0]}"?' if near else ""


def _records(reader: "_csv.Reader") -> Iterator[tuple[int, list[str]]]:
    """Cells with the line they begin at: a quoted cell may hold line ends. The header was line 1."""
    while True:
        line = reader.line_num + 2
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise BadFile([f"line {line}: quotes that do not match"]) from None
        yield line, [cell.strip() for cell in cells]


def _row(line: int, cells: dict[str, str], place: Place, problems: Problems) -> FileRow | None:
    fields: dict[str, str] = {}
    before = len(problems.found)
    if not cells["crmid"]:
        problems.add(line, "crmid", "expected the client's id, found nothing")
    for column, (name, read) in COLUMNS.items():
        try:
            if cells[column]:
                fields[name] = read(cells[column], place)
        except Unfit as unfit:
            problems.add(line, column, str(unfit))
    word = fields.pop("secret_word", None)
    return FileRow(line, fields, word) if len(problems.found) == before else None
