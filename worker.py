"""The worker process: runs workflows and activities, dispatches events and reconciles.

Any number of workers may run side by side. SIGTERM and SIGINT stop one gracefully: sends under way
are recorded before it ends.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

import structlog
import uvloop
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client
from temporalio.runtime import Runtime
from temporalio.service import RPCError
from temporalio.worker import Worker

from activities.context import LATE_STARTS, Context
from activities.failures import CodedFailures
from activities.registry import activities_by_queue
from channels.adapter import Adapter, Append
from channels.email.return_addresses import return_addresses
from channels.registry import Adapters, build
from devstack.inbox import Inbox, TakenMessage
from dispatch.date_entries import date_queue
from dispatch.dispatcher import Dispatcher
from dispatch.due_times import DueTimes
from dispatch.experiments import ExperimentCounting
from dispatch.folding import Folding
from dispatch.heartbeat import Heartbeat
from dispatch.metrics import EngineMetrics
from dispatch.quotas import FollowedQuota
from dispatch.reconciliation import Reconciliation
from dispatch.schedules import schedule_retention
from dispatch.segments import segment_queue
from dispatch.send_rates import SendRates
from inbound.serving import taking_notifications
from infra.build import build_of_code
from infra.clients import connect_temporal, ensure_search_attributes, open_pool
from infra.garbage import spare_what_stays
from infra.logging import configure_logging
from infra.process_endpoint import serving_endpoint
from infra.sandbox import workflow_runner
from infra.settings import Settings, SettingsRefused, read_settings
from infra.telemetry import temporal_runtime
from infra.tracing import begin_tracing, end_tracing
from journeys.protocol.channels import CHANNELS
from journeys.protocol.names import QUEUE
from journeys.time.backoff import Backoff
from journeys.time.durations import Duration
from store.definitions.catalog import Catalog
from store.operations.health import ping
from store.sql import DATABASE_AWAY
from workflows.jobs import JOB_WORKFLOWS
from workflows.journey import Journey
from workflows.messages_of_tests import TestMessage
from workflows.occurrences import BeginOccurrence
from workflows.retention import Retention
from workflows.sending_again import SendAgain

log = structlog.get_logger(__name__)

SHUTDOWN_GRACE = timedelta(seconds=40)
"""Longer than one attempt of a send, so that none is stopped between call and record."""
WORKFLOWS = [Journey, Retention, BeginOccurrence, TestMessage, SendAgain, *JOB_WORKFLOWS.values()]
_BACKOFF = Backoff(first=0.5, longest=10.0)


@asynccontextmanager
async def serving(
    settings: Settings,
    client: Client,
    *,
    adapters: Mapping[str, Adapter] | Adapters | None = None,
    reconcile_every: float = 10.0,
    late_starts: timedelta = LATE_STARTS,
    sdk_metrics: str | None = None,
) -> AsyncIterator[Dispatcher]:
    """Run a worker until the context ends; then it stops gracefully.

    `adapters`: instead of those that the settings describe. By channel, each stands for all of its
    providers. `reconcile_every`: seconds between two rounds of the reconciliation. `late_starts`:
    for so long a move of runs looks for more of them. `sdk_metrics`: the URL of the metrics of the
    SDK.
    """
    async with AsyncExitStack() as stack:
        adapters = _adapters(settings) if adapters is None else adapters
        if not isinstance(adapters, Adapters):
            adapters = Adapters(adapters, {}, {})
        pool = await open_pool(settings, min_size=2, max_size=settings.database_connections)
        stack.push_async_callback(pool.close)
        for adapter in adapters.all():
            stack.push_async_callback(adapter.close)
        catalog = Catalog()
        due_times = DueTimes(pool, client, catalog)
        segments_due = segment_queue(pool, catalog)
        dates_due = date_queue(pool, catalog, lambda: dispatcher.nudge())

        def nudge_due_times() -> None:
            due_times.nudge()
            dates_due.nudge()
            segments_due.nudge()

        dispatcher = Dispatcher(
            pool,
            client,
            catalog,
            listen_url=settings.database_url,
            nudge_due_times=nudge_due_times,
            public_url=settings.public_url,
        )
        build = settings.build or build_of_code()
        ceilings = settings.ceilings
        rates = SendRates(client, settings.send_rates, every=reconcile_every)
        context = Context(
            pool=pool,
            catalog=catalog,
            adapters=adapters.by_channel,
            adapters_by_provider=adapters.by_provider,
            default_providers=adapters.chosen,
            return_addresses=return_addresses(settings),
            sender=settings.from_address,
            secrets={name: value.get_secret_value() for name, value in settings.secrets.items()},
            passwords=settings.passwords,
            speed=settings.speed,
            keep={kind: Duration.parse(text) for kind, text in settings.keep.items()},
            late_starts=late_starts,
            nudge=dispatcher.nudge,
            nudge_due_times=nudge_due_times,
            links=settings.links,
            throttled=rates.slow_down,
            ceilings=ceilings,
            provider_rates=settings.provider_rates,
        )
        await rates.begin()
        background = [
            asyncio.create_task(rates.run()),
            asyncio.create_task(Heartbeat(pool, build).run()),
            asyncio.create_task(
                FollowedQuota(adapters.by_channel.get("email"), rates, ceilings).run()
            ),
            asyncio.create_task(dispatcher.run()),
            asyncio.create_task(due_times.run()),
            asyncio.create_task(dates_due.run()),
            asyncio.create_task(segments_due.run()),
            asyncio.create_task(
                Folding(pool, settings.timezone, keep=Duration.parse(settings.keep_figures)).run()
            ),
            asyncio.create_task(ExperimentCounting(pool).run()),
            asyncio.create_task(
                Reconciliation(
                    pool, client, catalog, every=reconcile_every, ceilings=ceilings
                ).run()
            ),
        ]
        stack.push_async_callback(_cancel, background)
        await stack.enter_async_context(taking_notifications(settings, pool, adapters.by_channel))
        runner = workflow_runner(client)
        asked = {CHANNELS[name].queue: rate for name, rate in settings.send_rates.items()}
        for queue, activities in activities_by_queue(context, jobs_client=client).items():
            worker = Worker(
                client,
                task_queue=queue,
                workflows=WORKFLOWS if queue == QUEUE else [],
                activities=activities,
                workflow_runner=runner,
                interceptors=[CodedFailures(pool)],
                build_id=build,
                max_cached_workflows=settings.slots_workflows,
                max_concurrent_activities=(
                    settings.slots_activities if queue == QUEUE else settings.slots_sends
                ),
                # A server that refuses to set the rate of a queue takes this one.
                max_task_queue_activities_per_second=asked.get(queue),
                max_concurrent_local_activities=settings.slots_activities,
                graceful_shutdown_timeout=SHUTDOWN_GRACE,
            )
            await stack.enter_async_context(worker)
        if settings.metrics_port is not None:
            await stack.enter_async_context(_endpoint(settings, pool, client, sdk_metrics))
        yield dispatcher


@asynccontextmanager
async def _endpoint(
    settings: Settings,
    pool: AsyncConnectionPool[AsyncConnection[Any]],
    client: Client,
    sdk_metrics: str | None,
) -> AsyncIterator[None]:
    """Serve health, readiness and metrics of this worker."""
    engine_metrics = EngineMetrics(pool, sdk_metrics)

    async def ready() -> str | None:
        try:
            async with pool.connection(timeout=2.0) as conn:
                await ping(conn)
        except DATABASE_AWAY:
            return "PostgreSQL cannot be reached"
        try:
            await client.service_client.check_health(timeout=timedelta(seconds=2))
        except (RPCError, RuntimeError):
            return "Temporal cannot be reached"
        return None

    assert settings.metrics_port is not None
    async with serving_endpoint(
        settings.metrics_host, settings.metrics_port, ready=ready, metrics=engine_metrics.text
    ) as port:
        log.info("metrics_served", host=settings.metrics_host, port=port)
        yield


def _adapters(settings: Settings) -> Adapters:
    try:
        return build(settings, inbox=_inbox(settings))
    except ValueError as error:
        raise SettingsRefused(str(error)) from None


def _inbox(settings: Settings) -> Append | None:
    """The inbox that keeps messages under `parcours dev`; None elsewhere."""
    if settings.dev_inbox is None:
        return None
    inbox = Inbox(settings.dev_inbox)

    def append(entry: dict[str, Any]) -> None:
        inbox.append(
            TakenMessage(
                channel=entry["channel"],
                to=entry["to"],
                sender=entry["from"] or "",
                text=entry["text"],
            )
        )

    return append


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _connect(settings: Settings, stopping: asyncio.Event, runtime: Runtime) -> Client | None:
    """A client whose server has answered; None if the process is stopped before."""
    failures = 0
    while not stopping.is_set():
        try:
            client = await connect_temporal(settings, runtime=runtime)
            await ensure_search_attributes(client)
            await schedule_retention(client)
        except (RPCError, RuntimeError) as error:
            log.warning("temporal_away", error=str(error).strip())
            failures += 1
            try:
                async with asyncio.timeout(_BACKOFF.delay(failures)):
                    await stopping.wait()
            except TimeoutError:
                continue
        else:
            return client
    return None


def _free_port() -> int:
    """A free port on this machine, for the metrics of the SDK, which are passed on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


async def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT.

    Raises SettingsRefused, before anything is connected, for a provider that cannot be made.
    """
    adapters = _adapters(settings)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    sdk_address = None if settings.metrics_port is None else f"127.0.0.1:{_free_port()}"
    client = await _connect(settings, stopping, temporal_runtime(sdk_address))
    if client is None:
        return
    sdk_metrics = None if sdk_address is None else f"http://{sdk_address}/metrics"
    async with serving(settings, client, adapters=adapters, sdk_metrics=sdk_metrics):
        spare_what_stays()
        log.info("worker_ready", speed=settings.speed)
        await stopping.wait()
        log.info("worker_stopping")
    log.info("worker_stopped")


def main(settings: Settings | None = None) -> None:
    """The entry point of `parcours worker` and `python worker.py`.

    Settings are read from the environment if `settings` is None.
    """
    try:
        settings = settings or read_settings()
        configure_logging(settings.log, process="worker")
        begin_tracing("worker")
        uvloop.run(run(settings))
        end_tracing()
    except SettingsRefused as refused:
        sys.exit("\n".join(f"parcours: {line}" for line in str(refused).splitlines()))


if __name__ == "__main__":
    main()
