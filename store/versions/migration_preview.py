"""What a move would do, told beforehand: the same judgement, and looks that are rolled back."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from journeys.compile.flow import Flow
from journeys.model.steps import ForWait
from journeys.versions.mapping import MappedStep, StayReason, may_send
from store.definitions.catalog import Catalog
from store.runs.rows import RunRow, runs_of_other_versions
from store.runs.visits import VisitRow
from store.versions.run_migration import Target, apply_overdue_policy, decide_migration, stay_reason
from store.versions.wait_replanning import ReplannedWait, replan_wait, wait_of
from store.waits.listeners import Fired, ListenerQuery, add_listeners, first_fired
from store.waits.wait_visits import event_stamp

FIRST = 100
"""Contacts that are named."""
_PAGE = 200
# No visit of a run has such a number: what is registered under it is looked at, and rolled back.
_EXITS, _WAIT = -1, -2


@dataclass
class MigrationPreview:
    """What would become of the runs in flight of a journey."""

    total: int = 0
    moves: Counter[tuple[int, str, str]] = field(default_factory=Counter)
    """(version, step, step it goes to) → runs."""
    stays: Counter[tuple[int, str, StayReason]] = field(default_factory=Counter)
    """(version, step, why) → runs."""
    at_work: int = 0
    """Runs that are judged when they next stand still."""
    ends: int = 0
    """Waits that would end at once."""
    leaves: int = 0
    """Runs that an exit rule would end, or lead to its `then`, at once."""
    sends: int = 0
    """Runs that may send at once: a send is ahead of the next wait by whatever way."""
    contacts: list[UUID] = field(default_factory=list)
    """The first of those that may be sent a message at once."""


async def preview_migration(
    conn: AsyncConnection[Any], catalog: Catalog, journey: str, target: Target, *, paused: bool
) -> MigrationPreview:
    """What moving every run of another version would do now. Changes nothing.

    While the journey is `paused`, nothing is sent at once.
    """
    seeing = _Seeing(conn, catalog, target, Flow(target.definition.journey), paused)
    after: UUID | None = None
    version = target.definition.version
    while runs := await runs_of_other_versions(conn, journey, version, after, _PAGE):
        visits = await _newest_visits(conn, [run.id for run in runs])
        async with conn.transaction(force_rollback=True):
            for run in runs:
                await seeing.see(run, visits.get(run.id))
        after = runs[-1].id
    return seeing.foreseen


class _Seeing:
    def __init__(
        self,
        conn: AsyncConnection[Any],
        catalog: Catalog,
        target: Target,
        flow: Flow,
        paused: bool,
    ) -> None:
        self._conn = conn
        self._catalog = catalog
        self._target = target
        self._flow = flow
        self._paused = paused
        self.foreseen = MigrationPreview()

    async def see(self, run: RunRow, visit: VisitRow | None) -> None:
        """Count one run."""
        foreseen = self.foreseen
        foreseen.total += 1
        judged = decide_migration(run, visit, self._target)
        if judged.came == "at_work" or visit is None:
            foreseen.at_work += 1
        elif judged.came == "stays":
            foreseen.stays[(run.version, visit.step, stay_reason(judged))] += 1
        else:
            foreseen.moves[(run.version, visit.step, judged.way.to)] += 1
            comes_to = await self._comes_to(run, visit, judged.way)
            if not self._paused and may_send(self._flow, comes_to):
                foreseen.sends += 1
                if len(foreseen.contacts) < FIRST:
                    foreseen.contacts.append(run.contact_id)

    async def _comes_to(self, run: RunRow, visit: VisitRow, way: MappedStep) -> int | None:
        """The node that the run comes to at once; None if it stands, or is not to send."""
        definition = self._target.definition
        left = definition.exits and await self._fired(
            run, definition.exits, _EXITS, run.entry_ref, None
        )
        if left:
            self.foreseen.leaves += 1
            return definition.program.exits[left.slot.number]
        place = self._flow.index[way.to]
        if way.anew:
            return place
        if visit.kind != "wait":
            return None
        planned, fired = await self._planned(run, visit, way)
        overdue = planned.due is not None and planned.due <= run.now
        if fired is None and not overdue:
            return None
        if fired is None and overdue and self._target.overdue.policy == "spread":
            planned = apply_overdue_policy(planned, run, self._target)
            if planned.due is not None and planned.due > run.now:
                return None
        self.foreseen.ends += 1
        if overdue and self._target.overdue.policy == "skip":
            return None
        node = definition.program.nodes[place]
        outcome = planned.outcome if fired is None else fired.slot.name
        return node.arrows.get(outcome, node.next)

    async def _planned(
        self, run: RunRow, visit: VisitRow, way: MappedStep
    ) -> tuple[ReplannedWait, Fired | None]:
        """The wait under the new version, and what would end it that has come already."""
        before = await self._catalog.definition(self._conn, run.journey, run.version)
        definition, speed = self._target.definition, self._target.speed
        planned = await replan_wait(self._conn, run, visit, before, definition, way.to, speed=speed)
        if planned.look is None:
            return planned, None
        due = planned.due if planned.due is not None and planned.due <= run.now else None
        fired = await self._fired(run, planned.look, _WAIT, planned.ref, due)
        if fired is None or not isinstance(wait_of(definition.journey, way.to), ForWait):
            return planned, fired
        # The message has come to the fate that the wait counts from.
        fate = await event_stamp(self._conn, fired.event_id)
        counted = await replan_wait(
            self._conn, run, visit, before, definition, way.to, speed=speed, fate=fate
        )
        return counted, None

    async def _fired(
        self, run: RunRow, look: ListenerQuery, visit: int, ref: int, due: datetime | None
    ) -> Fired | None:
        await add_listeners(
            self._conn,
            look,
            run_id=run.id,
            visit=visit,
            contact_id=run.contact_id,
            ref=ref,
            entry=run.entry,
        )
        return await first_fired(self._conn, look, run_id=run.id, visit=visit, due=due)


async def _newest_visits(conn: AsyncConnection[Any], runs: list[UUID]) -> dict[UUID, VisitRow]:
    cursor = await conn.execute(
        "select r.id, v.step, v.kind, v.outcome, v.due_at, v.ref, v.started_at, v.held, v.facts"
        " from run r join visit v on v.run_id = r.id and v.visit = r.visit where r.id = any(%s)",
        (runs,),
    )
    return {run_id: VisitRow(*visit) for run_id, *visit in await cursor.fetchall()}


@dataclass(frozen=True, slots=True)
class Standing:
    """How many runs are at a step."""

    version: int
    step: str | None
    """None: before the first."""
    runs: int


async def standings(conn: AsyncConnection[Any], journey: str) -> list[Standing]:
    """Where the active runs of a journey are, by version and step."""
    cursor = await conn.execute(
        "select version, step, count(*) from run where journey = %s and state = 'active'"
        " group by version, step order by version, step",
        (journey,),
    )
    return [Standing(*row) for row in await cursor.fetchall()]


async def named(conn: AsyncConnection[Any], contacts: list[UUID]) -> list[str]:
    """The external ids of contacts, or ours where there is none, in the order given."""
    cursor = await conn.execute(
        "select coalesce(c.external_id, c.id::text)"
        " from unnest(%s::uuid[]) with ordinality as g(id, place) join contact c on c.id = g.id"
        " order by g.place",
        (contacts,),
    )
    return [row[0] for row in await cursor.fetchall()]
