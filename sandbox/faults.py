"""Faults that a test orders for an upstream: POST /_faults keeps them here, the gate performs them."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal["timeout", "accept-timeout", "reset", "500", "garbage", "slow"]

KINDS: dict[Kind, str] = {
    "timeout": "не отвечает, пока клиент не уйдёт (не дольше delay, по умолчанию 60 с); ничего не принято",
    "accept-timeout": "принимает сообщение (оно уже в исходящих), но не отвечает, как timeout",
    "reset": "обрывает соединение TCP",
    "500": "HTTP 500 со страницей HTML",
    "garbage": "HTTP 200 и байты, которые не JSON",
    "slow": "отвечает как обычно, но через delay (по умолчанию 5 с)",
}
DEFAULT_DELAY: dict[Kind, float] = {"timeout": 60.0, "accept-timeout": 60.0, "slow": 5.0}


@dataclass
class Fault:
    """`times` counts down, None lasts until cleared; `delay` is in real seconds."""

    upstream: str
    kind: Kind
    times: int | None
    delay: float


class Faults:
    """Faults of each upstream in the order in which they were posted: the first that is left is the next to strike."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[Fault]] = {}

    def add(self, upstream: str, kind: Kind, times: int | None, delay: float | None) -> None:
        seconds = DEFAULT_DELAY.get(kind, 0.0) if delay is None else delay
        self._waiting.setdefault(upstream, []).append(Fault(upstream, kind, times, seconds))

    def strike(self, upstream: str) -> Fault | None:
        """The fault that the present call meets, one time of it used up."""
        waiting = self._waiting.get(upstream)
        if not waiting:
            return None
        fault = waiting[0]
        if fault.times is not None:
            fault.times -= 1
            if fault.times == 0:
                waiting.pop(0)
        return fault

    def listed(self) -> list[dict[str, Any]]:
        return [asdict(fault) for waiting in self._waiting.values() for fault in waiting]

    def clear(self) -> None:
        self._waiting.clear()
