"""What one simulated system tells about itself; app.py mounts a tuple of these."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from sandbox.world import World


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """`prefixes` are first path segments; each, with '-' as '_', is also the name for faults and calls.

    `path` is how a call's path is noted; where it says "" the gate lets pass what is no call of ours at all. Paths of
    `silent`, in lower case, are not noted. `embedded` says where in a JSON body a file stands as base64: it is
    noted as a file.
    """

    name: str
    title: str
    prefixes: tuple[str, ...]
    routes: Callable[[World], list[web.RouteDef]]
    outcomes: Mapping[str, str]
    credentials: Mapping[str, str]
    texts: frozenset[str]
    secrets: frozenset[str]
    path: Callable[[str], str] = str
    silent: frozenset[str] = frozenset()
    embedded: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name_of(prefix) for prefix in self.prefixes)


def name_of(spelling: str) -> str:
    """`telegram-gateway` is the path, `telegram_gateway` the upstream."""
    return spelling.strip().replace("-", "_")
