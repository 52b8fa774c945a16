"""Messages: claimed before the provider is called, and settled after.

States: claimed → sent | refused (final) | released (certainly not taken; may be claimed again) |
unknown (nobody can say). The unique (run, visit) makes a second message of a visit impossible.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from store.runs.rows import RunRow

Settled = Literal["sent", "refused", "released", "unknown"]


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
    held: str | None
    """Why it stood still until now."""
    facts: dict[str, Any] | None


@dataclass(frozen=True)
class PauseState:
    """What makes a send stand still, or did: its journey's pause, and what became of the last."""

    journey_state: str
    due_at: datetime | None
    """When the send was to look again."""
    overdue: dict[str, Any] | None
    """What becomes of sends that the last pause held."""
    resumed_at: datetime | None


@dataclass(frozen=True)
class Recipient:
    """A contact as a send sees it: the columns, the attributes, and its consent to the topic."""

    external_id: str | None
    email: str | None
    phone: str | None
    timezone: str | None
    locale: str | None
    country: str | None
    score: float
    lifecycle: str | None
    attributes: dict[str, Any]
    consent: str
    """`subscribed`, `pending` or `unsubscribed`: the record, else the topic's default."""


async def read_send_state(
    conn: AsyncConnection[Any], run: RunRow, visit: int, topic: str | None, channel: str
) -> tuple[PreviousAttempt, PauseState, Recipient, dict[str, Any] | None]:
    """What earlier attempts left, what held the send, the contact with its consent to `topic`, and
    the document of the channel, if it has one.

    Without a topic the consent is `unsubscribed`.
    """
    cursor = await conn.execute(
        """
        select v.outcome, m.id, m.state, m.first_attempt_at, parcours.clock() - m.claimed_at,
               v.started_at, v.held, v.facts,
               j.state, v.due_at, j.overdue, j.resumed_at,
               settings.document,
               c.external_id, c.email, c.phone, c.timezone, c.locale, c.country, c.score,
               c.lifecycle, c.attributes,
               coalesce(
                   (select state from topic_state t
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
        where c.id = %(contact)s
        """,
        {
            "topic": topic,
            "run": run.id,
            "visit": visit,
            "contact": run.contact_id,
            "journey": run.journey,
            "channel": channel,
        },
    )
    row = await cursor.fetchone()
    assert row is not None
    return PreviousAttempt(*row[:8]), PauseState(*row[8:12]), Recipient(*row[13:]), row[12]


async def claim_message(
    conn: AsyncConnection[Any],
    *,
    message_id: UUID,
    run_id: UUID,
    visit: int,
    step: str,
    contact_id: UUID,
    channel: str,
    topic: str | None,
    transactional: bool,
    token: str,
    started: datetime,
    facts: dict[str, Any],
) -> tuple[UUID, datetime]:
    """Claim the message of a visit for one attempt; the caller holds the run's lock.

    `started` is when the run came to the visit, `facts` what was seen until now. Returns the
    message's id and the time of its first attempt. Repeating it for a released message claims it
    again.
    """
    cursor = await conn.execute(
        """
        with claimed as (
            insert into message
                (id, run_id, visit, step, contact_id, channel, topic, transactional, state, token)
            values (%(id)s, %(run)s, %(visit)s, %(step)s, %(contact)s, %(channel)s, %(topic)s,
                    %(transactional)s, 'claimed', %(token)s)
            on conflict (run_id, visit) do update
            set state = 'claimed', token = excluded.token, claimed_at = parcours.clock(),
                attempts = message.attempts + 1, settled_at = null
            returning id, first_attempt_at
        ), standing as (
            insert into visit (run_id, visit, step, kind, started_at, message_id, facts)
            select %(run)s, %(visit)s, %(step)s, %(channel)s, %(started)s, id, %(facts)s
            from claimed
            on conflict (run_id, visit) do update
            set message_id = excluded.message_id, held = null, due_at = null,
                facts = visit.facts || excluded.facts
        ), stood as (
            update run set step = %(step)s, visit = %(visit)s where id = %(run)s
        )
        select id, first_attempt_at from claimed
        """,
        {
            "id": message_id,
            "run": run_id,
            "visit": visit,
            "step": step,
            "contact": contact_id,
            "channel": channel,
            "topic": topic,
            "transactional": transactional,
            "token": token,
            "started": started,
            "facts": Jsonb(facts),
        },
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0], row[1]


async def record_result(
    conn: AsyncConnection[Any],
    *,
    run_id: UUID,
    visit: int,
    token: str,
    state: Settled,
    outcome: str | None,
    provider_id: str | None = None,
    code: str | None = None,
    detail: str | None = None,
    facts: dict[str, Any] | None = None,
    output: dict[str, Any] | None = None,
) -> bool:
    """Record how a claimed attempt went, and the visit's outcome unless it has one already.

    A late record settles a message that was given up as unknown; the visit's outcome stays. False
    if another attempt holds the claim, or the message was settled before.
    """
    cursor = await conn.execute(
        """
        with settled as (
            update message set state = %(state)s, settled_at = parcours.clock(),
                   provider_id = coalesce(%(provider)s, provider_id), code = %(code)s,
                   detail = %(detail)s
            where run_id = %(run)s and visit = %(visit)s and token = %(token)s
              and state in ('claimed', 'unknown')
            returning id
        ), ended as (
            update visit set outcome = %(outcome)s, ended_at = parcours.clock(),
                   facts = facts || %(facts)s, output = output || %(output)s
            where run_id = %(run)s and visit = %(visit)s and outcome is null
              and %(outcome)s::text is not null and exists (select from settled)
        )
        select id from settled
        """,
        {
            "run": run_id,
            "visit": visit,
            "token": token,
            "state": state,
            "outcome": outcome,
            "provider": provider_id,
            "code": code,
            "detail": detail,
            "facts": Jsonb(facts or {}),
            "output": Jsonb(output or {}),
        },
    )
    return await cursor.fetchone() is not None


async def mark_claim_unknown(conn: AsyncConnection[Any], *, run_id: UUID, visit: int) -> None:
    """Call a claim unknown: its attempt is over, and nobody recorded how it went."""
    await conn.execute(
        "update message set state = 'unknown', settled_at = parcours.clock(), code = 'interrupted'"
        " where run_id = %s and visit = %s and state = 'claimed'",
        (run_id, visit),
    )


async def mark_abandoned_claims_unknown(conn: AsyncConnection[Any]) -> list[UUID]:
    """Call the claims of ended runs unknown once no attempt can still be at work.

    An active run's next attempt does it by itself; a run that was terminated has none. Returns the
    messages' ids.
    """
    cursor = await conn.execute(
        """
        with given_up as (
            update message m set state = 'unknown', settled_at = parcours.clock(),
                   code = 'interrupted'
            from run r
            where m.state = 'claimed' and m.claimed_at < parcours.clock() - interval '1 minute'
              and r.id = m.run_id and r.state = 'ended'
            returning m.id, m.run_id, m.visit
        ), ended as (
            update visit v set outcome = 'unknown', ended_at = parcours.clock(),
                   facts = v.facts || '{"reason": "interrupted"}'
            from given_up g
            where v.run_id = g.run_id and v.visit = g.visit and v.outcome is null
        )
        select id from given_up
        """
    )
    return [row[0] for row in await cursor.fetchall()]


async def record_skip(
    conn: AsyncConnection[Any],
    *,
    run_id: UUID,
    visit: int,
    step: str,
    kind: str,
    outcome: str,
    facts: dict[str, Any],
    started: datetime,
) -> str:
    """End a send's visit without a call to a provider; returns the outcome that holds."""
    cursor = await conn.execute(
        """
        with ended as (
            insert into visit (run_id, visit, step, kind, outcome, started_at, ended_at, facts)
            values (%(run)s, %(visit)s, %(step)s, %(kind)s, %(outcome)s, %(started)s,
                    parcours.clock(), %(facts)s)
            on conflict (run_id, visit) do update
            set outcome = coalesce(visit.outcome, excluded.outcome), held = null, due_at = null,
                ended_at = coalesce(visit.ended_at, excluded.ended_at),
                facts = case when visit.outcome is null then visit.facts || excluded.facts
                             else visit.facts end
            returning outcome
        ), stood as (
            update run set step = %(step)s, visit = %(visit)s where id = %(run)s
        )
        select outcome from ended
        """,
        {
            "run": run_id,
            "visit": visit,
            "step": step,
            "kind": kind,
            "outcome": outcome,
            "facts": Jsonb(facts),
            "started": started,
        },
    )
    row = await cursor.fetchone()
    assert row is not None
    return str(row[0])


async def was_sent(conn: AsyncConnection[Any], run_id: UUID, steps: list[str]) -> bool:
    """Whether the latest message of any of these steps went out, or may have."""
    cursor = await conn.execute(
        """
        select bool_or(state in ('claimed', 'sent', 'unknown')) from (
            select distinct on (step) state from message
            where run_id = %s and step = any(%s) order by step, visit desc
        ) latest
        """,
        (run_id, steps),
    )
    row = await cursor.fetchone()
    return bool(row and row[0])
