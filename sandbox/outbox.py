"""What every gateway was given to deliver, in order; the tests and the index page read the codes here."""

from collections import deque
from itertools import islice
from typing import TypedDict

LIMIT = 50_000


class Message(TypedDict):
    """`to` is E.164 with plus, `at` is ISO 8601 in UTC."""

    to: str
    text: str
    at: str
    gateway: str


class Outbox:
    """The last LIMIT messages of all gateways, also by recipient: tests ask for one phone among ten thousands."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._all: deque[Message] = deque()
        self._by_phone: dict[str, deque[Message]] = {}

    def add(self, message: Message) -> None:
        if len(self._all) >= self._limit:
            self._forget_oldest()
        self._all.append(message)
        self._by_phone.setdefault(message["to"], deque()).append(message)

    def _forget_oldest(self) -> None:
        phone = self._all.popleft()["to"]
        self._by_phone[phone].popleft()
        if not self._by_phone[phone]:
            del self._by_phone[phone]

    def messages(self, phone: str | None = None, last: int | None = None) -> list[Message]:
        """Oldest first; of one phone, or of all; `last` keeps only the newest."""
        found = self._all if phone is None else self._by_phone.get(phone, deque())
        return list(found if last is None else islice(found, max(0, len(found) - last), None))

    def clear(self) -> None:
        self._all.clear()
        self._by_phone.clear()
