"""Undo of a repair of many, as a job."""

from __future__ import annotations

from api.http.problems import Problem
from api.operations.jobs import JobBody, job_body
from api.services import Services
from dispatch.jobs import start_job
from store.operations.audit import Actor, record_audit
from store.operations.jobs import JobRow, read_job
from store.repairs.undo import UNDOABLE, undo_id, undo_repair


async def begin_undo_of_repair(services: Services, actor: Actor, job: JobRow) -> JobBody:
    """The job that sends runs back to the step from which a repair took them. Raises Problem.

    Only those go back that still stand where the repair has put them.
    """
    if job.plan.get("action") not in UNDOABLE:
        raise Problem(
            409, "wrong_state", f"a repair can be undone if it is one of {', '.join(UNDOABLE)}"
        )
    if job.state == "waiting":
        raise Problem(409, "wrong_state", "the repair has not begun: cancel it instead")
    if job.state == "running":
        raise Problem(409, "wrong_state", "the repair is at work: cancel it first")
    async with services.pool.connection() as conn:
        async with conn.transaction():
            new = await read_job(conn, undo_id(job.id)) is None
            undo = await undo_repair(
                conn,
                job,
                key_id=actor.key_id,
                reason=f"undo of job {job.id}",
                approval_above=services.approval_above,
            )
            if undo is None:
                raise Problem(
                    409, "no_runs", "no run stands where the repair has put it: all have gone on"
                )
            if new:
                await record_audit(
                    conn,
                    actor,
                    "job.undo",
                    f"job:{job.id}",
                    after={"job": undo.id, "runs": undo.total},
                    journey=job.journey,
                )
        if undo.state == "running":
            await start_job(conn, services.temporal, undo.id)
        begun = await read_job(conn, undo.id)
    assert begun is not None
    return job_body(begun)
