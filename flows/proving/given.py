"""What can come into a dialogue of a proof: everything that fits, and of everything else one that does not."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

from flows.effects import OpenLink, SendCode
from flows.errors import Unavailable
from flows.model import (
    Again,
    Cancel,
    Chosen,
    Happened,
    Input,
    Other,
    Photo,
    Plan,
    Returned,
    Sent,
    Session,
    Shared,
    Speak,
    Typed,
    Wake,
)
from flows.proving.bank import (
    DAY,
    IIN,
    NOTHING,
    OTHER_IIN,
    PHONE,
    SECOND,
    STRANGER,
    WORD,
    Said,
    about,
    code_of,
    outcomes,
)
from flows.proving.keys import EPOCH, HORIZON, parsed
from flows.proving.turns import Given, Node, step_of, waits
from flows.steps.aitu import LOGIN_SECONDS

DEVICES = ("this browser", "another browser")
RIGHT = Said("right", right=True)


def _photo(name: str) -> Sent:
    return Sent(Photo(ref=f"ref of {name}", unique=name))


_PLAIN = (Given(Again(), "asks again"), Given(Cancel(), "wishes to stop"))
_CHAT = (Given(Speak("en"), "speaks English from now on"), Given(_photo("photo 1"), "sends the first photo again"))
_NOISE = (
    Given(Other(), "sends a sticker"),
    Given(Chosen("nothing of that"), "presses a button of long ago"),
    Given(Shared(SECOND, own=False), "shares somebody else's phone"),
    Given(_photo("photo 99"), "sends a photo"),
)
_EVENTS = {"liveness": ("open", "finish", "again", "nudge"), "aitu": ("go", "code", "error")}
_FURTHER = ("hosted", "trouble")
_OF_LOGIN = frozenset(("code", "error"))
_NUMBERED = frozenset(("open", "go", *_OF_LOGIN))
PROVING = frozenset(("agree", "mine"))
"""Choices that are a proof themselves."""


def inputs(plan: Plan, node: Node, *, deep: bool = False) -> Iterator[Given]:
    """Each thing that can come now; `deep`: also what is taken like another, or by no step at all."""
    session = node.session
    yield from _PLAIN
    yield from _typed(plan, session, deep=deep)
    if session.facts.visit:
        yield from _chat(node)
        yield from _NOISE if deep else ()
    if waits(session) or (node.due is not None and not session.facts.visit):
        yield _wake(node)
    yield from _happened(plan, node)
    yield from _returned(node, deep=deep)


def anything() -> tuple[Input, ...]:
    """One of each kind, for a dialogue that is over."""
    happened = (Happened("code", failed=Unavailable()), Happened("liveness", about="1"))
    door = Returned(1, {"event": "open", "device": DEVICES[0]})
    return (
        Typed(code_of("code")),
        Typed(WORD),
        Again(),
        Wake(),
        Cancel(),
        Speak("en"),
        Chosen("again"),
        *happened,
        door,
    )


@cache
def _texts(plan: Plan, *, deep: bool) -> tuple[str, ...]:
    """Everything that any step of the plan takes for an answer, and something that none does."""
    kinds = {step.kind: step for step in plan.all_steps()}
    codes = [code_of(step.name) for step in plan.all_steps() if step.kind == "code"]
    fitting = {
        "client": [PHONE, SECOND, STRANGER] if deep else [PHONE, STRANGER],
        "birth_date": [DAY],
        "secret_word": [WORD],
        "new_secret_word": [WORD, "сирли калима"],
        "tax_number": ["020025789"],
        "aitu": [IIN, OTHER_IIN],
    }
    texts = [text for kind, some in fitting.items() if kind in kinds for text in some]
    return tuple(dict.fromkeys([*codes, *texts, "нет"]))


def _typed(plan: Plan, session: Session, *, deep: bool) -> Iterator[Given]:
    wanted = session.reply.expects.kind in ("text", "code", "date")
    texts = _texts(plan, deep=deep) if wanted or deep else ("нет",)
    yield from (Given(Typed(text), f"types «{text}»") for text in texts)


def _chat(node: Node) -> Iterator[Given]:
    expects = node.session.reply.expects
    yield _CHAT[0]
    for option in expects.choices:
        said = RIGHT if option.id in PROVING else NOTHING
        yield Given(Chosen(option.id), f"presses «{option.id}»", said)
    if expects.kind == "contact":
        yield Given(Shared(PHONE, own=True), "shares the own phone", RIGHT)
        yield Given(Shared(SECOND, own=False), "shares somebody else's phone")
    if expects.kind in ("photo", "nothing"):
        yield Given(_photo(_fresh(node)), "sends a photo")
    if expects.kind == "photo":
        yield _CHAT[1]


def _fresh(node: Node) -> str:
    """A photo that this step has not seen."""
    held = node.session.state
    return next(name for name in (f"photo {number}" for number in range(1, 99)) if f'"{name}"' not in held)


def _happened(plan: Plan, node: Node) -> Iterator[Given]:
    """What was posted last, come back in each way or once more; what was posted before, come late; a worker's death."""
    step = step_of(plan, node.session)
    if step is None or not node.posted:
        return
    newest, *older = node.posted
    repeated = not node.truth.out and not isinstance(newest, SendCode | OpenLink)
    for said in outcomes(newest, node.session, step):
        told = f"({type(newest).__name__}: {said.what}{', told once more' if repeated else ''})"
        yield Given(Happened(step.name, about(newest), said.failed, said.result), told, said, stale=repeated)
    for effect in older:
        if about(effect) == about(newest):
            continue
        for said in outcomes(effect, node.session, step):
            told = f"({type(effect).__name__} of before: {said.what}, told late)"
            yield Given(Happened(step.name, about(effect), said.failed, said.result), told, said, stale=True)
    if waits(node.session) and not isinstance(newest, SendCode | OpenLink):
        yield Given(Happened(step.name, failed=Unavailable()), "(whoever looked has died of it)")


def _returned(node: Node, *, deep: bool) -> Iterator[Given]:
    """Both browsers, by the link that serves, by the one before and by one that was never given out."""
    door = node.session.reply.expects.door
    if door is None:
        return
    state = parsed(node.session.state)
    further = _FURTHER if deep and door.page == "liveness" else ()
    for event in (*_EVENTS.get(door.page, ()), *further):
        newest = state["logins"] if event in _OF_LOGIN else door.number
        numbers = (newest, newest - 1, newest + 5) if event in _NUMBERED else (newest,)
        for device in DEVICES:
            for number in numbers:
                params = {"event": event, "device": device, "what": "denied", "code": "c-1", "error": "1044"}
                ours = device == state["device"]
                stale = _is_stale(event, number, newest, ours=ours)
                if event in _OF_LOGIN:
                    stale = stale or not _in_time(state, node.now)
                said = Said("", blamed=event == "error" and not stale)
                yield Given(Returned(number, params), f"{device}: {event} by link {number}", said, stale=stale)


def _is_stale(event: str, number: int, newest: int, *, ours: bool) -> bool:
    """Is it said by a link that serves no more, or by a browser that is not the one that came last?"""
    if event in _OF_LOGIN:
        return not ours or number != newest
    if event == "go":  # that browser may leave once more by its link
        return number != newest and not (ours and number == newest - 1)
    return number != newest if event == "open" else event != "nudge" and not ours


def _in_time(state: dict[str, Any], now: float) -> bool:
    return bool(state["phase"] == "leaving") and now - state["since"] < LOGIN_SECONDS


def _wake(node: Node) -> Given:
    """Who has not come back from Aitu in time has used up a try."""
    door = node.session.reply.expects.door
    away = door is not None and door.page == "aitu" and parsed(node.session.state)["phase"] == "leaving"
    return Given(Wake(), "(the time to look has come)", Said("", blamed=away))


def later(plan: Plan, node: Node, *, deep: bool = False) -> Iterator[tuple[str, Node]]:
    """The same after some time: half-way to the next deadline, at it; past all of them, where it is waited."""
    coming = sorted(at for at in _deadlines(plan, node) if at > node.now and at != node.due)
    for at in coming[:1]:
        if node.truth.pauses < 1:
            halfway = replace(node.truth, pauses=1)
            yield "(half of the time goes by)", replace(node, now=(node.now + at) / 2, truth=halfway)
        yield "(the time is over)", replace(node, now=at)
    if deep or waits(node.session):
        yield "(a long time goes by)", replace(node, now=node.now + HORIZON)


def _deadlines(plan: Plan, node: Node) -> Iterator[float]:
    """Those that the state speaks of, and that of a code that was sent, whatever the state says."""
    step = step_of(plan, node.session)
    if node.truth.sent:
        yield node.truth.sent + getattr(step and step.options, "lifetime", 0.0)
    for value in parsed(node.session.state).values():
        if isinstance(value, float) and value > EPOCH:
            yield value
