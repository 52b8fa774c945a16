"""Statistics, and the same worked out from rows that were counted by hand."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection

from store.counters.recount import differences
from store.reports.journey_statistics import JourneyStatistics, journey_statistics
from tests.support.counted_rows import STATUSES, Figures, Rows


def found_in(stats: JourneyStatistics) -> dict[tuple[str, str, str], Any]:
    """What statistics say, by (what, step, label), without zeros."""
    found: dict[tuple[str, str, str], Any] = {
        ("entered", "", ""): stats.entered,
        ("active", "", ""): stats.active,
        ("goal", "", ""): stats.goal.met,
        ("value", "", ""): stats.goal.value,
    }
    found |= {("ended", "", outcome): count for outcome, count in stats.ends.items()}
    found |= {("refused", "", code): count for code, count in stats.refused.items()}
    for step in stats.steps:
        visits = step.visits
        for name in ("reached", "waiting", "deferred", "retrying", "left", "sent", "failed",
                     "unknown", *STATUSES):  # fmt: skip
            found[name, visits.step, ""] = getattr(visits, name)
        for name, labelled in (
            ("outcome", step.outcomes), ("skipped", step.skipped), ("held", step.deferred_by),
            ("failed", step.failed_by), ("arm", step.goals or {}),
            ("worth", step.goal_values or {}),
        ):  # fmt: skip
            found |= {(name, visits.step, label): count for label, count in labelled.items()}
        found["goal", visits.step, ""] = step.goal.met
        found["value", visits.step, ""] = step.goal.value
    return {key: value for key, value in found.items() if value}


def expected_of(counted: Figures, version: int | None) -> dict[tuple[str, str, str], Any]:
    """The same from rows that were counted by hand."""
    found: dict[tuple[str, str, str], Any] = {}

    def add(what: str, step: str, label: str, count: Any) -> None:
        found[what, step, label] = found.get((what, step, label), 0) + count

    for (what, of, step, label), count in counted.counts.items():
        if version is not None and of != version:
            continue
        value = float(counted.values.get((what, of, step, label), 0))
        match what:
            case "entered" | "active":
                add(what, "", "", count)
            case "ended" | "refused":
                add(what, "", label, count)
            case "goal":
                for where in {"", step}:
                    add("goal", where, "", count)
                    add("value", where, "", value)
            case "arm":
                add("arm", step, label, count)
                add("worth", step, label, value)
            case "outcome":
                add("outcome", step, label, count)
                add("left", step, "", count)
                if label in ("sent", "ok"):
                    add("sent", step, "", count)
                elif label in ("failed", "unknown"):
                    add(label, step, "", count)
            case "skipped":
                add(what, step, label, count)
            case "failed":
                add("failed", step, label or "", count)
            case "held":
                add("held", step, label, count)
                add("deferred", step, "", count)
            case "replaced" | "message_sent" | "message_refused" | "message_unknown":
                pass
            case _:
                add(what, step, "", count)
    return {key: value for key, value in found.items() if value}


async def wrong_figures(conn: AsyncConnection[Any], journey: str, zone: str) -> list[str]:
    """Where the figures of an installation of one journey are not a recount of all its rows."""
    rows = Rows()
    await rows.look(conn)
    stats = await journey_statistics(conn, journey)
    assert stats is not None
    found, expected = found_in(stats), expected_of(rows.count(zone), None)
    wrong = [
        f"{key}: {found.get(key)}, and not {expected.get(key)}"
        for key in sorted(found.keys() | expected.keys())
        if abs(float(found.get(key, 0)) - float(expected.get(key, 0))) > 1e-6
    ]
    return [*wrong, *map(str, await differences(conn, zone))]
