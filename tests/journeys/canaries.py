"""Values that must turn up nowhere, in every spelling that they could turn up in."""

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus


def spellings(value: str) -> Iterator[tuple[str, bytes]]:
    """How a value can be written down: as it is, and in the encodings of security.md §8.4."""
    raw = value.encode()
    yield "raw", raw
    yield "hex", raw.hex().encode()
    yield "HEX", raw.hex().upper().encode()
    yield "URL", quote(value, safe="").encode()
    yield "url", quote(value, safe="").lower().encode()
    yield "form", quote_plus(value).encode()
    yield "JSON", json.dumps(value)[1:-1].encode()
    yield "HTML", html.escape(value).encode()
    for shift in range(3):  # base64 looks different at each place modulo 3
        coded = base64.b64encode(b"\0" * shift + raw)[(0, 2, 3)[shift] : (shift + len(raw)) * 8 // 6]
        yield f"base64+{shift}", coded
        yield f"base64url+{shift}", coded.translate(bytes.maketrans(b"+/", b"-_"))


def _pattern(coded: bytes) -> bytes:
    """Six digits alone are a code; six digits of a longer number or of a time are not."""
    if re.fullmatch(b"[0-9]{6}", coded):
        return b"(?<![0-9A-Za-z.])" + coded + b"(?![0-9A-Za-z.])"
    return re.escape(coded)


class Canaries:
    def __init__(self, secrets: Mapping[str, Iterable[str]]) -> None:
        self._forms: dict[bytes, str] = {}
        for name, values in secrets.items():
            for value in values:
                for spelling, coded in spellings(value):
                    self._forms.setdefault(_pattern(coded), f"{name}, {spelling}")
        longest_first = list(self._forms)
        longest_first.sort(key=len, reverse=True)
        self._any = re.compile(b"|".join(longest_first))

    def found_in(self, content: bytes) -> list[str]:
        """What was found, with what stands around it."""
        if not self._any.search(content):
            return []
        hits = ((name, re.search(form, content)) for form, name in self._forms.items())
        return [f"{name}: {content[max(0, hit.start() - 40) : hit.end() + 40]!r}" for name, hit in hits if hit]
