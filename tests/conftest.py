"""What every test may ask for: a real Redis, and a place of its own for what a test starts."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from figures import Record, record
from servers import RedisServer
from together import Together
from xdist.remote import Producer

import bot

gc.disable()  # collecting the tests makes what stays, and takes a fifth longer with it
assert bot, "aiogram comes as the bot has it: with its validators, eight seconds later"


@pytest.fixture(scope="session")
def redis_of_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def redis_server(redis_of_session: RedisServer) -> RedisServer:
    """An empty Redis with an append-only file; a test that stops it starts it again."""
    redis_of_session.flush()
    return redis_of_session


@pytest.fixture
def figure() -> Record:
    """Write a goal's figure down."""
    return record


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Together:
    return Together(config, log)


def pytest_collection_finish() -> None:
    """Half a gigabyte of tests, which the garbage collector would go through again and again."""
    gc.freeze()
    gc.enable()
