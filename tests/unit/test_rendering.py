"""Sentences filled with what belongs into their gaps, and with nothing else."""

from string import Formatter

import pytest

from flows.texts import LANGUAGES, Text, render, sentences


def test_a_gap_is_filled() -> None:
    assert "*4567" in render(Text(key="code.sent_phone", params={"to": "*4567"}), "en")


def test_a_language_that_we_lack_is_russian() -> None:
    text = Text(key="code.sent")
    assert render(text, "uz") == render(text, "ru") != render(text, "en")


@pytest.mark.parametrize("value", ["{bank}", "{0}", "{to.__class__}", "%s", "{{", "}"])
def test_what_fills_a_gap_is_no_pattern_itself(value: str) -> None:
    assert value in render(Text(key="code.sent_phone", params={"to": value}), "en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_can_be_said(language: str) -> None:
    for key, sentence in sentences(language).items():
        names = {name for _, name, _, _ in Formatter().parse(sentence) if name}
        said = render(Text(key=key, params=dict.fromkeys(names, "42")), language)
        assert said
        assert "{" not in said


def test_an_unknown_key_is_our_mistake() -> None:
    with pytest.raises(KeyError):
        render(Text(key="code.gone"), "ru")
