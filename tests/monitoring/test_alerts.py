"""The alert rules: each fires in its trouble and not without it, and leads to its answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from store.metrics import DEFINITIONS
from tests.monitoring.promtool import PROMTOOL, ROOT, promtool

RULES: Final = ROOT / "infra" / "deploy" / "monitoring" / "alerts.yaml"
_YAML: Final = YAML(typ="safe")
SDK: Final = {"temporal_worker_task_slots_available"}
"""Of Temporal's SDK; `tests/integration/test_worker_endpoint.py` sees that a worker serves them."""


@dataclass(frozen=True)
class Played:
    """Series in trouble and without, minute by minute, and when the alert fires."""

    trouble: dict[str, str]
    quiet: dict[str, str]
    at: str
    labels: dict[str, str]


def ratio(name: str, label: str, bad: str, good: str, **more: str) -> tuple[str, str]:
    """The series of what went wrong and of what went well."""
    others = "".join(f',{key}="{value}"' for key, value in more.items())
    return f'{name}{{{label}="{bad}"{others}}}', f'{name}{{{label}="{good}"{others}}}'


_refused, _sent = ratio("parcours_sends_total", "outcome", "refused", "sent", channel="email")
_released, _taken = ratio("parcours_sends_total", "outcome", "released", "sent", channel="webhook")
_failed, _fine = ratio("parcours_http_requests_total", "status", "503", "200")
_bad, _good = ratio("parcours_tracking_items_total", "answer", "invalid", "taken")
_wait = 'parcours_wait_lateness_seconds_bucket{le="%s"}'
_http = 'parcours_http_request_seconds_bucket{route="/v1/track",le="%s"}'

PLAYED: Final = {
    "ParcoursNoWorker": Played({}, {"parcours_database_up": "1x90"}, "6m", {}),
    "ParcoursDatabaseAway": Played(
        {"parcours_database_up": "0x90"},
        {'parcours_database_up{w="a"}': "0x90", 'parcours_database_up{w="b"}': "1x90"},
        "3m", {},
    ),
    "ParcoursSlotsUsedUp": Played(
        {'temporal_worker_task_slots_available{task_queue="send-sms",worker_type="A"}': "0x90"},
        {'temporal_worker_task_slots_available{task_queue="send-sms",worker_type="A"}': "1x90"},
        "11m", {"task_queue": "send-sms", "worker_type": "A"},
    ),
    "ParcoursBuildsMixed": Played(
        {'parcours_worker_processes{build="a"}': "1x90",
         'parcours_worker_processes{build="b"}': "2x90"},
        {'parcours_worker_processes{build="a",w="1"}': "2x90",
         'parcours_worker_processes{build="a",w="2"}': "2x90"},
        "61m", {},
    ),
    "ParcoursDispatchBehind": Played(
        {"parcours_oldest_undispatched_event_seconds": "121x90"},
        {"parcours_oldest_undispatched_event_seconds": "119x90"}, "6m", {},
    ),
    "ParcoursConditionsLate": Played(
        {"parcours_conditions_late_seconds": "121x90"},
        {"parcours_conditions_late_seconds": "119x90"}, "6m", {},
    ),
    "ParcoursSegmentsLate": Played(
        {"parcours_segments_late_seconds": "601x90"},
        {"parcours_segments_late_seconds": "599x90"}, "6m", {},
    ),
    "ParcoursDatesLate": Played(
        {"parcours_dates_late_seconds": "301x90"},
        {"parcours_dates_late_seconds": "299x90"}, "6m", {},
    ),
    "ParcoursWaitsLate": Played(
        {_wait % "60": "0+9x90", _wait % "600": "0+10x90", _wait % "+Inf": "0+10x90"},
        {_wait % "60": "0+96x90", _wait % "600": "0+100x90", _wait % "+Inf": "0+100x90"},
        "15m", {},
    ),
    "ParcoursReconciliationStands": Played(
        {"parcours_reconciliation_age_seconds": "301x90"},
        {"parcours_reconciliation_age_seconds": "20x90"}, "6m", {},
    ),
    "ParcoursCallsParked": Played(
        {'parcours_parked_calls{kind="start"}': "1x90"},
        {'parcours_parked_calls{kind="start"}': "0x90"}, "16m", {"kind": "start"},
    ),
    "ParcoursJobStands": Played(
        {'parcours_jobs{kind="move",state="running"}': "1x90",
         'parcours_jobs_done{kind="move"}': "400x90"},
        {'parcours_jobs{kind="move",state="running"}': "1x90",
         'parcours_jobs_done{kind="move"}': "400+1x90",
         'parcours_jobs{kind="fill",state="paused"}': "1x90"},
        "61m", {"kind": "move"},
    ),
    "ParcoursDeadEvents": Played(
        {"parcours_dead_events": "3x30 4x60"}, {"parcours_dead_events": "3x90"}, "70m", {},
    ),
    "ParcoursFaults": Played(
        {'parcours_faults_total{activity="send",code="internal"}': "0+1x90"},
        {'parcours_faults_total{activity="send",code="internal"}': "5x90"},
        "25m", {"activity": "send", "code": "internal"},
    ),
    "ParcoursBrokenDocument": Played(
        {'parcours_attention{kind="documents"}': "1x90"},
        {'parcours_attention{kind="paused"}': "1x90"}, "6m", {},
    ),
    "ParcoursRunsStuck": Played(
        {'parcours_attention{kind="stuck"}': "1x90"},
        {'parcours_attention{kind="retrying"}': "1x90"}, "11m", {},
    ),
    "ParcoursSegmentsWrong": Played(
        {'parcours_segments_corrected{segment="vip"}': "2x90"}, {}, "6m", {"segment": "vip"},
    ),
    "ParcoursSendsFail": Played(
        {_refused: "0+12x90", _sent: "0+88x90"}, {_refused: "0+8x90", _sent: "0+92x90"},
        "25m", {"channel": "email"},
    ),
    "ParcoursSendsNotTaken": Played(
        {_released: "0+6x90", _taken: "0+4x90"}, {_released: "0+4x90", _taken: "0+6x90"},
        "25m", {"channel": "webhook"},
    ),
    "ParcoursUnknownMessages": Played(
        {'parcours_sends_total{outcome="unknown",channel="sms"}': "0x30 1x60"},
        {'parcours_sends_total{outcome="unknown",channel="sms"}': "1x90"},
        "60m", {"channel": "sms"},
    ),
    "ParcoursFrozen": Played(
        {'parcours_frozen{channel="email"}': "1x90"}, {}, "1m", {"channel": "email"},
    ),
    "ParcoursCouponsRunOut": Played(
        {'parcours_coupon_codes_left{pool="spring"}': "99x90"},
        {'parcours_coupon_codes_left{pool="spring"}': "100x90"}, "6m", {"pool": "spring"},
    ),
    "ParcoursApiErrors": Played(
        {_failed: "0+3x90", _fine: "0+97x90"}, {_failed: "0+1x90", _fine: "0+99x90"}, "15m", {},
    ),
    "ParcoursApiSlow": Played(
        {_http % "0.25": "0+90x90", _http % "0.5": "0+100x90", _http % "+Inf": "0+100x90"},
        {_http % "0.25": "0+96x90", _http % "0.5": "0+100x90", _http % "+Inf": "0+100x90"},
        "25m", {},
    ),
    "ParcoursKeysRefused": Played(
        {'parcours_http_requests_total{status="401"}': "0+2x90"},
        {'parcours_http_requests_total{status="401"}': "0+0x90",
         'parcours_http_requests_total{status="200"}': "0+99x90"}, "20m", {},
    ),
    "ParcoursKeysExpire": Played(
        {'parcours_attention{kind="keys"}': "1x90"},
        {'parcours_attention{kind="paused"}': "1x90"}, "61m", {},
    ),
    "ParcoursTrackingRefused": Played(
        {_bad: "0+6x90", _good: "0+94x90"}, {_bad: "0+4x90", _good: "0+96x90"}, "30m", {},
    ),
    "ParcoursSpoolFills": Played(
        {"parcours_hits_spooled_bytes": "50000001x90"},
        {"parcours_hits_spooled_bytes": "4000x90"}, "6m", {},
    ),
}  # fmt: skip


def rules() -> dict[str, dict[str, Any]]:
    """The rules by their names."""
    [group] = _YAML.load(RULES.read_text())["groups"]
    return {each["alert"]: each for each in group["rules"]}


def named_metrics(expression: str) -> set[str]:
    """The metrics that an expression names."""
    return set(re.findall(r"\b(?:parcours|temporal)_[a-z_]+", expression))


def served() -> set[str]:
    """Every name under which a metric of ours is found in Prometheus."""
    names = set()
    for each in DEFINITIONS.values():
        names.add(each.served)
        if each.kind == "histogram":
            names |= {f"{each.name}_{part}" for part in ("bucket", "sum", "count")}
    return names


def test_every_rule_names_metrics_and_labels_that_there_are() -> None:
    labels = {label for each in DEFINITIONS.values() for label in each.labels}
    for name, rule in rules().items():
        named = named_metrics(rule["expr"])
        assert named, name
        assert named <= served() | SDK, name
        by = re.findall(r"by \(([a-z_, ]+)\)", rule["expr"])
        used = {label.strip() for each in by for label in each.split(",")}
        assert used <= labels | {"le", "task_queue", "worker_type"}, name


def test_every_rule_leads_to_its_own_answer_in_the_runbook() -> None:
    text = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    answered = re.findall(r"^### (Parcours\w+)$", text, re.M)
    assert sorted(answered) == sorted(rules())
    for name, rule in rules().items():
        assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#{name.lower()}"
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}


def test_every_rule_is_played() -> None:
    assert list(PLAYED) == list(rules())


if PROMTOOL is not None:

    def test_promtool_takes_the_rules() -> None:
        assert f"{len(rules())} rules found" in promtool("check", "rules", RULES)

    @pytest.mark.parametrize("trouble", [True, False], ids=["in-trouble", "without"])
    def test_each_alert_fires_in_its_trouble_alone(tmp_path: Path, trouble: bool) -> None:
        tests = []
        for name, played in PLAYED.items():
            series = played.trouble if trouble else played.quiet
            rule = rules()[name]
            alert = {
                "exp_labels": {**rule["labels"], **played.labels},
                "exp_annotations": rule["annotations"],
            }
            tests.append(
                {
                    "interval": "1m",
                    "input_series": [{"series": key, "values": v} for key, v in series.items()],
                    "alert_rule_test": [
                        {
                            "eval_time": played.at,
                            "alertname": name,
                            "exp_alerts": [alert] if trouble else [],
                        }
                    ],
                }
            )
        file = tmp_path / "played.yaml"
        with file.open("w") as out:
            YAML(typ="safe").dump(
                {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}, out
            )
        assert "SUCCESS" in promtool("test", "rules", file)
