"""A visit at the check on the page: how it gets there, and what there is to see of it."""

from collections import deque

from visits import READING, STEPS, Bank, Guest, at

from flows.effects import LivenessResult
from flows.errors import FlowError
from flows.papers import Task, Verdict
from flows.steps.liveness import LivenessState

RUNNING = Verdict(status="running")
OLDER = "digest of the browser before"
IIN, OTHER_IIN = "900101300126", "900101300127"


def no(*reasons: str) -> Verdict:
    return Verdict.model_validate({"status": "failed", "reasons": reasons or ("not_alive",)})


def there(*verdicts: Verdict | FlowError) -> Guest:
    """A visit where the page is to be opened; `verdicts` are what biometric.kz will say of its sessions."""
    guest = at("liveness")
    guest.bank.verdicts.extend(verdicts)
    return guest


def opened(*verdicts: Verdict | FlowError) -> Guest:
    """The widget runs on the page."""
    guest = there(*verdicts)
    guest.ready()
    guest.on_page("open")
    return guest


def finished(*verdicts: Verdict | FlowError) -> Guest:
    """The widget has said that it is over."""
    guest = opened(*verdicts)
    guest.on_page("finish")
    return guest


def with_options(**options: object) -> Guest:
    """A visit where the page is to be opened, by a stanza with these options."""
    steps = [{"kind": "liveness"} | options if step == "liveness" else step for step in STEPS]
    printed = Task("success", reading=READING.model_copy(update={"tax_number": IIN}))
    return Guest(bank=Bank(looks=deque([printed])), steps=steps).reach("liveness")


def state_of(guest: Guest) -> LivenessState:
    return LivenessState.model_validate_json(guest.session.state)


def link_of(guest: Guest) -> int:
    """The number of the link that the chat shows."""
    door = guest.session.reply.expects.door
    assert door
    assert door.page == "liveness"
    return door.number


def looks_of(guest: Guest) -> int:
    return len(guest.bank.of(LivenessResult))


def pauses_of(guest: Guest, count: int) -> list[float]:
    """Seconds until each of the next looks."""
    found = []
    for _ in range(count):
        found.append(round(guest.due - guest.now, 1))
        guest.look()
    return found


def failed_of(guest: Guest) -> tuple[str, str | None, int]:
    return guest.kind, guest.error, state_of(guest).failures
