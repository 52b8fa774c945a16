"""The end of a command that cannot go on."""

from typing import NoReturn

import typer


def refuse(message: str) -> NoReturn:
    """Print a message to standard error and exit with status 1."""
    for line in message.splitlines():
        typer.echo(f"parcours: {line}" if not line.startswith(" ") else line, err=True)
    raise typer.Exit(1)
