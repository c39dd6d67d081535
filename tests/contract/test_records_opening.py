"""Opening the records: the schema, many processes at once, keys, file modes, addresses."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from postgres import Cluster
from sqlalchemy import Connection

import flows.records
from flows.errors import StoreDown
from flows.identifiers import Identifier
from flows.records.chain import AuditEntry
from flows.records.changes import named
from flows.records.clients import Records
from flows.records.migrating import HEAD
from flows.records.opening import BadDatabaseUrl, open_records
from flows.records.people import ClientRow
from flows.records.sealing import RecordKeys, WrongRecordsKey
from flows.records.tables import metadata

ROOT = Path(__file__).parents[2]
OPENER = """
import asyncio, sys
from pathlib import Path
from flows.records import migrating, sqlite
from flows.records.opening import open_records
from flows.records.sealing import RecordKeys

url, storage, rule = sys.argv[1:]
if rule == "taken out":
    migrating._ONE_AT_A_TIME, sqlite._AS_A_WRITER = "SELECT 1", "BEGIN"

async def main():
    print("ready", flush=True)
    sys.stdin.readline()
    async with open_records(url, RecordKeys(b"k" * 32), storage=Path(storage)) as records:
        await records.ping()

asyncio.run(main())
"""
PHONE = Identifier(kind="phone", value="+992900000001")
ROW = ClientRow(crm_id="C-1", phone=PHONE.value, secret_word="себи сурх", birth_date="1990-02-28")


def open_at_once(url: str, storage: Path, rule: str) -> list[int]:
    """Six processes open the same empty database at the same moment; how each of them ended."""
    command = [sys.executable, "-W", "error", "-c", OPENER, url, str(storage), rule]
    started = [
        subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        for _ in range(6)
    ]
    for process in started:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in started:
        process.communicate(timeout=60)
    return [process.returncode for process in started]


def test_many_processes_may_start_at_once(database_url: str, tmp_path: Path) -> None:
    assert open_at_once(database_url, tmp_path, "in place") == [0] * 6


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_without_the_lock_they_may_not(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A race that is lost nearly every time, and not each time: up to four starts, each on an empty place."""

    def start(number: int) -> bool:
        place = tmp_path / str(number)
        place.mkdir()
        url = f"sqlite:///{place}/r.db" if kind == "sqlite" else request.getfixturevalue("postgres").fresh()
        return any(open_at_once(url, place, "taken out"))

    assert any(start(number) for number in range(4))


def test_head_is_the_scripts_head() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(flows.records.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


async def test_the_migrations_build_what_the_tables_say(records: Records) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with records.writer.transaction() as connection:
        assert await connection.run_sync(differences) == []


def test_a_start_at_head_loads_no_alembic(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/records.db"
    look = OPENER + "\nprint('alembic' in sys.modules, 'asyncpg' in sys.modules)"
    command = [sys.executable, "-c", look, url, str(tmp_path), "in place"]
    told = [subprocess.run(command, cwd=ROOT, check=True, capture_output=True, input=b"\n").stdout for _ in range(2)]
    assert told == [b"ready\nTrue False\n", b"ready\nFalse False\n"]


async def test_the_files_are_for_our_eyes_only(tmp_path: Path, record_keys: RecordKeys) -> None:
    path = tmp_path / "deep" / "records.db"
    async with open_records(f"sqlite:///{path}", record_keys, storage=tmp_path) as records:
        await records.upsert(ROW)
        files = list(path.parent.iterdir())
        assert {file.name for file in files} >= {"records.db", "records.db-wal"}
        assert {file.stat().st_mode & 0o077 for file in files} == {0}


@pytest.mark.parametrize("url", ["mysql://u:secret@h/d", "sqlite://", "sqlite:///:memory:", "nonsense secret", ""])
async def test_other_addresses_are_refused_without_repeating_them(
    url: str, tmp_path: Path, record_keys: RecordKeys
) -> None:
    with pytest.raises(BadDatabaseUrl) as caught:
        async with open_records(url, record_keys, storage=tmp_path):
            pass
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("spelling", ["postgresql+asyncpg://", "postgres://"])
async def test_spellings_of_a_postgresql_address(
    postgres: Cluster, tmp_path: Path, record_keys: RecordKeys, spelling: str
) -> None:
    url = postgres.fresh().replace("postgresql://", spelling)
    async with open_records(url, record_keys, storage=tmp_path) as records:
        await records.ping()


async def test_a_dead_database_is_said_to_be_down(tmp_path: Path, record_keys: RecordKeys) -> None:
    started = time.monotonic()
    for url in ("postgresql://u@127.0.0.1:1/d", "postgresql://u@/d?host=/nowhere", f"sqlite:///{os.devnull}/x.db"):
        with pytest.raises(StoreDown):
            async with open_records(url, record_keys, storage=tmp_path):
                pass
    assert time.monotonic() - started < 3


async def test_the_wrong_secret_is_noticed_at_the_start(database_url: str, tmp_path: Path) -> None:
    async with open_records(database_url, RecordKeys(b"a" * 32), storage=tmp_path):
        pass
    with pytest.raises(WrongRecordsKey):
        async with open_records(database_url, RecordKeys(b"b" * 32), storage=tmp_path):
            pass


async def test_after_a_rotation_everything_is_still_there(database_url: str, tmp_path: Path) -> None:
    old, new = b"o" * 32, b"n" * 32
    async with open_records(database_url, RecordKeys(old), storage=tmp_path) as records:
        client = await records.upsert(ROW)
        await records.audit.append([AuditEntry(0, "1-0", 1, "e", "c", "o")])
    keys = RecordKeys(new, old)
    async with open_records(database_url, keys, storage=tmp_path) as records:
        found = await records.find((PHONE,))
        assert found
        assert found.client == client
        assert await records.check_word(client, "Себи Сурх")
        assert not await records.check_word(client, "себи")
        assert await records.audit.verify() is None
        assert await records.upsert(ClientRow(phone=PHONE.value, email="z@example.tj")) == client
        async with records.writer.transaction() as connection:
            held = (await flows.records.changes.load(connection, keys, [client]))[client]
        assert held.prints == {name.prints[0] for name in named(keys, held.person)}


async def test_closing_leaves_no_thread_or_task(database_url: str, tmp_path: Path, record_keys: RecordKeys) -> None:
    before = asyncio.all_tasks()
    async with open_records(database_url, record_keys, storage=tmp_path) as records:
        await records.check_word(await records.upsert(ROW), "себи сурх")
    assert asyncio.all_tasks() == before
