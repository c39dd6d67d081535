"""`shinos clients`: import, show, erase, unlock, harden, prune."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shinos.options import CONFIG, Config, group, settings_of

if TYPE_CHECKING:
    from flows.identifiers import Identifier

app = group("The bank's clients: bring them in, look one up, erase one.")
Client = Annotated[str, typer.Argument(metavar="ID", help="Phone, e-mail, crmid or @telegram name.")]


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", exists=True, dir_okay=False, readable=True)],
    config: Config = CONFIG,
) -> None:
    """Import a client file: all of it or, when a row is wrong, nothing. Repeating it changes nothing."""
    from shinos import importing, serving

    raise typer.Exit(serving.once(settings_of(config), lambda settings: importing.bring_in(settings, file)))


@app.command()
def show(client: Client, config: Config = CONFIG) -> None:
    """Show what is known of a client, as JSON."""
    from shinos import serving, showing

    names = _names(client, config)
    raise typer.Exit(serving.once(settings_of(config), lambda settings: showing.show(settings, names)))


@app.command()
def erase(
    client: Client,
    config: Config = CONFIG,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Erase a client: the record, its key, running dialogues and tokens. It cannot be undone."""
    from shinos import erasing, serving

    names = _names(client, config)
    if not yes and sys.stdin.isatty():
        typer.confirm("Erase this client? It cannot be undone.", abort=True)
    raise typer.Exit(serving.once(settings_of(config), lambda settings: erasing.erase(settings, names)))


@app.command()
def unlock(client: Client, config: Config = CONFIG) -> None:
    """Forget a client's wrong answers and locks, once you have seen who it is."""
    from shinos import erasing, serving

    names = _names(client, config)
    raise typer.Exit(serving.once(settings_of(config), lambda settings: erasing.unlock(settings, names)))


@app.command()
def harden(
    config: Config = CONFIG,
    seconds: Annotated[float, typer.Option(min=0, help="Stop after so long; it can be gone on with.")] = 3600,
) -> None:
    """Turn imported secret words into argon2id, in as many processes as there are cores."""
    from shinos import importing, serving

    raise typer.Exit(serving.once(settings_of(config), lambda settings: importing.harden_for(settings, seconds)))


@app.command()
def prune(
    config: Config = CONFIG,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
) -> None:
    """Erase what [retention] says has been kept long enough; the servers do it once a day by themselves."""
    from shinos import pruning, serving

    raise typer.Exit(serving.once(settings_of(config), lambda settings: pruning.prune(settings, dry_run=dry_run)))


def _names(client: str, config: Path) -> "tuple[Identifier, ...]":
    from flows.identifiers import recognise

    names = recognise(client, None, settings_of(config).bank.country)
    if not names:
        raise typer.BadParameter("expected a phone, an e-mail, a crmid or an @telegram name", param_hint="ID")
    return names
