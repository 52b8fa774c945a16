"""Steps that record an event of the contact, or begin a run of another journey.

Both add a link to a chain: `depth` counts the links since the event from outside at its start.
"""

from __future__ import annotations

from activities.deciding.arrival import Decision, StepArrival
from journeys.model.entry_rules import CHAIN_LIMIT, key_of_start
from journeys.model.json_values import find_flaw
from journeys.model.steps import EmitStep, EnterStep
from store.contacts.operands import resolve_all
from store.definitions.catalog import BrokenDocument
from store.definitions.journeys import journey_version
from store.entries.admission import EntryRequest, RefusedEntry, enter
from store.events.effect_events import EffectRefused
from store.events.recording import NewEvent, record_events, refuse_engine_event


async def emit(arrival: StepArrival, step: EmitStep) -> Decision:
    """Record an event of the contact; a well-known event has its side effects."""
    conn, run, emission = arrival.conn, arrival.run, step.emit
    depth = run.depth + 1
    if depth > CHAIN_LIMIT:
        return Decision("refused", {"event": emission.event, "code": "chain"})
    properties = await resolve_all(conn, run, emission.properties)
    if flaw := find_flaw(properties):
        return Decision("failed", {"event": emission.event, "code": flaw})
    event = NewEvent(emission.event, properties, depth=depth)
    try:
        refuse_engine_event(emission.event)
        [event_id] = await record_events(conn, run.contact_id, [event])
    except EffectRefused as refused:
        facts = {"event": emission.event, "code": refused.code, "message": str(refused)}
        return Decision("failed", facts)
    return Decision("done", {"event": emission.event, "event_id": event_id})


async def enter_(arrival: StepArrival, step: EnterStep) -> Decision:
    """Begin a run of another journey, as Postgres decides; the dispatcher starts its workflow."""
    conn, run, journey = arrival.conn, arrival.run, step.enter.journey
    version = await journey_version(conn, journey)
    if not version:
        code = "unknown_journey" if version is None else "draft"
        return Decision("refused", {"journey": journey, "code": code})
    catalog = arrival.context.catalog
    try:
        definition = await catalog.definition(conn, journey, version)
    except BrokenDocument:
        return Decision("refused", {"journey": journey, "code": "broken"})
    properties = await resolve_all(conn, run, step.enter.properties)
    if flaw := find_flaw(properties):
        return Decision("refused", {"journey": journey, "code": flaw})
    request = EntryRequest(
        contact_id=run.contact_id,
        key=key_of_start(definition.journey, properties),
        properties=properties,
        event_id=None,
        depth=run.depth + 1,
        start_workflow=True,
    )
    answer = await enter(conn, catalog, definition, request)
    if isinstance(answer, RefusedEntry):
        return Decision("refused", {"journey": journey, "code": answer.code})
    return Decision(
        "entered", {"journey": journey, "version": version, "run_id": str(answer.run_id)}
    )
