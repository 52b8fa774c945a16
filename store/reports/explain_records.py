"""Records behind the gates of a send: consents, suppressions, freezes and counted messages."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from store.messages.suppressions import digest_of
from store.reports.explain_gates import as_text
from store.sql import Connection, fetch_all, fetch_one, sql, text_list
from store.tables.messages import POSSIBLY_SENT

_CONSENT: Final = sql("""
select state, source, coalesce(given_at, recorded_at), previous, topic, channel, address, event_id
from consent_record
where contact_id = %(contact)s and recorded_at <= %(at)s
  and (topic = %(topic)s or topic is null and channel = %(channel)s)
order by id desc limit 1
""")
_SUPPRESSION: Final = sql("""
select s.reason, s.suppressed_at from suppression s
where s.channel = %(channel)s
  and s.address_hash = any((select parcours.suppression_hashes(%(digest)s))::text[])
limit 1
""")
_FREEZE: Final = sql("""
select channel, reason, coalesce(by, 'automatic'), frozen_at from marketing_freeze
where ended_at is null and channel in ('all', %(channel)s) order by frozen_at limit 1
""")
# The condition on the state is that of the partial index `message_counted`.
_COUNTED: Final = sql(
    """
select m.id, r.journey, m.step, m.channel, m.claimed_at
from message m join run r on r.id = m.run_id
where m.contact_id = %(contact)s and not m.transactional
  and (%(channel)s::text is null or m.channel = %(channel)s)
  and (%(class)s::text is null or m.class = %(class)s)
  and m.state in ({possibly_sent})
  and not (m.run_id = %(run)s and m.visit = %(visit)s) and m.claimed_at <= %(at)s
order by m.claimed_at desc limit %(limit)s
""",
    possibly_sent=text_list(POSSIBLY_SENT),
)


async def consent_record(
    conn: Connection, contact: UUID, topic: str | None, channel: str, at: datetime
) -> dict[str, Any] | None:
    """The contact's latest record up to an instant about a topic or a whole channel."""
    wanted = {"contact": contact, "topic": topic, "channel": channel, "at": at}
    row = await fetch_one(conn, _CONSENT, wanted)
    if row is None:
        return None
    state, source, given_at, previous, of_topic, of_channel, address, event_id = row
    return {
        "state": state,
        "source": source,
        "at": as_text(given_at),
        "previous": previous,
        "topic": of_topic,
        "channel": of_channel,
        "address": address,
        "event": event_id,
    }


async def suppression_of(conn: Connection, channel: str, address: str) -> dict[str, Any] | None:
    """Why and since when an address is suppressed on a channel; None if it is not."""
    row = await fetch_one(conn, _SUPPRESSION, {"channel": channel, "digest": digest_of(address)})
    return None if row is None else {"reason": row[0], "since": as_text(row[1])}


async def freeze_now(conn: Connection, channel: str) -> dict[str, Any] | None:
    """The freeze of a channel's marketing; None if there is none."""
    row = await fetch_one(conn, _FREEZE, {"channel": channel})
    if row is None:
        return None
    return {"channel": row[0], "reason": row[1], "by": row[2], "since": as_text(row[3])}


async def counted_messages(
    conn: Connection,
    contact: UUID,
    limit: int,
    at: datetime,
    *,
    but: tuple[UUID, int],
    channel: str | None = None,
    class_: str | None = None,
) -> list[dict[str, Any]]:
    """The contact's newest messages up to an instant that caps count, without that of a visit."""
    wanted = {
        "contact": contact,
        "limit": limit,
        "at": at,
        "run": but[0],
        "visit": but[1],
        "channel": channel,
        "class": class_,
    }
    return [
        {
            "message": str(message),
            "journey": journey,
            "step": step,
            "channel": of_channel,
            "at": as_text(claimed_at),
        }
        for message, journey, step, of_channel, claimed_at in await fetch_all(
            conn, _COUNTED, wanted
        )
    ]
