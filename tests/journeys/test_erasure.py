"""An erased client is in no store: neither what was known, nor what it rested as; and nothing of it comes back."""

import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest
from canaries import Canaries
from figures import Record
from servers import RedisServer
from sinks import redis_dump
from stand import OTHER_KEY, STRICT_KEY, WORD, Stand, stand

from flows.identifiers import recognise
from flows.records.people import ClientRow
from flows.settings import load
from flows.wiring import open_archive, own_secrets
from shinos import erasing

PHONE = "+992935172846"
CANARY = ClientRow(
    crm_id="CRM-SISKIN-41",
    first_name="Чижевна",
    last_name="Свиристелева",
    middle_name="Зарянковна",
    phone=PHONE,
    email="waxwing.siskin@example.org",
    birth_date="1983-11-27",
    inn="604817359",
    telegram="waxwing_siskin",
    telegram_id="8812734650",
    document_number="C48120735",
    address="улица Клестов, дом 1174",
    secret_word=WORD,
)
SECRETS = {name: [value] for name, value in CANARY.known().items()}
PROOF = {"task": "humo-task-of-a-siskin"}


async def bring_in(standing: Stand) -> str:
    async with open_archive(load(standing.config, standing.environ)) as records:
        client = await records.upsert(CANARY)
        await records.writer.add_proof(client, "document", "d1", int(time.time()), PROOF)
        return client


def resting(standing: Stand, client: str) -> list[bytes]:
    """How the client lies in the database: id, key, person, word, names, proofs."""
    with closing(sqlite3.connect(standing.folder / "var" / "shinos.db")) as database:
        rows = [
            *database.execute("SELECT data_key, sealed, word FROM clients WHERE id = ?", (client,)),
            *database.execute("SELECT fingerprint FROM names WHERE client_id = ?", (client,)),
            *database.execute("SELECT details FROM proofs WHERE client_id = ?", (client,)),
        ]
    return [client.encode(), *(cell for row in rows for cell in row)]


def files(folders: Iterable[Path]) -> dict[str, bytes]:
    """Of everything that lies on disk."""
    return {
        str(path): path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()
    }  # fmt: skip


async def erase(standing: Stand) -> float:
    """What `shinos clients erase` does once it has started; for how many seconds."""
    started = time.monotonic()
    assert await erasing.erase(load(standing.config, standing.environ), recognise(PHONE, None, "TJ")) == 0
    return time.monotonic() - started


@pytest.mark.proof
async def test_an_erased_client_is_in_no_store(folder: Path, redis_server: RedisServer, figure: Record) -> None:
    async with stand(folder, redis_server) as standing:
        client = await bring_in(standing)
        asked = await standing.search(PHONE)
        word = await standing.search(PHONE, asked.step, await standing.code(PHONE))
        token = (await standing.search(PHONE, word.step, WORD)).token
        assert (await standing.card(token)).body["lastName"] == CANARY.last_name, "it was there"
        running = [(key, (await standing.search(PHONE, key=key)).step) for key in (STRICT_KEY, OTHER_KEY)]
        keys, _ = own_secrets(load(standing.config, standing.environ))
        subject = keys.fingerprint("client", client)
        traces, before = resting(standing, client), await redis_dump(redis_server)
        assert len(traces) >= 9
        assert subject.encode() in before

        seconds = await erase(standing)

        canaries = Canaries(SECRETS | {"proof": list(PROOF.values())})
        there = files((folder, redis_server.folder)) | {"redis": await redis_dump(redis_server)}
        left = {name: found for name, content in there.items() if (found := canaries.found_in(content))}
        value = f"{len(left)} of {len(SECRETS)} canaries left, {seconds:.1f} s"
        figure(
            "G13",
            value=value,
            met=not left and seconds <= 5,
            method="SQL, Redis, its file, logs; 13 spellings; once started",
        )
        assert left == {}
        assert len(SECRETS) == 12
        assert seconds <= 5, "of which 2 are waited for calls that had found the client before"
        database = b"".join(content for name, content in there.items() if "shinos.db" in name)
        assert [trace for trace in traces if trace in database] == []
        assert subject.encode() not in there["redis"]

        gone = await standing.card(token)
        assert (gone.status, gone.code) == (401, "1010")
        for key, step in running:
            refused = await standing.search(PHONE, step, "123456", key=key)
            assert refused.code in ("1002", "1004"), refused.body
        assert (await standing.search(PHONE)).code == "1001"
        assert await erase(standing) < seconds, "nobody is there any more"
        async with open_archive(load(standing.config, standing.environ)) as records:
            for name in (PHONE, CANARY.email, CANARY.crm_id):
                assert await records.find(recognise(str(name), None, "TJ")) is None
            assert await records.audit.verify() is None
            entries = [entry for entry in await standing.audit() if entry["event"] == "client_erased"]
        assert [entry["object"] for entry in entries] == [subject]
