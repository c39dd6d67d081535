"""`shinos flows prove`: every state of the configured flows, and what does not hold, as the dialogue that shows it."""

from collections.abc import Iterator
from time import perf_counter

import typer

from flows.fronts import chat_front
from flows.model import Plan
from flows.plan import make_plan, suggest
from flows.proving.bank import Unprovable
from flows.proving.search import Counterexample, prove
from flows.proving.telling import tell
from flows.settings import Settings, SettingsError


def run(settings: Settings, name: str, *, deep: bool) -> int:
    """The exit status: 1 when something does not hold. Raises `SettingsError`."""
    if name and name not in settings.flow:
        known = ", ".join(settings.flow)
        raise SettingsError(f'there is no flow "{name}"{suggest(name, settings.flow)}; known: {known}')
    held = [_prove(told, plan, way, deep=deep) for told, plan, way in _flows(settings, name)]
    return 0 if all(held) else 1


def _flows(settings: Settings, name: str) -> Iterator[tuple[str, Plan, str]]:
    """What to prove: a name to print, the plan, the way to begin in. The flows of the bot are one dialogue."""
    chat = settings.bot.flows
    for flow in settings.flow:
        if flow not in chat and name in ("", flow):
            yield flow, make_plan(flow, settings.flow[flow].steps), ""
    if name in chat:
        yield name, chat_front(settings).plan, name if len(chat) > 1 else ""
    elif not name and any(flow in settings.flow for flow in chat):
        yield " + ".join(chat), chat_front(settings).plan, ""


def _prove(told: str, plan: Plan, way: str, *, deep: bool) -> bool:
    began = perf_counter()
    try:
        found = prove(plan, way, deep=deep)
    except Unprovable as error:
        typer.echo(f"{told}: not proven: {error}")
        return False
    if isinstance(found, Counterexample):
        typer.echo("\n".join(tell(told, found)))
        return False
    seconds = perf_counter() - began
    typer.echo(f"{told}: proven: {len(found.nodes)} states, {found.transitions} transitions, {seconds:.1f} s")
    return True
