"""`shinos flows`: list, draw, prove, sim."""

from typing import TYPE_CHECKING, Annotated

import typer

from shinos.options import CONFIG, Config, NothingAnswers, group, settings_of

if TYPE_CHECKING:
    from flows.model import Plan
    from flows.settings import Settings

app = group("The flows of the configuration: what a client goes through.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="The flow's name.")]


@app.command("list")
def list_(config: Config = CONFIG) -> None:
    """List the flows: name, steps, and the channels that use them."""
    settings = settings_of(config)
    for name in settings.flow:
        steps = " → ".join(step.name for step in _plan(settings, name).steps)
        users = [front for front, channel in settings.channel.items() if channel.flow == name]
        users += ["the Telegram bot"] if name in settings.bot.flows else []
        typer.echo(f"{name}\t{steps}\t{', '.join(users) or 'no channel uses it'}")


@app.command()
def draw(name: Name, config: Config = CONFIG) -> None:
    """Draw a flow as a Mermaid state diagram."""
    from flows.plan import diagram

    typer.echo(diagram(_plan(settings_of(config), name)), nl=False)


@app.command()
def prove(
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="The flow's name; by default all.", show_default=False)
    ] = "",
    config: Config = CONFIG,
    deep: Annotated[bool, typer.Option("--deep", help="Look further: takes minutes.")] = False,
) -> None:
    """Walk every state of the flows; exit 1 with the dialogue that shows what does not hold."""
    from shinos import proving

    raise typer.Exit(proving.run(settings_of(config), name, deep=deep))


@app.command()
def sim(
    name: Name,
    config: Config = CONFIG,
    language: Annotated[str, typer.Option(help="What is asked, in ru, tg, en or kk.")] = "ru",
) -> None:
    """Have the dialogue in the terminal with a person of the sandbox's cast; exit 0 when identified."""
    from flows.texts import LANGUAGES
    from shinos import serving, sim

    if language not in LANGUAGES:
        raise typer.BadParameter(f"expected one of {', '.join(LANGUAGES)}", param_hint="--language")
    settings = settings_of(config)
    plan = _plan(settings, name)
    if name in settings.bot.flows:
        raise NothingAnswers(f"{name} needs a chat with buttons and photos: run `shinos up` and open its Chat address")
    raise typer.Exit(serving.once(settings, lambda given: sim.sim(given, plan, language)))


def _plan(settings: "Settings", name: str) -> "Plan":
    from flows.plan import PlanError, make_plan, suggest
    from flows.settings import SettingsError

    flow = settings.flow.get(name)
    if flow is None:
        raise SettingsError(
            f'there is no flow "{name}"{suggest(name, settings.flow)}; known: {", ".join(settings.flow)}'
        )
    try:
        return make_plan(name, flow.steps)
    except PlanError as error:
        raise SettingsError(str(error)) from None
