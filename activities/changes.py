"""Steps that change the contact: its attributes, its groups."""

from __future__ import annotations

from activities.arrival import Arrival, Decision
from journeys.steps import GroupStep, UpdateStep
from store.changes import change_attributes, change_groups
from store.operands import resolve_all


async def update(arrival: Arrival, step: UpdateStep) -> Decision:
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


async def group(arrival: Arrival, step: GroupStep) -> Decision:
    """Add the contact to groups, or remove it."""
    conn, run, change = arrival.conn, arrival.run, step.group
    await change_groups(
        conn, run.contact_id, add=change.add, remove=change.remove, depth=run.depth + 1
    )
    return Decision("done", {"add": change.add, "remove": change.remove})
