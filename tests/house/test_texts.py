"""The words: the same keys and gaps in every language, each used, each refusal saying what to do next."""

import ast
import re
from string import Formatter

import pytest
from floors import ROOT

from flows.texts import LANGUAGES, Text, render, sentences

RUSSIAN = sentences("ru")
SECTIONS = {key.partition(".")[0] for key in RUSSIAN}
CODE = [
    ast.parse(file.read_text(encoding="utf-8"))
    for package in ("flows", "search_api", "bot", "shinos")
    for file in sorted((ROOT / package).rglob("*.py"))
]
PAGE = [file for folder in ("static", "templates") for file in sorted((ROOT / "search_api" / folder).glob("*.[hj]*"))]
OF_PAGE = "liveness.page."
"""What stands below it goes to the liveness page as a whole; the page names it without that."""
TELL_NOBODY = {"ru": "Никому", "tg": "ба касе нагӯед", "en": "nobody", "kk": "ешкімге"}
TWO_SMS = 2 * 67
"""UTF-16 units: a part of a joined UCS-2 message has 70 less 3 for its header."""


def gaps(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


def steps_of(sentence: str) -> int:
    """How many parts of a sentence stand by themselves; "too late; try again" has two."""
    return sum(1 for part in re.split(r"[.!?:;](?:\s+|$)", sentence) if part.strip())


def constants() -> set[str]:
    """Every string in the code that reads like a key."""
    key = re.compile(rf"(?:{'|'.join(SECTIONS)})\.[a-z_.]*[a-z]")
    nodes = (node for tree in CODE for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {node.value for node in nodes if isinstance(node.value, str) and key.fullmatch(node.value)}


def patterns() -> set[str]:
    """Keys that are put together, as regular expressions: f"code.sent_{kind}" → code\\.sent_[a-z_]+."""
    found = set()
    for node in (node for tree in CODE for node in ast.walk(tree)):
        if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
            parts = (re.escape(str(v.value)) if isinstance(v, ast.Constant) else "[a-z_]+" for v in node.values)
            if str(node.values[0].value).partition(".")[0] in SECTIONS:
                found.add("".join(parts))
    return found


def named_by_the_page() -> set[str]:
    """Keys that stand in the page by themselves: data-word="start", $late, word("seconds")."""
    naming = re.compile(r"""data-word="([a-z_]+)"|\$([a-z_]+)\b|\bword\("([a-z_]+)\"""")
    of_server = {"lang", "locale", "script", "chat", "help", "words", "title", "text", "form", "go", "ring"}
    found = {name for file in PAGE for ways in naming.findall(file.read_text("utf-8")) for name in ways if name}
    return {OF_PAGE + name for name in found - of_server}


def used_by_the_page() -> set[str]:
    """Also those that it picks or puts together: "ways_title", and `fault_${name}` where its script knows the name."""
    script = "\n".join(file.read_text("utf-8") for file in PAGE if file.suffix == ".js")
    known = set(re.findall(r"[a-z_]+", script))
    picked = set(re.findall(r'"([a-z_]+)"', script))
    joined = re.findall(r"`([a-z_]*)\$\{[a-z]+\}([a-z_]*)`", script)
    together = {f"{before}{name}{after}" for before, after in joined for name in known if before or after}
    return named_by_the_page() | {OF_PAGE + name for name in picked | together}


def given_to(called: str, position: int) -> set[str]:
    """The constants that stand at one place in calls of one name."""
    calls = (node for tree in CODE for node in ast.walk(tree) if isinstance(node, ast.Call))
    named = (call for call in calls if isinstance(call.func, ast.Name) and call.func.id == called)
    nodes = (call.args[position] for call in named if len(call.args) > position)
    return {str(node.value) for node in nodes if isinstance(node, ast.Constant)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_keys_and_gaps(language: str) -> None:
    words = sentences(language)
    assert words.keys() == RUSSIAN.keys()
    assert {key: gaps(words[key]) for key in words} == {key: gaps(RUSSIAN[key]) for key in RUSSIAN}


def test_every_key_that_the_code_names_is_there() -> None:
    put_together = {f"error.wrong_{what}" for what in given_to("WrongAnswer", 0)}
    put_together |= {f"malformed.{problem}" for problem in given_to("Malformed", 1)}
    assert len(put_together) > 10
    assert sorted((constants() | put_together | named_by_the_page()) - RUSSIAN.keys()) == []


def test_every_key_is_used() -> None:
    put_together = patterns()
    used = (
        constants()
        | used_by_the_page()
        | {key for key in RUSSIAN if any(re.fullmatch(pattern, key) for pattern in put_together)}
    )
    assert sorted(RUSSIAN.keys() - used) == []


def test_what_is_put_together_is_all_meant() -> None:
    """A key below a pattern counts as used, so each of them must be asked for somewhere."""
    words = {key for key in RUSSIAN if key.startswith("error.wrong_")} - {"error.wrong_answer"}
    assert words == {f"error.wrong_{what}" for what in given_to("WrongAnswer", 0)} - {"error.wrong_answer"}
    problems = {key for key in RUSSIAN if key.startswith("malformed.")}
    assert problems == {f"malformed.{problem}" for problem in given_to("Malformed", 1)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_says_what_to_do_next(language: str) -> None:
    """What is wrong, and then what helps: two parts at least."""
    refusals = {key: text for key, text in sentences(language).items() if key.startswith("error.")}
    assert [key for key, text in refusals.items() if steps_of(text) < 2] == []


def test_a_bare_no_would_be_noticed() -> None:
    assert steps_of("The code is wrong.") == 1
    assert steps_of("The code is wrong. Check it.") == 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_message_has_the_code_first_the_bank_and_the_warning(language: str) -> None:
    message = sentences(language)["code.message"]
    assert message.startswith("{code} ")
    assert "{bank}" in message
    assert TELL_NOBODY[language] in message


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("digits", [6, 10])
def test_the_message_fits_into_two_sms(language: str, digits: int) -> None:
    text = render(Text(key="code.message", params={"code": "0" * digits, "bank": "Ҷ" * 20}), language)
    assert len(text.encode("utf-16-le")) // 2 <= TWO_SMS


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_left_in_another_language(language: str) -> None:
    if language == "en":
        assert not [key for key, text in sentences("en").items() if re.search("[а-яё]", text, re.IGNORECASE)]
    else:
        words = sentences(language)
        assert not [key for key, text in words.items() if not re.search("[а-яёҷқғӯӣҳәңөұүһі]", text, re.IGNORECASE)]
        shared = [key for key in words if words[key] == RUSSIAN[key] and language != "ru"]
        assert len(shared) < 3
