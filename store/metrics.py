"""The metrics: their names, words and labels, and what counts by them.

Every metric of ours is defined here and nowhere else: `docs/metrics.md` is made of it, and alerts
and dashboards may name no other. Labels have few values, which are never those of a person: a
series is kept for each combination for as long as the process lives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily

Kind = Literal["counter", "gauge", "histogram"]
Process = Literal["api", "worker", "state"]
"""Which process serves it; `state` is read from PostgreSQL and the same from every worker."""

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 60, 600, 3600)
_CALL_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30)


@dataclass(frozen=True, slots=True)
class MetricDefinition:
    """One metric. A counter is served with `_total` after its name."""

    name: str
    kind: Kind
    process: Process
    words: str
    labels: Mapping[str, str] = field(default_factory=dict)
    """Each label with what its values are."""
    buckets: tuple[float, ...] = Histogram.DEFAULT_BUCKETS

    @property
    def served(self) -> str:
        """The name under which it is served."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


_CHANNEL = "`email`, `sms`, `webhook`"
_PROVIDER = "the providers of [settings.md](settings.md); `http` for webhooks"
_JOURNEY = "keys of journeys with active runs, the 200 with the most; `other` are all others"

_ALL = (
    # ---- the API
    MetricDefinition(
        "parcours_http_requests", "counter", "api", "Requests answered.",
        {"method": "HTTP methods", "route": "patterns of routes, never paths",
         "status": "HTTP statuses; 499: the client went away"},
    ),
    MetricDefinition(
        "parcours_http_request_seconds", "histogram", "api", "Time to answer.",
        {"method": "HTTP methods", "route": "patterns of routes, never paths"},
    ),
    MetricDefinition(
        "parcours_http_connections_closed", "counter", "api",
        "Connections that took too long.",
        {"while": "what they took too long for"},
    ),
    MetricDefinition(
        "parcours_http_body_bytes", "gauge", "api", "Bytes of the bodies of unfinished requests.",
    ),
    MetricDefinition(
        "parcours_document_check_seconds", "histogram", "api", "Time to check documents.",
        {"where": "`thread`, `process`"},
    ),
    MetricDefinition(
        "parcours_figure_streams", "gauge", "api", "Streams of live figures that are open."
    ),
    MetricDefinition(
        "parcours_trial_seconds", "histogram", "api",
        "Time to play journeys for the console on a simulated clock.",
    ),
    MetricDefinition(
        "parcours_tracking_items", "counter", "api", "Tracking calls taken or refused.",
        {"answer": "`taken`, `repeated`, or the code of the refusal"},
    ),
    MetricDefinition(
        "parcours_hits", "counter", "api", "Requests for links, images and pages of messages.",
        {"kind": "kinds of links: `click`, `open`, `view`, `unsubscribe`…"},
    ),
    MetricDefinition(
        "parcours_hits_dropped", "counter", "api", "Requests for links that are not recorded.",
        {"reason": "`spool_full`, `disk`, `too_many` (of one message), `unreadable`, `refused`"},
    ),
    MetricDefinition(
        "parcours_hits_spooled_bytes", "gauge", "api",
        "Bytes of requests for links that wait on this disk.",
    ),
    MetricDefinition(
        "parcours_hits_judged", "counter", "api", "Requests for links, by who made them.",
        {"kind": "`click`, `open`", "by": "`human`, or why it is a machine's"},
    ),
    MetricDefinition(
        "parcours_form_submissions", "counter", "api", "Forms that were posted, by their answer.",
        {"answer": "answers to forms: `taken`, or why not"},
    ),
    MetricDefinition(
        "parcours_log_streams", "gauge", "api", "Streams of the log that are being read.",
    ),
    # ---- what each process counts
    MetricDefinition(
        "parcours_faults", "counter", "worker", "Faults by the part of the engine and the code.",
        {"activity": "activities and parts of workers", "code": "codes of failures"},
    ),
    MetricDefinition(
        "parcours_entries", "counter", "worker", "Runs that were begun; the API counts its own.",
    ),
    MetricDefinition(
        "parcours_refusals", "counter", "worker",
        "Entries that were refused; the API counts its own.",
        {"code": "reasons of refusals: `re_entry`, `active_run`, `paused`, `broken`…"},
    ),
    MetricDefinition("parcours_goals", "counter", "worker", "Goals that were met."),
    MetricDefinition(
        "parcours_waits_ended", "counter", "worker", "Waits that ended.",
        {"by": "`time`, `trigger` (an event or a condition), `exit`"},
    ),
    MetricDefinition(
        "parcours_wait_lateness_seconds", "histogram", "worker",
        "How late waits that ended by time were closed.", buckets=_SECONDS,
    ),
    MetricDefinition(
        "parcours_due_time_lateness_seconds", "histogram", "worker",
        "How late conditions were looked at.", buckets=_SECONDS,
    ),
    MetricDefinition(
        "parcours_due_queue_lateness_seconds", "histogram", "worker",
        "How late what was due was worked through.",
        {"source": "`segments`, `dates`"}, buckets=_SECONDS,
    ),
    MetricDefinition(
        "parcours_due_queue_drained", "counter", "worker",
        "What was due and was worked through.", {"source": "`segments`, `dates`"},
    ),
    MetricDefinition(
        "parcours_sends", "counter", "worker",
        "Attempts to hand a message to its provider, by what came of them.",
        {"channel": _CHANNEL, "provider": _PROVIDER,
         "outcome": "`sent`, `refused`, `released` (certainly not taken), `unknown`"},
    ),
    MetricDefinition(
        "parcours_send_failures", "counter", "worker",
        "Attempts that were not `sent`, by code.",
        {"channel": _CHANNEL, "code": "codes of failures of sends"},
    ),
    MetricDefinition(
        "parcours_send_seconds", "histogram", "worker",
        "Time of a provider's answer, with the wait for its turn.",
        {"channel": _CHANNEL, "provider": _PROVIDER}, buckets=_CALL_SECONDS,
    ),
    MetricDefinition(
        "parcours_notifications", "counter", "worker",
        "Facts that providers reported of messages, by provider and by what came of them.",
        {"provider": "providers that report",
         "result": "`recorded`, `repeated`, `unknown_message`"},
    ),
    MetricDefinition(
        "parcours_database_pool_size", "gauge", "worker",
        "Connections of this process to PostgreSQL.",
    ),
    MetricDefinition(
        "parcours_database_pool_available", "gauge", "worker", "Connections that are idle.",
    ),
    MetricDefinition(
        "parcours_database_pool_max", "gauge", "worker",
        "Connections that this process may have.",
    ),
    MetricDefinition(
        "parcours_database_requests_waiting", "gauge", "worker",
        "Requests that wait for a connection.",
    ),
    MetricDefinition("parcours_database_up", "gauge", "worker", "1 if PostgreSQL answered."),
    # ---- the engine's state
    MetricDefinition(
        "parcours_oldest_undispatched_event_seconds", "gauge", "state",
        "Age of the oldest event that is not dispatched; 0 without one.",
    ),
    MetricDefinition(
        "parcours_undispatched_events", "gauge", "state",
        "Events that are not dispatched, counted up to 100,000.",
    ),
    MetricDefinition(
        "parcours_set_aside_events", "gauge", "state",
        "Events that failed alone and are tried again.",
    ),
    MetricDefinition(
        "parcours_dead_events", "gauge", "state", "Events whose dispatch was given up.",
    ),
    MetricDefinition(
        "parcours_conditions_late_seconds", "gauge", "state",
        "How long the earliest condition has been due; 0 if none is.",
    ),
    MetricDefinition(
        "parcours_segments_late_seconds", "gauge", "state",
        "How long the earliest segment has been due; 0 if none is.",
    ),
    MetricDefinition(
        "parcours_dates_late_seconds", "gauge", "state",
        "How long the earliest entry by date has been due; 0 if none is.",
    ),
    MetricDefinition(
        "parcours_segments_behind", "gauge", "state",
        "Contacts and segments whose judging was put off, or has failed, up to 100,000.",
    ),
    MetricDefinition(
        "parcours_segments_filling", "gauge", "state",
        "Segments by which not every contact was judged yet.",
    ),
    MetricDefinition(
        "parcours_segments_corrected", "gauge", "state",
        "Members that were wrong at the last nightly check; none is.",
        {"segment": "keys of segments that were corrected"},
    ),
    MetricDefinition(
        "parcours_reconciliation_age_seconds", "gauge", "state",
        "Age of the state of Temporal that was reconciled last.",
    ),
    MetricDefinition(
        "parcours_active_runs", "gauge", "state", "Active runs by journey.",
        {"journey": _JOURNEY},
    ),
    MetricDefinition(
        "parcours_deferred_sends", "gauge", "state",
        "Sends that wait, by reason; `retry` are those that are being retried.",
        {"reason": "reasons of deferrals"},
    ),
    MetricDefinition(
        "parcours_unsettled_messages", "gauge", "state",
        "Messages that are claimed, or whose result is unknown.",
        {"channel": _CHANNEL, "state": "`claimed`, `unknown`"},
    ),
    MetricDefinition(
        "parcours_parked_calls", "gauge", "state",
        "Calls for runs that failed and are made again, by kind.",
        {"kind": "`start`, `stop`, `wake`, `goal`"},
    ),
    MetricDefinition(
        "parcours_unread_text_answers", "gauge", "state",
        "Answers by text message that are not worked through, counted up to 10,000.",
    ),
    MetricDefinition(
        "parcours_unfolded_figures", "gauge", "state",
        "Deltas of figures that are not folded into counters, counted up to 100,000; reports read"
        " them as well.",
    ),
    MetricDefinition(
        "parcours_jobs", "gauge", "state", "Jobs that are not done, by kind.",
        {"kind": "kinds of jobs", "state": "`running`, `paused`"},
    ),
    MetricDefinition(
        "parcours_jobs_done", "gauge", "state",
        "What the running jobs of a kind have done so far; it stands while they stand.",
        {"kind": "kinds of jobs"},
    ),
    MetricDefinition(
        "parcours_jobs_oldest_seconds", "gauge", "state",
        "Age of the oldest running job that is not paused; 0 without one.",
    ),
    MetricDefinition(
        "parcours_jobs_not_begun_seconds", "gauge", "state",
        "How long the oldest running job has waited for its workflow; 0 if none waits.",
    ),
    MetricDefinition(
        "parcours_coupon_codes_left", "gauge", "state",
        "Codes that are left in a pool, counted up to 1,000.",
        {"pool": "keys of pools, the 100 with the fewest codes"},
    ),
    MetricDefinition(
        "parcours_frozen", "gauge", "state",
        "1 for each channel whose marketing is frozen.",
        {"channel": f"{_CHANNEL}, `all`"},
    ),
    MetricDefinition(
        "parcours_attention", "gauge", "state", "What needs a person, by kind.",
        {"kind": "the kinds of `parcours attention`"},
    ),
    MetricDefinition(
        "parcours_worker_processes", "gauge", "state",
        "Worker processes that were seen within the last minute, by build.",
        {"build": "builds that are at work"},
    ),
)  # fmt: skip

DEFINITIONS: Final = {each.name: each for each in _ALL}
"""Every metric of ours, by its name."""


def counter(name: str) -> Counter:
    """The counter of this name, for the module that counts it."""
    found = DEFINITIONS[name]
    return Counter(found.name, found.words, list(found.labels))


def gauge(name: str) -> Gauge:
    """The gauge of this name, for the module that sets it."""
    found = DEFINITIONS[name]
    return Gauge(found.name, found.words, list(found.labels))


def histogram(name: str) -> Histogram:
    """The histogram of this name, for the module that observes it."""
    found = DEFINITIONS[name]
    return Histogram(found.name, found.words, list(found.labels), buckets=found.buckets)


def gauge_family(name: str) -> GaugeMetricFamily:
    """An empty family of the gauge of this name, for a collector."""
    found = DEFINITIONS[name]
    return GaugeMetricFamily(found.name, found.words, labels=list(found.labels))
