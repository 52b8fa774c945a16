"""An engine at work for each test: a worker in this process, on real servers."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from activities.sending.retries import BACKOFF
from infra.settings import Settings
from journeys.time.backoff import Backoff
from tests.support.engine import Engine, engine_at_work
from tests.support.smtp import SmtpSink


@pytest.fixture
def engine_settings(settings: Settings, smtp_sink: SmtpSink, tmp_path: Path) -> Settings:
    """Settings of the engine: mail goes to the sink, text messages to a file."""
    return settings.model_copy(
        update={
            "smtp_url": smtp_sink.url,
            "sms": "inbox",
            "dev_inbox": tmp_path / "inbox.jsonl",
        }
    )


@pytest.fixture
def hasty_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that was not taken is tried again after a quarter of the usual time."""
    monkeypatch.setattr(
        "activities.sending.retries.BACKOFF",
        Backoff(first=BACKOFF.first / 4, longest=BACKOFF.longest / 4),
    )


@pytest.fixture
async def engine(
    engine_settings: Settings,
    pool: AsyncConnectionPool[AsyncConnection[Any]],
    temporal_client: Client,
) -> AsyncIterator[Engine]:
    """A worker at work on the test's own database and namespace."""
    async with engine_at_work(
        engine_settings, pool, temporal_client, reconcile_every=1.0
    ) as engine:
        yield engine
