"""Telegram's initData: who has opened a Mini App (core.telegram.org/bots/webapps, security.md C5 and M14)."""

from dataclasses import dataclass, field

from flows.errors import FlowError


class InitDataRefused(FlowError):
    """Forged, stale, of another bot, or nobody's: one answer for all."""

    code, key, status = "1035", "error.init_data", 401


@dataclass(frozen=True, slots=True)
class Launch:
    """`user` is Telegram's id of the person; `hash` names this launch, for whoever takes each but once."""

    user: str
    hash: str = field(repr=False)


def user_of(init_data: str, *, token: str, now: float, max_age: int, keys: tuple[bytes, ...] = ()) -> Launch:
    """Raises `InitDataRefused`, and nothing else."""
    raise NotImplementedError
