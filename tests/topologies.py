"""Redis as banks run it, on loopback: a master with two replicas and three Sentinels; a Cluster of three and three."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

PASSWORD = "loopback/redis@tests"
WRITTEN = "loopback%2Fredis%40tests"
"""The same as it stands in an address."""
MASTER = "mymaster"
START_SECONDS = 60.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@dataclass
class Node:
    """One server; `kill` and `start` as often as one likes, on the same folder."""

    folder: Path
    port: int
    words: Sequence[str]
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        with (self.folder / "redis.log").open("a") as log:
            self.process = subprocess.Popen(["redis-server", *self.words], cwd=self.folder, stdout=log, stderr=log)
        until(lambda: self.command("PING").startswith("+PONG"), f"redis-server on port {self.port}")

    def command(self, line: str) -> str:
        """The answer to an inline command, "" when nobody answers."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
            connection.sendall(f"AUTH {PASSWORD}\r\n{line}\r\n".encode())
            connection.shutdown(socket.SHUT_WR)
            told = b""
            while some := connection.recv(1 << 16):
                told += some
            return told.decode("utf-8", "replace").partition("\r\n")[2]
        return ""

    def kill(self) -> None:
        """As power goes: SIGKILL."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()


class Replicated:
    """What both have in common: `nodes` hold the data, `others` watch them."""

    nodes: list[Node]
    others: Sequence[Node] = ()

    @property
    def masters(self) -> list[Node]:
        return [node for node in self.nodes if node.command("ROLE").startswith("*3\r\n$6\r\nmaster")]

    @property
    def replicas(self) -> list[Node]:
        return [node for node in self.nodes if "slave" in node.command("ROLE")[:20]]

    def cut_replication(self) -> None:
        """From now on the masters are alone with what they write; nobody has noticed yet."""
        for replica in self.replicas:
            replica.command("CONFIG SET masterauth wrong")
        for master in self.masters:
            master.command("CLIENT KILL TYPE replica")

    def is_agreed(self) -> bool:
        """Whoever watches over the masters is done with the last failover."""
        return True

    def close(self) -> None:
        for node in (*self.others, *self.nodes):
            node.kill()


def redis_node(folder: Path, *more: str) -> Node:
    port = free_port()
    plain = ("--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--appendonly", "yes", "--save", "")
    secret = ("--requirepass", PASSWORD, "--masterauth", PASSWORD, "--repl-diskless-sync-delay", "0")
    return Node(folder, port, (*plain, *secret, *more))


class Sentinels(Replicated):
    """With `down_after` (ms) of at least 6000 it is the newest replica that follows.

    Sentinel asks replicas for their offsets every ten seconds, and every second only when the master is agreed to be
    dead. It chooses by what is up to five seconds old then (sentinel.c, sentinelSelectReplica), so by what was said
    before the master died, unless that was longer ago: five seconds, and one between two pings.
    """

    def __init__(self, folder: Path, *, down_after: int = 7000) -> None:
        self.nodes = [redis_node(folder / f"redis-{number}") for number in range(3)]
        first, *rest = self.nodes
        for node in rest:
            node.words = (*node.words, "--replicaof", "127.0.0.1", str(first.port))
        self.others = [_sentinel(folder / f"sentinel-{number}", first.port, down_after) for number in range(3)]
        self.url = f"redis+sentinel://:{WRITTEN}@{_hosts(self.others)}/{MASTER}/0"

    def start(self) -> None:
        for node in (*self.nodes, *self.others):
            node.start()
        until(self._know_each_other, "Sentinels that know each other")
        until(self.is_whole, "replicas that are in step")

    def is_whole(self) -> bool:
        return self.is_agreed() and len(self.replicas) == 2 and in_step(self.replicas)

    def is_agreed(self) -> bool:
        """A Sentinel that is not done with a failover when the next one begins keeps the old master for good.

        And a dead master that is back before they agree finds a replica that still follows it: to both everything
        looks well, and what they are told is thrown away a second later.
        """
        masters = self.masters
        return len(masters) == 1 and all(told == ("2", "2", "master", str(masters[0].port)) for told in self._told())

    def _know_each_other(self) -> bool:
        return all(told[:2] == ("2", "2") for told in self._told())

    def _told(self) -> list[tuple[str, ...]]:
        """What each Sentinel knows of the master."""
        names = ("num-slaves", "num-other-sentinels", "flags", "port")
        tables = [node.command(f"SENTINEL MASTER {MASTER}").split("\r\n") for node in self.others]
        return [tuple(lines[lines.index(name) + 2] if name in lines else "" for name in names) for lines in tables]


def _sentinel(folder: Path, port: int, down_after: int) -> Node:
    own = free_port()
    folder.mkdir()
    (folder / "sentinel.conf").write_text(
        f"port {own}\nbind 127.0.0.1\ndir {folder}\n"
        f"sentinel monitor {MASTER} 127.0.0.1 {port} 2\n"
        f"sentinel auth-pass {MASTER} {PASSWORD}\n"
        f"sentinel down-after-milliseconds {MASTER} {down_after}\n"
        f"sentinel failover-timeout {MASTER} 10000\n"
    )
    return Node(folder, own, ("sentinel.conf", "--sentinel"))


class Cluster(Replicated):
    def __init__(self, folder: Path, *, replicas: int = 1) -> None:
        self._each = replicas
        self.nodes = []
        for number in range(3 + 3 * replicas):
            bus = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()), "--cluster-node-timeout", "1000")
            self.nodes.append(redis_node(folder / f"redis-{number}", *bus))
        self.url = f"redis+cluster://:{WRITTEN}@{_hosts(self.nodes)}"

    def start(self) -> None:
        for node in self.nodes:
            node.start()
        addresses = [f"127.0.0.1:{node.port}" for node in self.nodes]
        words = ["redis-cli", "--cluster", "create", *addresses, "--cluster-yes"]
        words += ["--cluster-replicas", str(self._each)] if self._each else []
        subprocess.run(
            words, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "REDISCLI_AUTH": PASSWORD}, timeout=60
        )
        until(self.is_whole, "a whole cluster")

    def is_whole(self) -> bool:
        alive = [node for node in self.nodes if node.process and node.process.poll() is None]
        well = all("cluster_state:ok" in node.command("CLUSTER INFO") for node in alive)
        return well and len(self.replicas) == 3 * self._each and in_step(self.replicas)


def _hosts(nodes: Sequence[Node]) -> str:
    return ",".join(f"127.0.0.1:{node.port}" for node in nodes)


def in_step(replicas: Sequence[Node]) -> bool:
    return all("master_link_status:up" in node.command("INFO replication") for node in replicas)


def until(true: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"no {what}")
        time.sleep(0.05)


Place = TypeVar("Place", bound=Sentinels | Cluster)


@contextmanager
def running(place: Place) -> Iterator[Place]:
    try:
        place.start()
        yield place
    finally:
        place.close()
