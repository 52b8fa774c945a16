"""The end of a command that cannot go on, and the statuses of commands."""

from enum import IntEnum
from typing import NoReturn

import typer


class ExitCode(IntEnum):
    """The status that a command ends with; scripts rely on the numbers."""

    DONE = 0
    INVALID = 1
    """The input is wrong, or something was found to be wrong."""
    USAGE = 2
    """The command line is wrong: the status of typer's own errors."""
    NOT_FOUND = 3
    REFUSED = 4
    """The key does not allow it, or the state of what is to be changed does not."""
    UNREACHABLE = 5
    """A server cannot be reached, or cannot answer now."""


def refuse(message: str, code: ExitCode = ExitCode.INVALID) -> NoReturn:
    """Print a message to standard error and exit with the status of `code`."""
    for line in message.splitlines():
        typer.echo(f"parcours: {line}" if not line.startswith(" ") else line, err=True)
    raise typer.Exit(code)


def code_of_status(status: int) -> ExitCode:
    """The status of a command that an error of the API ends, by its HTTP status."""
    if status == 404:
        return ExitCode.NOT_FOUND
    if status in (401, 403, 409, 429):
        return ExitCode.REFUSED
    if status >= 500:
        return ExitCode.UNREACHABLE
    return ExitCode.INVALID
