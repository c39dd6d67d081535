"""Redis' clock decides; a machine whose own is wrong says so once, and judges nothing by it (security.md T1, Q23)."""

import json
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import structlog
from dialogues import dialogues
from humo_sandbox import FIRUZ
from paper_room import ME, paper_room
from servers import RedisServer

from flows import store, submitting
from flows.clock import ahead
from flows.images import Images
from flows.wiring import own_secrets
from sandbox.drawn import draw
from shinos import dependencies

DAY = 86400.0


def shifted(seconds: float) -> SimpleNamespace:
    """The module `time` on a machine whose clock is wrong by that."""
    return SimpleNamespace(time=lambda: time.time() + seconds, monotonic=time.monotonic)


@pytest.mark.parametrize("shift", [-DAY, DAY])
async def test_a_photo_goes_to_humo_whatever_the_machines_clock_says(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, shift: float
) -> None:
    async with Images() as images, paper_room(redis_server, images) as room:
        await room.ready()
        monkeypatch.setattr(submitting, "time", shifted(shift))
        session = await room.sent(draw(FIRUZ, "front"))
        assert '"checking"' in session.state, (ME, session.reply)


@pytest.mark.parametrize("shift", [-DAY, 10 * 60])
async def test_a_clock_that_drifts_is_said_once_each_time_that_it_begins(
    folder: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, shift: float
) -> None:
    async with dialogues(folder, redis_server, houses=1, work=False) as talk:
        with structlog.testing.capture_logs() as logged:
            for seconds in (0.0, shift, shift, 0.5, shift):
                monkeypatch.setattr(store, "time", shifted(seconds))
                await talk.house.store.lease("a lease", range(16), 1)
                assert abs(await talk.house.store.drift() - seconds) < 1
        said = [entry for entry in logged if entry["event"] == "clock_drift"]
        assert [(entry["log_level"], entry["seconds"]) for entry in said] == [("warning", round(shift))] * 2
        (alarm,) = await talk.events("alarm")  # of a kind at most one per second
        assert json.loads(alarm["fields"]) == {"kind": "clock_drift", "seconds": round(shift)}


@pytest.mark.parametrize(
    ("shift", "said"), [(0.0, ""), (1.0, ""), (600.0, "600 s ahead of Redis'"), (-DAY, "86400 s behind Redis'")]
)
async def test_check_has_a_line_for_it(
    folder: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, shift: float, said: str
) -> None:
    async with dialogues(folder, redis_server, houses=1, work=False) as talk:
        settings = talk.house.settings
        monkeypatch.setattr(store, "time", shifted(shift))
        told = await dependencies.redis(settings, own_secrets(settings)[0])
        lines = [words for what, state, words in told if what == "clock" and state == "warn"]
        assert len(lines) == bool(said)
        assert said in "".join(lines)


def test_a_slow_answer_is_no_drift() -> None:
    there_and_back = [(100, 103, 107), (100, 100, 100), (110, 103, 117), (90, 103, 99)]
    assert [ahead(*moments) for moments in there_and_back] == [0, 0, 7, -4]
