"""A throwaway PostgreSQL on a unix socket, with no pretence of surviving a power cut."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

_HASTE = ("fsync=off", "full_page_writes=off", "listen_addresses=", "max_connections=200")


def binaries() -> Path | None:
    """The newest installed server's folder; the service itself runs against any."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    return found[-1].parent if found else None


@contextmanager
def cluster(folder: Path) -> Iterator["Cluster"]:
    """A running server, gone with us: it is told to stop when this process dies, too."""
    room = Path(tempfile.mkdtemp(prefix="pg-"))  # short, for the path of a unix socket may not be long
    if os.geteuid() == 0:
        shutil.chown(room, "postgres", "postgres")
    data = room / "data"
    subprocess.run(
        [*_as_postgres(), folder / "initdb", "-D", data, "-N", "-A", "trust", "-U", "postgres", "-E", "UTF8"],
        check=True,
        capture_output=True,
        cwd=room,
    )
    options = [option for setting in (*_HASTE, f"unix_socket_directories={room}") for option in ("-c", setting)]
    server = Cluster(folder, [*_as_postgres(), str(folder / "postgres"), "-D", str(data), *options], room)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(room)


class Cluster:
    """The server process and its databases."""

    def __init__(self, folder: Path, command: list[str], room: Path) -> None:
        self._folder = folder
        self._command = command
        self.room = room
        self._count = 0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(self._command, stderr=subprocess.DEVNULL, cwd=self.room)
        deadline = time.monotonic() + 30
        while subprocess.run([self._folder / "pg_isready", "-q", "-h", self.room], check=False).returncode:
            if time.monotonic() > deadline:
                raise TimeoutError("PostgreSQL did not start")
            time.sleep(0.05)

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(3)  # QUIT: at once; nothing in it is worth keeping
            self.process.wait(30)

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={quote(str(self.room), safe='')}"

    def fresh(self) -> str:
        """The URL of a new, empty database."""
        self._count += 1
        name = f"test{self._count}"
        subprocess.run([self._folder / "createdb", "-h", self.room, "-U", "postgres", name], check=True)
        return self.url(name)


def _as_postgres() -> list[str]:
    """PostgreSQL refuses to run as root; `setpriv` also ties its life to ours."""
    if os.geteuid() != 0:
        return ["setpriv", "--pdeathsig", "INT"]
    user = pwd.getpwnam("postgres")
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--pdeathsig", "INT"]
