"""The records' secret is changed: everything is there after, the old one is needed no more, wherever it was killed."""

import asyncio
import contextlib
import random
import signal
import sys
from pathlib import Path

import pytest
from figures import FULL
from sqlalchemy import select

import flows.records.rotating as rotating_module
from flows.identifiers import Identifier
from flows.records.audit import Broken
from flows.records.chain import AuditEntry
from flows.records.clients import Records
from flows.records.head import BEGINNING
from flows.records.importing import import_csv
from flows.records.opening import open_records
from flows.records.people import ClientRow
from flows.records.rotating import Rotated, rotate
from flows.records.sealing import RecordKeys, WrongRecordsKey
from flows.records.tables import clients, names

OLD, NEW, NEWER = b"o" * 32, b"n" * 32, b"m" * 32
HEADER = "crmid,phone,email,last_name,first_name,middle_name,birth_date,tax_number,secret_word\n"
PEOPLE = 450  # three pages
KILLED = """
import asyncio, sys
from pathlib import Path
from flows.records.opening import open_records
from flows.records.rotating import rotate
from flows.records.sealing import RecordKeys

async def main():
    keys = RecordKeys(b"n" * 32, b"o" * 32)
    async with open_records(sys.argv[1], keys, storage=Path(sys.argv[2])) as records:
        print("begun", flush=True)
        await rotate(records, actor="operator")

asyncio.run(main())
"""


def name(number: int) -> Identifier:
    return Identifier(kind="phone", value=f"+99290{number:07}")


@pytest.fixture
async def peopled(database_url: str, tmp_path: Path) -> str:
    """A database under the old secret: imported people, one enrolled with proofs and a hardened word, some entries."""
    table = tmp_path / "people.csv"
    lines = (f"C-{n},{name(n).value},,Канарова,Имя {n},,1990-02-28,,слово {n}\n" for n in range(PEOPLE))
    table.write_text(HEADER + "".join(lines), encoding="utf-8")
    async with open_records(database_url, RecordKeys(OLD), storage=tmp_path) as records:
        await import_csv(table, records, country="TJ")
        client = await records.upsert(ClientRow(crm_id="C-7", secret_word="Себи Сурх"))
        await records.writer.add_proof(client, "humo", "d", 1, {"kind": "passport"})
        await records.audit.append([entry(1), entry(2)])
    return database_url


def entry(number: int) -> AuditEntry:
    return AuditEntry(0, f"{number}-0", number, "otp_evaluated", "support", "o")


async def all_is_there(records: Records) -> None:
    for number in random.sample(range(PEOPLE), 20):
        found = await records.find((name(number),))
        assert found
        card = await records.card(found.client)
        assert card
        assert (card.first_name, card.crm_id) == (f"Имя {number}", f"C-{number}")
    enrolled = await records.find((name(7),))
    assert enrolled
    assert await records.check_word(enrolled.client, "себи сурх")
    assert not await records.check_word(enrolled.client, "слово 7")
    card = await records.card(enrolled.client)
    assert card
    assert [proof.details for proof in card.proofs] == [{"kind": "passport"}]
    pending = await records.find((name(8),))
    assert pending
    assert await records.check_word(pending.client, "слово 8")
    assert await records.audit.verify() is None


async def resting(records: Records) -> tuple[set[bytes], set[bytes]]:
    """The wrapped keys and the fingerprints that there are."""
    async with records.writer.transaction() as connection:
        keys = {bytes(key) for key in await connection.scalars(select(clients.c.data_key))}
        return keys, {bytes(one) for one in await connection.scalars(select(names.c.fingerprint))}


async def test_after_it_the_old_secret_is_needed_no_more(peopled: str, tmp_path: Path) -> None:
    async with open_records(peopled, RecordKeys(OLD), storage=tmp_path) as records:
        before = await resting(records)
    async with open_records(peopled, RecordKeys(NEW, OLD), storage=tmp_path) as records:
        assert await rotate(records, actor="operator") == Rotated(PEOPLE, fresh=True)
        assert await rotate(records, actor="operator") == Rotated(0, fresh=False)
        await all_is_there(records)
        assert (await records.audit.tail(1))[0]["event"] == "records_key_rotated"
    async with open_records(peopled, RecordKeys(NEW), storage=tmp_path) as records:
        await all_is_there(records)
        after = await resting(records)
        assert [len(one) for one in after] == [len(one) for one in before]
        assert not before[0] & after[0]
        assert not before[1] & after[1]
        await records.audit.append([entry(3)])
        assert await records.audit.verify() is None
    with pytest.raises(WrongRecordsKey):
        async with open_records(peopled, RecordKeys(OLD), storage=tmp_path):
            pass


async def test_what_former_secrets_left_behind_goes_on_from_secret_to_secret(peopled: str, tmp_path: Path) -> None:
    for now, before in ((NEW, OLD), (NEWER, NEW)):
        async with open_records(peopled, RecordKeys(now, before), storage=tmp_path) as records:
            await rotate(records, actor="operator")
    async with open_records(peopled, RecordKeys(NEWER), storage=tmp_path) as records:
        await all_is_there(records)


def files_of(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("records.db*"))


async def test_nothing_of_it_rests_in_clear_nor_under_the_old_secret(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/records.db"
    async with open_records(url, RecordKeys(OLD), storage=tmp_path) as records:
        await records.upsert(ClientRow(crm_id="CANARY-1", first_name="Канария", phone=name(1).value))
        traces = [one for some in await resting(records) for one in some]
    async with open_records(url, RecordKeys(NEW, OLD), storage=tmp_path) as records:
        await rotate(records, actor="operator")
        there = files_of(tmp_path)
        assert len(there) > 10_000
        assert [trace for trace in traces if trace in there] == []
        for plain in ("CANARY-1", "Канария", name(1).value):
            assert plain.encode() not in there


async def test_with_the_old_audit_key_nobody_writes_on(peopled: str, tmp_path: Path) -> None:
    """Whoever stole the old secret can chain with it, and the log says from where on."""
    async with open_records(peopled, RecordKeys(NEW, OLD), storage=tmp_path) as records:
        await rotate(records, actor="operator")
    async with open_records(peopled, RecordKeys(NEW), storage=tmp_path) as records:
        records.audit.keys.current = RecordKeys(OLD).audit.current
        await records.audit._append([entry(9)], BEGINNING)
    async with open_records(peopled, RecordKeys(NEW), storage=tmp_path) as records:
        assert await records.audit.verify() == Broken(4, "its contents do not match its hash")


async def test_somebody_enrolled_meanwhile_is_rotated_too(
    peopled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a process that still writes under the old secret, behind the walk's back."""
    page = rotating_module._page
    late = [ClientRow(crm_id="A-1", phone="+992911111111", secret_word="поздно")]

    async def slow(records: Records, after: str) -> tuple[str | None, int]:
        found = await page(records, after)
        if late and after:
            async with open_records(peopled, RecordKeys(OLD), storage=tmp_path / "other") as other:
                client = await other.writer.upsert(late.pop())
            assert client
        return found

    monkeypatch.setattr(rotating_module, "_page", slow)
    async with open_records(peopled, RecordKeys(NEW, OLD), storage=tmp_path) as records:
        await rotate(records, actor="operator")
    async with open_records(peopled, RecordKeys(NEW), storage=tmp_path) as records:
        found = await records.find((Identifier(kind="crmid", value="A-1"),))
        assert found
        assert await records.check_word(found.client, "поздно")


async def test_killed_anywhere_and_run_again(peopled: str, tmp_path: Path) -> None:
    """SIGKILL again and again in one rotation; meanwhile and after, nothing is missing."""
    unfinished = 0
    for moment in range(20) if FULL else (1, 4):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", KILLED, peopled, str(tmp_path), stdout=asyncio.subprocess.PIPE, cwd=Path.cwd()
        )
        assert process.stdout
        assert await process.stdout.readline() == b"begun\n"
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 0.005 + 0.008 * moment)
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        unfinished += await process.wait() == -signal.SIGKILL
        async with open_records(peopled, RecordKeys(NEW, OLD), storage=tmp_path) as records:
            await all_is_there(records)
        if process.returncode == 0:
            break
    assert unfinished >= 1
    async with open_records(peopled, RecordKeys(NEW, OLD), storage=tmp_path) as records:
        await rotate(records, actor="operator")
    async with open_records(peopled, RecordKeys(NEW), storage=tmp_path) as records:
        await all_is_there(records)
        told = [line["event"] for line in await records.audit.tail(10)]
        assert told.count("records_key_rotated") == 1


async def test_a_mark_that_is_changed_first_would_lock_us_out(
    peopled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rule taken out: killed after the mark, the old secret taken away, and everybody is unknown in silence."""

    async def nobody(_records: Records, _progress: object) -> int:
        return 0

    monkeypatch.setattr(rotating_module, "_everybody", nobody)
    async with open_records(peopled, RecordKeys(NEW, OLD), storage=tmp_path) as records:
        await rotate(records, actor="operator")
    async with open_records(peopled, RecordKeys(NEW), storage=tmp_path) as records:
        assert await records.find((name(1),)) is None
