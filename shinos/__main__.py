"""`shinos`: every command of contract §2."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from flows.errors import StoreDown
from flows.settings import SettingsError, load

app = typer.Typer(
    help="Shinos tells a bank who is at the other end of a chat.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Config = Annotated[Path, typer.Option("--config", help="The configuration file.", show_default=True)]
_CONFIG = Path("config.toml")


@app.command()
def up(config: Config = _CONFIG) -> None:
    """Run everything on this machine: embedded Redis, SQLite, the sandbox, the Search API."""
    from shinos import serving

    raise typer.Exit(serving.run(load(config), serving.up))


@app.command()
def serve(
    config: Config = _CONFIG,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that share the port.")] = 1,
) -> None:
    """Run the Search API."""
    from shinos import serving
    from shinos import workers as several

    inherited = several.inherited()
    settings = load(config)
    listening = inherited or serving.listen(settings.server.host, settings.server.port, "server")
    if workers > 1:
        raise typer.Exit(several.run(config, settings, listening, workers))
    raise typer.Exit(serving.run(settings, lambda given: serving.serve(given, listening)))


@app.command()
def sandbox(config: Config = _CONFIG) -> None:
    """Run the sandbox: it plays every outside system."""
    from shinos import serving

    raise typer.Exit(serving.run(load(config), serving.sandbox))


def main() -> int:
    """The exit status: 0 well, 1 not, 2 used wrongly; errors of use are one line."""
    try:
        app(standalone_mode=False)
    except typer.Exit as end:
        return end.exit_code
    except (SettingsError, typer.TyperException) as error:
        sys.stderr.write(f"shinos: {error}\n")
        return 2
    except StoreDown:
        sys.stderr.write("shinos: Redis or the database cannot be reached; see `shinos check`\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
