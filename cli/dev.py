"""`parcours dev`: the whole stack on this machine."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import refuse

Port = Annotated[int, typer.Option(min=0, max=65535, help="0 for any free port.")]


def run(
    data_dir: Annotated[Path, typer.Option(help="The directory of the data.")] = Path(".parcours"),
    api_port: Port = 8000,
    temporal_port: Port = 7233,
    ui_port: Port = 8233,
    smtp_port: Port = 1025,
    speed: Annotated[
        float | None,
        typer.Option(
            help="Divide the durations of waits by this number; nothing else is faster."
            " By default 1, and 360 with --shop."
        ),
    ] = None,
    shop: Annotated[
        bool,
        typer.Option("--shop", help="Set up the shop at /dev/shop/: a form and two journeys."),
    ] = False,
) -> None:
    """Start PostgreSQL, Temporal with its UI, an SMTP sink, API and worker on 127.0.0.1."""
    # Imported here, as in every command, so that the others start faster.
    from rich.console import Console

    from devstack.process import StackFailed
    from devstack.shop import SPEED
    from devstack.supervisor import StackOptions, Supervisor
    from infra.logging import configure_logging

    if speed is None:
        speed = SPEED if shop else 1.0
    if not 0 < speed < float("inf"):
        refuse("--speed must be a number above 0")
    configure_logging(process="dev", level="WARNING")
    options = StackOptions(data_dir, api_port, temporal_port, ui_port, smtp_port, speed, shop)
    supervisor = Supervisor(options, Console(stderr=True))
    try:
        asyncio.run(supervisor.run())
    except StackFailed as failure:
        refuse(str(failure))
