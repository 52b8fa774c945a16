"""What a send reads before it claims its message: earlier attempts, pauses and the recipient."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from journeys.model.brands import DEFAULT_BRAND
from journeys.protocol.channels import CHANNELS, ChannelName
from journeys.protocol.deferrals import DeferralReason
from store.messages.consent_state import CONSENT_STATE
from store.messages.daily_counts import COUNTED
from store.messages.suppressions import find_suppression
from store.runs.rows import RunRow
from store.sql import Connection, columns, fetch_one, sql, text_literal
from store.tables.contact_fields import ReadableContact
from store.tables.freezes import FreezeExtent


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
    provider: str | None
    """Of its last attempt."""
    not_taken: int
    """Attempts before the last one that a provider did not take, for reasons of its own."""
    possibly_taken: bool
    """A provider may have taken an attempt before the last one."""


@dataclass(frozen=True)
class PauseState:
    """The state of the journey and channel, and the last pause's policy for deferred sends."""

    journey_state: str
    due_at: datetime | None
    """When the deferred send was to be tried again."""
    overdue: dict[str, Any] | None
    """The policy for sends that the last pause deferred: `{policy, seconds}`."""
    resumed_at: datetime | None
    frozen: FreezeExtent | None
    """What does not go out on the channel now: the wider of the freezes that hold."""
    today: int
    """The messages of the channel that were claimed today; 0 if it has no ceiling."""

    def freezes(self, *, marketing: bool) -> FreezeExtent | None:
        """The freeze that holds a message, of marketing or another; None if none does."""
        if marketing and self.frozen is not None:
            return "marketing"
        return "everything" if self.frozen == "everything" else None


@dataclass(frozen=True)
class SendDocuments:
    """What the documents around a send say: of its channel, topic, brand and template."""

    channel: dict[str, Any] | None
    """As it is stored; None without one."""
    topic: dict[str, Any] | None
    """As it is stored; None without one."""
    brand: BrandSender
    contents: dict[str, str]
    """The hashes of the template's contents by locale."""


@dataclass(slots=True, kw_only=True)
class Recipient(ReadableContact):
    """A contact as a send sees it: fields, attributes, and its consent to the topic."""

    consent: str
    """`subscribed`, `pending` or `unsubscribed`: the record, else the topic's default.

    Of a topic that needs confirmation it is `pending` for an address that was not confirmed.
    """
    channel_refused: bool
    """Whether it wants no messages of this channel, whichever their topic."""
    topic_links: dict[str, Any] = field(default_factory=dict)
    """What the topic of the send says about its links: `track` and `utm`."""
    suppressed: str | None = None
    """Why its address on the channel must not be written to."""


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
       m.provider, coalesce(m.not_taken, 0), coalesce(m.possibly_taken, false),
       j.state, v.due_at, j.overdue, j.resumed_at,
       (select min(f.stops) from marketing_freeze f
        where f.ended_at is null and f.channel in ('all', %(channel)s)),
       case when %(counted)s then ({today}) else 0 end,
       settings.document, topic.document,
       coalesce(brand.document->>'from', house.document->>'from'),
       coalesce(brand.document->>'reply_to', house.document->>'reply_to'),
       (select jsonb_object_agg(locale, hash) from template_content
        where template = %(template)s),
       {contact},
       {consent},
       exists (
           select from channel_state s
           where s.contact_id = c.id and s.channel = %(channel)s and s.state = 'unsubscribed'
       ),
       jsonb_build_object('track', topic.document->'track', 'utm', topic.document->'utm'),
       suppressed.reason
from contact c
join journey j on j.key = %(journey)s
left join visit v on v.run_id = %(run)s and v.visit = %(visit)s
left join message m on m.run_id = %(run)s and m.visit = %(visit)s
left join document settings on settings.kind = 'channel' and settings.key = %(channel)s
left join document topic on topic.kind = 'topic' and topic.key = %(topic)s
left join topic_state t on t.contact_id = c.id and t.topic = %(topic)s
left join document brand on brand.kind = 'brand' and brand.key = topic.document->>'brand'
left join document house on house.kind = 'brand' and house.key = {default}
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
    consent=CONSENT_STATE,
    default=text_literal(DEFAULT_BRAND),
    today=COUNTED,
)


async def read_send_state(
    conn: Connection,
    run: RunRow,
    visit: int,
    topic: str | None,
    channel: ChannelName,
    template: str | None = None,
    *,
    counted: bool = False,
) -> tuple[PreviousAttempt, PauseState, Recipient, SendDocuments]:
    """The earlier attempts, the pause, the recipient, and the documents about the send.

    Without a topic the recipient's consent is `unsubscribed`.
    """
    address_field = CHANNELS[channel].address_field
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
            "address_field": address_field,
            "template": template,
            "counted": counted,
        },
    )
    assert row is not None
    recipient = Recipient(**dict(zip(_RECIPIENT, row[24:], strict=True)))
    address = None if address_field is None else getattr(recipient, address_field)
    if address is not None and not (address.isascii() and address == address.strip()):
        # PostgreSQL does not fold the case of all letters as `digest_of` does.
        recipient.suppressed = await find_suppression(conn, channel, address)
    documents = SendDocuments(row[19], row[20], BrandSender(*row[21:23]), row[23] or {})
    return PreviousAttempt(*row[:13]), PauseState(*row[13:19]), recipient, documents
