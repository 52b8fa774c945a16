"""The runs of a repair of many: what is still to be done, and what came of each.

An item changes in the transaction that repairs its run, and only from the state in which it was
found: what two attempts of a page do counts once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import bindparam, func, update
from sqlmodel import col

from store.sql import (
    Connection,
    columns,
    execute,
    fetch_all_as,
    fetch_one,
    fetch_one_as,
    sql,
    statement,
)
from store.tables.repairs import RepairItem, RepairItemState


@dataclass(frozen=True, slots=True)
class ItemRow:
    """A run that a job repairs, or a message of it."""

    job_id: UUID
    run_id: UUID
    visit: int
    """0: the run is meant wherever it is."""
    state: RepairItemState
    target: str | None
    code: str | None
    attempts: int
    claims: int
    begun_at: datetime | None

    @property
    def key(self) -> dict[str, object]:
        """The parameters by which statements find it."""
        return {"job": self.job_id, "run": self.run_id, "visit": self.visit}


@dataclass(frozen=True, slots=True)
class ListedItem:
    """A run that a job repairs, or a message of it, and what came of it since."""

    run_id: UUID
    visit: int
    state: RepairItemState
    code: str | None
    contact: str | None
    """None if it was erased."""
    since: str | None
    """The state of the visit's message now, or else its outcome, or why it is held."""


class ItemTaken(Exception):
    """Another attempt of the page has worked on this item, or its job has ended."""


_COLUMNS = columns(ItemRow)
_NEXT = sql(
    """
    select {columns} from repair_item
    where job_id = %(job)s and state = 'waiting' and not_before <= parcours.clock()
    order by not_before, run_id, visit limit %(limit)s
    """,
    columns=_COLUMNS,
)
_SENDING = sql(
    """
    select {columns} from repair_item
    where job_id = %(job)s and state = 'sending' and not_before <= parcours.clock()
    order by not_before, run_id, visit limit %(limit)s
    """,
    columns=_COLUMNS,
)
# Their workflows are looked after again in five minutes, unless they end before.
_STARTED = sql("""
update repair_item i set not_before = parcours.clock() + interval '5 minutes'
from unnest(%(runs)s::uuid[], %(visits)s::int[]) g(run_id, visit)
where i.job_id = %(job)s and i.run_id = g.run_id and i.visit = g.visit and i.state = 'sending'
""")
_READ = sql(
    """
    select {columns} from repair_item
    where job_id = %(job)s and run_id = %(run)s and visit = %(visit)s
    """,
    columns=_COLUMNS,
)
# A job that was stopped meanwhile changes nothing more.
_CHANGE = sql("""
update repair_item i set state = %(state)s, code = %(code)s,
       begun_at = case when %(state)s = 'sending' then parcours.clock() else i.begun_at end,
       not_before = parcours.clock()
where i.job_id = %(job)s and i.run_id = %(run)s and i.visit = %(visit)s and i.state = %(from)s
  and exists (select from job j where j.id = i.job_id and j.state = 'running')
""")
_END = sql("""
update repair_item set state = %(state)s, code = %(code)s
where job_id = %(job)s and run_id = %(run)s and visit = %(visit)s and state = 'sending'
""")
_PUT_OFF = sql("""
update repair_item set attempts = least(attempts + 1, 30000), code = %(code)s,
       not_before = parcours.clock() + %(delay)s
where job_id = %(job)s and run_id = %(run)s and visit = %(visit)s and state = 'waiting'
""")
_CLAIMED = statement(
    update(RepairItem)
    .where(
        col(RepairItem.job_id) == bindparam("job"),
        col(RepairItem.run_id) == bindparam("run"),
        col(RepairItem.visit) == bindparam("number"),
    )
    .values(claims=func.least(col(RepairItem.claims) + 1, 30_000))
)
# The workflow of a job that was stopped may have been closed before it could say so.
_FREE = sql("""
update repair_item i set state = 'left', code = 'stopped'
from job j
where i.run_id = %(run)s and i.visit = %(visit)s and i.state = 'sending'
  and j.id = i.job_id and j.state not in ('running', 'waiting')
""")
_SENT_BY = sql("""
select job_id from repair_item
where run_id = %(run)s and visit = %(visit)s and state = 'sending'
""")
_ADD = sql("""
insert into repair_item (job_id, run_id, visit, target)
select %(job)s, * from unnest(%(runs)s::uuid[], %(visits)s::int[], %(targets)s::text[])
on conflict do nothing
""")
# Counted from the items, so that no attempt of a page counts twice.
_REFRESH = sql("""
with counted as (
    select state, coalesce(code, '') as code, count(*) as items
    from repair_item where job_id = %(job)s group by 1, 2
), summed as (
    select coalesce(sum(items) filter (where state in ('done', 'left', 'failed')), 0) as ended,
           coalesce(sum(items) filter (where state = 'done'), 0) as repaired,
           coalesce(sum(items) filter (where state = 'failed'), 0) as failed,
           coalesce(sum(items) filter (where state = 'sending'), 0) as sending,
           coalesce(sum(items) filter (where state = 'waiting'), 0) as waiting,
           coalesce(jsonb_object_agg(code, items) filter (where state = 'left'), '{}') as left,
           coalesce(jsonb_object_agg(code, items) filter (where state = 'failed'), '{}') as faults
    from counted
)
update job set done = summed.ended, failed = summed.failed, kept = 0,
       result = coalesce(job.result, '{}') || jsonb_build_object(
           'repaired', summed.repaired, 'left_alone', summed.left, 'failed', summed.faults,
           'being_sent', summed.sending)
from summed where job.id = %(job)s
returning summed.waiting, summed.sending
""")
# What came of the visit since is looked up for each row of the page.
_RESULTS = sql("""
with page as materialized (
    select run_id, visit, state, code from repair_item
    where job_id = %(job)s and (%(state)s::text is null or state = %(state)s::text)
      and (%(after_run)s::uuid is null
           or (run_id, visit) > (%(after_run)s::uuid, %(after_visit)s::int))
    order by run_id, visit limit %(limit)s
)
select p.run_id, p.visit, p.state, p.code, r.contact,
       coalesce(m.state, v.outcome, v.held) as since
from page p
left join lateral (
    select coalesce(c.external_id, c.id::text) as contact from run
    join contact c on c.id = run.contact_id where run.id = p.run_id limit 1
) r on true
left join lateral (
    select outcome, held from visit where run_id = p.run_id and visit = p.visit limit 1
) v on true
left join lateral (
    select state from message where run_id = p.run_id and visit = p.visit limit 1
) m on true
order by p.run_id, p.visit
""")


async def next_items(conn: Connection, job_id: UUID, limit: int) -> list[ItemRow]:
    """The next items that are to be worked on now."""
    return await fetch_all_as(conn, ItemRow, _NEXT, {"job": job_id, "limit": limit})


async def sending_items(conn: Connection, job_id: UUID, limit: int) -> list[ItemRow]:
    """Items whose message is being sent and whose workflow is to be looked after."""
    return await fetch_all_as(conn, ItemRow, _SENDING, {"job": job_id, "limit": limit})


async def mark_started(conn: Connection, job_id: UUID, items: Sequence[ItemRow]) -> None:
    """Record that the workflows of these items are at work."""
    await execute(
        conn,
        _STARTED,
        {
            "job": job_id,
            "runs": [item.run_id for item in items],
            "visits": [item.visit for item in items],
        },
    )


async def read_item(conn: Connection, job_id: UUID, run_id: UUID, visit: int) -> ItemRow | None:
    """An item; None if there is none."""
    return await fetch_one_as(conn, ItemRow, _READ, {"job": job_id, "run": run_id, "visit": visit})


async def change_item(
    conn: Connection, item: ItemRow, state: RepairItemState, code: str | None = None
) -> None:
    """Record what was done with an item in the transaction that does it. Raises ItemTaken."""
    changed = await execute(
        conn, _CHANGE, {**item.key, "from": item.state, "state": state, "code": code}
    )
    if changed != 1:
        raise ItemTaken


async def end_sending(
    conn: Connection, item: ItemRow, state: RepairItemState, code: str | None
) -> None:
    """Record what came of a message that was sent again, of a job in any state."""
    await execute(conn, _END, {**item.key, "state": state, "code": code})


async def put_off(conn: Connection, item: ItemRow, code: str, delay: timedelta) -> None:
    """Work on an item later, because it is at work or has failed."""
    await execute(conn, _PUT_OFF, {**item.key, "code": code, "delay": delay})


async def count_claim(conn: Connection, item: ItemRow) -> None:
    """Record, in the transaction of the claim, that its message is claimed for this retry."""
    await execute(conn, _CLAIMED, {"job": item.job_id, "run": item.run_id, "number": item.visit})


async def sent_by(conn: Connection, run_id: UUID, visit: int) -> UUID | None:
    """The job that is sending the message of a visit again; None if none is.

    The caller holds the lock of the run.
    """
    key = {"run": run_id, "visit": visit}
    await execute(conn, _FREE, key)
    row = await fetch_one(conn, _SENT_BY, key)
    return None if row is None else row[0]


async def add_items(
    conn: Connection, job_id: UUID, items: Sequence[tuple[UUID, int, str | None]]
) -> int:
    """Give a job its items: run, visit, and the step to which this run goes."""
    return await execute(
        conn,
        _ADD,
        {
            "job": job_id,
            "runs": [run for run, _, _ in items],
            "visits": [visit for _, visit, _ in items],
            "targets": [target for _, _, target in items],
        },
    )


async def refresh_progress(conn: Connection, job_id: UUID) -> tuple[int, int]:
    """Bring the job's counts up to date; how many items wait, and how many are being sent."""
    row = await fetch_one(conn, _REFRESH, {"job": job_id})
    assert row is not None
    return int(row[0]), int(row[1])


async def list_items(
    conn: Connection,
    job_id: UUID,
    state: RepairItemState | None,
    after: tuple[UUID, int] | None,
    limit: int,
) -> list[ListedItem]:
    """Items of a job in the order of their runs, of one state or of all, beyond `after`."""
    return await fetch_all_as(
        conn,
        ListedItem,
        _RESULTS,
        {
            "job": job_id,
            "state": state,
            "after_run": None if after is None else after[0],
            "after_visit": None if after is None else after[1],
            "limit": limit,
        },
    )
