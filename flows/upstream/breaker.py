"""An upstream that is unwell is left alone for a while (security.md U1, §7 #28).

    well ──so many calls in a row have failed──▶ left alone ──30 s──▶ one call goes out ──failed──▶ left alone
      ▲                                                                      │
      └──────────────────────────────────answered────────────────────────────┘

Each process counts for itself. It learns within five calls what another has learnt; no call waits for Redis first, and
a process whose own network is broken does not take the upstream from the others. The gateways of codes are different:
a begin must know at once which of them are down, so theirs is in the store.
"""

from time import monotonic

import structlog

from flows.settings import Limits

_log = structlog.get_logger("upstream")


class Breaker:
    def __init__(self, name: str, limits: Limits) -> None:
        self._name = name
        self._most = limits.breaker_failures
        self._seconds = limits.breaker
        self._failures = 0
        self._until = 0.0

    def lets(self) -> bool:
        """Whether a call may go out; of those after the time has passed, the first."""
        if self._failures < self._most:
            return True
        now = monotonic()
        if now < self._until:
            return False
        self._until = now + self._seconds  # as if it had failed, so nothing is stuck if nobody hears its end
        return True

    def note(self, *, well: bool) -> None:
        """How a call ended that went out. Whatever was answered, the upstream is well again."""
        self._failures = 0 if well else self._failures + 1
        if self._failures == self._most:
            self._until = monotonic() + self._seconds
            _log.warning("upstream_left_alone", upstream=self._name, seconds=self._seconds)
