"""Options for runs in flight, and for what is overdue: shared by plan, apply, activate, resume."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from cli.errors import ExitCode, refuse


class InFlight(StrEnum):
    """Whether runs in flight keep their version or follow the new one."""

    PIN = "pin"
    FOLLOW = "follow"


Flight = Annotated[
    InFlight,
    typer.Option("--in-flight", help="Runs in flight keep their version, or follow the new one."),
]
Map = Annotated[
    list[str],
    typer.Option("--map", help="OLD=NEW: runs at the step OLD go to NEW, the others follow."),
]
Overdue = Annotated[
    str,
    typer.Option(
        help="What is overdue: send it, skip it, or spread it over a duration such as 2h."
    ),
]


def in_flight_policy(in_flight: InFlight, mapped: list[str]) -> Any:
    """The policy for runs in flight, as the API reads it. The command ends if a map is wrong."""
    mapping: dict[str, str] = {}
    for each in mapped:
        old, sign, new = each.partition("=")
        if not (old and sign and new):
            refuse(f"--map {each} is not OLD=NEW, two ids of steps", ExitCode.USAGE)
        mapping[old] = new
    return {"map": mapping} if mapping else in_flight.value


def overdue_policy(overdue: str) -> Any:
    """The policy for what is overdue, as the API reads it. The command ends if it is none."""
    if overdue in ("send", "skip"):
        return overdue
    from journeys.time.durations import Duration

    try:
        Duration.parse(overdue)
    except ValueError:
        refuse(f"--overdue {overdue}: must be send, skip or a duration such as 2h", ExitCode.USAGE)
    return {"spread": overdue}
