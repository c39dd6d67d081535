"""Names of a client: every usual spelling comes to one, hostile text comes to nothing, nothing crashes."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flows.identifiers import KINDS, Identifier, Kind, recognise

ANNA = "+79221234567"
FIRUZ = "+992900000001"


def only(text: str, kind: Kind | None = None, country: str = "TJ") -> str | None:
    found = recognise(text, kind, country)
    return found[0].value if found else None


@pytest.mark.parametrize(
    "text",
    [
        "+79221234567",
        "79221234567",
        " 79221234567",  # what a form makes of an unescaped plus
        "+7 922 123-45-67",
        "+7 (922) 123 45 67",
        "8 922 123 45 67",
        "8(922)123-45-67",
        "007 922 123 45 67",
        "+7.922.123.45.67",
        "+7\u00a0922\u2011123\u201145\u201167",
        "+7\u2009922\u200b1234567\u200e",
        "\u202a+79221234567\u202c",  # as an address book copies it
        "\u2066+7 922 123-45-67\u2069",
        "＋７９２２１２３４５６７",
        "+7\t922\n1234567",
    ],
)
def test_a_russian_phone_has_one_spelling(text: str) -> None:
    assert only(text) == ANNA
    assert only(text, "phone") == ANNA


@pytest.mark.parametrize(
    "text", ["+992900000001", "992900000001", "900000001", "90 000-00-01", "00992 90 000 00 01", "+992 (90) 000 00 01"]
)
def test_a_tajik_phone_is_read_with_or_without_its_country(text: str) -> None:
    assert only(text) == FIRUZ


def test_the_banks_country_reads_local_spellings() -> None:
    assert only("701 123 45 67", "phone", "KZ") == "+77011234567"
    assert only("87011234567", "phone", "KZ") == "+77011234567"


@pytest.mark.parametrize("text", ["+7922123456789012", "123", "+", "()", "+abc", "+7922123456x", "0" * 40])
def test_what_cannot_be_a_phone_is_none(text: str) -> None:
    assert recognise(text, "phone", "TJ") == ()


def test_digits_may_be_a_phone_or_a_client_number() -> None:
    kinds = [(name.kind, name.value) for name in recognise("992900000001", None, "TJ")]
    assert kinds == [("phone", FIRUZ), ("crmid", "992900000001")]
    assert [name.kind for name in recognise("992900000001", "crmid", "TJ")] == ["crmid"]


def test_a_client_number_is_taken_as_it_is() -> None:
    assert [(name.kind, name.value) for name in recognise("C-000001", None, "TJ")] == [("crmid", "C-000001")]
    assert only("c-000001", "crmid") != only("C-000001", "crmid")


@pytest.mark.parametrize(
    "text", ["Anna.Vetrova@Example.COM", " anna.vetrova@example.com ", "ａnna.vetrova@example.com"]
)
def test_a_mail_address_has_one_spelling(text: str) -> None:
    assert only(text) == "anna.vetrova@example.com"


@pytest.mark.parametrize(
    "text",
    ["anna@", "@", "a@b@c", "anna..vetrova@example.com", "anna@-example.com", "anna@example.com.", "a@b..c", "@a-b"],
)
def test_what_only_looks_like_a_mail_address_is_none(text: str) -> None:
    assert recognise(text, "email", "TJ") == ()


def test_a_telegram_name() -> None:
    assert [(name.kind, name.value) for name in recognise("@Daler_Sandbox", None, "TJ")] == [
        ("telegram", "@daler_sandbox")
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \u200b\u2060",
        "аnna@example.com",  # a Cyrillic а
        "+٧٩٢٢١٢٣٤٥٦٧",
        "ромашка",
        "\x00",
        "100001\x00",
        "100001\x1b[31m",
        "💣",
        "\ud800",
        "e\u0301@example.com",
    ],
)
def test_hostile_text_means_nobody(text: str) -> None:
    assert recognise(text, None, "TJ") == ()


@pytest.mark.parametrize("text", ["' OR 1=1 --", "100001{99}", "*", "shinos:1:{00}:lock", "../../etc"])
def test_foreign_text_is_a_client_number_at_most(text: str) -> None:
    assert {name.kind for name in recognise(text, None, "TJ")} <= {"crmid"}


@pytest.mark.parametrize(
    ("kind", "value", "mask"),
    [
        ("phone", ANNA, "*4567"),
        ("email", "anna@example.com", "a***@example.com"),
        ("crmid", "100001", ""),
        ("telegram", "@daler", ""),
    ],
)
def test_a_mask_shows_little(kind: Kind, value: str, mask: str) -> None:
    assert Identifier(kind=kind, value=value).mask() == mask


def test_a_name_does_not_show_in_a_repr() -> None:
    assert "9221234567" not in repr(Identifier(kind="phone", value=ANNA))


def test_kinds_are_told_apart_in_the_canonical_form() -> None:
    forms = {Identifier(kind=kind, value="1").canonical() for kind in KINDS}
    assert len(forms) == len(KINDS)


TEXTS = st.one_of(
    st.text(max_size=128),
    st.text(alphabet="+0123456789 -()./@_abcABC\u200b\u00a0", max_size=40),
    st.emails(),
    st.from_regex(r"\+?[0-9]{5,16}", fullmatch=True),
)
MARKS = st.text(alphabet=" -().\u00a0\u200b\u2011", max_size=3)


@settings(deadline=None)
@given(text=TEXTS, kind=st.sampled_from([None, *KINDS]), country=st.sampled_from(["TJ", "KZ", "RU", "US"]))
@example(text="+", kind=None, country="TJ")
@example(text="@", kind="email", country="TJ")
def test_any_text_is_read_once_and_for_all(text: str, kind: Kind | None, country: str) -> None:
    """Never a crash; and what comes out, read again, is itself: else one client would have two budgets."""
    for name in recognise(text, kind, country):
        assert name.value.isascii()
        assert " " not in name.value
        assert recognise(name.value, name.kind, country) == (name,)


@settings(deadline=None)
@given(gaps=st.lists(MARKS, min_size=12, max_size=12))
def test_marks_between_digits_never_make_another_client(gaps: list[str]) -> None:
    spelt = "+" + "".join(digit + gap for digit, gap in zip(ANNA[1:], gaps, strict=False))
    assert only(spelt) == ANNA
