"""The hours of the day at which a contact is active."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from journeys.model.well_known_events import EVENTS_NOT_BY_CONTACT

_DONE_BY_THE_CONTACT = {"Message Opened", "Message Clicked", "Message Replied"}


async def active_hours(
    conn: AsyncConnection[Any], contact_id: UUID, zone: str, within: timedelta
) -> dict[int, int]:
    """How many things the contact did lately, by the hour that its clock in `zone` showed.

    What steps emitted, what only one run sees, and what machines did with its messages is no doing
    of the contact's.
    """
    cursor = await conn.execute(
        """
        select extract(hour from e.stamped_at at time zone z.name)::int, count(*)
        from event e cross join (select parcours.zone(%(zone)s, 'UTC') as name) z
        where e.contact_id = %(contact)s and e.stamped_at > parcours.clock() - %(within)s
          and e.depth = 0 and e.run_id is null and e.name <> all(%(others)s)
          and (e.name not like 'Message %%' or coalesce(e.properties->>'by', 'human') <> 'machine')
        group by 1
        """,
        {
            "contact": contact_id,
            "zone": zone,
            "within": within,
            "others": sorted(EVENTS_NOT_BY_CONTACT),
        },
    )
    return dict(await cursor.fetchall())
