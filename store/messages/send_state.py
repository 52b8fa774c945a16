"""What a send reads before it claims its message: earlier attempts, pauses and the recipient."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from journeys.protocol.channels import CHANNELS, ChannelName
from journeys.protocol.deferrals import DeferralReason
from store.messages.suppressions import find_suppression
from store.runs.rows import RunRow
from store.sql import Connection, columns, fetch_one, sql
from store.tables.contact_fields import ReadableContact


@dataclass(frozen=True)
class PreviousAttempt:
    """What earlier attempts left of a send: its message, if one was claimed, and its outcome."""

    outcome: str | None
    message_id: UUID | None
    state: str | None
    first_attempt_at: datetime | None
    claim_age: timedelta | None
    started_at: datetime | None
    """When the run came to the visit; None if it comes now."""
    held: DeferralReason | None
    """Why the send was deferred until now; None if it was not."""
    facts: dict[str, Any] | None
    attempts: int
    """How often the message was claimed."""
    code: str | None
    """Why its last attempt did not succeed."""


@dataclass(frozen=True)
class PauseState:
    """The state of the send's journey, and the policy of its last pause for deferred sends."""

    journey_state: str
    due_at: datetime | None
    """When the deferred send was to be tried again."""
    overdue: dict[str, Any] | None
    """The policy for sends that the last pause deferred: `{policy, seconds}`."""
    resumed_at: datetime | None


@dataclass(slots=True, kw_only=True)
class Recipient(ReadableContact):
    """A contact as a send sees it: fields, attributes, and its consent to the topic."""

    consent: str
    """`subscribed`, `pending` or `unsubscribed`: the record, else the topic's default.

    Of a topic that needs confirmation it is `pending` for an address that was not confirmed.
    """


_RECIPIENT: Final = tuple(field.name for field in fields(Recipient))

_READ = sql(
    """
select v.outcome, m.id, m.state, m.first_attempt_at, parcours.clock() - m.claimed_at,
       v.started_at, v.held, v.facts, coalesce(m.attempts, 0), m.code,
       j.state, v.due_at, j.overdue, j.resumed_at,
       settings.document, suppressed.reason,
       {contact},
       coalesce(
           (select case when t.state = 'subscribed' and d.document->>'default' = 'double'
                and coalesce(t.confirmed_email, t.confirmed_phone) is not null
                and case %(address_field)s
                    when 'email' then lower(c.email) is distinct from lower(t.confirmed_email)
                    when 'phone' then c.phone is distinct from t.confirmed_phone
                    else false end
                then 'pending' else t.state end
            from topic_state t left join document d on d.kind = 'topic' and d.key = t.topic
            where t.contact_id = c.id and t.topic = %(topic)s),
           (select case d.document->>'default' when 'opt_out' then 'subscribed' end
            from document d where d.kind = 'topic' and d.key = %(topic)s),
           'unsubscribed'
       )
from contact c
join journey j on j.key = %(journey)s
left join visit v on v.run_id = %(run)s and v.visit = %(visit)s
left join message m on m.run_id = %(run)s and m.visit = %(visit)s
left join document settings on settings.kind = 'channel' and settings.key = %(channel)s
left join lateral (
    select s.reason from suppression s
    where s.channel = %(channel)s and s.address_hash = any((
        select parcours.suppression_hashes(encode(sha256(convert_to(lower(
            case %(address_field)s when 'email' then c.email when 'phone' then c.phone end
            collate "C"
        ), 'UTF8')), 'hex'))
    )::text[])
    limit 1
) suppressed on true
where c.id = %(contact)s
""",
    contact=columns(ReadableContact, of="c"),
)


async def read_send_state(
    conn: Connection, run: RunRow, visit: int, topic: str | None, channel: ChannelName
) -> tuple[PreviousAttempt, PauseState, Recipient, str | None, dict[str, Any] | None]:
    """The earlier attempts, the pause, the recipient, and the channel's document if it has one.

    Behind the recipient is the reason why its address is suppressed; None if it is not. Without a
    topic the recipient's consent is `unsubscribed`.
    """
    field = CHANNELS[channel].address_field
    row = await fetch_one(
        conn,
        _READ,
        {
            "topic": topic,
            "run": run.id,
            "visit": visit,
            "contact": run.contact_id,
            "journey": run.journey,
            "channel": channel,
            "address_field": field,
        },
    )
    assert row is not None
    recipient = Recipient(**dict(zip(_RECIPIENT, row[16:], strict=True)))
    suppressed = row[15]
    address = None if field is None else getattr(recipient, field)
    if address is not None and not (address.isascii() and address == address.strip()):
        # PostgreSQL does not fold the case of all letters as `digest_of` does.
        suppressed = await find_suppression(conn, channel, address)
    return PreviousAttempt(*row[:10]), PauseState(*row[10:14]), recipient, suppressed, row[14]
