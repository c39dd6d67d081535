"""Pending words are hardened in processes, for as long as there is time, and nothing is left running."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from sqlalchemy import select

from flows.identifiers import Identifier
from flows.records.clients import Records
from flows.records.hardening import harden
from flows.records.importing import import_csv
from flows.records.tables import clients

ROOT = Path(__file__).parents[2]
HEADER = "crmid,phone,email,last_name,first_name,middle_name,birth_date,tax_number,secret_word\n"
LONG_WORK = """
import asyncio, sys
from pathlib import Path
from flows.records.hardening import harden
from flows.records.importing import import_csv
from flows.records.opening import open_records
from flows.records.sealing import RecordKeys

async def main():
    folder = Path(sys.argv[1])
    async with open_records(f"sqlite:///{folder}/r.db", RecordKeys(b"k" * 32), storage=folder) as records:
        await import_csv(folder / "clients.csv", records, country="TJ")
        print("ready", flush=True)
        await harden(records, seconds=60, processes=2)

if __name__ == "__main__":
    asyncio.run(main())
"""


def written(tmp_path: Path, count: int) -> Path:
    path = tmp_path / "clients.csv"
    path.write_text(HEADER + "".join(f"C-{n},,,,,,,,слово {n}\n" for n in range(count)), encoding="utf-8")
    return path


async def test_hardening_stops_in_time_and_goes_on_later(records: Records, tmp_path: Path) -> None:
    assert (await import_csv(written(tmp_path, 60), records, country="TJ")).pending_words == 60
    assert await harden(records, seconds=0) == 60
    told: list[int] = []
    assert await harden(records, seconds=60, processes=2, progress=told.append) == 0
    assert told == [60]
    async with records.writer.transaction() as connection:
        assert set(await connection.scalars(select(clients.c.word_state))) == {2}
    for n in (0, 59):
        found = await records.find((Identifier(kind="crmid", value=f"C-{n}"),))
        assert found
        assert await records.check_word(found.client, f"Слово {n}")
        assert not await records.check_word(found.client, "слово")


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_killed_import_leaves_no_process(tmp_path: Path) -> None:
    written(tmp_path, 2000)
    (tmp_path / "work.py").write_text(LONG_WORK)
    command = [sys.executable, str(tmp_path / "work.py"), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        deadline = time.monotonic() + 20
        while len(left := children(process.pid)) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(left) >= 2
        time.sleep(1)
        process.send_signal(signal.SIGKILL)
    while any(alive(pid) for pid in left) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(alive(pid) for pid in left)
