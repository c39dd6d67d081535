"""Which events a process of the service may log, and with which fields: the test's own list, not the code's."""

import json
from pathlib import Path
from typing import Any

ALWAYS = {"event", "level", "at"}
EVENTS: dict[str, set[str]] = {
    "call": {"route", "channel", "status", "code", "ms"},
    "not_http": {"error"},
    "our_fault": {"incident", "error", "where"},
    "code_sent": {"session", "gateway", "failed"},
    "code_not_sent": {"session", "failed"},
    "send_refused": {"layer"},
    "lease_lost": {"session"},
    "wake_failed": {"session", "error"},
    "store_down": {"session"},
    "audit_not_written": {"seconds"},
    "clock_drift": {"seconds"},
    "store_full": {"advice"},
    "retention": {"clients", "proofs"},
    "worker_died": {"status"},
    "library": {"source", "said", "error", "where"},
}


def logged(log: Path) -> list[dict[str, Any]]:
    """The lines of a log, each of them one JSON object."""
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


def undeclared(events: list[dict[str, Any]]) -> list[str]:
    """What an event carries that nobody declared."""
    found = []
    for event in events:
        name = str(event.get("event"))
        extra = set(event) - ALWAYS - EVENTS.get(name, set())
        if name not in EVENTS or extra or not set(event) >= ALWAYS:
            found.append(f"{name}: {sorted(extra)}")
    return found
