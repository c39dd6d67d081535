"""`shinos` processes forked from one that has imported everything already: a server's imports cost three seconds.

Those of aiogram alone cost eight, so they wait for the first bot.

Reads one JSON object per line: `{"words", "environ", "log"}`; says "born PID", and the process itself "ready …", or
"ended PID" when it comes to its end.
"""

import atexit
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from servers import Command

from shinos.embedded import die_with_parent

SERVERS = ("shinos.serving", "search_api.app", "sandbox.app")
BOT = "bot.running"
READY = "ready "
STOP_SECONDS = 15.0


class Forked(Command):
    """As a `Command`, but not our own child."""

    def __init__(self, folder: Path, log: Path) -> None:
        self.folder = folder
        self.log = log
        self.pid = 0
        self.url = ""

    def kill(self) -> None:
        """SIGKILL to it and its children."""
        self._signal(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM, and until it is gone; the exit status."""
        self._signal(signal.SIGTERM)
        end = time.monotonic() + STOP_SECONDS
        while Path(f"/proc/{self.pid}").exists():
            if time.monotonic() > end:
                raise TimeoutError(f"process {self.pid} does not stop")
            time.sleep(0.02)
        return int(_ending(self.log).read_text())

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)


class Cradle:
    def __init__(self) -> None:
        tests = Path(__file__).parent
        clean = {name: value for name, value in os.environ.items() if not name.startswith("SHINOS_")}
        self._turn = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, str(tests / "cradle.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**clean, "PYTHONPATH": os.pathsep.join((str(tests.parent.parent), str(tests.parent)))},
            start_new_session=True,
        )

    def start(self, folder: Path, *words: str, environ: Mapping[str, str]) -> Forked:
        with self._turn:
            name = f"{words[0]}-{len(list(folder.glob('*.log')))}"
            forked = Forked(folder, folder / f"{name}.log")
            order = {"words": words, "environ": dict(environ), "log": str(forked.log)}
            print(json.dumps(order), file=self._process.stdin, flush=True)
            while not (forked.pid and forked.url):
                self._hear(forked)
            return forked

    def _hear(self, forked: Forked) -> None:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if line.startswith("born "):
            forked.pid = int(line.split()[1])
        elif line.startswith(READY):
            forked.url = line.removeprefix(READY).strip()
        elif not line or line.split()[-1] == str(forked.pid):
            raise RuntimeError(f"it did not start: {forked.log.read_text() if forked.log.exists() else ''}")

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                stream.close()


@cache
def the_cradle() -> Cradle:
    """The one of these tests' process."""
    opened = Cradle()
    atexit.register(opened.close)
    return opened


def _ending(log: Path) -> Path:
    """Where the exit status is told."""
    return log.with_suffix(".status")


def main() -> None:
    for name in SERVERS:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        told = json.loads(line)
        if told["words"][0] == "bot":
            importlib.import_module(BOT)
        pid = os.fork()
        if pid == 0:
            os._exit(live(told))
        sys.stdout.write(f"born {pid}\n")
        sys.stdout.flush()


def live(told: dict[str, Any]) -> int:
    """As the command line would: its own session, its own log, nothing on stdin; gone when the cradle is."""
    os.setsid()
    die_with_parent()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for path, flags, number in ((os.devnull, os.O_RDONLY, 0), (told["log"], os.O_WRONLY | os.O_CREAT, 2)):
        os.dup2(os.open(path, flags, 0o600), number)
    os.environ.update(told["environ"])
    sys.argv = ["shinos", *told["words"]]
    status = int(importlib.import_module("shinos.__main__").main())
    _ending(Path(told["log"])).write_text(str(status))
    sys.stdout.write(f"ended {os.getpid()}\n")
    sys.stdout.flush()
    return status


if __name__ == "__main__":
    main()
