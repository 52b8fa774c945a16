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
where contact_id = %(contact)s and not transactional
  and (%(channel)s::text is null or channel = %(channel)s)
  and (%(class)s::text is null or class = %(class)s)
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
    place: int,
    run_id: UUID,
    visit: int,
    channel: str | None = None,
    class_: str | None = None,
) -> datetime | None:
    """When the contact's nth newest counted message was claimed; None if there are not so many.

    Of one channel or of all, of one class or of both. `place` is n, from 1. Counted are messages of
    any journey that were sent or may have been, without transactional ones and without that of this
    visit. Exact under the contact's lock.
    """
    claimed_at: datetime | None = await fetch_value(
        conn,
        _NTH_NEWEST,
        {
            "contact": contact_id,
            "channel": channel,
            "class": class_,
            "run": run_id,
            "visit": visit,
            "before": place - 1,
        },
    )
    return claimed_at
