"""Where Redis is, as `redis.url` says: one server, a master that Sentinels watch, or a Cluster.

| form                                                               | what                                  |
|--------------------------------------------------------------------|---------------------------------------|
| `redis://:password@host:6379/0`, `unix:///path`                      | one server                            |
| `redis+sentinel://:password@host:26379,host:26379/mymaster/0`       | the master of that name, by Sentinels |
| `redis+cluster://:password@host:6379,host:6379`                     | the Cluster that these nodes are of   |

`rediss` in place of `redis` is TLS. Name and password are Redis'; the Sentinels' own stand behind it as
`?sentinel_password=…`. Characters such as @ and / in them are written as %40 and %2F.
"""

import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

_SCHEME = re.compile(r"(rediss?)(?:\+(sentinel|cluster))?")
_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\[\]:@/,]+)(?::([0-9]{1,5}))?")
_PORTS = {"one": 6379, "cluster": 6379, "sentinel": 26379}


@dataclass(frozen=True, slots=True)
class RedisPlace:
    """`hosts` is empty for a socket of this machine; `master` and `sentinel_password` are the Sentinels'."""

    kind: Literal["one", "sentinel", "cluster"]
    hosts: tuple[tuple[str, int], ...] = ()
    tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    master: str = ""
    database: int = 0
    sentinel_password: str | None = field(default=None, repr=False)


def place_of(url: str) -> RedisPlace:
    """Raises `ValueError` with what was expected; it never repeats the password."""
    scheme, _, rest = url.partition("://")
    if not url or scheme == "unix":
        return RedisPlace("one")
    found = _SCHEME.fullmatch(scheme)
    if not found or not rest:
        raise ValueError("expected redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://")
    kind = _kind(found[2])
    parts = urlsplit(f"//{rest}")
    names, _, hosts = parts.netloc.rpartition("@")
    username, _, password = names.partition(":")
    master, database = _path(kind, parts.path)
    return RedisPlace(
        kind,
        tuple(_host(kind, host) for host in hosts.split(",")),
        found[1] == "rediss",
        unquote(username) or None,
        unquote(password) or None,
        master,
        database,
        dict(parse_qsl(parts.query)).get("sentinel_password"),
    )


def _kind(word: str | None) -> Literal["one", "sentinel", "cluster"]:
    if word == "sentinel":
        return "sentinel"
    return "cluster" if word == "cluster" else "one"


def _host(kind: str, text: str) -> tuple[str, int]:
    found = _HOST.fullmatch(text)
    if not found or int(found[2] or 1) > 65535:
        raise ValueError("expected host:port, several parted by commas")
    return found[1].strip("[]"), int(found[2] or _PORTS[kind])


def _path(kind: str, path: str) -> tuple[str, int]:
    """The master's name and the number of the database."""
    words = [unquote(word) for word in path.split("/") if word]
    master = words.pop(0) if kind == "sentinel" and words else ""
    if kind == "sentinel" and not master:
        raise ValueError("expected the master's name behind the Sentinels: redis+sentinel://host:26379/mymaster")
    if kind == "cluster" and words:
        raise ValueError("a Redis Cluster has no numbered databases; expected nothing behind its hosts")
    if len(words) > 1 or not all(word.isdecimal() for word in words):
        raise ValueError("expected the number of a database behind the host")
    return master, int(words[0]) if words else 0
