"""Metrics of the engine's state, read from PostgreSQL when they are asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from time import monotonic
from typing import Any

import httpx
import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import REGISTRY, Collector
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from store.definitions.catalog import Catalog
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
        yield from _pool_metrics(self._metrics.pool_stats)
        figures = self._metrics.figures
        yield _gauge(
            "parcours_database_up", "1 if PostgreSQL answered.", float(figures is not None)
        )
        if figures is None:
            return
        attention = GaugeMetricFamily(
            "parcours_attention", "What needs a person, by kind.", labels=["kind"]
        )
        for needing, count in self._metrics.attention.items():
            attention.add_metric([needing], count)
        yield attention
        state = figures.state
        yield _gauge(
            "parcours_oldest_undispatched_event_seconds",
            "Age of the oldest event that is not dispatched; 0 without one.",
            state.oldest_undispatched,
        )
        yield _gauge(
            "parcours_undispatched_events",
            "Events that are not dispatched, counted up to 100,000.",
            state.undispatched,
        )
        yield _gauge(
            "parcours_set_aside_events",
            "Events that failed alone and are tried again.",
            state.set_aside,
        )
        yield _gauge(
            "parcours_conditions_late_seconds",
            "How long the earliest condition has been due; 0 if none is.",
            state.conditions_late,
        )
        yield _gauge(
            "parcours_segments_late_seconds",
            "How long the earliest segment has been due; 0 if none is.",
            state.segments_late,
        )
        yield _gauge(
            "parcours_segments_behind",
            "Contacts and segments whose judging was put off, or has failed, up to 100,000.",
            state.segments_behind,
        )
        yield _gauge(
            "parcours_segments_filling",
            "Segments by which not every contact was judged yet.",
            state.segments_filling,
        )
        yield _gauge(
            "parcours_figures_unfolded",
            "Changes of figures that are not folded into counters, up to 100,000.",
            state.figures_unfolded,
        )
        corrected = GaugeMetricFamily(
            "parcours_segments_corrected",
            "Members that were wrong at the last nightly check.",
            labels=["segment"],
        )
        for segment, count in sorted(figures.corrected.items()):
            corrected.add_metric([segment], count)
        yield corrected
        yield _gauge(
            "parcours_dead_events", "Events whose dispatch was given up.", state.dead_events
        )
        yield _gauge(
            "parcours_reconciliation_age_seconds",
            "Age of the state of Temporal that was reconciled last.",
            state.reconciliation_age,
        )
        active = GaugeMetricFamily(
            "parcours_active_runs", "Active runs by journey.", labels=["journey"]
        )
        for journey, count in sorted(figures.active_runs.items()):
            active.add_metric([journey], count)
        yield active
        deferred = GaugeMetricFamily(
            "parcours_deferred_sends",
            "Sends that wait, by reason; `retry` are those that are being retried.",
            labels=["reason"],
        )
        for reason, count in sorted(figures.deferred_sends.items()):
            deferred.add_metric([reason], count)
        yield deferred
        messages = GaugeMetricFamily(
            "parcours_unsettled_messages",
            "Messages that are claimed, or whose result is unknown.",
            labels=["channel", "state"],
        )
        for (channel, message_state), count in sorted(figures.messages.items()):
            messages.add_metric([channel, message_state], count)
        yield messages
        parked = GaugeMetricFamily(
            "parcours_parked_calls",
            "Calls for runs that failed and are made again, by kind.",
            labels=["kind"],
        )
        for kind, count in sorted(figures.parked_calls.items()):
            parked.add_metric([kind], count)
        yield parked
        frozen = GaugeMetricFamily(
            "parcours_frozen", "1 for each channel whose marketing is frozen.", labels=["channel"]
        )
        for channel in sorted(figures.frozen):
            frozen.add_metric([channel], 1)
        yield frozen


def _pool_metrics(stats: dict[str, int]) -> Iterator[Metric]:
    for name, words in (
        ("pool_size", "Connections of this process to PostgreSQL."),
        ("pool_available", "Connections that are idle."),
        ("pool_max", "Connections that this process may have."),
        ("requests_waiting", "Requests that wait for a connection."),
    ):
        yield _gauge(f"parcours_database_{name}", words, stats.get(name, 0))


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=value)
