"""The metrics: each is defined once, documented, bounded, and made by the part that it says."""

import importlib
import pkgutil
import re
from pathlib import Path

from prometheus_client.registry import REGISTRY

import activities
import api
import channels
import dispatch
import inbound
import store
from dispatch.metrics import EngineMetrics
from infra.metrics_page import page
from store.metrics import DEFINITIONS
from store.operations.engine_figures import EngineFigures, EngineState

ROOT = Path(__file__).parents[2]
ROOMS = (activities, api, channels, dispatch, inbound, store)
UNBOUNDED = {"contact", "run", "event", "message", "path", "url", "address", "host", "user", "id"}
STATE = EngineState(**dict.fromkeys(EngineState.__dataclass_fields__, 0))
NOTHING = EngineFigures(STATE, {}, {}, {}, {}, frozenset(), {}, {}, {}, {}, {})


class NoPool:
    """A pool of which only its counts are asked."""

    def get_stats(self) -> dict[str, int]:
        """No counts."""
        return {}


def made() -> dict[str, tuple[str, tuple[str, ...], str]]:
    """Every metric of ours that the code makes: kind, labels and words, by name."""
    for room in ROOMS:
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            if "migrations" not in module.name:
                importlib.import_module(module.name)
    found = {}
    for collector in REGISTRY._collector_to_names:
        name = getattr(collector, "_name", "")
        if name.startswith("parcours_"):
            kind = collector._type  # type: ignore[attr-defined]
            labels = tuple(collector._labelnames)  # type: ignore[attr-defined]
            found[name] = (kind, labels, collector._documentation)  # type: ignore[attr-defined]
    metrics = EngineMetrics(NoPool())  # type: ignore[arg-type]
    metrics._figures = NOTHING
    for collector in metrics._registry._collector_to_names:
        for family in collector.collect():
            labels = tuple(getattr(family, "_labelnames", ()))
            found[family.name] = (family.type, labels, family.documentation)
    return found


def test_every_metric_that_is_made_is_defined_and_every_one_defined_is_made() -> None:
    defined = {
        each.name: (each.kind, tuple(each.labels), each.words) for each in DEFINITIONS.values()
    }
    assert made() == defined


def test_names_follow_the_rules_of_prometheus_and_labels_are_bounded() -> None:
    for each in DEFINITIONS.values():
        assert re.fullmatch(r"parcours_[a-z_]+", each.name)
        assert not each.name.endswith(("_total", "_count", "_sum", "_bucket")), each.name
        if each.kind == "histogram":
            assert each.name.endswith("_seconds"), each.name
        assert not UNBOUNDED & set(each.labels), each.name
        assert all(each.labels.values()), each.name
        assert each.words.endswith("."), each.name


def test_the_page_lists_them_as_they_are() -> None:
    assert (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8") == page()


def test_no_metric_is_made_without_its_definition() -> None:
    """Parts ask `store.metrics` for what they count."""
    for path in ROOT.glob("*/**/*.py"):
        folder = path.relative_to(ROOT).parts[0]
        if folder in {"tests", ".venv", "benchmarks"} or path.name == "metrics.py":
            continue
        assert not re.search(
            r"^from prometheus_client import .*(Counter|Gauge|Histogram|Summary)",
            path.read_text(encoding="utf-8"), re.M,
        ), path  # fmt: skip
