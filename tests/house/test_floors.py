"""A file imports only from its own floor or from lower ones: the table in ARCHITECTURE.md is held."""

import pytest
from floors import ROOT, circles, floor_of, floors, sources, wrong_arrows

TABLE = floors((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))
FILES = sources()


def test_the_table_is_read() -> None:
    assert TABLE["flows/machine.py"] == 2
    assert TABLE["flows/steps/"] == 1
    assert len(TABLE) > 20


def test_every_file_has_a_floor() -> None:
    assert [path for path in FILES if floor_of(path, TABLE) is None] == []


def test_every_row_stands_for_something() -> None:
    assert [path for path in TABLE if not (ROOT / path).exists() and path != "bot/"] == []


def test_no_arrow_runs_where_it_may_not() -> None:
    assert wrong_arrows(FILES, TABLE) == []


def test_no_two_files_need_each_other_to_start() -> None:
    assert circles(FILES) == []


PLANTED = [
    ("flows/errors.py", "from flows.machine import advance", "runs up from floor 0 to 2"),
    ("flows/machine.py", "from flows import store", "runs up from floor 2 to 3"),
    ("flows/service.py", "def late():\n    import search_api.iq4", "runs up from floor 4 to 6"),
    ("flows/machine.py", "import time", "floors 0-2 are pure"),
    ("flows/steps/code.py", "def late():\n    from redis.asyncio import Redis", "floors 0-2 are pure"),
    ("flows/texts.py", "import os", "floors 0-2 are pure"),
    ("flows/plan.py", "import_module('aiohttp')", "floors 0-2 are pure"),
    ("flows/steps/code.py", "from flows.steps.client import Client", "a step knows no other step"),
    ("flows/upstream/codes.py", "from flows.records.clients import Records", "never know each other"),
    ("bot/talk.py", "from search_api.iq4 import search", "never know each other"),
    ("search_api/iq4.py", "import bot.talk", "never know each other"),
    ("search_api/iq4.py", "from sandbox.world import World", "only the front door loads the sandbox"),
    ("flows/wiring.py", "import sandbox", "only the front door loads the sandbox"),
    ("shinos/serving.py", "from tests.unit import driving", "nobody imports the tests"),
    ("sandbox/app.py", "from flows.errors import FlowError", "the sandbox imports nothing of ours"),
    ("flows/service.py", "from . import store", "written out in full"),
]


@pytest.mark.parametrize(("path", "line", "reason"), PLANTED)
def test_a_planted_arrow_is_caught(path: str, line: str, reason: str) -> None:
    planted = {**FILES, "bot/talk.py": "", path: line}
    assert any(reason in arrow and arrow.startswith(path) for arrow in wrong_arrows(planted, TABLE))


def test_a_planted_circle_is_caught() -> None:
    planted = {**FILES, "flows/errors.py": "from flows.texts import Text", "flows/texts.py": "import flows.errors"}
    assert circles(planted) == ["flows/errors.py", "flows/texts.py"]


def test_the_front_door_may_load_the_sandbox() -> None:
    planted = {**FILES, "shinos/serving.py": "def late():\n    from sandbox.app import make_app"}
    assert wrong_arrows(planted, TABLE) == []
