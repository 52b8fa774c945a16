"""Steps that decide where the run goes next: a branch, a jump, an exit."""

from __future__ import annotations

from activities.deciding.arrival import Decision, StepArrival
from activities.deciding.condition_check import check_conditions
from journeys.model.steps import BranchStep, ExitStep, GotoStep
from store.runs.lifecycle import record_end_reason
from store.runs.visits import visits_of


async def branch(arrival: StepArrival, step: BranchStep) -> Decision:
    """Take the first case whose condition holds, else `else`."""
    cases = step.branch
    verdicts = await check_conditions(
        arrival.conn, arrival.run, arrival.definition, [case.if_ for case in cases]
    )
    for case, verdict in zip(cases, verdicts, strict=True):
        if verdict.holds:
            return Decision(case.name, {"case": case.name, **verdict.facts})
    tried = [
        {"case": case.name, **verdict.facts} for case, verdict in zip(cases, verdicts, strict=True)
    ]
    return Decision("else", {"case": "else", "tried": tried})


async def goto(arrival: StepArrival, step: GotoStep) -> Decision:
    """Jump, unless the target has had its `max_visits`."""
    made = await visits_of(arrival.conn, arrival.run.id, step.goto)
    facts = {"visits": made, "max_visits": step.max_visits}
    return Decision("jumped" if made < step.max_visits else "spent", facts)


async def exit_(arrival: StepArrival, step: ExitStep) -> Decision:
    """Leave the journey; the run's end carries the reason."""
    await record_end_reason(arrival.conn, arrival.run.id, step.exit)
    return Decision("exited", {"reason": step.exit})
