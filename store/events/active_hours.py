"""Counts of a contact's events by hour of the day."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from journeys.model.well_known_events import EVENTS_NOT_BY_CONTACT
from store.sql import Connection, fetch_all, sql

_OTHERS: Final = sorted(EVENTS_NOT_BY_CONTACT)

_COUNT_BY_HOUR = sql("""
select extract(hour from e.stamped_at at time zone z.name)::int, count(*)
from event e cross join (select parcours.zone(%(zone)s, 'UTC') as name) z
where e.contact_id = %(contact)s and e.stamped_at > parcours.clock() - %(within)s
  and e.depth = 0 and e.run_id is null and e.name <> all(%(others)s)
  and (e.name not like 'Message %%' or coalesce(e.properties->>'by', 'human') <> 'machine')
group by 1
""")


async def active_hours(
    conn: Connection, contact_id: UUID, zone: str, within: timedelta
) -> dict[int, int]:
    """The number of things that the contact did in the last `within`, by local hour in `zone`.

    Events that steps emitted, events of a single run, and hits by machines are not counted: the
    contact did none of them.
    """
    rows = await fetch_all(
        conn,
        _COUNT_BY_HOUR,
        {"contact": contact_id, "zone": zone, "within": within, "others": _OTHERS},
    )
    return dict(rows)
