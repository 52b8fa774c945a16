"""The repair of one item of a job: in the transaction that records what was done with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from store.definitions.catalog import Catalog
from store.operations.jobs import create_job
from store.repairs.job_items import ItemRow, add_items, change_item, read_item, sent_by
from store.repairs.message_retries import failed_message
from store.repairs.run_repairs import (
    RepairRefused,
    RepairRequest,
    RepairRow,
    latest_repair,
    record_repair,
    repair_run,
)
from store.runs.rows import RunRow, lock_run
from store.runs.visits import find_visit
from store.sql import Connection
from store.tables.repairs import RepairAction

ItemResult = Literal["repaired", "sending", "left", "at_work"]

RATE: Final = 50.0
"""Runs that a job repairs per second, unless the operator says another rate."""
_LATER: Final = "at_work"
"""The code of a run that is at work, and is repaired once it stands still."""


@dataclass(frozen=True, slots=True)
class RepairPlan:
    """What a job does with each of its runs; its plan in the table `job`."""

    action: RepairAction
    reason: str
    key_id: UUID | None
    target: str | None = None
    unknown: bool = False
    """Whether messages are sent again that may have arrived."""
    rate: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The plan as it is stored."""
        return {
            "action": self.action,
            "reason": self.reason,
            "key": None if self.key_id is None else str(self.key_id),
            "target": self.target,
            "unknown": self.unknown,
            "rate": self.rate,
        }

    @classmethod
    def from_json(cls, plan: dict[str, Any]) -> RepairPlan:
        """The plan of a stored job."""
        return cls(
            action=plan["action"],
            reason=plan["reason"],
            key_id=None if plan["key"] is None else UUID(plan["key"]),
            target=plan["target"],
            unknown=plan["unknown"],
            rate=plan["rate"],
        )


@dataclass(frozen=True, slots=True)
class RepairedItem:
    """What was done with an item, and whose workflow is to be woken or started for it."""

    result: ItemResult
    journey: str | None = None
    """Set if the run's workflow is to be woken."""


async def repair_item(
    conn: Connection, catalog: Catalog, plan: RepairPlan, item: ItemRow
) -> RepairedItem:
    """Repair the run of an item in the caller's transaction, which is rolled back if it raises.

    Raises ItemTaken if another attempt has worked on it, or the job has ended.
    """
    try:
        async with conn.transaction():
            return await _repair(conn, catalog, plan, item)
    except RepairRefused as refused:
        if refused.code == _LATER:
            return RepairedItem("at_work")
        await change_item(conn, item, "left", refused.code)
        return RepairedItem("left")


async def _repair(
    conn: Connection, catalog: Catalog, plan: RepairPlan, item: ItemRow
) -> RepairedItem:
    run = await lock_run(conn, item.run_id)
    if run is None:
        raise RepairRefused("unknown_run", f"there is no run {item.run_id}")
    request = RepairRequest(
        plan.action,
        plan.reason,
        key_id=plan.key_id,
        target=item.target or plan.target,
        visit=item.visit or None,
    )
    if plan.action == "retry" and not await _stands(conn, run, item.visit):
        return await _send_again(conn, run, item, request, unknown=plan.unknown)
    repaired = await repair_run(conn, catalog, item.run_id, request)
    if not repaired.new:
        await change_item(conn, item, "left", "made_before")
        return RepairedItem("left")
    await change_item(conn, item, "done")
    return RepairedItem("repaired", repaired.journey)


async def _stands(conn: Connection, run: RunRow, visit: int) -> bool:
    """Whether the run stands at this visit, or is at work there."""
    if not run.active or run.visit != visit:
        return False
    found = await find_visit(conn, run.id, visit)
    return found is None or found.outcome is None


async def _send_again(
    conn: Connection, run: RunRow, item: ItemRow, request: RepairRequest, *, unknown: bool
) -> RepairedItem:
    message = await failed_message(conn, run, item.visit, unknown=unknown)
    if await sent_by(conn, run.id, item.visit) is not None:
        await change_item(conn, item, "left", "being_sent")
        return RepairedItem("left")
    await record_repair(conn, run, item.visit, message.step, request)
    await change_item(conn, item, "sending")
    return RepairedItem("sending")


@dataclass(frozen=True, slots=True)
class RetriedMessage:
    """A message that is sent again by a job of its own."""

    repair: RepairRow
    journey: str
    job_id: UUID
    new: bool
    """False: it was being sent again before, and nothing has changed now."""


async def retry_message(
    conn: Connection, run_id: UUID, visit: int, plan: RepairPlan
) -> RetriedMessage:
    """Make a job that sends the message of a visit again, in the caller's transaction.

    Its workflow is to be started after the commit. Raises RepairRefused.
    """
    run = await lock_run(conn, run_id)
    if run is None:
        raise RepairRefused("unknown_run", f"there is no run {run_id}")
    other = await sent_by(conn, run_id, visit)
    if other is not None:
        repair = await latest_repair(conn, run_id, visit, "retry")
        assert repair is not None
        return RetriedMessage(repair, run.journey, other, new=False)
    message = await failed_message(conn, run, visit, unknown=plan.unknown)
    job_id = await create_job(
        conn,
        "retry",
        run.journey,
        subject=f"{message.step} of {run.journey}",
        plan=plan.as_json(),
        total=1,
        result={},
        key_id=plan.key_id,
    )
    await add_items(conn, job_id, [(run_id, visit, None)])
    request = RepairRequest("retry", plan.reason, key_id=plan.key_id, visit=visit)
    repair = await record_repair(conn, run, visit, message.step, request)
    item = await read_item(conn, job_id, run_id, visit)
    assert item is not None
    await change_item(conn, item, "sending")
    return RetriedMessage(repair, run.journey, job_id, new=True)
