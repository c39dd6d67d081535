"""What one call leaves behind: one structured line and its metrics. Never a path, a query, a body or a key."""

import time
from dataclasses import dataclass, field

import structlog
from aiohttp import web
from prometheus_client import Counter, Histogram

_log = structlog.get_logger("search_api")
_calls = Counter("shinos_calls", "Calls by route, channel and outcome code.", ("route", "channel", "code"))
_seconds = Histogram(
    "shinos_call_seconds", "Time to answer.", ("route",), buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 1, 2)
)


@dataclass(slots=True)
class Observed:
    channel: str = ""
    code: str = ""
    started: float = field(default_factory=time.monotonic)


OBSERVED = web.RequestKey("observed", Observed)
_children: dict[tuple[str, str, str], Counter] = {}


def observe(request: web.Request, response: web.StreamResponse) -> None:
    """`route` is the template, never the path: the path holds the channel's key."""
    resource = request.match_info.route.resource
    route = resource.canonical if resource else "unknown"
    seen = request[OBSERVED]
    seconds = time.monotonic() - seen.started
    labels = (route, seen.channel, seen.code or str(response.status))
    child = _children.get(labels)
    if child is None:
        child = _children[labels] = _calls.labels(*labels)
    child.inc()
    _seconds.labels(route).observe(seconds)
    _log.info(
        "call",
        route=route,
        channel=seen.channel,
        status=response.status,
        code=seen.code,
        ms=round(seconds * 1000, 1),
    )
