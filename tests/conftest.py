"""Fixtures that every kind of test shares: real servers, a database of one's own, sinks."""

import asyncio
import gc
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import certifi
import httpx
import psycopg
import pytest
import uvloop
from filelock import FileLock
from moto.server import ThreadedMotoServer
from psycopg import sql
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from infra.clients import connect_temporal, open_pool
from infra.settings import Settings
from tests.support.databases import Stock, stocking
from tests.support.logs import log_plainly
from tests.support.namespaces import namespace_taken
from tests.support.servers import (
    CONTROLLER,
    DIRECTORY,
    Servers,
    shared_servers,
    stop_keeper,
)
from tests.support.smtp import SmtpSink, running_sink

TEMPLATE = "parcours_template"
MEMORY = Path("/dev/shm")
"""Where Linux keeps files in memory. A database is made there four times as fast."""
MEMORY_NEEDED = 4 << 30
"""Bytes free there, for what a run writes; a container may have 64 MiB."""
OUTSIDE = ("PARCOURS_", "TEMPORAL_", "AWS_", "DATABASE_URL", "SMTP_URL", "PG")


def pytest_configure(config: pytest.Config) -> None:
    # Next to nothing of what is imported is garbage.
    gc.disable()
    log_plainly()
    if hasattr(config, "workerinput"):
        return
    # What the caller's shell says about servers is not for tests.
    for name in [name for name in os.environ if name.startswith(OUTSIDE)]:
        del os.environ[name]
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= MEMORY_NEEDED:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None
    directory = Path(tempfile.mkdtemp(prefix="parcours-tests-"))
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
        CONTROLLER: str(os.getpid()),
        DIRECTORY: str(directory),
        "SSL_CERT_FILE": str(one_authority(directory)),
    }


def one_authority(directory: Path) -> Path:
    """A file with one of the authorities of the web.

    Every client of HTTP reads those that there are, which takes 40 ms, also to call this machine
    without encryption.
    """
    end = "-----END CERTIFICATE-----\n"
    first, end, _ = Path(certifi.where()).read_text(encoding="utf-8").partition(end)
    file = directory / "authority.pem"
    file.write_text(first + end, encoding="utf-8")
    return file


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Long ones are begun early, or they would run on alone at the end, and one after another among
    # the short ones, or they would all be slow.
    long = [item for item in items if item.get_closest_marker("long")]
    short = [item for item in items if not item.get_closest_marker("long")]
    between = len(short) // 3 // max(len(long), 1)
    items[:] = [
        each
        for number, item in enumerate(long)
        for each in (item, *short[number * between : (number + 1) * between])
    ] + short[len(long) * between :]


def pytest_collection_finish() -> None:
    # What was imported stays: the collector need not look at it again and again, nor so often.
    gc.enable()
    gc.freeze()
    gc.set_threshold(5_000, 10, 10)


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Tests run on the loop that workers and the API run on."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Say how a process of tests ended that should not have ended.

    What a fault of native code leaves, a traceback of all threads, is on standard error.
    """
    if error:
        ended = node.gateway._io.popen.wait(10)
        how = signal.Signals(-ended).name if ended < 0 else f"status {ended}"
        reporter = node.config.pluginmanager.get_plugin("terminalreporter")
        reporter.write_line(f"{node.gateway.id} ended with {how}")


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        stop_keeper()


@pytest.fixture(scope="session")
def servers() -> Servers:
    """The run's servers."""
    return shared_servers()


@pytest.fixture(scope="session")
def template_database(servers: Servers) -> str:
    """The name of a migrated database that tests' own are copied from."""
    # Imported here: tests that need no database need not wait for the tables.
    from store.migrations.upgrade import upgrade

    directory = Path(os.environ[DIRECTORY])
    done = directory / "template.done"
    with FileLock(directory / "template.lock"):
        if not done.exists():
            with psycopg.connect(servers.postgres_url, autocommit=True) as connection:
                connection.execute(
                    sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(TEMPLATE))
                )
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
            upgrade(servers.database(TEMPLATE))
            done.touch()
    return TEMPLATE


@pytest.fixture(scope="session")
def database_stock(servers: Servers, template_database: str) -> Iterator[Stock]:
    """Migrated, empty databases of this process."""
    with stocking(servers, template_database) as stock:
        yield stock


@pytest.fixture
def database_url(database_stock: Stock) -> Iterator[str]:
    """`postgresql://…` of a migrated, empty database that this test has for itself."""
    with database_stock.database() as url:
        yield url


@cache
def usual_settings() -> Settings:
    """What the settings of most tests have in common: to read them takes a while."""
    return Settings(
        database_url="postgresql:///none", from_address="Parcours <parcours@example.com>"
    )


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[AsyncConnectionPool[Any]]:
    """A pool on the test's own database, as entry points make it."""
    settings = usual_settings().model_copy(update={"database_url": database_url})
    pool = await open_pool(settings, min_size=1, max_size=10)
    try:
        yield pool
    finally:
        await pool.close()


@pytest.fixture
def temporal_environment(servers: Servers) -> Iterator[dict[str, str]]:
    """`TEMPORAL_…` of a namespace that this test has for itself, search attributes included."""
    with namespace_taken(Path(os.environ[DIRECTORY])) as namespace:
        yield {
            "TEMPORAL_ADDRESS": namespace.address,
            "TEMPORAL_NAMESPACE": namespace.name,
            "TEMPORAL_CONFIG_FILE": os.devnull,
        }


@pytest.fixture
def settings(database_url: str, temporal_environment: dict[str, str]) -> Settings:
    """Settings of a process on the test's own database and namespace."""
    where = {"database_url": database_url, "temporal": temporal_environment}
    return usual_settings().model_copy(update=where)


@pytest.fixture
async def temporal_client(settings: Settings) -> Client:
    """A client on the test's own namespace, as entry points make it."""
    return await connect_temporal(settings)


@pytest.fixture
async def smtp_sink() -> AsyncIterator[SmtpSink]:
    """A mail server that takes everything: `messages`, `wait_for(n)`, `answer`."""
    async with running_sink() as sink:
        yield sink


@pytest.fixture(scope="session")
def moto_server() -> Iterator[str]:
    """The URL of AWS, as far as moto is it, for the process."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@pytest.fixture
def moto_endpoint(moto_server: str) -> str:
    """The URL of an AWS that has nothing in it yet."""
    httpx.post(f"{moto_server}/moto-api/reset").raise_for_status()
    return moto_server
