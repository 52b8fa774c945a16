"""The servers that tests share follow one another, and end with the run, however it ends."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from tests.support.conditions import eventually
from tests.support.namespaces import EACH, Namespace, Namespaces, namespace_taken
from tests.support.servers import CONTROLLER, DIRECTORY

ROOT = Path(__file__).parents[2]
RUN = f"""
import os, sys
from contextlib import ExitStack
from pathlib import Path
os.environ["{CONTROLLER}"] = str(os.getpid())
from tests.support.namespaces import namespace_taken
from tests.support.servers import shared_servers
print(shared_servers().keeper, flush=True)
with ExitStack() as all_taken:
    for _ in range({EACH + 1}):
        all_taken.enter_context(namespace_taken(Path(os.environ["{DIRECTORY}"])))
    print("taken", flush=True)
    sys.stdin.read()
"""
TEST = """
import sys
from pathlib import Path
from tests.support.namespaces import namespace_taken
with namespace_taken(Path(sys.argv[1])) as namespace:
    print(namespace.address, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
async def keeper(tmp_path: Path) -> AsyncIterator[Namespaces]:
    """The namespaces of a keeper, and their servers."""
    namespaces = Namespaces(tmp_path)
    await namespaces.open()
    try:
        yield namespaces
    finally:
        await namespaces.close()


async def take(keeper: Namespaces, test: ExitStack) -> Namespace:
    """A namespace for as long as a test takes."""
    return await asyncio.to_thread(test.enter_context, namespace_taken(keeper.directory))


def is_up(namespace: Namespace) -> bool:
    """Whether the server of a namespace listens."""
    host, port = namespace.address.split(":")
    with socket.socket() as connection:
        return connection.connect_ex((host, int(port))) == 0


async def test_a_server_whose_namespaces_were_all_used_ends_and_the_next_one_serves(
    keeper: Namespaces,
) -> None:
    with ExitStack() as later:
        with ExitStack() as last:
            with ExitStack() as early:
                taken = [await take(keeper, early) for _ in range(EACH - 1)]
                taken.append(await take(keeper, last))
                [first] = {each.address for each in taken}
                taken.append(await take(keeper, later))
            assert taken[-1].address != first
            assert len({each.name for each in taken}) == len(taken) == EACH + 1
            await eventually(lambda: keeper.taken == 2, what="most given back")
            assert is_up(taken[0])
            assert is_up(taken[-1])
        await eventually(lambda: not is_up(taken[0]), what="the first server ended")
        assert is_up(taken[-1])


async def test_a_test_whose_process_is_killed_gives_its_namespace_back(
    keeper: Namespaces,
) -> None:
    test = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        TEST,
        keeper.directory,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert test.stdout is not None
        address = (await test.stdout.readline()).decode().strip()
        with ExitStack() as others:
            taken = [await take(keeper, others) for _ in range(EACH - 1)]
        assert {each.address for each in taken} == {address}
        await eventually(lambda: keeper.taken == 1, what="the others given back")
        assert is_up(taken[0])
    finally:
        test.kill()
    await test.wait()
    await eventually(lambda: not is_up(taken[0]), what="its server ended")


async def test_a_killed_run_leaves_no_server(tmp_path: Path) -> None:
    directory = tmp_path / "servers"
    directory.mkdir()
    run = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        RUN,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, DIRECTORY: str(directory)},
    )
    assert run.stdout is not None
    keeper = psutil.Process(int(await run.stdout.readline()))
    assert await run.stdout.readline() == b"taken\n"
    servers = keeper.children(recursive=True)
    names = [process.name() for process in servers]
    assert "postgres" in names
    assert names.count("temporal") == 2

    run.kill()
    await run.wait()

    def gone() -> bool:
        return not any(process.is_running() for process in [keeper, *servers])

    await eventually(gone, 30, what="keeper and servers gone")
    await eventually(lambda: not directory.exists(), what="their data gone")
