"""Armed outcomes: what the next message to one phone (or the next call with one key) shall meet."""

from collections import deque
from collections.abc import Container, Iterable

from sandbox.phones import e164

# The last six digits of a phone that nobody armed: long enough for no load test to hit them by chance.
MAGIC = {"990901": "delivered", "990902": "undelivered", "990903": "slow", "990904": "never"}


def key_of(spelling: str) -> str:
    """Phones in one spelling, other keys as they are."""
    return e164(spelling) or spelling.strip()


class Arms:
    """Outcomes by upstream and key, each used once, in the order in which they were armed."""

    def __init__(self) -> None:
        self._armed: dict[tuple[str, str], deque[str]] = {}

    def arm(self, upstream: str, key: str, outcome: str) -> None:
        self._armed.setdefault((upstream, key_of(key)), deque()).append(outcome)

    def take(self, upstream: str, key: str) -> str | None:
        waiting = self._armed.get((upstream, key))
        if waiting is None:
            return MAGIC.get(key[-6:])
        outcome = waiting.popleft()
        if not waiting:
            del self._armed[(upstream, key)]
        return outcome

    def first_of(self, upstream: str, keys: Iterable[str], among: Container[str]) -> str | None:
        """The first outcome of these that is armed for one of the keys, used up; the others stay, in their order."""
        for key in map(key_of, filter(None, keys)):
            waiting = self._armed.get((upstream, key), deque())
            if (outcome := next((one for one in waiting if one in among), None)) is not None:
                waiting.remove(outcome)
                if not waiting:
                    del self._armed[(upstream, key)]
                return outcome
        return None

    def clear(self) -> None:
        self._armed.clear()
