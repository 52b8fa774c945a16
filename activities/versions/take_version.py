"""Runs that were moved to another version: noticing it, and taking the version's program."""

from __future__ import annotations

from temporalio import activity

from activities.context import Context
from activities.failures import final_error
from activities.leaving.exits import ended_result
from activities.locked_run import read
from journeys.protocol.payloads import FinishInput, StepInput, StepResult, TakenVersion
from journeys.protocol.program import Cursor
from journeys.versions.mapping import MOVED
from store.runs.rows import RunRow
from store.runs.visits import find_visit
from store.versions.run_migration import record_moves_taken


def stale_version(run: RunRow, given: StepInput | FinishInput) -> StepResult | None:
    """What is answered to a workflow that walks a program its run has been moved away from.

    The number of moves tells it, not the version: a run may be moved there and back.
    """
    return StepResult(moved=True) if run.moves != given.moves else None


class VersionActivities:
    """Hands a moved run's workflow what it goes on with."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @activity.defn(name="take_version")
    async def take(self, given: StepInput) -> TakenVersion:
        """The program of the run's version, and where in it the run stands.

        A visit that has begun is gone through again: what was decided there is answered as it was.
        """
        async with self._context.pool.connection() as conn, conn.transaction():
            run = await read(conn, given.run_id)
            if not run.active:
                return TakenVersion(ended=ended_result(run).ended)
            definition = await self._context.catalog.definition(conn, run.journey, run.version)
            visit = await find_visit(conn, run.id, run.visit)
            if visit is None:
                raise final_error("unknown_step")
            await record_moves_taken(conn, run.id, run.moves)
        left = visit.outcome == MOVED
        step = visit.facts["to"] if left else visit.step
        place = {node.id: place for place, node in enumerate(definition.program.nodes)}.get(step)
        if place is None:
            raise final_error("unknown_step")
        return TakenVersion(
            version=run.version,
            moves=run.moves,
            program=definition.program,
            cursor=Cursor(node=place, visit=run.visit),
            standing=not left,
        )
