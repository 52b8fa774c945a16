"""The servers that tests share end with the run, however it ends."""

import asyncio
import os
import sys
from pathlib import Path

import psutil

from tests.support.conditions import eventually
from tests.support.servers import CONTROLLER, DIRECTORY

RUN = f"""
import os, sys
os.environ["{CONTROLLER}"] = str(os.getpid())
from tests.support.servers import shared_servers
print(shared_servers().keeper, flush=True)
sys.stdin.read()
"""


async def test_a_killed_run_leaves_no_server(tmp_path: Path) -> None:
    directory = tmp_path / "servers"
    directory.mkdir()
    run = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        RUN,
        cwd=Path(__file__).parents[2],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, DIRECTORY: str(directory)},
    )
    assert run.stdout is not None
    keeper = psutil.Process(int(await run.stdout.readline()))
    servers = keeper.children(recursive=True)
    assert {"postgres", "temporal"} <= {process.name() for process in servers}

    run.kill()
    await run.wait()

    def gone() -> bool:
        return not any(process.is_running() for process in [keeper, *servers])

    await eventually(gone, 30, what="keeper and servers gone")
    await eventually(lambda: not directory.exists(), what="their data gone")
