"""The Grafana dashboard of the engine, `infra/deploy/monitoring/dashboard.json`.

`python -m infra.dashboard > infra/deploy/monitoring/dashboard.json` writes it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

_SOURCE: Final = {"type": "prometheus", "uid": "${source}"}
_WIDTH: Final = 24
_HEIGHT: Final = 8


@dataclass(frozen=True, slots=True)
class _Panel:
    title: str
    queries: Sequence[tuple[str, str]]
    """Expressions with their legends."""
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 8
    stacked: bool = False


def _rate(metric: str, by: str) -> tuple[str, str]:
    return f"sum by ({by}) (rate({metric}[$__rate_interval]))", f"{{{{{by}}}}}"


def _quantile(metric: str, quantile: float, where: str = "") -> tuple[str, str]:
    expression = (
        f"histogram_quantile({quantile}, sum by (le)"
        f" (rate({metric}_bucket{where}[$__rate_interval])))"
    )
    return expression, f"{quantile * 100:g} %"


_PROVIDERS: Final = (
    "histogram_quantile(0.95, sum by (le, provider)"
    " (rate(parcours_send_seconds_bucket[$__rate_interval])))"
)
_REPORTED: Final = (
    "sum by (provider, result) (rate(parcours_notifications_total[$__rate_interval]))"
)
_ROWS: Final[dict[str, tuple[_Panel, ...]]] = {
    "Is it well": (
        _Panel("PostgreSQL", [("max(parcours_database_up)", "")], kind="stat", width=3),
        _Panel(
            "Workers by build",
            [("max by (build) (parcours_worker_processes)", "{{build}}")],
            kind="stat", width=6,
        ),
        _Panel(
            "Oldest event",
            [("max(parcours_oldest_undispatched_event_seconds)", "")],
            unit="s", kind="stat", width=3,
        ),
        _Panel("Dead events", [("max(parcours_dead_events)", "")], kind="stat", width=3),
        _Panel(
            "Needs a person",
            [("sum(max by (kind) (parcours_attention))", "")],
            kind="stat", width=3,
        ),
        _Panel(
            "Frozen", [("max by (channel) (parcours_frozen)", "{{channel}}")], kind="stat", width=3
        ),
        _Panel(
            "Unknown messages",
            [('sum(max by (channel) (parcours_unsettled_messages{state="unknown"}))', "")],
            kind="stat", width=3,
        ),
    ),
    "Journeys": (
        _Panel(
            "Active runs",
            [("topk(10, max by (journey) (parcours_active_runs))", "{{journey}}")],
            stacked=True,
        ),
        _Panel(
            "Entries, goals and refusals",
            [
                ("sum(rate(parcours_entries_total[$__rate_interval]))", "entries"),
                ("sum(rate(parcours_goals_total[$__rate_interval]))", "goals"),
                ("sum(rate(parcours_refusals_total[$__rate_interval]))", "refusals"),
            ],
            unit="ops",
        ),
        _Panel("Refusals by reason", [_rate("parcours_refusals_total", "code")], unit="ops"),
        _Panel("Waits that ended", [_rate("parcours_waits_ended_total", "by")], unit="ops"),
        _Panel(
            "Sends that wait",
            [("max by (reason) (parcours_deferred_sends)", "{{reason}}")],
            stacked=True,
        ),
        _Panel(
            "Coupon codes left",
            [("bottomk(10, max by (pool) (parcours_coupon_codes_left))", "{{pool}}")],
        ),
    ),
    "Sends": (
        _Panel(
            "Messages by outcome",
            [(
                "sum by (channel, outcome) (rate(parcours_sends_total[$__rate_interval]))",
                "{{channel}} {{outcome}}",
            )],
            unit="ops",
        ),
        _Panel("Failures by code", [_rate("parcours_send_failures_total", "code")], unit="ops"),
        _Panel(
            "Time of providers, 95 %",
            [(
                _PROVIDERS,
                "{{provider}}",
            )],
            unit="s",
        ),
        _Panel(
            "What providers report",
            [(
                _REPORTED,
                "{{provider}} {{result}}",
            )],
            unit="ops",
        ),
        _Panel(
            "Links and opens",
            [(
                "sum by (kind, by) (rate(parcours_hits_judged_total[$__rate_interval]))",
                "{{kind}} {{by}}",
            )],
            unit="ops",
        ),
        _Panel(
            "Hits on disk",
            [("sum(parcours_hits_spooled_bytes)", "waiting"),
             ("sum(rate(parcours_hits_dropped_total[$__rate_interval]))", "dropped")],
            unit="bytes",
        ),
    ),
    "Lateness": (
        _Panel(
            "What is due",
            [
                ("max(parcours_oldest_undispatched_event_seconds)", "events"),
                ("max(parcours_conditions_late_seconds)", "conditions"),
                ("max(parcours_segments_late_seconds)", "segments"),
                ("max(parcours_dates_late_seconds)", "dates"),
                ("max(parcours_reconciliation_age_seconds)", "reconciliation"),
            ],
            unit="s",
        ),
        _Panel(
            "Waits by time",
            [_quantile("parcours_wait_lateness_seconds", each) for each in (0.5, 0.95, 0.99)],
            unit="s",
        ),
        _Panel(
            "Conditions",
            [_quantile("parcours_due_time_lateness_seconds", each) for each in (0.5, 0.95)],
            unit="s",
        ),
        _Panel(
            "Queues",
            [
                ("max(parcours_undispatched_events)", "events"),
                ("max(parcours_set_aside_events)", "set aside"),
                ("sum(max by (kind) (parcours_parked_calls))", "parked calls"),
                ("max(parcours_unread_text_answers)", "text answers"),
            ],
        ),
        _Panel(
            "Jobs",
            [("max by (kind, state) (parcours_jobs)", "{{kind}} {{state}}")],
        ),
        _Panel(
            "Segments",
            [("max(parcours_segments_filling)", "filling"),
             ("sum by (source) (rate(parcours_due_queue_drained_total[$__rate_interval]))",
              "{{source}} a second")],
        ),
    ),
    "Processes": (
        _Panel(
            "Calls of the API",
            [_rate("parcours_http_requests_total", "status")],
            unit="ops",
        ),
        _Panel(
            "Time of tracking calls",
            [_quantile("parcours_http_request_seconds", each, '{route="/v1/track"}')
             for each in (0.5, 0.95, 0.99)],
            unit="s",
        ),
        _Panel("Tracked", [_rate("parcours_tracking_items_total", "answer")], unit="ops"),
        _Panel("Faults", [_rate("parcours_faults_total", "code")], unit="ops"),
        _Panel(
            "Connections to PostgreSQL",
            [
                ("sum(parcours_database_pool_size) - sum(parcours_database_pool_available)",
                 "in use"),
                ("sum(parcours_database_pool_max)", "at most"),
                ("sum(parcours_database_requests_waiting)", "waiting for one"),
            ],
        ),
        _Panel(
            "Free slots of workers",
            [(
                "sum by (task_queue) (temporal_worker_task_slots_available)",
                "{{task_queue}}",
            )],
        ),
    ),
}  # fmt: skip


def dashboard() -> dict[str, Any]:
    """The dashboard, as Grafana imports it."""
    panels: list[dict[str, Any]] = []
    x = y = height = 0
    for title, row in _ROWS.items():
        if x:
            y += height
        panels.append(
            {
                "id": len(panels) + 1, "type": "row", "title": title, "collapsed": False,
                "panels": [], "gridPos": {"x": 0, "y": y, "w": _WIDTH, "h": 1},
            }
        )  # fmt: skip
        x, y = 0, y + 1
        height = 4 if row[0].kind == "stat" else _HEIGHT
        for each in row:
            if x + each.width > _WIDTH:
                x, y = 0, y + height
            place = {"x": x, "y": y, "w": each.width, "h": height}
            panels.append(_panel(each, len(panels) + 1, place))
            x += each.width
    return {
        "uid": "parcours",
        "title": "Parcours",
        "tags": ["parcours"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [
                {"name": "source", "label": "Prometheus", "type": "datasource",
                 "query": "prometheus", "current": {}, "hide": 0, "refresh": 1}
            ]
        },
        "annotations": {"list": []},
        "links": [],
        "panels": panels,
    }  # fmt: skip


def _panel(panel: _Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    custom = {"stacking": {"mode": "normal"}, "fillOpacity": 20} if panel.stacked else {}
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit, "custom": custom}, "overrides": []},
        "options": (
            {"legend": {"displayMode": "list", "placement": "bottom"}}
            if panel.kind == "timeseries"
            else {"reduceOptions": {"calcs": ["lastNotNull"]}}
        ),
        "targets": [
            {"refId": chr(ord("A") + place), "datasource": _SOURCE, "expr": expression,
             "legendFormat": legend or "__auto"}
            for place, (expression, legend) in enumerate(panel.queries)
        ],
    }  # fmt: skip


def text() -> str:
    """The file as it should be."""
    return json.dumps(dashboard(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
