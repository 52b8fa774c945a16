"""What frequency caps count."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection


async def nth_newest_claim(
    conn: AsyncConnection[Any],
    *,
    contact_id: UUID,
    channel: str,
    place: int,
    run_id: UUID,
    visit: int,
) -> datetime | None:
    """When the contact's message that stands at a `place`, from 1, was claimed; the newest first.

    Of the messages of a channel that went out or may have, of any journey, but for transactional
    ones and that of this visit. None if there are fewer. Under the contact's lock it is exact.
    """
    cursor = await conn.execute(
        """
        select claimed_at from message
        where contact_id = %(contact)s and channel = %(channel)s and not transactional
          and state in ('claimed', 'sent', 'unknown')
          and not (run_id = %(run)s and visit = %(visit)s)
        order by claimed_at desc offset %(before)s limit 1
        """,
        {
            "contact": contact_id,
            "channel": channel,
            "run": run_id,
            "visit": visit,
            "before": place - 1,
        },
    )
    row = await cursor.fetchone()
    return row[0] if row else None
