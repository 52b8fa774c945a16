"""Undo of a repair of many: runs that stand where it has put them go back to their step."""

from __future__ import annotations

from typing import Final
from uuid import UUID, uuid5

from journeys.protocol.jobs import JobKind
from store.operations.jobs import JobRow, create_job, read_job, set_total
from store.repairs.item_repairs import RepairPlan
from store.sql import Connection, execute, sql

UNDOABLE: Final = ("skip", "goto")
"""What can be taken back: an ended run stays ended, and a message that was sent stays sent."""

_KIND: Final[JobKind] = "repair"
# A run that has gone on since then is no longer where the repair has put it.
_CHOOSE = sql("""
insert into repair_item (job_id, run_id, visit, target)
select %(undo)s, i.run_id, r.visit, v.step
from repair_item i
join run r on r.id = i.run_id and r.state = 'active' and r.visit = i.visit + 1
join visit v on v.run_id = i.run_id and v.visit = i.visit
where i.job_id = %(job)s and i.state = 'done'
on conflict do nothing
""")


def undo_id(job_id: UUID) -> UUID:
    """The id of the job that undoes a repair: there is one."""
    return uuid5(job_id, "undo")


async def undo_repair(
    conn: Connection, job: JobRow, *, key_id: UUID | None, reason: str, approval_above: int | None
) -> JobRow | None:
    """Make the job that undoes a repair, in the caller's transaction; None if no run can go back.

    Asking again gives the same job. Above `approval_above` runs it waits for an approval.
    """
    undo = undo_id(job.id)
    if (made := await read_job(conn, undo)) is not None:
        return made
    plan = RepairPlan("goto", reason, key_id=key_id, rate=job.plan.get("rate"))
    await create_job(
        conn,
        _KIND,
        job.journey,
        job_id=undo,
        subject=f"undo of {job.subject}",
        plan=plan.as_json(),
        total=0,
        result={},
        key_id=key_id,
    )
    total = await execute(conn, _CHOOSE, {"undo": undo, "job": job.id})
    if total == 0:
        return None
    waiting = approval_above is not None and total > approval_above
    await set_total(conn, undo, total, waiting=waiting)
    return await read_job(conn, undo)
