"""`shinos audit`: verify, archive, tail."""

from pathlib import Path
from typing import Annotated

import typer

from shinos.options import CONFIG, Config, group, settings_of

app = group("The audit log: is it whole, and what does it say.")


@app.command()
def verify(
    config: Config = CONFIG,
    archive: Annotated[Path | None, typer.Option(help="A folder of `audit archive`: its files too.")] = None,
) -> None:
    """Exit 0 when the audit log is whole, else 1 and the first broken entry."""
    from shinos import auditing, serving

    raise typer.Exit(serving.once(settings_of(config), lambda settings: auditing.verify(settings, archive)))


@app.command("archive")
def archive_(
    folder: Annotated[Path, typer.Argument(help="Where to; a file for each run, which proves itself.")],
    config: Config = CONFIG,
    days: Annotated[int, typer.Option(min=365, help="What is older than that.")] = 365,
) -> None:
    """Move the oldest entries out of the database into a file; `audit verify` goes on from there."""
    from shinos import auditing, serving

    raise typer.Exit(serving.once(settings_of(config), lambda settings: auditing.archive_to(settings, folder, days)))


@app.command()
def tail(
    config: Config = CONFIG,
    number: Annotated[int, typer.Option("-n", min=0, help="How many of the last entries.")] = 10,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes; end with Ctrl-C.")] = False,
) -> None:
    """The last entries as JSON lines, oldest first."""
    from shinos import auditing, serving

    raise typer.Exit(serving.once(settings_of(config), lambda settings: auditing.tail(settings, number, follow=follow)))
