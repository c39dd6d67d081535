"""Media types, and multipart/form-data (RFC 7578), read strictly: nothing is guessed, decoded or nested.

The standard library's e-mail parser repairs what it reads, honours transfer encodings that RFC 7578 §4.7 forbids, and
recurses into brackets until it breaks. A form needs forty lines.
"""

import re

PARTS_LIMIT = 64
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_KIND = re.compile(rf"[ \t]*({_TOKEN}(?:/{_TOKEN})?)[ \t]*")
_PARAMETER = re.compile(rf';[ \t]*({_TOKEN})=(?:"((?:[^"\\]|\\.)*)"|([^\s";,()]+))[ \t]*')
_UTF8 = frozenset({"utf-8", "utf8", "us-ascii"})
_PLAIN = frozenset({"7bit", "8bit", "binary"})

Kind = tuple[str, dict[str, str]]


def read_kind(header: str) -> Kind:
    """`text/plain; charset="utf-8"` as kind and parameters, names in lower case. Raises `ValueError`."""
    found = _KIND.match(header)
    if found is None:
        raise ValueError
    kind, at = found[1].lower(), found.end()
    parameters: dict[str, str] = {}
    while at < len(header) and header[at:].strip(" \t;"):
        found = _PARAMETER.match(header, at)
        if found is None or found[1].lower() in parameters:
            raise ValueError
        quoted = found[2]
        parameters[found[1].lower()] = found[3] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        at = found.end()
    return kind, parameters


def is_utf8(parameters: dict[str, str]) -> bool:
    return parameters.get("charset", "utf-8").lower() in _UTF8


def read_parts(text: str, boundary: str) -> list[tuple[str, str]]:
    """The fields of a form, in order. Raises `ValueError`."""
    if not boundary:
        raise ValueError
    _, *pieces = f"\r\n{text}".split(f"\r\n--{boundary}", PARTS_LIMIT + 1)
    end = next((i for i, piece in enumerate(pieces) if piece.startswith("--")), None)
    if not end:
        raise ValueError
    return [_part(piece) for piece in pieces[:end]]


def _part(piece: str) -> tuple[str, str]:
    head, blank, value = piece.lstrip(" \t").partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    if first or not blank:
        raise ValueError
    headers = _headers(lines)
    disposition, about = read_kind(headers.get("content-disposition", ""))
    kind, parameters = read_kind(headers.get("content-type", "text/plain"))
    encoding = headers.get("content-transfer-encoding", "8bit").lower()
    if disposition != "form-data" or encoding not in _PLAIN or kind.startswith("multipart/") or not is_utf8(parameters):
        raise ValueError
    if "name" not in about:
        raise ValueError
    return about["name"], value


def _headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not re.fullmatch(_TOKEN, name) or name.lower() in headers:
            raise ValueError
        headers[name.lower()] = value.strip(" \t")
    return headers
