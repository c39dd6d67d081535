"""Real servers as child processes: Redis, and our own commands."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

START_SECONDS = 60.0


class Reached(Protocol):
    """Redis, wherever it stands."""

    url: str


class RedisServer:
    """Debian's Redis on a unix socket, with an append-only file."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.path = folder / "redis.sock"
        self.url = f"unix://{self.path}"
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.path.unlink(missing_ok=True)
        plain = ["--port", "0", "--unixsocket", self.path.name, "--dir", str(self.folder), "--appendonly", "yes"]
        rest = ["--save", "", "--enable-debug-command", "yes", "--logfile", "redis.log", *self._options]
        self._process = subprocess.Popen(["redis-server", *plain, *rest], cwd=self.folder)
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                if self.command("PING").startswith("+PONG"):
                    return
            time.sleep(0.01)
        raise TimeoutError("redis-server did not start")

    def command(self, line: str) -> str:
        """The first line of the answer to an inline command."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.path))
            connection.sendall(line.encode() + b"\r\n")
            return connection.recv(65536).decode("utf-8", "replace")

    def watch(self, seconds: float) -> str:
        """Everything that Redis is told in that time."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.path))
            connection.sendall(b"MONITOR\r\n")
            connection.settimeout(0.1)
            told, end = b"", time.monotonic() + seconds
            while time.monotonic() < end:
                with contextlib.suppress(TimeoutError):
                    told += connection.recv(1 << 20)
            return told.decode("utf-8", "replace")

    def flush(self) -> None:
        self.command("FLUSHALL")

    def kill(self) -> None:
        """As power goes: SIGKILL."""
        self.signal(signal.SIGKILL)
        if self._process:
            self._process.wait()

    def stop(self) -> None:
        """As an upgrade does: SIGTERM."""
        self.signal(signal.SIGTERM)
        if self._process:
            self._process.wait(30)

    def signal(self, number: int) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(number)


class Command:
    """One of our commands; `url` is what it said behind "ready"."""

    def __init__(self, folder: Path, *words: str, environ: Mapping[str, str], config: Path) -> None:
        self.folder = folder
        self.log = folder / f"{'-'.join(words)}-{time.monotonic_ns()}.log"
        clean = {name: value for name, value in os.environ.items() if not name.startswith("SHINOS_")}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "shinos", *words, "--config", str(config)],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**clean, **environ},
                start_new_session=True,
            )
        self.url = self._ready()

    def _ready(self) -> str:
        out = self.process.stdout
        for line in out or ():
            if line.startswith("ready "):
                return line.split()[1]
        raise RuntimeError(f"it did not start: {self.log.read_text()}")

    def kill(self) -> None:
        """SIGKILL to it and its children."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self._close()

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self.process.terminate()
        return self._close()

    def _close(self) -> int:
        status = self.process.wait(15)
        if self.process.stdout:
            self.process.stdout.close()
        return status
