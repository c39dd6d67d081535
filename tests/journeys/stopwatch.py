"""Times answers on one kept connection, two groups interleaved, and says how well time tells one from the other."""

import random
import socket
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit


class Stopwatch:
    """A blocking socket: no event loop of ours between the last byte sent and the first one read."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._socket = socket.create_connection((place.hostname, place.port), timeout=10)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def time(self, sent: bytes, late: float = 0.0) -> tuple[float, bytes]:
        """Seconds until the whole answer was there, and the answer; `late` seconds are added on the way."""
        started = time.perf_counter()
        self._socket.sendall(sent)
        answer = self._answer()
        if late:
            time.sleep(late)
        return time.perf_counter() - started, answer

    def _answer(self) -> bytes:
        answer = b""
        while True:
            answer += self._socket.recv(65536)
            head, blank, body = answer.partition(b"\r\n\r\n")
            if blank and len(body) >= int(head.lower().partition(b"content-length:")[2].split()[0]):
                return answer

    def close(self) -> None:
        self._socket.close()


Pair = tuple[bytes, bytes]


def compare(
    url: str, pairs: Sequence[Pair], check: Callable[[bytes, bytes], None], *, pause: float, late: float = 0.0
) -> float:
    """The AUC of the times: 0.5 when they tell nothing. `late` is added to the second of each pair."""
    watch = Stopwatch(url)
    times: tuple[list[float], list[float]] = ([], [])
    try:
        for pair in pairs:
            answers = [b"", b""]
            for which in random.sample((0, 1), 2):
                seconds, answers[which] = watch.time(pair[which], late * which)
                times[which].append(seconds)
                time.sleep(pause)
            check(*answers)
    finally:
        watch.close()
    return auc(*times)


def auc(first: Sequence[float], second: Sequence[float]) -> float:
    """The chance that one of the second group took longer than one of the first (Mann-Whitney)."""
    ranked = sorted([(seconds, 0) for seconds in first] + [(seconds, 1) for seconds in second])
    ranks = sum(rank for rank, (_, group) in enumerate(ranked, 1) if group)
    return (ranks - len(second) * (len(second) + 1) / 2) / (len(first) * len(second))
