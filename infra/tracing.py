"""Traces by OpenTelemetry, from a tracking call to the provider, through Temporal.

They are followed where `OTEL_EXPORTER_OTLP_ENDPOINT` says where they go and `parcours[otel]` is
installed. Everything else is configured as everywhere, by `OTEL_…`: the name of the service, the
sampler, headers of the exporter.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from infra.settings import SettingsRefused
from store.traces import Span, current_trace, follow_traces, is_traceparent, traces_are_followed

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span as OpenSpan
    from temporalio.client import Interceptor

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_SPOKEN: Final = "http/protobuf"


def traces_are_wanted() -> bool:
    """Whether the environment says where traces go, and does not switch them off."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    if os.environ.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp":
        return False
    return any(os.environ.get(name) for name in _ENDPOINTS)


def begin_tracing(process: str) -> TracerProvider | None:
    """Follow traces from now on, if they are wanted; the provider, to be shut down at the end.

    Raises SettingsRefused if what it takes is not installed.
    """
    if not traces_are_wanted():
        return None
    protocol = next((os.environ[name] for name in _PROTOCOLS if os.environ.get(name)), _SPOKEN)
    if protocol != _SPOKEN:
        raise SettingsRefused(f"OTEL_EXPORTER_OTLP_PROTOCOL: only {_SPOKEN} is spoken here")
    if find_spec("opentelemetry.exporter.otlp.proto.http") is None:
        raise SettingsRefused("OTEL_EXPORTER_OTLP_ENDPOINT needs pip install 'parcours[otel]'")
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanLimits, TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    name = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": f"parcours-{process}"}
    provider = TracerProvider(
        resource=Resource.create(name),
        # Errors would be events, with the words of the database or of a provider.
        span_limits=SpanLimits(max_events=0),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    follow_traces(_OpenTelemetry(provider))
    _begun.append(provider)
    # A client that was made before followed none.
    interceptors.cache_clear()
    return provider


def end_tracing() -> None:
    """Export what is left, and follow no more traces."""
    follow_traces(None)
    while _begun:
        _begun.pop().shutdown()
    interceptors.cache_clear()


_begun: list[TracerProvider] = []


@cache
def interceptors() -> list[Interceptor]:
    """What carries traces through Temporal; nothing where none are followed."""
    if not _begun:
        return []
    from temporalio.contrib.opentelemetry import TracingInterceptor

    return [TracingInterceptor(_begun[-1].get_tracer("parcours.temporal"))]


class _Span:
    def __init__(self, inner: OpenSpan) -> None:
        self._inner = inner

    def rename(self, name: str) -> None:
        self._inner.update_name(name)

    def note(self, name: str, value: str | int) -> None:
        self._inner.set_attribute(name, value)


class _OpenTelemetry:
    """The tracer of OpenTelemetry, with `traceparent` as the form of a context."""

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._tracer = provider.get_tracer("parcours")
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def span(self, name: str, parent: str | None) -> Iterator[Span]:
        context = None
        if parent is not None and is_traceparent(parent):
            context = self._propagator.extract({"traceparent": parent})
        with self._tracer.start_as_current_span(
            name, context, record_exception=False, set_status_on_exception=False
        ) as inner:
            yield _Span(inner)

    def current(self) -> str | None:
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier)
        found = carrier.get("traceparent")
        # Its last byte says whether it is recorded.
        return found if found is not None and found.endswith("1") else None


class TracedPool(AsyncConnectionPool[AsyncConnection[Any]]):
    """A pool whose connections know the trace for which they work.

    PostgreSQL keeps it with each event that waits for its dispatch (`outbox.trace`), so that the
    trace goes on in the worker that takes the event.
    """

    @asynccontextmanager
    async def connection(self, timeout: float | None = None) -> AsyncIterator[AsyncConnection[Any]]:
        """A connection, which learns the current trace if it knows another one."""
        async with super().connection(timeout) as conn:
            trace = current_trace() or ""
            if getattr(conn, "trace", "") != trace:
                await conn.execute("select set_config('parcours.trace', %s, false)", (trace,))
                conn.trace = trace  # type: ignore[attr-defined]
            yield conn


def pool_class() -> type[AsyncConnectionPool[AsyncConnection[Any]]]:
    """The class of this process's pools."""
    return TracedPool if traces_are_followed() else AsyncConnectionPool
