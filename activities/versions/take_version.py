"""The version of a moved run: detecting a workflow with an old one, and handing it the new."""

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


def stale_version(run: RunRow, request: StepInput | FinishInput) -> StepResult | None:
    """The answer to a workflow whose run was moved to another version; None if it was not.

    The number of moves is compared, not the version: a run may be moved back to the same version.
    """
    return StepResult(moved=True) if run.moves != request.moves else None


class VersionActivities:
    """The activity that hands a moved run's workflow its new program."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @activity.defn(name="take_version")
    async def take(self, request: StepInput) -> TakenVersion:
        """The program of the run's version, and the run's place in it.

        A visit that has begun is repeated, and its activities give the recorded decisions.
        """
        async with self._context.pool.connection() as conn, conn.transaction():
            run = await read(conn, request.run_id)
            if not run.active:
                return TakenVersion(ended=ended_result(run).ended)
            definition = await self._context.catalog.definition(conn, run.journey, run.version)
            visit = await find_visit(conn, run.id, run.visit)
            if visit is None:
                raise final_error("unknown_step")
            await record_moves_taken(conn, run.id, run.moves)
        ended = visit.outcome == MOVED
        step = visit.facts["to"] if ended else visit.step
        places = {node.id: place for place, node in enumerate(definition.program.nodes)}
        if step not in places:
            raise final_error("unknown_step")
        return TakenVersion(
            version=run.version,
            moves=run.moves,
            program=definition.program,
            cursor=Cursor(node=places[step], visit=run.visit),
            standing=not ended,
        )
