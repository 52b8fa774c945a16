"""The Grafana dashboard: as its code makes it, of metrics that there are, in panels that fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator

from infra.dashboard import text
from tests.monitoring.promtool import PROMTOOL, ROOT, promtool
from tests.monitoring.test_alerts import SDK, named_metrics, served

DASHBOARD: Final = ROOT / "infra" / "deploy" / "monitoring" / "dashboard.json"
_PLACE: Final = {
    "type": "object",
    "required": ["x", "y", "w", "h"],
    "properties": {
        "x": {"type": "integer", "minimum": 0, "maximum": 23},
        "y": {"type": "integer", "minimum": 0},
        "w": {"type": "integer", "minimum": 1, "maximum": 24},
        "h": {"type": "integer", "minimum": 1},
    },
}
SCHEMA: Final = {
    "type": "object",
    "required": ["title", "uid", "schemaVersion", "panels", "time", "templating"],
    "properties": {
        "uid": {"type": "string", "maxLength": 40, "pattern": "^[a-zA-Z0-9_-]+$"},
        "schemaVersion": {"type": "integer", "minimum": 36},
        "panels": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "type", "title", "gridPos"],
                "properties": {
                    "type": {"enum": ["row", "stat", "timeseries"]},
                    "gridPos": _PLACE,
                    "targets": {
                        "type": "array",
                        "minItems": 1,
                        "items": {
                            "type": "object",
                            "required": ["refId", "datasource", "expr", "legendFormat"],
                            "properties": {"refId": {"type": "string", "pattern": "^[A-Z]$"}},
                        },
                    },
                },
                "if": {"not": {"properties": {"type": {"const": "row"}}}},
                "then": {"required": ["targets", "datasource", "fieldConfig", "options"]},
            },
        },
    },
}
"""What Grafana's documentation of its JSON model asks of what we use of it."""


def panels() -> list[dict[str, Any]]:
    """The panels of the file."""
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return found


def expressions() -> list[str]:
    """Every expression of the file."""
    return [each["expr"] for panel in panels() for each in panel.get("targets", [])]


def test_the_file_is_what_its_code_makes_and_of_the_shape_that_grafana_asks_for() -> None:
    written = DASHBOARD.read_text(encoding="utf-8")
    assert written == text()
    Draft202012Validator(SCHEMA).validate(json.loads(written))


def test_panels_have_their_own_ids_and_do_not_overlap() -> None:
    assert len({each["id"] for each in panels()}) == len(panels())
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


def test_every_metric_that_it_names_is_served_and_most_of_ours_are_shown() -> None:
    named = set().union(*map(named_metrics, expressions()))
    assert named <= served() | SDK
    assert len(named) > 30


if PROMTOOL is not None:

    def test_promtool_reads_every_expression(tmp_path: Path) -> None:
        rules = [
            {"record": f"panel:{number}", "expr": each.replace("$__rate_interval", "5m")}
            for number, each in enumerate(expressions())
        ]
        file = tmp_path / "rules.yaml"
        file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
        assert f"{len(rules)} rules found" in promtool("check", "rules", file)
