"""Providers for the adapters to be tried on."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.channels.certificates import Tls, make_tls
from tests.integration.channels.http_server import HttpServer, running_http
from tests.integration.channels.providers import RUNNING, Provider, SesProvider, SnsProvider
from tests.integration.channels.smtp_server import SmtpServer, running_smtp


@pytest.fixture
async def smtp_server() -> AsyncIterator[SmtpServer]:
    async with running_smtp() as server:
        yield server


@pytest.fixture
async def http_server() -> AsyncIterator[HttpServer]:
    async with running_http() as server:
        yield server


@pytest.fixture
def ses(http_server: HttpServer, moto_endpoint: str) -> SesProvider:
    return SesProvider(http_server, moto_endpoint)


@pytest.fixture
def sns(http_server: HttpServer, moto_endpoint: str) -> SnsProvider:
    return SnsProvider(http_server, moto_endpoint)


@pytest.fixture(params=RUNNING)
async def provider(request: pytest.FixtureRequest, moto_endpoint: str) -> AsyncIterator[Provider]:
    """Every provider in turn."""
    async with RUNNING[request.param](moto_endpoint) as provider:
        yield provider


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """A certificate for localhost."""
    return make_tls(tmp_path_factory.mktemp("tls"))
