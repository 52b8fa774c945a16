"""Telemetry of the Temporal SDK: its log lines join ours, and its metrics have an address."""

from __future__ import annotations

import logging
from functools import cache

from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)


@cache
def temporal_runtime(metrics_address: str | None = None) -> Runtime:
    """The SDK's runtime of this process.

    By itself the SDK writes its log to standard error in a form of its own. Here its lines go
    through Python's logging, and so through ours.

    Args:
        metrics_address: `host:port` at which the SDK serves its metrics; None: nowhere.
    """
    metrics = None
    if metrics_address is not None:
        metrics = PrometheusConfig(metrics_address, durations_as_seconds=True, unit_suffix=True)
    return Runtime(
        telemetry=TelemetryConfig(
            logging=LoggingConfig(
                filter=TelemetryFilter(core_level="WARN", other_level="ERROR"),
                forwarding=LogForwardingConfig(
                    logger=logging.getLogger("temporalio.core"),
                    prepend_target_on_message=False,
                    append_log_fields_to_message=True,
                ),
            ),
            metrics=metrics,
        )
    )


@cache
def quiet_runtime() -> Runtime:
    """A runtime of a command, which reports by itself what the SDK would log.

    The other one hands its lines to Python, which a process that ends does not take any more: it
    would never end.
    """
    return Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(filter="off")))
