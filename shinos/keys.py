"""`shinos keys`: rotate."""

import typer

from shinos.options import CONFIG, Config, group, settings_of

app = group("The secrets of this installation.")


@app.command()
def rotate(config: Config = CONFIG) -> None:
    """Bring all clients under the new records key; then the previous one is needed no more. Can be run again."""
    from shinos import rotating, serving

    raise typer.Exit(serving.once(settings_of(config), rotating.rotate_records))
