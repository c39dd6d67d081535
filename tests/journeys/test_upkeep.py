"""What an operator does once in a while, as a shell sees it: a new records key, the archive, periods."""

import json
import time
from pathlib import Path

from servers import RedisServer
from sqlalchemy import update
from test_command_line import PEOPLE, environ_of, run

from flows.records.chain import AuditEntry
from flows.records.importing import import_csv
from flows.records.tables import clients
from flows.settings import load
from flows.wiring import open_archive

ROOT = Path(__file__).parents[2]
OLD, NEW = "the old records key of the tests, 32 b", "the new records key of the tests, 32 b"
LONG_AGO = int(time.time()) - 1001 * 86400


async def bring_in(folder: Path, environ: dict[str, str]) -> None:
    """Two clients whom nobody has touched for long, and an entry of today, from which the day is known."""
    table = folder / "people.csv"
    table.write_text(PEOPLE)
    async with open_archive(load(ROOT / "config.toml", environ)) as records:
        await import_csv(table, records, country="TJ")
        await records.audit.append([AuditEntry(0, "1-0", int(time.time() * 1000), "card_read", "support", "o")])
        async with records.writer.transaction() as connection:
            await connection.execute(update(clients).values(updated=LONG_AGO))


async def test_a_new_key_then_the_archive_then_the_periods(folder: Path, redis_server: RedisServer) -> None:
    more = {"SHINOS_KEY": "k" * 40, "SHINOS_REDIS__URL": redis_server.url, "SHINOS_RETENTION__CLIENTS_DAYS": "1000"}
    old = environ_of(folder, SHINOS_RECORDS_KEY=OLD, **more)
    await bring_in(folder, old)
    new = old | {"SHINOS_RECORDS_KEY": NEW}
    rotated = run("keys", "rotate", environ=new | {"SHINOS_RECORDS_KEY_PREVIOUS": OLD})
    assert rotated.stdout == "clients rotated 2; SHINOS_RECORDS_KEY_PREVIOUS is needed no more\n"
    assert json.loads(run("clients", "show", "B-1", environ=new).stdout)["birthDate"] == "1990-05-14"
    assert OLD not in rotated.stdout + rotated.stderr

    archive = str(folder / "archive")
    assert run("audit", "archive", archive, "--days", "30", environ=new).returncode == 2
    assert run("audit", "archive", archive, environ=new).stdout == "nothing is older than 365 days\n"
    assert run("audit", "verify", "--archive", archive, environ=new).stdout == "the audit log is whole\n"

    assert run("clients", "prune", "--dry-run", environ=new).stdout == "to be erased: clients 2, proofs 0\n"
    assert run("clients", "prune", environ=new).stdout == "erased: clients 2, proofs 0\n", "it had only counted"
