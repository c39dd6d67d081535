"""Words. The core speaks in keys and parameters; `texts/<language>.toml` holds the sentences of each language."""

import tomllib
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

LANGUAGES = ("ru", "tg", "en", "kk")
_FOLDER = Path(__file__).parent / "texts"


class Text(BaseModel):
    """A sentence by its key, with what fills its gaps."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    key: str
    params: dict[str, str | int] = Field(default_factory=dict)


@cache
def sentences(language: str) -> dict[str, str]:
    """All sentences of a language: dotted key → sentence."""
    tree = tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    return dict(_flat(tree, ""))


def _flat(tree: dict[str, object], prefix: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in tree.items():
        if isinstance(value, dict):
            pairs += _flat(value, f"{prefix}{name}.")
        else:
            pairs.append((prefix + name, str(value)))
    return pairs


def render(text: Text, language: str) -> str:
    """The sentence in that language; a language we lack falls back to Russian."""
    known = sentences(language if language in LANGUAGES else "ru")
    return known[text.key].format_map(text.params)
