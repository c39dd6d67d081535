"""Logs: one JSON object per line on stderr, written by a thread; a coloured line on a terminal.

Deny by default. Our own events name their fields; of other people's messages only the constant part is kept, never an
argument; of an exception its type and where it passed through, never its words: that is where phones and tokens leak.
"""

import atexit
import logging
import re
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any

import structlog
from pydantic_core import to_json

from flows.settings import Log

_PAUSE_SECONDS = 0.05
_WARNED = re.compile(r"([^/]*:[0-9]+: [A-Za-z]+)")
_FILLED_IN = re.compile(r"[0-9]{4,}|\S*@\S*|'[^']*'|\"[^\"]*\"|\S*//\S*|[^\x00-\x7f]+")
_SHOWN_LEVEL = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class _Writer:
    """Gathers lines and writes them in one go: a slow or full stderr never holds the event loop up."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=100_000)
        atexit.register(self.flush)
        threading.Thread(target=self._run, name="log-writer", daemon=True).start()

    def msg(self, line: str) -> None:
        self._lines.append(line)

    debug = info = warning = warn = error = critical = exception = fatal = log = msg

    def flush(self) -> None:
        lines = []
        while self._lines:
            lines.append(self._lines.popleft() + "\n")
        if lines:
            sys.stderr.write("".join(lines))
            sys.stderr.flush()

    def _run(self) -> None:
        while True:
            time.sleep(_PAUSE_SECONDS)
            self.flush()


def _where(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An exception as its type and its path through the code."""
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        frames = traceback.extract_tb(error.__traceback__)
        event["where"] = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames[-12:]]
    return event


def _json(event: Any, **_options: object) -> str:
    """pydantic's writer: a third of the time of the standard one; what it does not know becomes its name."""
    return to_json(event, fallback=lambda value: type(value).__name__).decode()


class _Library(logging.Handler):
    """Messages of libraries: the name of the logger and the constant part of the message."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger("library").log(
            record.levelno, "library", source=record.name, said=_constant(record), exc_info=record.exc_info
        )


def _constant(record: logging.LogRecord) -> str:
    """What a library's author wrote, without what it was told at run time, as far as that can be seen from here.

    asyncio puts the exception's words behind the first line, `warnings` behind the category; others fill in with an
    f-string what would have been an argument.
    """
    line = str(record.msg).partition("\n")[0]
    if record.name == "py.warnings":
        warned = _WARNED.search(line)
        return warned[1] if warned else "a warning"
    return _FILLED_IN.sub("…", line)[:200]


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    """Where Python itself would print an exception with its words."""
    if error is not None:
        logging.getLogger("python").error("uncaught", exc_info=(kind, error, trace))


def set_up(log: Log) -> None:
    """Call once per process, before anything else logs."""
    pretty = log.format == "console" or (log.format == "auto" and sys.stderr.isatty())
    last = structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer(_json)
    writer = _Writer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            _where,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_SHOWN_LEVEL[log.level]),
        logger_factory=lambda *_: writer,
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers[:] = [_Library()]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    sys.unraisablehook = lambda told: _uncaught(told.exc_type, told.exc_value, told.exc_traceback)
    threading.excepthook = lambda told: _uncaught(told.exc_type, told.exc_value, told.exc_traceback)
