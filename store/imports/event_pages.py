"""A page of past events: recorded as facts, with no outbox row, so that nothing begins or ends."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import orjson

from store.events.contact_changes import contact_created
from store.events.recording import PendingEvent
from store.imports.contact_finder import ContactFinder, reference_text
from store.imports.lines import EventLine
from store.imports.outcomes import Outcome
from store.imports.plans import ImportPlan
from store.imports.problems import LineRefused
from store.imports.writing import write_contacts
from store.sql import Connection, copy_rows, execute, fetch_column, sql

_KNOWN = sql("""
select message_id from event where message_id = any(%(message_ids)s) and source = %(source)s
union all
select message_id from receipt where message_id = any(%(message_ids)s) and source = %(source)s
""")
_RECORDED = sql("""
select id from event where message_id = any(%(message_ids)s) and source = %(source)s
""")
_KEEP_EVENTS = sql("""
insert into imported_event (job_id, event_id)
select %(job)s, unnest(%(events)s::bigint[])
on conflict do nothing
""")
_COPY_CREATED = sql("copy import_change (job_id, contact_id, created, last_event_id) from stdin")


async def import_events(
    conn: Connection, plan: ImportPlan, job_id: UUID, lines: Sequence[EventLine], *, show: int
) -> Outcome:
    """Record past events in the caller's transaction, each once by its message id and source.

    Raises ConcurrentChange if another transaction got in between: roll back and begin again.
    """
    outcome = Outcome()
    finder = ContactFinder(conn, plan, job_id)
    await finder.lock([line.reference for line in lines])
    wanted = {"message_ids": [line.message_id for line in lines], "source": plan.source}
    seen = set(await fetch_column(conn, _KNOWN, wanted))
    events: list[PendingEvent] = []
    new: list[str] = []
    for line in lines:
        outcome.left_out += [
            (line.line, code, why, reference_text(line.reference)) for code, why in line.warnings
        ]
        if line.message_id in seen:
            outcome.repeated += 1
            continue
        try:
            known = finder.find(line.reference)
        except LineRefused as refused:
            reference = reference_text(line.reference)
            outcome.refused.append((line.line, refused.code, str(refused), reference))
            continue
        seen.add(line.message_id)
        contact = known.contact
        if contact.new and not contact.touched:
            events.append(contact_created(contact.id))
            outcome.created += 1
        contact.touched = True
        new.append(line.message_id)
        properties = orjson.Fragment(orjson.dumps(line.properties))
        events.append(
            PendingEvent(
                contact.id,
                line.name,
                properties,
                line.message_id,
                client_at=line.at,
                original_at=line.at,
                source=plan.source,
            )
        )
        outcome.events += 1
        if len(outcome.shown) < show:
            shown = {
                "outcome": "recorded",
                "contact": reference_text(line.reference),
                "event": line.name,
                "at": line.at.isoformat(),
                "properties": line.properties,
            }
            outcome.shown.append((line.line, shown))
    touched = [known for known in finder.known.values() if known.contact.touched]
    newest: dict[UUID, int] = {}
    if not plan.dry_run and events:
        newest = await write_contacts(
            conn, (known.contact for known in touched), events, outbox=False
        )
        recorded = await fetch_column(conn, _RECORDED, {"message_ids": new, "source": plan.source})
        await execute(conn, _KEEP_EVENTS, {"job": job_id, "events": recorded})
    await copy_rows(
        conn,
        _COPY_CREATED,
        (
            (job_id, known.contact.id, True, newest.get(known.contact.id, 0))
            for known in touched
            if known.contact.new
        ),
    )
    outcome.contacts = list(newest)
    return outcome
