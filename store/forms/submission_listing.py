"""Submissions of a form, the newest first, looked for in a bounded number of events at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from journeys.model.well_known_events import FORM_SUBMITTED
from store.sql import Connection, fetch_all_as, fetch_value, sql

SPAN: Final = 200_000
"""The most events that one call looks at: no index has their names."""

_NEWEST = sql("select max(id) from event")
_LIST = sql("""
select e.id, coalesce(c.external_id, c.id::text) as contact, e.properties::text, e.occurred_at
from event e
join contact c on c.id = e.contact_id
where e.id < %(before)s and e.id >= %(from)s
  and e.name = %(name)s and e.properties ->> 'form' = %(form)s
order by e.id desc limit %(limit)s
""")
_OLDER = sql("select exists (select from event where id < %(from)s)")


@dataclass(frozen=True, slots=True)
class ListedSubmission:
    """A form that was filled in."""

    id: int
    contact: str
    properties: str
    """As JSON: the fields by name, and the form."""
    occurred_at: datetime


async def list_submissions(
    conn: Connection, form: str, before: int | None, limit: int
) -> tuple[list[ListedSubmission], int | None]:
    """Submissions with an id below `before`, and where the search goes on; None: it is at its end.

    A page may be empty although there are older ones.
    """
    if before is None:
        newest: int | None = await fetch_value(conn, _NEWEST)
        if newest is None:
            return [], None
        before = newest + 1
    begin = before - SPAN
    parameters = {
        "before": before, "from": begin, "name": FORM_SUBMITTED, "form": form, "limit": limit + 1
    }  # fmt: skip
    found = await fetch_all_as(conn, ListedSubmission, _LIST, parameters)
    if len(found) > limit:
        return found[:limit], found[limit - 1].id
    older: bool = await fetch_value(conn, _OLDER, {"from": begin})
    return found, begin if older else None
