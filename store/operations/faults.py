"""Faults: the details behind error codes, each at the smallest thing that has it."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from store.metrics import counter
from store.sql import Connection, execute, sql

_DETAIL_LIMIT = 2_000
"""Characters."""
_SUBJECT_LIMIT = 200

FAULTS: Final = counter("parcours_faults")

_RECORD = sql("""
insert into fault (run_id, visit, contact_id, event_id, subject, activity, code, detail)
select (select id from run where id = %(run)s), %(visit)s,
       (select id from contact where id = %(contact)s), %(event)s, %(subject)s, %(activity)s,
       %(code)s, %(detail)s
where not exists (
    select from fault where subject = %(subject)s
    and happened_at > parcours.clock() - interval '1 hour'
    and code = %(code)s and detail = %(detail)s
)
""")


async def record_fault(
    conn: Connection,
    *,
    activity: str,
    code: str,
    detail: str,
    run_id: UUID | None = None,
    visit: int | None = None,
    contact_id: UUID | None = None,
    event_id: int | None = None,
    subject: str | None = None,
) -> None:
    """Count what went wrong, and record it once an hour for the same subject and detail.

    `subject`: what has the fault, if it is no event, run or contact: `journey KEY`, `job ID`.
    """
    FAULTS.labels(activity, code).inc()
    named = subject or _subject(activity, run_id, visit, contact_id, event_id)
    await execute(
        conn,
        _RECORD,
        {
            "run": run_id,
            "visit": visit,
            "contact": contact_id,
            "event": event_id,
            "subject": named[:_SUBJECT_LIMIT],
            "activity": activity,
            "code": code,
            "detail": detail.replace("\x00", "")[:_DETAIL_LIMIT],
        },
    )


def describe(error: BaseException) -> str:
    """An error in one line: its class and its first line."""
    text = str(error).strip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _subject(
    activity: str,
    run_id: UUID | None,
    visit: int | None,
    contact_id: UUID | None,
    event_id: int | None,
) -> str:
    if event_id is not None:
        return f"event {event_id}"
    if run_id is not None:
        return f"run {run_id} {visit or 0}"
    if contact_id is not None:
        return f"contact {contact_id}"
    return activity
