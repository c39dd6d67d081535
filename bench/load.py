"""A lean HTTP load: keep-alive connections, each sends the next call when it has its answer."""

import asyncio
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True)
class Called:
    """One phase: `calls` in `seconds`, each `times` long, `cpu` seconds of the server; answers in the calls' order."""

    calls: int
    seconds: float
    cpu: float
    times: Sequence[float]
    answers: Sequence[dict[str, object]]

    @property
    def rate(self) -> float:
        return self.calls / self.seconds

    def quantile(self, share: float) -> float:
        return sorted(self.times)[min(self.calls - 1, int(self.calls * share))]


def cpu_seconds(pid: int) -> float:
    fields = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()  # noqa: PTH123, SIM115
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def load(
    url: str, path: str, forms: Sequence[dict[str, str]], pid: int, connections: int, *, per_second: float = 0
) -> Called:
    """As fast as the answers come, or with `per_second` at that pace: then times count from when a call was due."""
    host, _, port = url.removeprefix("http://").partition(":")
    requests = [_request(path, form) for form in forms]
    times = [0.0] * len(forms)
    answers: list[dict[str, object]] = [{} for _ in forms]
    queue: Iterator[int] = iter(range(len(forms)))

    async def connection() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        for index in queue:
            start = time.perf_counter()
            if per_second:
                start = began + index / per_second
                await asyncio.sleep(max(0, start - time.perf_counter()))
            writer.write(requests[index])
            answers[index] = await _answer(reader)
            times[index] = time.perf_counter() - start
        writer.close()

    before, began = cpu_seconds(pid), time.perf_counter()
    await asyncio.gather(*(connection() for _ in range(connections)))
    seconds = time.perf_counter() - began
    return Called(len(forms), seconds, cpu_seconds(pid) - before, times, answers)


def _request(path: str, form: dict[str, str]) -> bytes:
    body = urlencode(form).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _answer(reader: asyncio.StreamReader) -> dict[str, object]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    body: dict[str, object] = json.loads(await reader.readexactly(length))
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"{head.split()[1].decode()}: {body}")
    return body
