"""Soft bounces: addresses are suppressed after several in a row.

The verdict on an address depends on what is recorded of its messages, and on nothing else. So
notifications end in the same suppressions in any order.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from uuid import UUID

from store.messages.suppressions import lift, suppress
from store.sql import Connection, fetch_all, integer, sql

SOFT_BOUNCES: Final = 5
"""Soft bounces in a row after which an address is suppressed. One message without a bounce that
was delivered, or has been on its way for `_TAKEN_AFTER`, ends the row."""
_TAKEN_AFTER: Final = sql("interval '5 days'")
"""Mail servers give up before: a message without a bounce has arrived, also where no provider
reports deliveries."""

_VERDICTS = sql(
    """
with address as (
    select distinct m.channel, lower(m.address) as address from message m
    where m.id = any(%(messages)s) and m.address is not null
), bounced as materialized (
    select a.channel, a.address, s.contact_id, s.first_attempt_at
    from address a
    join message s on s.channel = a.channel and lower(s.address) = a.address
    where s.soft_bounced_at is not null
), taken as (
    select b.channel, b.address, max(m.first_attempt_at) as at
    from (select distinct channel, address, contact_id from bounced) b
    join message m on m.contact_id = b.contact_id and m.channel = b.channel
         and lower(m.address) = b.address
    where m.state = 'sent' and m.bounced_at is null
      and (m.delivered_at is not null or m.settled_at < parcours.clock() - {taken_after})
    group by b.channel, b.address
)
select b.channel, b.address,
       count(*) filter (where t.at is null or b.first_attempt_at > t.at) >= {most}
from bounced b left join taken t using (channel, address)
group by b.channel, b.address
""",
    taken_after=_TAKEN_AFTER,
    most=integer(SOFT_BOUNCES),
)


async def weigh_soft_bounces(conn: Connection, message_ids: Collection[UUID]) -> None:
    """Suppress the addresses of these messages that bounce softly all the time, or lift that."""
    verdicts = await fetch_all(conn, _VERDICTS, {"messages": list(message_ids)})
    if not verdicts:
        return
    await suppress(
        conn, [(channel, address, "soft_bounced") for channel, address, holds in verdicts if holds]
    )
    await lift(
        conn,
        [(channel, address) for channel, address, holds in verdicts if not holds],
        "soft_bounced",
    )
