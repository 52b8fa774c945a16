"""`parcours demo`: two journeys of the library with a dozen contacts, on a separate stack."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.errors import refuse

if TYPE_CHECKING:
    from rich.console import Console

    from devstack.supervisor import Supervisor

JOURNEYS = ("welcome", "abandoned-cart")
PORTS = {"api_port": 8000, "temporal_port": 7233, "ui_port": 8233, "smtp_port": 1025}
MARK = "demo"
"""A file in the data directory that marks it as one that may be emptied."""
PLAIN_WIDTH = 120
SERVER_NAMES = frozenset({"PARCOURS_API_URL", "PARCOURS_API_KEY"})


class DemoFailed(Exception):
    """The demo failed; the message is one line."""


def run(
    data_dir: Annotated[
        Path,
        typer.Option(
            help="Emptied at each start; with --ci a temporary directory is used instead."
        ),
    ] = Path(".parcours/demo"),
    ci: Annotated[
        bool,
        typer.Option(
            "--ci",
            help="End by itself, non-zero if anything is missing. Also set by CI=1.",
        ),
    ] = False,
    speed: Annotated[
        float, typer.Option(min=1, help="Divide the durations of waits by this number.")
    ] = 3600,
) -> None:
    """Start a stack, apply two journeys, let a dozen contacts act, and show the results."""
    from rich.console import Console

    from devstack.process import StackFailed
    from infra.logging import configure_logging

    try:
        import segment.analytics  # noqa: F401 - checked before the stack starts
    except ImportError:
        refuse("the demo needs the Segment client: run it by `make demo`")
    ci = ci or os.environ.get("CI", "").lower() not in {"", "0", "false"}
    configure_logging(process="demo", level="WARNING")
    console = Console()
    if not console.is_terminal:
        console = Console(width=PLAIN_WIDTH)
    try:
        with _data_directory(data_dir, temporary=ci) as directory:
            asyncio.run(_run_stack(directory, console, speed, ci))
    except (DemoFailed, StackFailed) as failure:
        refuse(str(failure))


@contextlib.contextmanager
def _data_directory(data_dir: Path, *, temporary: bool) -> Iterator[Path]:
    """An empty data directory: a temporary one, or the one of the last demo."""
    if temporary:
        with tempfile.TemporaryDirectory(prefix="parcours-demo-") as made:
            yield Path(made)
        return
    from devstack.data_directory import DataDirectory

    mark = data_dir / MARK
    if data_dir.exists() and any(data_dir.iterdir()) and not mark.exists():
        refuse(f"{data_dir} holds something else than a demo: choose another with --data-dir")
    if mark.exists():
        # The lock fails while another demo runs there.
        lock = DataDirectory(data_dir)
        lock.acquire()
        lock.release()
        shutil.rmtree(data_dir)
    data_dir.mkdir(parents=True, exist_ok=True)
    mark.touch()
    yield data_dir


async def _run_stack(data_dir: Path, console: Console, speed: float, ci: bool) -> None:
    from devstack.supervisor import StackOptions, Supervisor

    api, temporal, ui, smtp = (0 if ci else _usual(port) for port in PORTS.values())
    supervisor = Supervisor(StackOptions(data_dir, api, temporal, ui, smtp, speed), console)
    running = asyncio.create_task(supervisor.run())
    playing = asyncio.create_task(_play(supervisor, data_dir, console, speed, ci))
    try:
        await asyncio.wait({running, playing}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
            if ci:
                raise DemoFailed("the demo was stopped before its end")
            return
        playing.result()
        if not ci:
            await running
    finally:
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
        await _stop(supervisor, running)


async def _stop(supervisor: Supervisor, running: asyncio.Task[None]) -> None:
    if not running.done():
        supervisor.stop()
    await asyncio.gather(running, return_exceptions=True)


def _usual(port: int) -> int:
    """The usual port, so that bookmarks work; 0, for any free one, if it is in use."""
    from devstack.ports import claim_port
    from devstack.process import StackFailed

    try:
        return claim_port(port, "", "")
    except StackFailed:
        return 0


async def _play(
    supervisor: Supervisor, data_dir: Path, console: Console, speed: float, ci: bool
) -> None:
    from demo.show import show

    await supervisor.ready.wait()
    stack = json.loads((data_dir / "stack.json").read_text())
    await _apply(data_dir, console)
    console.print(
        f"\nWaits are divided by {speed:g}: an hour takes {3600 / speed:g} s.\n", highlight=False
    )
    missing = await show(stack, console, speed, data_dir)
    if missing:
        raise DemoFailed("the demo did not come out as it must: " + "; ".join(missing))
    console.print("\nEverything came out as expected.", style="green")
    if not ci:
        console.print("Dora’s run still waits for her answer. Ctrl-C stops all.", highlight=False)


async def _apply(data_dir: Path, console: Console) -> None:
    """Apply the library's files, unchanged, by `parcours journey apply`."""
    library = files("journeys") / "library"
    names = [f"{name}.yaml" for name in JOURNEYS]
    shown = " ".join(f"journeys/library/{name}" for name in names)
    console.print(f"$ parcours journey apply --yes {shown}", style="bold", highlight=False)
    applying = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "cli.main", "journey", "apply", "--yes"),
        *("--data-dir", str(data_dir)),
        *(str(library / name) for name in names),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        # The shell may name another server, which is not the demo's.
        env={name: value for name, value in os.environ.items() if name not in SERVER_NAMES},
    )
    output, _ = await applying.communicate()
    console.print(output.decode().rstrip(), highlight=False, markup=False, soft_wrap=True)
    if applying.returncode != 0:
        raise DemoFailed("the journeys of the library were not applied")
