"""What every command understands, and how it finds its settings."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from flows.settings import Settings

CONFIG = Path("config.toml")
Config = Annotated[Path, typer.Option("--config", help="The configuration file.", show_default=True)]


class NothingAnswers(Exception):
    """What a command needs is not there; one line that says what to do. Exit status 1."""


def settings_of(config: Path) -> "Settings":
    """Raises `SettingsError`. Imported late: the models of the settings cost 0.3 s, and help needs none."""
    from flows.settings import load

    return load(config)


def group(help_text: str) -> typer.Typer:
    """Plain help: the colourful one costs 0.4 s of imports."""
    return typer.Typer(
        help=help_text,
        invoke_without_command=True,
        callback=_help_when_bare,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


def _help_when_bare(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit
