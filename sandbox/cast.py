"""The cast: invented people whom the sandbox's bank knows. Any likeness to a real person is chance."""

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

COLUMNS = (
    "crmid",
    "phone",
    "email",
    "last_name",
    "first_name",
    "middle_name",
    "birth_date",
    "tax_number",
    "secret_word",
)


@dataclass(frozen=True, kw_only=True)
class Person:
    """All text: `phone` E.164, `birth_date` YYYY-MM-DD, `tax_number` with its leading zeros; "" is absent.

    `documents`: id_card and id_old (numbers), issued, expires, authority, address, gender, card_tax_number ("" when the
    card has none), presign_key (opens the person's link at Humo), and iin of whoever has one.
    """

    crmid: str
    phone: str
    email: str
    last_name: str
    first_name: str
    middle_name: str
    birth_date: str
    tax_number: str
    secret_word: str
    documents: Mapping[str, str] = field(default_factory=dict)
    telegram: str = ""


# last name, first name, patronymic, born, tax number, secret word, mailbox, Telegram name
TAJIKISTAN = (
    ("Раҳимов", "Фирӯз", "Саидович", "1990-05-14", "020025781", "анор", "firuz.rahimov", ""),
    ("Назарова", "Мадина", "Каримовна", "1994-03-08", "510348902", "бахор", "madina.nazarova", ""),
    ("Шарипов", "Далер", "Рустамович", "1985-11-21", "035517243", "гранат", "daler.sharipov", "daler_sandbox"),
    ("Ҳакимова", "Зарина", "Баходуровна", "1999-07-30", "620914775", "чашма", "zarina.hakimova", ""),
    ("Ғафуров", "Сӯҳроб", "Нозимович", "1978-01-02", "010667318", "", "suhrob.gafurov", ""),
    ("Қодирова", "Нигина", "Искандаровна", "2001-12-19", "730125569", "тирамоҳ", "nigina.qodirova", ""),
    ("Саидов", "Ҷамшед", "Аловиддинович", "1988-02-29", "540778310", "барфӣ", "jamshed.saidov", ""),
    ("Одинаева", "Парвина", "Шодиевна", "1992-09-05", "004582196", "ласточка", "", ""),
    ("Мирзоев", "Умед", "Хуршедович", "1996-06-17", "660301287", "кӯҳсор", "umed.mirzoev", ""),
    ("Ятимова", "Гулнора", "Ҳасановна", "1970-04-25", "480216634", "", "gulnora.yatimova", ""),
    ("Давлатов", "Бехрӯз", "Ҷумаевич", "2000-10-10", "590447025", "офтоб", "behruz.davlatov", ""),
    ("Юсупова", "Шаҳло", "Мансуровна", "1983-08-13", "027193480", "сирень", "shahlo.yusupova", ""),
    ("Каримов", "Алишер", "Ғиёсович", "1965-12-31", "310859147", "дарё", "alisher.karimov", ""),
    ("Исмоилова", "Тахмина", "Рауфовна", "1998-01-23", "640572893", "ситора", "tahmina.ismoilova", ""),
    ("Холов", "Манучеҳр", "Диловарович", "1991-03-21", "520930416", "наврӯз", "manuchehr.kholov", ""),
    ("Абдуллоева", "Сабрина", "Фаррухзодовна", "2003-05-09", "018264759", "лола", "sabrina.abdulloeva", ""),
    ("Турсунзода", "Комрон", "Зафарович", "1987-07-07", "570613928", "памир", "komron.tursunzoda", ""),
    ("Бобоева", "Мунира", "Ашуровна", "1959-02-11", "290704351", "яблоня", "munira.boboeva", ""),
    ("Сафаров", "Икром", "Носирович", "1993-11-04", "550186072", "шаҳбоз", "ikrom.safarov", ""),
    ("Ашурова", "Лайло", "", "1995-09-27", "043720615", "себарга", "laylo.ashurova", ""),
)

DISTRICTS = ("Сино", "Фирдавсӣ", "Шоҳмансур", "Исмоили Сомонӣ", "Рӯдакӣ")
STREETS = ("Боғи Хаёлӣ", "Чинори Кабуд", "Анорзор", "Кабӯтарон", "Офтобрӯя", "Наврӯзи Нав", "Се Чашма")


def papers(crmid: str, number: int, tax_number: str, gender: str) -> dict[str, str]:
    """Invented documents; every fifth card has no tax number on it. `gender` is M or F."""
    year, day = 2018 + number % 7, f"{1 + number * 5 % 12:02}-{1 + number * 11 % 28:02}"
    return {
        "id_card": f"A{31_950_000 + number * 7:08}",
        "id_old": f"A{(3_400_000 + number * 13) % 10**7:07}",
        "issued": f"{year}-{day}",
        "expires": f"{year + 10}-{day}",
        "authority": f"ШВКД дар ноҳияи {DISTRICTS[number % len(DISTRICTS)]}",
        "address": f"ш. Душанбе, кӯчаи {STREETS[number % len(STREETS)]}, {1 + number * 17 % 90}",
        "gender": gender,
        "card_tax_number": "" if number % 5 == 4 else tax_number,
        "presign_key": str(uuid5(NAMESPACE_DNS, f"{crmid}.humo.sandbox")),
    }


RUSSIA = Person(
    crmid="100001",
    phone="+79221234567",
    email="anna.vetrova@example.com",
    last_name="Ветрова",
    first_name="Анна",
    middle_name="Сергеевна",
    birth_date="1989-04-12",
    tax_number="660012345614",
    secret_word="ромашка",  # noqa: S106 - invented
    documents=papers("100001", 101, "660012345614", "F"),
)
KAZAKHSTAN = Person(
    crmid="200001",
    phone="+77071234567",
    email="arman.seitkali@example.com",
    last_name="Сейтқали",
    first_name="Арман",
    middle_name="Бекұлы",
    birth_date="1990-01-01",
    tax_number="900101300126",
    secret_word="жусан",  # noqa: S106 - invented
    documents={"iin": "900101300126", **papers("200001", 102, "900101300126", "M")},
)


def _tajik(number: int, row: tuple[str, str, str, str, str, str, str, str]) -> Person:
    last, first, middle, born, tax, word, mailbox, telegram = row
    crmid = f"C-{number:06}"
    return Person(
        crmid=crmid,
        phone=f"+9929{number:08}",
        email=f"{mailbox}@example.com" if mailbox else "",
        last_name=last,
        first_name=first,
        middle_name=middle,
        birth_date=born,
        tax_number=tax,
        secret_word=word,
        documents=papers(crmid, number, tax, "F" if last.endswith(("ова", "ева", "ёва")) else "M"),
        telegram=telegram,
    )


CAST: tuple[Person, ...] = (
    RUSSIA,
    *(_tajik(number, row) for number, row in enumerate(TAJIKISTAN, start=1)),
    KAZAKHSTAN,
)


def people() -> list[dict[str, Any]]:
    """The cast for `GET /_people`."""
    return [asdict(person) for person in CAST]


def people_csv() -> str:
    """The cast as `shinos clients import` takes it."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(people())
    return text.getvalue()
