"""From a flow's stanza to a checked list of steps, and the diagram of a flow."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from flows.model import AnyStep, Plan, Purpose

_FOLDER = Path(__file__).parent / "steps"
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
KINDS = tuple(sorted(path.stem for path in _FOLDER.glob("[a-z]*.py")))

Stanza = str | Mapping[str, Any]
"""A step in a stanza: its kind, or a table `{kind = "code", name = "second_code", …options}`."""


class PlanError(Exception):
    """The configuration of a flow is wrong; the message names flow, step, key and what was expected."""


def make_plan(name: str, stanzas: Sequence[Stanza]) -> Plan:
    """Raises `PlanError`."""
    where = f"flow.{name}.steps"
    if not stanzas:
        raise PlanError(f"{where}: a flow needs at least one step")
    steps = tuple(_step(where, stanza) for stanza in stanzas)
    _check_names(where, steps)
    _check_needs(where, steps)
    shape = [(step.kind, step.name, sorted(step.purposes), step.options.model_dump(mode="json")) for step in steps]
    digest = hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()[:16]
    return Plan(name, digest, steps)


def with_ways(name: str, stanzas: Sequence[Stanza], ways: Sequence[Plan]) -> Plan:
    """A flow whose steps lead into others. Raises `PlanError`."""
    plan = make_plan(name, stanzas)
    digest = hashlib.sha256(" ".join((plan.digest, *(f"{way.name}:{way.digest}" for way in ways))).encode())
    return replace(plan, digest=digest.hexdigest()[:16], ways=tuple(ways))


def _step(where: str, stanza: Stanza) -> AnyStep:
    table = {"kind": stanza} if isinstance(stanza, str) else dict(stanza)
    kind = str(table.pop("kind", ""))
    name = str(table.pop("name", kind))
    purposes = frozenset(table.pop("purposes", ()))
    if wrong := purposes - set(PURPOSES):
        raise PlanError(f"{where}: step {name}, key purposes: {min(wrong)} is none; known: {', '.join(PURPOSES)}")
    if kind not in KINDS:
        raise PlanError(f'{where}: there is no step "{kind}"{suggest(kind, KINDS)}; known: {", ".join(KINDS)}')
    found: type[AnyStep] = import_module(f"flows.steps.{kind}").STEP
    try:
        options = found.options_type.model_validate(table)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        hint = suggest(key, found.options_type.model_fields) if first["type"] == "extra_forbidden" else ""
        raise PlanError(f"{where}: step {name}, key {key}: {first['msg']}{hint}") from None
    return found(name, options, purposes or None)


def _check_names(where: str, steps: Sequence[AnyStep]) -> None:
    names = [step.name for step in steps]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise PlanError(f'{where}: two steps are called "{twice}"; give one of them a name of its own')


def _check_needs(where: str, steps: Sequence[AnyStep]) -> None:
    for purpose in PURPOSES:
        given: set[str] = set()
        for step in (step for step in steps if purpose in step.purposes):
            missing = step.needs - given
            if missing:
                raise PlanError(
                    f"{where}: step {step.name} needs {', '.join(sorted(missing))}, which no earlier step gives"
                )
            given |= step.gives


def check_proof(plan: Plan) -> None:
    """Raises `PlanError` when somebody may come through without having proven anything: by a name alone, or because
    all that is asked is passed over for whoever has none of it.
    """
    asked = (step for step in plan.steps if getattr(step.options, "skip", "never") == "never")
    if not any(step.needs or step.gives - {"client", "alive"} for step in asked):
        raise PlanError(
            f"flow.{plan.name}.steps: nobody has to prove who they are; "
            "besides client and liveness, a step is needed that is never skipped"
        )


def suggest(word: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    """', did you mean "…"?' when something known is near."""
    near = get_close_matches(word, list(known), n=1)
    return f', did you mean "{near[0]}"?' if near else ""


def diagram(plan: Plan) -> str:
    """The flow as a Mermaid state diagram; a way that only some come for bears their purpose."""
    lines = ["stateDiagram-v2", f"    [*] --> {plan.steps[0].name}"]
    ways: dict[tuple[str, str], list[Purpose]] = {}
    for purpose in PURPOSES:
        names = [step.name for step in plan.steps if purpose in step.purposes]
        for way in pairwise([*names, "[*]"]):
            ways.setdefault(way, []).append(purpose)
    for step in plan.steps:
        for (name, after), purposes in ways.items():
            if name == step.name:
                lines.append(f"    {name} --> {after}: {_label(after, purposes)}")
        tries = getattr(step.options, "tries", None)
        if tries:
            lines.append(f"    {step.name} --> {step.name}: wrong, at most {tries}")
        if getattr(step.options, "skip", "never") == "when_unset":
            lines.append(f"    note right of {step.name}: passed in silence when the client has none")
    return "\n".join(lines) + "\n"


def _label(after: str, purposes: list[Purpose]) -> str:
    if "identify" not in purposes:
        return ", ".join(purposes)
    return "identified" if after == "[*]" else "right"
