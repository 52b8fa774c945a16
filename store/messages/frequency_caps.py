"""The messages that frequency caps count."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from store.sql import Connection, fetch_value, sql, text_list
from store.tables.messages import POSSIBLY_SENT

# The condition on the state is that of the partial index `message_counted`.
_NTH_NEWEST = sql(
    """
select claimed_at from message
where contact_id = %(contact)s and channel = %(channel)s and not transactional
  and state in ({possibly_sent})
  and not (run_id = %(run)s and visit = %(visit)s)
order by claimed_at desc offset %(before)s limit 1
""",
    possibly_sent=text_list(POSSIBLY_SENT),
)


async def nth_newest_claim(
    conn: Connection,
    *,
    contact_id: UUID,
    channel: str,
    place: int,
    run_id: UUID,
    visit: int,
) -> datetime | None:
    """When the contact's nth newest counted message of a channel was claimed; None if none is.

    `place` is n, from 1. Counted are messages of any journey that were sent or may have been,
    without transactional ones and without that of this visit. Exact under the contact's lock.
    """
    claimed_at: datetime | None = await fetch_value(
        conn,
        _NTH_NEWEST,
        {
            "contact": contact_id,
            "channel": channel,
            "run": run_id,
            "visit": visit,
            "before": place - 1,
        },
    )
    return claimed_at
