"""`parcours dev`: it starts the stack, restarts parts that end, and stops all of it."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
from rich.console import Console

from devstack import shop
from devstack.data_directory import DataDirectory
from devstack.inbox import Inbox
from devstack.ports import HOST, claim_port, free_port
from devstack.postgres import Postgres
from devstack.process import Child, Command, StackFailed
from devstack.shop_setup import set_up_shop
from devstack.smtp_sink import start_sink
from devstack.temporal_server import Temporal
from infra.channel_settings import inbox_variables
from journeys.time.backoff import Backoff
from store.migrations.upgrade import upgrade
from store.operations.api_keys import Scope, create_key, find_key
from store.operations.audit import Actor

SCOPES: tuple[Scope, ...] = ("ingest", "operate", "admin")
READY_WITHIN = 60.0
WORKER_QUEUE = "journeys"
# Longer than the worker gives its sends to be recorded.
WORKER_GRACE = 50.0
RESTART = Backoff(first=0.2, longest=10.0)
# A process that held out this long did not die of its start: the next pause begins small again.
STEADY_AFTER = 30.0


@dataclass(frozen=True, slots=True)
class StackOptions:
    """What `parcours dev` is asked for; a port of 0 takes any free one."""

    data_dir: Path = Path(".parcours")
    api_port: int = 8000
    temporal_port: int = 7233
    ui_port: int = 8233
    smtp_port: int = 1025
    speed: float = 1.0
    shop: bool = False
    """Whether the documents of the shop are applied, unless they are there."""


@dataclass(slots=True)
class Service:
    """A process that is started again when it dies."""

    name: str
    start: Callable[[], Awaitable[Child]]
    child: Child | None = None


class Supervisor:
    """One stack from its start to its stop.

    Args:
        options: where it lives and listens.
        console: where progress and failures are printed.
    """

    def __init__(self, options: StackOptions, console: Console) -> None:
        self._options = options
        self._console = console
        self._directory = DataDirectory(options.data_dir)
        self._services: list[Service] = []
        self._keepers: list[asyncio.Task[None]] = []
        self._sink: asyncio.Server | None = None
        self._stop = asyncio.Event()
        self.ready = asyncio.Event()
        """Set once everything is up and `stack.json` is written."""
        self._stopping = False

    async def run(self) -> None:
        """Start everything, keep it up until SIGINT or SIGTERM, and stop it.

        Raises:
            StackFailed: the stack cannot start. Everything that had started is stopped again.
        """
        self._directory.acquire()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._asked_to_stop)
        try:
            self._directory.withdraw()
            starting = asyncio.create_task(self._start())
            stopped = asyncio.create_task(self._stop.wait())
            await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                starting.cancel()
                await asyncio.wait({starting})
            if not starting.cancelled():
                starting.result()
            await stopped
        finally:
            await self._stop_all()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                loop.remove_signal_handler(number)
            self._directory.release()

    def stop(self) -> None:
        """Let `run` stop everything and return, as a signal does."""
        self._stop.set()

    async def _start(self) -> None:
        options = self._options
        begun = time.monotonic()
        api_port = claim_port(options.api_port, "API", "--api-port")
        temporal_port = claim_port(options.temporal_port, "Temporal", "--temporal-port")
        ui_port = claim_port(options.ui_port, "Temporal UI", "--ui-port")
        smtp_port = claim_port(options.smtp_port, "SMTP sink", "--smtp-port")
        directory = self._directory
        self._say(f"Parcours development stack, data in {directory.path}")

        postgres = Postgres(directory.postgres, free_port(), directory.log("postgres"))
        temporal = Temporal(directory.temporal, temporal_port, ui_port, directory.log("temporal"))
        await _together(
            self._start_postgres(postgres),
            self._bring_up(Service("Temporal", temporal.start)),
        )

        with self._progress("database"):
            database_url = postgres.url()
            await asyncio.to_thread(upgrade, database_url, by=Actor.of_command().name)
            keys = await self._ensure_keys(database_url)

        with self._progress("SMTP sink"):
            self._sink = await start_sink(Inbox(directory.inbox), smtp_port)
            smtp_url = f"smtp://{HOST}:{smtp_port}"

        api_url = f"http://{HOST}:{api_port}"
        environment = self._environment(database_url, temporal.address, smtp_url, api_url)
        environment["PARCOURS_TEMPORAL_UI"] = f"http://{HOST}:{ui_port}"
        environment["PARCOURS_DEV_SHOP_KEY"] = keys["ingest"]
        environment["PARCOURS_DEV_CONSOLE_KEY"] = keys["admin"]
        environment["PARCOURS_DEV_TEMPORAL_UI"] = f"http://{HOST}:{ui_port}"
        api = self._part("API", "api", ["--port", str(api_port)], environment, 10.0)
        worker = self._part("worker", "worker", [], environment, WORKER_GRACE)

        await _together(
            self._bring_up(
                Service("API", lambda: Child.start(api)), lambda: _api_is_ready(api_url)
            ),
            self._bring_up(
                Service("worker", lambda: Child.start(worker)),
                lambda: temporal.has_poller(WORKER_QUEUE),
            ),
        )

        if options.shop:
            with self._progress("shop"):
                await set_up_shop(api_url, keys["operate"])

        directory.announce(
            {
                "api": api_url,
                "temporal_ui": f"http://{HOST}:{ui_port}",
                "temporal": temporal.address,
                "database_url": database_url,
                "smtp": smtp_url,
                "keys": keys,
            }
        )
        self._print_addresses(api_url, ui_port, smtp_url, time.monotonic() - begun)
        self.ready.set()

    async def _start_postgres(self, postgres: Postgres) -> None:
        async def start() -> Child:
            await postgres.prepare()
            return await postgres.start()

        await self._bring_up(Service("PostgreSQL", start))
        await postgres.create_database()

    async def _bring_up(
        self, service: Service, ready: Callable[[], Awaitable[bool]] | None = None
    ) -> None:
        """Start a service for the first time, and keep it up from then on.

        `ready` is not asked when it is started again: it may have to wait for a server that is
        away as well.
        """
        with self._progress(service.name):
            child = service.child = await service.start()
            self._services.append(service)
            if ready is not None:
                await child.until_ready(ready, READY_WITHIN)
        self._keepers.append(asyncio.create_task(self._keep_up(service, child)))

    async def _keep_up(self, service: Service, child: Child) -> None:
        """Start the service again whenever it ends, after a pause that grows while it fails."""
        failures = 0
        since = time.monotonic()
        while True:
            await child.wait()
            if self._stopping:
                return
            if time.monotonic() - since > STEADY_AFTER:
                failures = 0
            self._say(f"{service.name} died ({child.how_it_ended}): starting it again", "yellow")
            # Remaining processes of its group would block the next one.
            child.kill()
            service.child = None
            while service.child is None:
                failures += 1
                await asyncio.sleep(RESTART.delay(failures))
                since = time.monotonic()
                try:
                    service.child = await service.start()
                except StackFailed as failure:
                    self._say(str(failure), "red")
            child = service.child

    async def _ensure_keys(self, database_url: str) -> dict[str, str]:
        """The plain keys of each scope: those kept, unless the database does not know them."""
        keys = self._directory.read_keys()
        async with await psycopg.AsyncConnection.connect(
            database_url, autocommit=True
        ) as connection:
            for scope in SCOPES:
                if scope not in keys or await find_key(connection, keys[scope]) is None:
                    async with connection.transaction():
                        keys[scope] = await create_key(
                            connection, scope, name=f"dev {scope}", actor=Actor.of_command()
                        )
        self._directory.write_keys(keys)
        return keys

    def _environment(
        self, database_url: str, temporal: str, smtp: str, public_url: str
    ) -> dict[str, str]:
        """The caller's environment, but with servers of this stack only."""
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")
        }
        kept.setdefault("PARCOURS_WEBHOOK_SECRET", self._directory.webhook_secret())
        kept.setdefault("PARCOURS_FROM", "Parcours <parcours@localhost.localdomain>")
        return {
            **kept,
            "DATABASE_URL": database_url,
            "TEMPORAL_ADDRESS": temporal,
            "TEMPORAL_NAMESPACE": "default",
            # No profile of the caller's may lead a development stack to another server.
            "TEMPORAL_CONFIG_FILE": os.devnull,
            "SMTP_URL": smtp,
            "PARCOURS_EMAIL": "smtp",
            "PARCOURS_PUBLIC_URL": public_url,
            "PARCOURS_LINK_KEYS": self._directory.link_key(),
            "PARCOURS_SPOOL": str(self._directory.spool),
            # Links of mail that lead to the shop know their reader.
            "PARCOURS_SITES": kept.get("PARCOURS_SITES") or public_url.partition("://")[2],
            **inbox_variables(),
            "PARCOURS_DEV_INBOX": str(self._directory.inbox),
            "PARCOURS_SPEED": repr(self._options.speed),
            "PARCOURS_LOG": "json",
        }

    def _part(
        self,
        name: str,
        command: str,
        arguments: list[str],
        environment: dict[str, str],
        grace: float,
    ) -> Command:
        """`parcours COMMAND` as a process; `-P` keeps the caller's folder from being imported."""
        return Command(
            name=name,
            arguments=[sys.executable, "-P", "-m", "cli.main", command, *arguments],
            environment=environment,
            log=self._directory.log(command),
            grace=grace,
        )

    async def _stop_all(self) -> None:
        self._stopping = True
        self._directory.withdraw()
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        # Senders first, servers last: what is under way can still be recorded.
        order = {"worker": 0, "API": 1, "Temporal": 2, "PostgreSQL": 3}
        for service in sorted(self._services, key=lambda service: order[service.name]):
            if service.child is not None:
                await service.child.stop()
                service.child = None
        if self._sink is not None:
            self._sink.close()
            self._sink = None

    def _asked_to_stop(self) -> None:
        if self._stop.is_set():
            # The second request kills instead of waiting.
            for service in self._services:
                if service.child is not None:
                    service.child.kill()
            return
        self._say("stopping…")
        self._stop.set()

    def _say(self, line: str, style: str | None = None) -> None:
        self._console.print(line, style=style, highlight=False, markup=False, soft_wrap=True)

    @contextmanager
    def _progress(self, name: str) -> Iterator[None]:
        begun = time.monotonic()
        self._say(f"  {name:<12} starting", "dim")
        yield
        self._say(f"  {name:<12} ready after {time.monotonic() - begun:.1f} s")

    def _print_addresses(self, api_url: str, ui_port: int, smtp_url: str, seconds: float) -> None:
        self._say(f"\nready in {seconds:.1f} s")
        for name, value in (
            ("console", f"{api_url}/console"),
            ("API", f"{api_url}/docs"),
            ("Temporal UI", f"http://{HOST}:{ui_port}"),
            ("SMTP sink", smtp_url),
            ("taken mail", f"{api_url}/dev/inbox"),
            *([("shop", f"{api_url}{shop.PATH}")] if self._options.shop else []),
            ("keys", str(self._directory.stack_file)),
            ("logs", str(self._directory.logs)),
        ):
            self._say(f"  {name:<12} {value}")
        if self._options.speed != 1:
            self._say(f"  waits are divided by {self._options.speed:g}")
        self._say("Ctrl-C stops all; data stay.\n")


async def _together(*parts: Coroutine[None, None, None]) -> None:
    """Run the parts at once; the first failure cancels the others and is the one raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for part in parts:
                group.create_task(part)
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def _api_is_ready(url: str) -> bool:
    try:
        async with httpx.AsyncClient(timeout=2) as client:
            answer = await client.get(f"{url}/readyz")
    except httpx.TransportError:
        return False
    return answer.status_code == httpx.codes.OK
