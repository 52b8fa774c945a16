"""One PostgreSQL and some Temporal servers for a test run, however many processes it has.

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
from tests.support.namespaces import Namespaces

DIRECTORY = "TESTS_SERVERS_DIRECTORY"
CONTROLLER = "TESTS_CONTROLLER_PID"
READY = "ready"


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the servers are, for every process of the run."""

    postgres_url: str
    """Of a server's maintenance database; see `database`. By a Unix socket."""
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
    namespaces = Namespaces(directory)
    # Of Temporal: it collects its garbage once its memory has become five times as much.
    os.environ["GOGC"] = "400"
    child: Child | None = None
    try:
        await postgres.prepare()
        child = await postgres.start()
        await namespaces.open()
        servers = Servers(postgres.url("postgres"), os.getpid())
        described = directory / "servers.json.new"
        described.write_text(json.dumps(asdict(servers)))
        described.rename(directory / "servers.json")
        sys.stdout.write(f"{READY}\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        await namespaces.close()
        if child is not None:
            await child.stop()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    try:
        asyncio.run(keep(Path(sys.argv[1]), int(os.environ[CONTROLLER])))
    except StackFailed as failure:
        sys.exit(str(failure))
