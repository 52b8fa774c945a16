"""Steps that change the contact's attributes or groups, or draw a coupon for it."""

from __future__ import annotations

from typing import Any

from activities.deciding.arrival import Decision, StepArrival
from journeys.model.contact_checks import is_empty, judge_attributes
from journeys.model.json_values import find_flaw, is_number
from journeys.model.steps import CouponStep, GroupStep, UpdateStep
from journeys.model.values import Reference
from store.contacts.operands import Operands
from store.coupons.pools import draw
from store.events.attribute_changes import change_attributes
from store.events.group_changes import change_groups


async def update(arrival: StepArrival, step: UpdateStep) -> Decision:
    """Change the contact's attributes; values are checked as those of an identify call are.

    A reference to something missing leaves the attribute as it is. So does a value that it cannot
    have: the visit's facts say under `refused` which and why.
    """
    conn, run, change = arrival.conn, arrival.run, step.update
    operands = Operands(conn, run)
    refused: dict[str, str] = {}
    values: dict[str, Any] = {}
    for name, wanted in change.set.items():
        value = await operands.resolve(wanted)
        if isinstance(wanted, Reference) and is_empty(name, value):
            continue
        if flaw := find_flaw(value):
            refused[name] = flaw
        else:
            values[name] = value
    judged = judge_attributes(values, operate=True)
    refused |= {name: f"invalid_{name}" for name in judged.refused}
    amounts: dict[str, float] = {}
    for name, wanted in change.add.items():
        amount = await operands.resolve(wanted)
        if is_number(amount):
            amounts[name] = amount
        elif amount is not None:
            refused[name] = "not_a_number"
    changed = await change_attributes(
        conn,
        run.contact_id,
        set_=judged.values,
        unset=change.unset,
        add=amounts,
        depth=run.depth + 1,
    )
    refused |= changed.refused
    facts: dict[str, Any] = {"changed": sorted(changed.names)}
    return Decision("done", facts | ({"refused": refused} if refused else {}))


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
