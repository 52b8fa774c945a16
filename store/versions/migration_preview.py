"""Dry run of a migration of runs, rolled back: the same decisions and queries, without effect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from time import monotonic
from typing import Any, TypeVar
from uuid import UUID

from psycopg import AsyncConnection
from sqlalchemy import and_, bindparam, func, select
from sqlmodel import col

from journeys.compile.flow import Flow
from journeys.model.waits import ForWait
from journeys.versions.mapping import MappedStep, StayReason, may_send
from store.definitions.catalog import Catalog
from store.runs.rows import RunRow, runs_of_other_versions
from store.runs.visits import VisitRow
from store.sql import (
    fetch_all,
    fetch_all_as,
    is_database_away,
    statement,
    table_columns,
)
from store.tables.runs import Run, Visit
from store.versions.run_migration import Target, apply_overdue_policy, decide_run
from store.versions.wait_replanning import ReplannedWait, replan_wait, wait_of
from store.waits.listener_queries import ListenerQuery
from store.waits.listeners import Fired, add_listeners, first_fired

Group = TypeVar("Group")

RECIPIENT_LIMIT = 100
"""Recipients that a preview names."""
GROUP_LIMIT = 1_000
"""Groups of runs that move, and groups of runs that stay, that a preview keeps apart."""
_PAGE = 50
# No visit of a run has such a number. Listeners of the preview have it, and are rolled back.
_EXITS, _WAIT = -1, -2


@dataclass
class MigrationPreview:
    """The expected results of a migration for a journey's runs in flight."""

    total: int = 0
    moves: Counter[tuple[int, str, str]] = field(default_factory=Counter)
    """(version, step, step of the new version) → runs."""
    stays: Counter[tuple[int, str, StayReason]] = field(default_factory=Counter)
    """(version, step, reason) → runs."""
    at_work: int = 0
    """Runs that do not wait now, and are decided about when they next do."""
    ended_waits: int = 0
    """Waits that would end at once."""
    exits: int = 0
    """Runs that an exit rule would end, or lead to its `then`, at once."""
    sends: int = 0
    """Runs that may send at once: there is a send before the next wait on some path."""
    recipients: list[UUID] = field(default_factory=list)
    """The contacts of those runs, up to `RECIPIENT_LIMIT`."""
    failed: int = 0
    """Runs that could not be previewed because of a fault."""
    unlisted: int = 0
    """Runs that move or stay, beyond the groups that are kept apart."""

    def add(self, other: MigrationPreview) -> None:
        """Add the results for other runs."""
        self.total += other.total
        self.unlisted += _merge(self.moves, other.moves) + _merge(self.stays, other.stays)
        self.at_work += other.at_work
        self.ended_waits += other.ended_waits
        self.exits += other.exits
        self.sends += other.sends
        self.failed += other.failed
        self.unlisted += other.unlisted
        self.recipients += other.recipients[: RECIPIENT_LIMIT - len(self.recipients)]

    def as_json(self) -> dict[str, Any]:
        """The results as a job keeps them."""
        return {
            "total": self.total,
            "moves": [[*group, runs] for group, runs in self.moves.items()],
            "stays": [[*group, runs] for group, runs in self.stays.items()],
            "at_work": self.at_work,
            "ended_waits": self.ended_waits,
            "exits": self.exits,
            "sends": self.sends,
            "recipients": list(map(str, self.recipients)),
            "failed": self.failed,
            "unlisted": self.unlisted,
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> MigrationPreview:
        """The results that `as_json` made; none of an empty object."""
        return cls(
            total=kept.get("total", 0),
            moves=Counter({(v, step, to): runs for v, step, to, runs in kept.get("moves", [])}),
            stays=Counter({(v, step, why): runs for v, step, why, runs in kept.get("stays", [])}),
            at_work=kept.get("at_work", 0),
            ended_waits=kept.get("ended_waits", 0),
            exits=kept.get("exits", 0),
            sends=kept.get("sends", 0),
            recipients=[UUID(each) for each in kept.get("recipients", [])],
            failed=kept.get("failed", 0),
            unlisted=kept.get("unlisted", 0),
        )


def _merge(into: Counter[Group], other: Counter[Group]) -> int:
    """Add the counts of groups, up to `GROUP_LIMIT` of them; the number of runs left out."""
    unlisted = 0
    for group, runs in other.items():
        if group in into or len(into) < GROUP_LIMIT:
            into[group] += runs
        else:
            unlisted += runs
    return unlisted


@dataclass(frozen=True, slots=True)
class PreviewPage:
    """The results for some runs."""

    preview: MigrationPreview
    after: UUID
    """The last of them."""
    failures: Mapping[UUID, Exception] = field(default_factory=dict)
    """Those that could not be previewed, and why."""


@dataclass(frozen=True, slots=True)
class RunsAtStep:
    """The number of runs at a step."""

    version: int
    step: str | None
    """None: before the first."""
    runs: int


_NEWEST_VISITS = statement(
    select(col(Run.id), *table_columns(Visit, VisitRow))
    .join_from(
        Run, Visit, and_(col(Visit.run_id) == col(Run.id), col(Visit.visit) == col(Run.visit))
    )
    .where(col(Run.id) == func.any(bindparam("runs")))
)
_RUNS_BY_STEP = statement(
    select(col(Run.version), col(Run.step), func.count().label("runs"))
    .where(col(Run.journey) == bindparam("journey"), col(Run.state) == "active")
    .group_by(col(Run.version), col(Run.step))
    .order_by(col(Run.version), col(Run.step))
)


async def preview_migration(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    journey: str,
    target: Target,
    *,
    paused: bool,
    seconds: float = inf,
) -> MigrationPreview | None:
    """Preview the migration of every run of another version, as of now. Changes nothing.

    While the journey is `paused`, nothing is sent at once. None if it takes longer than `seconds`.
    """
    begun = monotonic()
    found = MigrationPreview()
    after: UUID | None = None
    while page := await preview_page(conn, catalog, journey, target, after, paused=paused):
        found.add(page.preview)
        after = page.after
        if monotonic() - begun > seconds:
            return None
    return found


async def preview_page(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    journey: str,
    target: Target,
    after: UUID | None,
    *,
    paused: bool,
) -> PreviewPage | None:
    """Preview the next runs beyond the id `after`; None if there are none.

    What it registers is rolled back after a few runs, and it locks nothing. A run that cannot be
    previewed keeps no other from being so. Raises the errors of a database that is away.
    """
    version = target.definition.version
    runs = await runs_of_other_versions(conn, journey, version, after, _PAGE)
    if not runs:
        return None
    visits = await _newest_visits(conn, [run.id for run in runs])
    counting = _PreviewCount(conn, catalog, target, paused)
    try:
        await counting.add_all(runs, visits)
        return PreviewPage(counting.preview, runs[-1].id)
    except Exception as error:
        if is_database_away(error):
            raise
    # One of them fails: each has its own chance.
    found, failures = MigrationPreview(), dict[UUID, Exception]()
    for run in runs:
        counting = _PreviewCount(conn, catalog, target, paused)
        try:
            await counting.add_all([run], visits)
        except Exception as error:
            if is_database_away(error):
                raise
            failures[run.id] = error
            found.add(MigrationPreview(total=1, failed=1))
        else:
            found.add(counting.preview)
    return PreviewPage(found, runs[-1].id, failures)


class _PreviewCount:
    """Counts runs by the result that the migration would have for them."""

    def __init__(
        self, conn: AsyncConnection[Any], catalog: Catalog, target: Target, paused: bool
    ) -> None:
        self._conn = conn
        self._catalog = catalog
        self._target = target
        self._flow = Flow(target.definition.journey)
        self._paused = paused
        self.preview = MigrationPreview()

    async def add_all(self, runs: Sequence[RunRow], visits: Mapping[UUID, VisitRow]) -> None:
        """Count runs in one transaction that is rolled back; `visits` are their newest."""
        async with self._conn.transaction(force_rollback=True):
            for run in runs:
                await self._add(run, visits.get(run.id))

    async def _add(self, run: RunRow, visit: VisitRow | None) -> None:
        preview = self.preview
        preview.total += 1
        decision = decide_run(run, visit, self._target)
        mapped = decision.mapped
        if decision.result == "at_work" or visit is None:
            preview.at_work += 1
        elif mapped.stay_reason is not None:
            preview.stays[(run.version, visit.step, mapped.stay_reason)] += 1
        else:
            preview.moves[(run.version, visit.step, mapped.step)] += 1
            node = await self._next_node(run, visit, mapped)
            if not self._paused and may_send(self._flow, node):
                preview.sends += 1
                if len(preview.recipients) < RECIPIENT_LIMIT:
                    preview.recipients.append(run.contact_id)

    async def _next_node(self, run: RunRow, visit: VisitRow, mapped: MappedStep) -> int | None:
        """The node that the run comes to at once; None if it waits, ends, or must not send."""
        definition = self._target.definition
        exit_fired = definition.exits and await self._first_fired(
            run, definition.exits, _EXITS, run.entry_ref
        )
        if exit_fired:
            self.preview.exits += 1
            return definition.program.exits[exit_fired.slot.number]
        place = self._flow.index[mapped.step]
        if mapped.new_visit:
            return place
        if visit.kind != "wait":
            return None
        wait, fired = await self._replanned(run, visit, mapped.step)
        overdue = wait.due is not None and wait.due <= run.now
        if fired is None and not overdue:
            return None
        if fired is None and self._target.overdue.policy == "spread":
            wait = apply_overdue_policy(wait, run, self._target)
            if wait.due is not None and wait.due > run.now:
                return None
        self.preview.ended_waits += 1
        if overdue and self._target.overdue.policy == "skip":
            return None
        node = definition.program.nodes[place]
        outcome = wait.outcome if fired is None else fired.slot.name
        return node.arrows.get(outcome, node.next)

    async def _replanned(
        self, run: RunRow, visit: VisitRow, step: str
    ) -> tuple[ReplannedWait, Fired | None]:
        """The wait under the new version, and the trigger that has already ended it."""
        before = await self._catalog.definition(self._conn, run.journey, run.version)
        definition, speed = self._target.definition, self._target.speed
        wait = await replan_wait(self._conn, run, visit, before, definition, step, speed=speed)
        if wait.query is None:
            return wait, None
        due = wait.due if wait.due is not None and wait.due <= run.now else None
        fired = await self._first_fired(
            run, wait.query, _WAIT, wait.ref, due, since=visit.started_at
        )
        if fired is None or not isinstance(wait_of(definition.journey, step), ForWait):
            return wait, fired
        # The message has reached the status that the wait counts from.
        counts_from = fired.at
        wait = await replan_wait(
            self._conn, run, visit, before, definition, step, speed=speed, counts_from=counts_from
        )
        return wait, None

    async def _first_fired(
        self,
        run: RunRow,
        query: ListenerQuery,
        visit: int,
        ref: int,
        due: datetime | None = None,
        *,
        since: datetime | None = None,
    ) -> Fired | None:
        await add_listeners(
            self._conn,
            query,
            run_id=run.id,
            visit=visit,
            contact_id=run.contact_id,
            ref=ref,
            entry=run.entry,
            since=since,
        )
        return await first_fired(self._conn, query, run_id=run.id, visit=visit, due=due)


async def _newest_visits(conn: AsyncConnection[Any], runs: list[UUID]) -> dict[UUID, VisitRow]:
    rows = await fetch_all(conn, _NEWEST_VISITS, {"runs": runs})
    return {run_id: VisitRow(*visit) for run_id, *visit in rows}


async def runs_by_step(conn: AsyncConnection[Any], journey: str) -> list[RunsAtStep]:
    """The active runs of a journey, counted by version and step."""
    return await fetch_all_as(conn, RunsAtStep, _RUNS_BY_STEP, {"journey": journey})
