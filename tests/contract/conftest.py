"""Real databases for the contract tests: each test gets one of its own."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from postgres import Cluster, binaries, cluster

from flows.records.clients import Records
from flows.records.opening import open_records
from flows.records.sealing import RecordKeys

RECORDS_KEY = b"records key of the tests, 32 by." + b"!"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    folder = binaries()
    if folder is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with cluster(folder) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with nothing in it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/records.db"
    server: Cluster = request.getfixturevalue("postgres")
    return server.fresh()


@pytest.fixture
def record_keys() -> RecordKeys:
    return RecordKeys(RECORDS_KEY)


@pytest_asyncio.fixture
async def records(database_url: str, record_keys: RecordKeys, tmp_path: Path) -> AsyncIterator[Records]:
    async with open_records(database_url, record_keys, storage=tmp_path) as opened:
        yield opened
