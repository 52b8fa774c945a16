"""Statistics of a journey: visits and their outcomes by step, and how runs ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from psycopg import AsyncConnection

from journeys.model.journey import Journey
from store.counters.reading import By, Cell, Period, read_cells
from store.reports.goal_counts import GoalCounts, number
from store.sql import fetch_value, sql
from store.tables.figures import Cohort

_DOCUMENT = sql(
    """
    select v.document from journey j
    join journey_version v on v.journey = j.key and v.version = coalesce(
        %(version)s::integer,
        j.active_version,
        (select max(newest.version) from journey_version newest where newest.journey = j.key)
    )
    where j.key = %(journey)s
    """
)
ALL_TIME = Period()
_STATUSES = (
    "delivered",
    "opened",
    "clicked",
    "bounced",
    "replied",
    "complained",
    "unsubscribed",
)
"""Facts of messages that have the names of fields of `VisitCounts`."""


@dataclass(slots=True)
class VisitCounts:
    """The visits of a step. A loop counts each time around."""

    step: str
    kind: str
    reached: int = 0
    """All visits."""
    waiting: int = 0
    """Visits at which an active run is now, and neither deferred nor retried."""
    deferred: int = 0
    """Sends that wait for another reason than a retry: a pause, a window, a cap."""
    retrying: int = 0
    """Sends that are tried again, once one attempt after another was put off."""
    sent: int = 0
    failed: int = 0
    unknown: int = 0
    delivered: int = 0
    opened: int = 0
    clicked: int = 0
    bounced: int = 0
    replied: int = 0
    complained: int = 0
    unsubscribed: int = 0
    """Messages by which their readers left the topic or the channel, and did not undo it."""
    left: int = 0
    """Visits with an outcome."""
    first_at: datetime | None = None
    """The end of the first visit, and that of the last one."""
    last_at: datetime | None = None


@dataclass(slots=True)
class StepStatistics:
    """A step's visits by their results."""

    visits: VisitCounts
    skipped: dict[str, int] = field(default_factory=dict)
    """By reason."""
    outcomes: dict[str, int] = field(default_factory=dict)
    deferred_by: dict[str, int] = field(default_factory=dict)
    """Deferred sends by what they wait for."""
    failed_by: dict[str, int] = field(default_factory=dict)
    """By code."""
    links: dict[str, int] = field(default_factory=dict)
    """Clicks of people by URL, without what follows the path. One may click often."""
    goal: GoalCounts = field(default_factory=lambda: GoalCounts(0, 0))
    """Goals that were met while the run stood here, or after it had ended here."""
    goals: dict[str, int] | None = None
    """Of a split: runs that met their goal, by arm. None for every other step."""
    goal_values: dict[str, int | float] | None = None
    """Of a split: the sum of their values, by arm."""


@dataclass(frozen=True, slots=True)
class PeriodStatistics:
    """What was counted in an hour or on a day, or of those who entered then."""

    begins_at: datetime
    entered: int
    ends: Mapping[str, int]
    refused: Mapping[str, int]
    goal: GoalCounts
    steps: Sequence[StepStatistics]
    """Those with anything to count; none says what stands now."""


@dataclass(frozen=True, slots=True)
class JourneyStatistics:
    """The statistics of a journey, of one version or of all."""

    journey: str
    version: int | None
    entered: int
    """Entries, each counted once: runs that ended `restarted` or `merged` are left out, because
    another run has replaced them. It is what the goals, and the goals by arm, are a share of."""
    active: int
    steps: list[StepStatistics]
    """In the order of the document (of the version asked for, else of the active or newest one);
    then the steps that only other versions have."""
    ends: Mapping[str, int]
    """Ended runs by outcome, replaced ones as well."""
    refused: Mapping[str, int]
    """Refused entries by code; they are of no version."""
    goal: GoalCounts
    cohort: Cohort
    period: Period
    periods: Sequence[PeriodStatistics] | None


async def journey_statistics(
    conn: AsyncConnection[Any],
    journey: str,
    version: int | None = None,
    *,
    period: Period = ALL_TIME,
    whole_days: bool = True,
    cohort: Cohort = "occurrence",
    by: By | None = None,
    zone: str = "UTC",
) -> JourneyStatistics | None:
    """A journey's statistics, of one version or of all together; of a period, or of all time.

    `cohort` says what is of the period: what happened in it, or the runs that were entered in it.
    `by` divides it into hours or days of `zone`; `whole_days` says that it is made of such days.
    None if there is no such journey or version.
    """
    document = await fetch_value(conn, _DOCUMENT, {"journey": journey, "version": version})
    if document is None:
        return None
    cells = await read_cells(
        conn, journey, version=version, period=period, cohort=cohort, by=by, zone=zone,
        whole_days=whole_days,
    )  # fmt: skip
    standing, counted = cells.standing, cells.counted
    document_kinds: dict[str, str] = {
        step.id: step.kind for step in Journey.model_validate(document).all_steps()
    }
    kinds = {(cell.version, cell.step): cell.label for cell in standing if cell.fact == "reached"}
    builder = _Builder(kinds, document_kinds)
    steps = builder.steps(counted)
    # What stands now has no time; of a cohort it stands now as well.
    of_now = counted if cohort == "entered" or (period.is_all_time and by is None) else standing
    _add_standing(builder, steps, of_now)
    totals = _Totals.of(counted)
    return JourneyStatistics(
        journey=journey,
        version=version,
        entered=totals.entered,
        active=_Totals.of(of_now).active,
        steps=[steps.get(step) or builder.empty(step) for step in _order(document_kinds, steps)],
        ends=totals.ends,
        refused=totals.refused,
        goal=totals.goal,
        cohort=cohort,
        period=period,
        periods=None if by is None else _periods(builder, document_kinds, cells.divided),
    )


def _order(document: Mapping[str, str], others: Iterable[str]) -> list[str]:
    return [*document, *sorted(step for step in others if step not in document)]


def _periods(
    builder: _Builder, document: Mapping[str, str], divided: Mapping[datetime, list[Cell]]
) -> list[PeriodStatistics]:
    found = []
    for begins_at, of_time in divided.items():
        totals = _Totals.of(of_time)
        steps = builder.steps(of_time)
        found.append(
            PeriodStatistics(
                begins_at=begins_at,
                entered=totals.entered,
                ends=totals.ends,
                refused=totals.refused,
                goal=totals.goal,
                steps=[steps[step] for step in _order(document, steps) if step in steps],
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class _Totals:
    entered: int
    active: int
    ends: dict[str, int]
    refused: dict[str, int]
    goal: GoalCounts

    @classmethod
    def of(cls, cells: Iterable[Cell]) -> _Totals:
        """The counts of the whole journey."""
        counts: Counter[str] = Counter()
        ends: Counter[str] = Counter()
        refused: Counter[str] = Counter()
        value = Decimal(0)
        for cell in cells:
            counts[cell.fact] += cell.count
            if cell.fact == "ended":
                ends[cell.label] += cell.count
            elif cell.fact == "refused":
                refused[cell.label] += cell.count
            elif cell.fact == "goal":
                value += cell.value
        begun = counts["entered"] + counts["replaced"]
        return cls(
            entered=counts["entered"],
            active=begun + counts["moved_to"] - counts["moved_from"] - counts["ended"],
            ends=_without_zeros(ends),
            refused=_without_zeros(refused),
            goal=GoalCounts(counts["goal"], number(value)),
        )


@dataclass(frozen=True, slots=True)
class _Builder:
    """Makes the statistics of steps from cells."""

    kinds: Mapping[tuple[int, str], str]
    """By version and step."""
    document: Mapping[str, str]

    def empty(self, step: str, kind: str = "") -> StepStatistics:
        """A step of which nothing is counted."""
        kind = self.document.get(step, kind)
        # Other versions may have a step of this name and of another kind.
        split = kind == "split"
        return StepStatistics(
            VisitCounts(step, kind),
            goals={} if split else None,
            goal_values={} if split else None,
        )

    def kind_of(self, cell: Cell) -> str:
        """The kind of the cell's step in its version."""
        return self.kinds.get((cell.version, cell.step)) or self.document.get(cell.step, "")

    def steps(self, cells: Iterable[Cell]) -> dict[str, StepStatistics]:
        """The steps of the cells, without what stands now."""
        found: dict[str, StepStatistics] = {}
        for cell in cells:
            if not cell.step or cell.fact in ("held", "retrying", "left_open"):
                continue
            step = found.get(cell.step)
            if step is None:
                step = found[cell.step] = self.empty(cell.step, self.kind_of(cell))
            self._add(step, cell)
        return found

    def _add(self, step: StepStatistics, cell: Cell) -> None:
        visits, label, count = step.visits, cell.label, cell.count
        match cell.fact:
            case "reached":
                visits.reached += count
            case "outcome":
                visits.left += count
                _count(step.outcomes, label, count)
                if label == "sent" or (label == "ok" and self.kind_of(cell) == "webhook"):
                    visits.sent += count
                elif label == "failed":
                    visits.failed += count
                elif label == "unknown":
                    visits.unknown += count
                visits.first_at = min(
                    (at for at in (visits.first_at, cell.first_at) if at is not None), default=None
                )
                visits.last_at = max(
                    (at for at in (visits.last_at, cell.last_at) if at is not None), default=None
                )
            case "skipped":
                _count(step.skipped, label, count)
            case "failed":
                _count(step.failed_by, label, count)
            case "link":
                _count(step.links, label, count)
            case "goal":
                met = GoalCounts(step.goal.met + count, step.goal.value + number(cell.value))
                step.goal = met
            case "arm":
                if step.goals is not None and step.goal_values is not None:
                    _count(step.goals, label, count)
                    value = step.goal_values.get(label, 0) + number(cell.value)
                    step.goal_values[label] = value
            case status if status in _STATUSES:
                setattr(visits, status, getattr(visits, status) + count)


def _add_standing(
    builder: _Builder, steps: dict[str, StepStatistics], cells: Iterable[Cell]
) -> None:
    """Add what stands now at each step: what was reached, and neither left nor left open."""
    standing: Counter[str] = Counter()
    for cell in cells:
        if not cell.step:
            continue
        if cell.fact not in ("reached", "outcome", "left_open", "held", "retrying"):
            continue
        step = steps.get(cell.step)
        if step is None:
            step = steps[cell.step] = builder.empty(cell.step, builder.kind_of(cell))
        match cell.fact:
            case "reached":
                standing[cell.step] += cell.count
            case "outcome" | "left_open":
                standing[cell.step] -= cell.count
            case "held":
                step.visits.deferred += cell.count
                _count(step.deferred_by, cell.label, cell.count)
            case "retrying":
                step.visits.retrying += cell.count
    for name, count in standing.items():
        visits = steps[name].visits
        visits.waiting = count - visits.deferred - visits.retrying


def _count(counts: dict[str, int], label: str, count: int) -> None:
    counts[label] = counts.get(label, 0) + count


def _without_zeros(counts: Mapping[str, int]) -> dict[str, int]:
    return {label: count for label, count in sorted(counts.items()) if count}
