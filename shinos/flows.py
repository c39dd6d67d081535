"""`shinos flows`: list, draw, sim."""

from typing import Annotated

import typer

from flows.model import Plan
from flows.plan import PlanError, make_plan, suggest
from flows.settings import Language, Settings, SettingsError, load
from shinos.options import CONFIG, Config, group

app = group("The flows of the configuration: what a client goes through.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="The flow's name.")]


@app.command("list")
def list_(config: Config = CONFIG) -> None:
    """List the flows: name, steps, and the channels that use them."""
    settings = load(config)
    for name in settings.flow:
        steps = " → ".join(step.name for step in _plan(settings, name).steps)
        channels = ", ".join(front for front, channel in settings.channel.items() if channel.flow == name)
        typer.echo(f"{name}\t{steps}\t{channels or 'no channel uses it'}")


@app.command()
def draw(name: Name, config: Config = CONFIG) -> None:
    """Draw a flow as a Mermaid state diagram."""
    from flows.plan import diagram

    typer.echo(diagram(_plan(load(config), name)), nl=False)


@app.command()
def sim(
    name: Name,
    config: Config = CONFIG,
    language: Annotated[Language, typer.Option(help="What is asked, in this language.")] = "ru",
) -> None:
    """Have the dialogue in the terminal with a person of the sandbox's cast; exit 0 when identified."""
    from shinos import serving, sim

    settings = load(config)
    plan = _plan(settings, name)
    raise typer.Exit(serving.once(settings, lambda given: sim.sim(given, plan, language)))


def _plan(settings: Settings, name: str) -> Plan:
    flow = settings.flow.get(name)
    if flow is None:
        raise SettingsError(
            f'there is no flow "{name}"{suggest(name, settings.flow)}; known: {", ".join(settings.flow)}'
        )
    try:
        return make_plan(name, flow.steps)
    except PlanError as error:
        raise SettingsError(str(error)) from None
