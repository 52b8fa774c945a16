"""How a command says no."""

from typing import NoReturn

import typer


def refuse(message: str) -> NoReturn:
    """Print what is wrong to standard error and leave with status 1."""
    for line in message.splitlines():
        typer.echo(f"parcours: {line}" if not line.startswith(" ") else line, err=True)
    raise typer.Exit(1)
