"""`shinos`: every command of contract §2."""

import sys
from typing import Annotated

import typer

from shinos import audit, clients, flows, keys
from shinos.ending import ended
from shinos.options import CONFIG, Config, group, settings_of

app = group("Shinos tells a bank who is at the other end of a chat.")
app.add_typer(clients.app, name="clients")
app.add_typer(flows.app, name="flows")
app.add_typer(audit.app, name="audit")
app.add_typer(keys.app, name="keys")


@app.callback(invoke_without_command=True)
def shinos(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    """Shinos tells a bank who is at the other end of a chat."""
    if version:
        from shinos.version import version as ours

        typer.echo(f"shinos {ours()}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def up(config: Config = CONFIG) -> None:
    """Run everything on this machine: embedded Redis, SQLite, the sandbox, the Search API, the bot."""
    from shinos import serving

    raise typer.Exit(serving.run(settings_of(config), lambda given: serving.up(given, config)))


@app.command()
def serve(
    config: Config = CONFIG,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that share the port.")] = 1,
) -> None:
    """Run the Search API."""
    from shinos import serving
    from shinos import workers as several

    inherited = several.inherited()
    settings = settings_of(config)
    listening = inherited or serving.listen(settings.server.host, settings.server.port, "server")
    if workers > 1:
        raise typer.Exit(several.run(config, settings, listening, workers))
    raise typer.Exit(serving.run(settings, lambda given: serving.serve(given, listening)))


@app.command()
def bot(config: Config = CONFIG) -> None:
    """Run the Telegram bot. Several may run: one of them polls, all of them answer."""
    from shinos import serving

    raise typer.Exit(serving.run(settings_of(config), serving.bot))


@app.command()
def sandbox(config: Config = CONFIG) -> None:
    """Run the sandbox: it plays every outside system."""
    from shinos import serving

    raise typer.Exit(serving.run(settings_of(config), serving.sandbox))


@app.command()
def check(config: Config = CONFIG) -> None:
    """Look at the configuration, Redis, the database and each upstream; exit 1 when something is wrong or unsafe."""
    from shinos import checking

    raise typer.Exit(checking.run(config))


@app.command()
def demo(
    config: Config = CONFIG,
    url: Annotated[str, typer.Option(help="A running Search API; by default the configured address.")] = "",
    sandbox_url: Annotated[str, typer.Option(help="Its sandbox; by default the configured address.")] = "",
    flow: Annotated[str, typer.Option(help="Which of the bot's flows; by default its first.")] = "",
) -> None:
    """Play one identification in the chat and over the Search API of a running `shinos up`, or of one of its own."""
    from shinos import serving
    from shinos.demo import demo as play

    raise typer.Exit(serving.once(settings_of(config), lambda given: play(given, config, url, sandbox_url, flow)))


def main() -> int:
    """The exit status: 0 well, 1 not, 2 used wrongly."""
    with ended() as end:
        end.status = app(prog_name="shinos", standalone_mode=False)
    return end.status or 0


if __name__ == "__main__":
    sys.exit(main())
