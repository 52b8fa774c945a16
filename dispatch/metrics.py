"""Metrics of the engine's state, read from PostgreSQL when they are asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from time import monotonic
from typing import Any

import httpx
import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import REGISTRY, Collector
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.definitions.catalog import Catalog
from store.metrics import gauge_family
from store.operations.engine_figures import EngineFigures, read_figures
from store.reports.attention import count_by_kind, read_attention
from store.reports.attention_kinds import AttentionName
from store.sql import DATABASE_AWAY

log = structlog.get_logger(__name__)

_FRESH = 5.0
"""Seconds for which figures that were read are served again."""
_ATTENTION_FRESH = 15.0
"""The same of what needs a person."""
_SDK_TIMEOUT = 2.0


class EngineMetrics:
    """The metrics of one worker process, and the engine's state in PostgreSQL.

    The state is the same from whichever worker it is read: take the highest, not the sum.
    """

    def __init__(
        self,
        pool: AsyncConnectionPool[AsyncConnection[Any]],
        sdk_metrics: str | None = None,
    ) -> None:
        """`sdk_metrics`: the URL of the SDK's own metrics, which are added to these."""
        self._pool = pool
        self._sdk_metrics = sdk_metrics
        self._reading = asyncio.Lock()
        self._read_at = float("-inf")
        self._figures: EngineFigures | None = None
        self._attention_at = float("-inf")
        self._attention: dict[AttentionName, int] = {}
        self._catalog = Catalog()
        self._registry = CollectorRegistry()
        self._registry.register(_StateCollector(self))

    @property
    def figures(self) -> EngineFigures | None:
        """The figures that were read last; None while PostgreSQL is away."""
        return self._figures

    @property
    def attention(self) -> dict[AttentionName, int]:
        """How many subjects of each kind need a person, as it was read last."""
        return self._attention

    @property
    def pool_stats(self) -> dict[str, int]:
        """The use of the connections, as `psycopg_pool` counts it."""
        return self._pool.get_stats()

    async def text(self) -> bytes:
        """All metrics, in the text format of Prometheus. They are served without PostgreSQL too."""
        await self._read()
        own = generate_latest(REGISTRY) + generate_latest(self._registry)
        return own + await self._sdk_text()

    async def _read(self) -> None:
        async with self._reading:
            if monotonic() - self._read_at < _FRESH:
                return
            try:
                async with self._pool.connection(timeout=2.0) as conn:
                    self._figures = await read_figures(conn)
                    if monotonic() - self._attention_at >= _ATTENTION_FRESH:
                        found = await read_attention(conn, self._catalog)
                        self._attention = count_by_kind(found)
                        self._attention_at = monotonic()
            except DATABASE_AWAY:
                self._figures = None
            self._read_at = monotonic()

    async def _sdk_text(self) -> bytes:
        if self._sdk_metrics is None:
            return b""
        try:
            async with httpx.AsyncClient(timeout=_SDK_TIMEOUT, trust_env=False) as client:
                return (await client.get(self._sdk_metrics)).content
        except httpx.HTTPError as error:
            log.warning("sdk_metrics_missing", error=type(error).__name__)
            return b""


class _StateCollector(Collector):
    def __init__(self, metrics: EngineMetrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        stats = self._metrics.pool_stats
        for name in ("pool_size", "pool_available", "pool_max", "requests_waiting"):
            yield _gauge(f"parcours_database_{name}", stats.get(name, 0))
        figures = self._metrics.figures
        yield _gauge("parcours_database_up", float(figures is not None))
        if figures is not None:
            attention = {str(kind): count for kind, count in self._metrics.attention.items()}
            yield _gauges("parcours_attention", attention)
            yield from _state(figures)


def _state(figures: EngineFigures) -> Iterator[Metric]:
    state = figures.state
    yield _gauge("parcours_oldest_undispatched_event_seconds", state.oldest_undispatched)
    yield _gauge("parcours_undispatched_events", state.undispatched)
    yield _gauge("parcours_set_aside_events", state.set_aside)
    yield _gauge("parcours_dead_events", state.dead_events)
    yield _gauge("parcours_conditions_late_seconds", state.conditions_late)
    yield _gauge("parcours_segments_late_seconds", state.segments_late)
    yield _gauge("parcours_dates_late_seconds", state.dates_late)
    yield _gauge("parcours_segments_behind", state.segments_behind)
    yield _gauge("parcours_segments_filling", state.segments_filling)
    yield _gauge("parcours_reconciliation_age_seconds", state.reconciliation_age)
    yield _gauge("parcours_unfolded_figures", state.unfolded_figures)
    yield _gauge("parcours_unread_text_answers", state.unread_text_answers)
    yield _gauge("parcours_jobs_oldest_seconds", state.jobs_oldest)
    yield _gauge("parcours_jobs_not_begun_seconds", state.jobs_not_begun)
    yield _gauges("parcours_segments_corrected", figures.corrected)
    yield _gauges("parcours_active_runs", figures.active_runs)
    yield _gauges("parcours_deferred_sends", figures.deferred_sends)
    yield _gauges("parcours_unsettled_messages", figures.messages)
    yield _gauges("parcours_parked_calls", figures.parked_calls)
    yield _gauges("parcours_jobs", figures.jobs)
    yield _gauges("parcours_jobs_done", figures.jobs_done)
    yield _gauges("parcours_coupon_codes_left", figures.coupons)
    yield _gauges("parcours_frozen", dict.fromkeys(figures.frozen, 1))
    yield _gauges("parcours_worker_processes", figures.workers)


def _gauge(name: str, value: float) -> Metric:
    family = gauge_family(name)
    family.add_metric([], value)
    return family


def _gauges(name: str, values: Mapping[str, int] | Mapping[tuple[str, str], int]) -> Metric:
    """A value for each of the label's values, or of both labels' together."""
    family = gauge_family(name)
    for labels, value in sorted(values.items()):
        family.add_metric([labels] if isinstance(labels, str) else list(labels), value)
    return family
