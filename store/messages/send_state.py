"""What a send reads before it claims its message: earlier attempts, pauses and the recipient."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from journeys.model.brands import DEFAULT_BRAND
from journeys.protocol.channels import CHANNELS, ChannelName
from journeys.protocol.deferrals import DeferralReason
from store.messages.consent_state import CONSENT_STATE
from store.runs.rows import RunRow
from store.sql import Connection, columns, fetch_one, sql, text_literal
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
    channel_refused: bool
    """Whether it wants no messages of this channel, of any topic."""


@dataclass(frozen=True)
class BrandSender:
    """The addresses of the topic's brand, else of the default brand; None where it has none."""

    from_: str | None
    reply_to: str | None


_RECIPIENT: Final = tuple(field.name for field in fields(Recipient))

_READ = sql(
    """
select v.outcome, m.id, m.state, m.first_attempt_at, parcours.clock() - m.claimed_at,
       v.started_at, v.held, v.facts, coalesce(m.attempts, 0), m.code,
       j.state, v.due_at, j.overdue, j.resumed_at,
       settings.document,
       coalesce(brand.document->>'from', house.document->>'from'),
       coalesce(brand.document->>'reply_to', house.document->>'reply_to'),
       (select jsonb_object_agg(locale, hash) from template_content
        where template = %(template)s),
       {contact},
       {consent},
       exists (
           select from channel_state s
           where s.contact_id = c.id and s.channel = %(channel)s and s.state = 'unsubscribed'
       )
from contact c
join journey j on j.key = %(journey)s
left join visit v on v.run_id = %(run)s and v.visit = %(visit)s
left join message m on m.run_id = %(run)s and m.visit = %(visit)s
left join document settings on settings.kind = 'channel' and settings.key = %(channel)s
left join document topic on topic.kind = 'topic' and topic.key = %(topic)s
left join topic_state t on t.contact_id = c.id and t.topic = %(topic)s
left join document brand on brand.kind = 'brand' and brand.key = topic.document->>'brand'
left join document house on house.kind = 'brand' and house.key = {default}
where c.id = %(contact)s
""",
    contact=columns(ReadableContact, of="c"),
    consent=CONSENT_STATE,
    default=text_literal(DEFAULT_BRAND),
)


async def read_send_state(
    conn: Connection,
    run: RunRow,
    visit: int,
    topic: str | None,
    channel: ChannelName,
    template: str | None = None,
) -> tuple[
    PreviousAttempt, PauseState, Recipient, dict[str, Any] | None, BrandSender, dict[str, str]
]:
    """The earlier attempts, the pause, the recipient, the channel's document if it has one, and
    the brand's addresses.

    The last are the hashes of the template's contents by locale. Without a topic the recipient's
    consent is `unsubscribed`.
    """
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
            "address_field": CHANNELS[channel].address_field,
            "template": template,
        },
    )
    assert row is not None
    recipient = Recipient(**dict(zip(_RECIPIENT, row[18:], strict=True)))
    pause, brand = PauseState(*row[10:14]), BrandSender(*row[15:17])
    contents: dict[str, str] = row[17] or {}
    return PreviousAttempt(*row[:10]), pause, recipient, row[14], brand, contents
