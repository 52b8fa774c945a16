"""Steps that change the contact's attributes or groups, or draw a coupon for it."""

from __future__ import annotations

from activities.deciding.arrival import Decision, StepArrival
from journeys.model.steps import CouponStep, GroupStep, UpdateStep
from store.contacts.operands import resolve_all
from store.coupons.pools import draw
from store.events.attribute_changes import change_attributes
from store.events.group_changes import change_groups


async def update(arrival: StepArrival, step: UpdateStep) -> Decision:
    """Change the contact's attributes."""
    conn, run, change = arrival.conn, arrival.run, step.update
    values = await resolve_all(conn, run, change.set)
    amounts = {
        name: amount
        for name, amount in (await resolve_all(conn, run, change.add)).items()
        if isinstance(amount, int | float) and not isinstance(amount, bool)
    }
    await change_attributes(
        conn, run.contact_id, set_=values, unset=change.unset, add=amounts, depth=run.depth + 1
    )
    return Decision("done", {"changed": sorted({*change.set, *change.unset, *change.add})})


async def group(arrival: StepArrival, step: GroupStep) -> Decision:
    """Add the contact to groups, or remove it."""
    conn, run, change = arrival.conn, arrival.run, step.group
    await change_groups(
        conn, run.contact_id, add=change.add, remove=change.remove, depth=run.depth + 1
    )
    return Decision("done", {"add": change.add, "remove": change.remove})


async def coupon(arrival: StepArrival, step: CouponStep) -> Decision:
    """Draw a code from the pool. It stays in Postgres: steps read it as `steps.ID.code`."""
    run, pool = arrival.run, step.coupon.pool
    code = await draw(
        arrival.conn, pool, contact_id=run.contact_id, run_id=run.id, visit=arrival.visit
    )
    if code is None:
        return Decision("exhausted", {"pool": pool})
    return Decision("drawn", {"pool": pool}, {"code": code})
