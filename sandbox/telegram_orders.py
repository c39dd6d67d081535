"""What may be armed for one user of the Telegram simulator (`"for"` is the user id), and Telegram's flood limits."""

from collections.abc import Collection

from sandbox.telegram_refusals import TooMany
from sandbox.world import World

NAME = "telegram"
SENDING = {
    "429": "следующая отправка в этот чат: 429, retry_after 1",
    "blocked": "следующая отправка: 403, бот заблокирован",
    "502": "следующая отправка: 502 Bad Gateway, ничего не принято",
    "timeout-after": "следующая отправка принята, но ответа бот не дождётся",
}
UPDATING = {
    "duplicate-update": "следующее обновление придёт дважды с тем же update_id",
    "reordered": "следующие два обновления придут в обратном порядке",
}
OUTCOMES = SENDING | UPDATING

BURST, PER_SECOND = 20.0, 1.0  # one chat
BURST_OF_ALL, PER_SECOND_OF_ALL = 30.0, 30.0


def ordered(world: World, user_id: int, kinds: Collection[str]) -> str:
    """The first outcome of these kinds that is armed for the user, used up; the others stay, in their order."""
    return world.arms.first_of(NAME, (str(user_id),), kinds) or ""


class Flood:
    """Token buckets: one message a second into one chat, thirty into all; bursts pass. None at speed 0."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._left: dict[int, tuple[float, float]] = {}

    def admit(self, chat_id: int) -> None:
        """Raises `TooMany`."""
        if self._world.speed > 0:
            self._take(chat_id, BURST, PER_SECOND)
            self._take(0, BURST_OF_ALL, PER_SECOND_OF_ALL)

    def _take(self, bucket: int, burst: float, rate: float) -> None:
        now = self._world.clock()
        left, since = self._left.get(bucket, (burst, now))
        left = min(burst, left + (now - since) * rate)
        self._left[bucket] = (left, now)
        if left < 1:
            raise TooMany(max(1, round((1 - left) / rate)))
        self._left[bucket] = (left - 1, now)
