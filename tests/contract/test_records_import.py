"""Client files: all or nothing, named by line and column, and a second time nothing changes."""

from pathlib import Path

import pytest
from sqlalchemy import select

from flows.identifiers import Identifier, Kind
from flows.records.clients import Records
from flows.records.hardening import harden
from flows.records.importing import ImportResult, import_csv
from flows.records.people import ClientRow
from flows.records.rows import BadFile
from flows.records.tables import clients, names, proofs, word_groups

HEADER = "crmid,phone,email,last_name,first_name,middle_name,birth_date,tax_number,secret_word"
ROWS = (
    "C-1,+992 90 000-00-01,Zarina@Example.TJ,Раҳимова,Зарина,,1990-02-28,012345678,Себи Сурх",
    "C-2,900000002,,Назаров,Фарҳод,Каримович,31.12.1985,850101300123,",
    '00003,,c@example.tj,"Фон, Клинкерхоффен",Умед,,,,олма',
)


def written(tmp_path: Path, *rows: str, header: str = HEADER) -> Path:
    path = tmp_path / "clients.csv"
    path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return path


async def load(records: Records, tmp_path: Path, *rows: str, header: str = HEADER) -> ImportResult:
    return await import_csv(written(tmp_path, *rows, header=header), records, country="TJ")


async def refused(records: Records, tmp_path: Path, *rows: str, header: str = HEADER) -> list[str]:
    with pytest.raises(BadFile) as caught:
        await load(records, tmp_path, *rows, header=header)
    return caught.value.problems


def named(kind: Kind, value: str) -> tuple[Identifier, ...]:
    return (Identifier(kind=kind, value=value),)


async def dump(records: Records) -> list[object]:
    async with records.writer.transaction() as connection:
        tables = (clients, names, word_groups, proofs)
        return [sorted(map(tuple, await connection.execute(select(table))), key=repr) for table in tables]


async def test_a_file_is_imported_and_found(records: Records, tmp_path: Path) -> None:
    assert await load(records, tmp_path, *ROWS) == ImportResult(3, 0, 0, 2)
    found = await records.find(named("phone", "+992900000001"))
    assert found
    assert found.email == "zarina@example.tj"
    assert await records.check_word(found.client, "себи  сурх")
    assert not await records.check_word(found.client, "себи")
    second = await records.show(named("phone", "+992900000002"))
    assert second
    assert (second.birth_date, second.inn, second.secret_word) == ("1985-12-31", "850101300123", "none")
    third = await records.show(named("crmid", "00003"))
    assert third
    assert (third.last_name, third.phone, third.secret_word) == ("Фон, Клинкерхоффен", None, "hardening")


@pytest.mark.parametrize(("begin", "comma", "end"), [("\ufeff", ",", "\n"), ("", ",", "\r\n"), ("\ufeff", ";", "\r\n")])
async def test_what_a_spreadsheet_writes_is_read(
    records: Records, tmp_path: Path, begin: str, comma: str, end: str
) -> None:
    path = tmp_path / "clients.csv"
    path.write_bytes((begin + end.join((HEADER, *ROWS[:2])).replace(",", comma)).encode())
    assert (await import_csv(path, records, country="TJ")).created == 2
    card = await records.show(named("crmid", "C-2"))
    assert card
    assert card.middle_name == "Каримович"


async def test_repeating_changes_nothing_at_all(records: Records, tmp_path: Path) -> None:
    rows = [*ROWS, *(f"G-{n},,,,,,,,слово {n}" for n in range(40))]
    await load(records, tmp_path, *rows)
    for pending in (42, 0):
        before = await dump(records)
        assert await load(records, tmp_path, *reversed(rows)) == ImportResult(0, 0, 43, pending)
        assert await dump(records) == before
        assert await harden(records, seconds=60, processes=2) == 0
    known = await records.find(named("crmid", "G-7"))
    assert known
    assert await records.check_word(known.client, "Слово 7")


async def test_a_half_hardened_file_is_still_the_same(records: Records, tmp_path: Path) -> None:
    rows = [f"G-{n},,,,,,,,слово {n}" for n in range(32)]
    await load(records, tmp_path, *rows)
    for n in (3, 9):
        found = await records.find(named("crmid", f"G-{n}"))
        assert found
        assert await records.check_word(found.client, f"слово {n}")
    await records.settled()
    before = await dump(records)
    assert await load(records, tmp_path, *rows) == ImportResult(0, 0, 32, 30)
    assert await dump(records) == before


async def test_one_new_word_in_a_group_is_told_from_its_neighbours(records: Records, tmp_path: Path) -> None:
    rows = [f"G-{n},,,,,,,,слово {n}" for n in range(20)]
    await load(records, tmp_path, *rows)
    assert await harden(records, seconds=60, processes=2) == 0
    rows[5] = "G-5,,,,,,,,новое"
    assert await load(records, tmp_path, *rows) == ImportResult(0, 1, 19, 1)
    found = await records.find(named("crmid", "G-5"))
    assert found
    assert await records.check_word(found.client, "новое")
    assert not await records.check_word(found.client, "слово 5")
    await records.settled()
    assert await load(records, tmp_path, *rows) == ImportResult(0, 0, 20, 0)


async def test_the_file_is_the_truth_about_its_columns_but_the_word(records: Records, tmp_path: Path) -> None:
    await load(records, tmp_path, ROWS[0])
    await records.upsert(ClientRow(crm_id="C-1", telegram="@zarina"))
    assert await load(records, tmp_path, "C-1,+992900000009,,Раҳимова,Зарина,,,,") == ImportResult(0, 1, 0, 1)
    card = await records.show(named("telegram", "@zarina"))
    assert card
    assert (card.phone, card.email, card.birth_date) == ("+992900000009", None, None)
    assert await records.check_word(card.client_id, "себи сурх")
    assert await records.find(named("phone", "+992900000001")) is None


async def test_names_may_move_within_a_file(records: Records, tmp_path: Path) -> None:
    await load(records, tmp_path, "A,+992900000001,,,,,,,", "B,+992900000002,,,,,,,", "C,+992900000003,,,,,,,")
    swapped = ("C,+992900000001,,,,,,,", "A,+992900000002,,,,,,,", "B,+992900000003,,,,,,,")
    assert await load(records, tmp_path, *swapped) == ImportResult(0, 3, 0, 0)
    for crmid, phone in (("C", "+992900000001"), ("A", "+992900000002"), ("B", "+992900000003")):
        by_crmid, by_phone = await records.find(named("crmid", crmid)), await records.find(named("phone", phone))
        assert by_crmid
        assert by_crmid == by_phone
        assert by_crmid.phone == phone


async def test_another_clients_phone_is_refused(records: Records, tmp_path: Path) -> None:
    await load(records, tmp_path, "A,+992900000001,,,,,,,")
    before = await dump(records)
    assert await refused(records, tmp_path, "B,,,,,,,,", "C,+992900000001,,,,,,,") == [
        "line 3, column phone: belongs to another client, who is not in this file"
    ]
    assert await dump(records) == before


async def test_who_enrolled_without_a_crmid_is_recognised(records: Records, tmp_path: Path) -> None:
    client = await records.upsert(ClientRow(phone="+992900000001", telegram="@zarina"))
    assert await load(records, tmp_path, ROWS[0]) == ImportResult(0, 1, 0, 1)
    card = await records.card(client)
    assert card
    assert (card.crm_id, card.telegram) == ("C-1", "@zarina")


async def test_a_bad_row_imports_nothing_and_is_named(records: Records, tmp_path: Path) -> None:
    bad = "C-9,12,not-an-address,,,,31.02.1990,12345,"
    assert await refused(records, tmp_path, ROWS[0], bad, "C-8,,,,,,2999-01-01,,", ",,,,,,1.2.1990,,x") == [
        "line 3, column phone: expected a phone number, such as +992900000001",
        "line 3, column email: expected an e-mail address, such as name@example.com",
        "line 3, column birth_date: expected a day of the calendar, as YYYY-MM-DD or DD.MM.YYYY",
        "line 3, column tax_number: expected 9 or 12 digits, leading noughts included",
        "line 4, column birth_date: expected a day from 1900-01-01 to today",
        "line 5, column crmid: expected the client's id, found nothing",
        "line 5, column birth_date: expected YYYY-MM-DD or DD.MM.YYYY",
    ]
    assert await dump(records) == [[], [], [], []]


async def test_a_name_twice_in_a_file_names_both_lines(records: Records, tmp_path: Path) -> None:
    rows = (
        "A,+992900000001,a@example.tj,,,,,,",
        "A,,,,,,,,",
        'B,,,"two\nlines",,,,,',
        "C,900 000 001,A@EXAMPLE.TJ,,,,,,",
    )
    assert await refused(records, tmp_path, *rows) == [
        "line 3, column crmid: the same as in line 2",
        "line 6, column phone: the same as in line 2",
        "line 6, column email: the same as in line 2",
    ]


async def test_no_more_than_twenty_problems(records: Records, tmp_path: Path) -> None:
    assert len(await refused(records, tmp_path, *(",,,,,,,," + "x" for _ in range(50)))) == 20


@pytest.mark.parametrize(
    ("header", "problems"),
    [
        (HEADER.replace("tax_number", "tax_no"), ['"tax_no", did you mean "tax_number"?', '"tax_number" is missing']),
        (HEADER.replace(",email", ""), ['"email" is missing']),
        (HEADER + ",email", ['"email" stands twice']),
        ("", ['column "crmid" is missing']),
    ],
)
async def test_the_header_is_checked(records: Records, tmp_path: Path, header: str, problems: list[str]) -> None:
    found = await refused(records, tmp_path, ROWS[0], header=header)
    assert all(any(problem in line for line in found) for problem in problems)


async def test_columns_may_stand_in_any_order(records: Records, tmp_path: Path) -> None:
    columns = HEADER.split(",")
    assert (await load(records, tmp_path, ",,,,,,,,C-1", header=",".join(reversed(columns)))).created == 1


async def test_a_bad_byte_is_named_by_its_line(records: Records, tmp_path: Path) -> None:
    path = written(tmp_path, *ROWS)
    path.write_bytes(path.read_bytes() + "C-4,,,Қодиров,,,,,\n".encode("cp1251", "replace") + b"C-5,,,\xff,,,,,\n")
    with pytest.raises(BadFile) as caught:
        await import_csv(path, records, country="TJ")
    assert caught.value.problems == ["line 5: expected UTF-8, byte 8 is not", "line 6: expected UTF-8, byte 7 is not"]


async def test_cells_that_do_not_add_up_and_quotes_left_open(records: Records, tmp_path: Path) -> None:
    assert await refused(records, tmp_path, "C-1,,", ROWS[1]) == ["line 2: expected 9 cells, found 3"]
    assert await refused(records, tmp_path, 'C-1,"open,,,,,,,', ROWS[1]) == ["line 2: quotes that do not match"]
    assert await refused(records, tmp_path, "C-1," + "x" * 20_000) == ["line 2: longer than 16384 bytes"]


async def test_nothing_personal_is_repeated(records: Records, tmp_path: Path) -> None:
    secret = "Тайна\u0007"
    row = f"С-кириллица,{secret},{secret},{secret},{secret},{secret},{secret},{secret},{secret}"
    problems = await refused(records, tmp_path, row)
    assert len(problems) == 9
    assert "Тайна" not in str(problems)


async def test_an_empty_file_of_clients_is_fine(records: Records, tmp_path: Path) -> None:
    assert await load(records, tmp_path, "", ",,,,,,,,") == ImportResult(0, 0, 0, 0)
