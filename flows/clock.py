"""Redis' clock decides; a machine's own, by which what others signed is judged, must only agree with it (Q23)."""

from collections.abc import Callable

import structlog

from flows.effects import Note

TOLERATED = 2.0
"""Seconds."""
_log = structlog.get_logger("shinos")


def ahead(before: float, theirs: float, after: float) -> float:
    """Seconds that our clock is ahead of Redis', or behind it (negative), as far as the way there leaves no doubt.

    All three in Unix seconds: ours when we asked, theirs, and ours when the answer was here.
    """
    return max(before - theirs, 0.0) + min(after - theirs, 0.0)


class Clock:
    """Says it once, when it begins."""

    def __init__(self, note: Callable[[str, Note], None]) -> None:
        self._note = note
        self._is_wrong = False

    def compared(self, before: float, theirs: float, after: float) -> None:
        """As `ahead`."""
        seconds = ahead(before, theirs, after)
        if abs(seconds) > TOLERATED and not self._is_wrong:
            _log.warning("clock_drift", seconds=round(seconds))
            self._note("", Note("alarm", {"kind": "clock_drift", "seconds": round(seconds)}))
            self._is_wrong = True
        elif abs(seconds) < TOLERATED / 2:
            self._is_wrong = False
