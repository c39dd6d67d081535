"""What processes of ours hold, their children included, as /proc has it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cradle import Forked


@dataclass(frozen=True, slots=True)
class Taken:
    """`memory` is resident, in MiB."""

    memory: float
    descriptors: int
    threads: int


def family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(one for child in children for one in family(int(child)))]


def taken(pid: int) -> Taken:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    memory, threads = (int(status.partition(name)[2].split()[0]) for name in ("VmRSS:", "Threads:"))
    return Taken(memory / 1024, len(list(Path(f"/proc/{pid}/fd").iterdir())), threads)


def all_of(processes: Iterable[Forked]) -> list[int]:
    return [pid for process in processes for pid in family(process.pid)]


def total(pids: Iterable[int]) -> Taken:
    each = [taken(pid) for pid in pids]
    return Taken(
        sum(one.memory for one in each), sum(one.descriptors for one in each), sum(one.threads for one in each)
    )
