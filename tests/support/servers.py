"""One PostgreSQL and one Temporal server for a whole test run, however many processes it has.

The first test that needs them starts a keeper (this module, run as a script), which starts the
servers and stops them when the run's main process ends, even if it is killed. The servers end with
the keeper. So no server is left behind, and none is started without need.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil
from filelock import FileLock

from devstack.ports import free_port
from devstack.postgres import Postgres
from devstack.process import Child, StackFailed
from devstack.temporal_server import Temporal

DIRECTORY = "TESTS_SERVERS_DIRECTORY"
CONTROLLER = "TESTS_CONTROLLER_PID"
READY = "ready"
# Made at the server's start, when they cost nothing: a test takes one for itself.
NAMESPACES = 1600


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the servers are, for every process of the run."""

    postgres_url: str
    """Of a server's maintenance database; see `database`. By a Unix socket."""
    temporal_address: str
    keeper: int

    def database(self, name: str) -> str:
        """The URL of a database of the server."""
        return urlsplit(self.postgres_url)._replace(path=f"/{name}").geturl()


def shared_servers() -> Servers:
    """The servers of the test run, started by the first process that asks."""
    directory = Path(os.environ[DIRECTORY])
    described = directory / "servers.json"
    with FileLock(directory / "servers.lock"):
        if not described.exists():
            _start_keeper(directory)
    return Servers(**json.loads(described.read_text()))


def take_namespace() -> str:
    """A Temporal namespace that no other test of the run has had."""
    directory = Path(os.environ[DIRECTORY])
    counter = directory / "namespaces"
    with FileLock(directory / "namespaces.lock"):
        number = int(counter.read_text()) if counter.exists() else 0
        counter.write_text(str(number + 1))
    if number >= NAMESPACES:
        raise AssertionError(f"more than {NAMESPACES} tests use Temporal: raise NAMESPACES")
    return f"test-{number}"


def stop_keeper() -> None:
    """Stop the servers and wait until they are gone; called by the run's main process."""
    directory = Path(os.environ[DIRECTORY])
    described = directory / "servers.json"
    if described.exists():
        keeper = json.loads(described.read_text())["keeper"]
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(keeper)
            process.terminate()
            process.wait(30)
    shutil.rmtree(directory, ignore_errors=True)


def _start_keeper(directory: Path) -> None:
    with (directory / "keeper.log").open("ab") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.support.servers", str(directory)],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            # A Ctrl-C is for the run, whose end the keeper waits for.
            start_new_session=True,
        )
    assert keeper.stdout is not None
    with keeper.stdout:
        word = keeper.stdout.readline().strip()
    if word != READY:
        raise AssertionError(
            f"the test servers did not start:\n{(directory / 'keeper.log').read_text()}"
        )
    # The keeper outlives this process, so this process does not wait for it.
    keeper.returncode = 0


async def keep(directory: Path, controller: int) -> None:
    """Start the servers, say so, and stop them when the controller ends or asks for it."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)

    def watch() -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(controller).wait()
        loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=watch, daemon=True).start()
    # If tests run as root, the server runs as another user.
    sockets = directory / "sockets"
    sockets.mkdir()
    sockets.chmod(0o777)
    postgres = Postgres(
        directory / "postgres",
        free_port(),
        directory / "postgres.log",
        fleeting=True,
        sockets=sockets,
    )
    temporal = Temporal(
        None,
        free_port(),
        None,
        directory / "temporal.log",
        namespaces=[f"test-{number}" for number in range(NAMESPACES)],
        # Else every namespace has workers of its own, for schedules, which cost a fifth of a core.
        dynamic_config={
            "worker.perNamespaceWorkerCount": "0",
            "matching.numTaskqueueReadPartitions": "1",
            "matching.numTaskqueueWritePartitions": "1",
        },
    )
    # Of Temporal: it collects its garbage once its memory has become five times as much.
    os.environ["GOGC"] = "400"
    children: list[Child] = []
    try:
        await postgres.prepare()
        children.append(await postgres.start())
        children.append(await temporal.start())
        servers = Servers(postgres.url("postgres"), temporal.address, os.getpid())
        described = directory / "servers.json.new"
        described.write_text(json.dumps(asdict(servers)))
        described.rename(directory / "servers.json")
        sys.stdout.write(f"{READY}\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        for child in children:
            await child.stop()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    try:
        asyncio.run(keep(Path(sys.argv[1]), int(os.environ[CONTROLLER])))
    except StackFailed as failure:
        sys.exit(str(failure))
