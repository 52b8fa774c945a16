"""Messages: claimed before the provider is called, and settled after it.

States: claimed → sent | refused (final) | released (certainly not taken; may be claimed again) |
unknown (the provider may have taken it). The unique (run, visit) allows one message per visit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy import bindparam, func, update
from sqlmodel import col

from store.messages.daily_counts import COUNT
from store.runs.rows import LOCK_RUN, RunRow, lock_run
from store.sql import (
    Connection,
    execute,
    fetch_column,
    fetch_one,
    fetch_one_as,
    fetch_value,
    sql,
    statement,
    text_list,
)
from store.tables.messages import POSSIBLY_SENT, Message

Settled = Literal["sent", "refused", "released", "unknown"]
"""The states of a message whose attempt is over."""

_CLAIMED = sql("""
claimed as (
    insert into message
        (id, run_id, visit, step, contact_id, channel, topic, transactional, class, state, token,
         provider, address, content, locale)
    values (%(id)s, %(run)s, %(visit)s, %(step)s, %(contact)s, %(channel)s, %(topic)s,
            %(transactional)s, %(class)s, 'claimed', %(token)s, %(provider)s,
            %(address)s, %(content)s, %(locale)s)
    on conflict (run_id, visit) do update
    set state = 'claimed', token = excluded.token, claimed_at = parcours.clock(),
        attempts = message.attempts + 1, settled_at = null, provider = excluded.provider,
        not_taken = %(not_taken)s, possibly_taken = %(possibly_taken)s,
        address = excluded.address, content = excluded.content, locale = excluded.locale
    returning id, first_attempt_at, attempts
), begun as (
    insert into visit (run_id, visit, step, kind, started_at, message_id, facts)
    select %(run)s, %(visit)s, %(step)s, %(channel)s, %(started)s, id, %(facts)s
    from claimed
    on conflict (run_id, visit) do update
    set message_id = excluded.message_id, held = null, due_at = null,
        facts = visit.facts || excluded.facts
), run_at_step as (
    update run set step = %(step)s, visit = %(visit)s where id = %(run)s
)
""")
_CLAIM = sql("with {claimed} select id, first_attempt_at, attempts from claimed", claimed=_CLAIMED)
_CLAIM_COUNTED = sql(
    "with {claimed}, counted as ({count}) select id, first_attempt_at, attempts from claimed",
    claimed=_CLAIMED,
    count=COUNT,
)
# A statement of its own: the first claim of a message has no earlier attempt to look for.
_CLAIM_AGAIN = sql(
    """
with earlier as (
    insert into message_attempt as kept
        (message_id, provider, code, state, first_at, last_at)
    select id, coalesce(provider, ''), coalesce(code, ''), state, claimed_at, claimed_at
    from message where run_id = %(run)s and visit = %(visit)s
    on conflict (message_id, provider, code) do update
    set state = excluded.state, attempts = kept.attempts + 1, last_at = excluded.last_at
), {claimed}
select id, first_attempt_at, attempts from claimed
""",
    claimed=_CLAIMED,
)

# A provider's notification may settle the message before the record of its attempt comes: it was
# sent then, and on that day its contact was targeted.
_SETTLED = sql("""
with settled as (
    update message m set state = case when m.state = 'sent' then 'sent' else %(state)s end,
           settled_at = case when m.state = 'sent' then m.settled_at else parcours.clock() end,
           provider_id = coalesce(%(provider)s, provider_id),
           code = %(code)s, detail = %(detail)s
    where run_id = %(run)s and visit = %(visit)s and token = %(token)s
      and (state in ('claimed', 'unknown') or state = 'sent' and not exists (
          select from visit v
          where v.run_id = m.run_id and v.visit = m.visit and v.outcome is not null))
    returning id
), ended as (
    update visit set outcome = %(outcome)s, ended_at = parcours.clock(),
           recorded_at = parcours.clock(), facts = facts || %(facts)s, output = output || %(output)s
    where run_id = %(run)s and visit = %(visit)s and outcome is null
      and %(outcome)s::text is not null and exists (select from settled)
), kept as (
    insert into kept_content (message_id, content)
    select id, %(kept)s::bytea from settled where %(kept)s::bytea is not null
    on conflict do nothing
)
""")
_SETTLE = sql("{settled} select id from settled", settled=_SETTLED)
# The rows are locked first. What is settled does not depend on them.
_SETTLE_AND_LOCK = sql("{settled} {lock}", settled=_SETTLED, lock=LOCK_RUN)

_MARK_UNKNOWN = statement(
    update(Message)
    .where(
        col(Message.run_id) == bindparam("run"),
        col(Message.visit) == bindparam("visit"),
        col(Message.state) == "claimed",
    )
    .values(state="unknown", settled_at=func.parcours.clock(), code="interrupted")
)

_MARK_ABANDONED = sql("""
with given_up as (
    update message m set state = 'unknown', settled_at = parcours.clock(),
           code = 'interrupted'
    from run r
    where m.state = 'claimed' and m.claimed_at < parcours.clock() - interval '1 minute'
      and r.id = m.run_id and r.state = 'ended'
    returning m.id, m.run_id, m.visit
), ended as (
    update visit v set outcome = 'unknown', ended_at = parcours.clock(),
           recorded_at = parcours.clock(), facts = v.facts || '{"reason": "interrupted"}'
    from given_up g
    where v.run_id = g.run_id and v.visit = g.visit and v.outcome is null
)
select id from given_up
""")

_SKIP = sql("""
with ended as (
    insert into visit (run_id, visit, step, kind, outcome, started_at, ended_at, facts)
    values (%(run)s, %(visit)s, %(step)s, %(kind)s, %(outcome)s, %(started)s,
            parcours.clock(), %(facts)s)
    on conflict (run_id, visit) do update
    set outcome = coalesce(visit.outcome, excluded.outcome), held = null, due_at = null,
        ended_at = coalesce(visit.ended_at, excluded.ended_at),
        recorded_at = case when visit.outcome is null then parcours.clock()
                           else visit.recorded_at end,
        facts = case when visit.outcome is null then visit.facts || excluded.facts
                     else visit.facts end
    returning outcome
), run_at_step as (
    update run set step = %(step)s, visit = %(visit)s where id = %(run)s
)
select outcome from ended
""")

_WAS_SENT = sql(
    """
select bool_or(state in ({possibly_sent})) from (
    select distinct on (step) state from message
    where run_id = %(run)s and step = any(%(steps)s) order by step, visit desc
) latest
""",
    possibly_sent=text_list(POSSIBLY_SENT),
)


@dataclass(frozen=True, slots=True)
class ClaimedMessage:
    """The message of a visit, claimed for an attempt."""

    id: UUID
    first_attempt_at: datetime
    attempts: int
    """With this one."""


async def claim_message(
    conn: Connection,
    *,
    message_id: UUID,
    run_id: UUID,
    visit: int,
    step: str,
    contact_id: UUID,
    channel: str,
    topic: str | None,
    transactional: bool,
    class_: str,
    counted: bool = False,
    token: str,
    started: datetime,
    facts: dict[str, Any],
    again: bool = False,
    provider: str | None = None,
    not_taken: int = 0,
    possibly_taken: bool = False,
    address: str | None = None,
    content: str | None = None,
    locale: str | None = None,
) -> ClaimedMessage:
    """Claim the message of a visit for one attempt; the caller has locked the run.

    `address` is where it goes, of a message to a contact. `content` is the hash of what it is made
    of, in the template's `locale`. `started` is when the run came to the visit, `facts` those that
    the send has found until now. `again`: the message was claimed before, and that attempt is kept.
    `counted`: its channel has a daily ceiling. `not_taken` and `possibly_taken` are about the
    earlier attempts.
    """
    row = await fetch_one(
        conn,
        _CLAIM_AGAIN if again else _CLAIM_COUNTED if counted else _CLAIM,
        {
            "id": message_id,
            "run": run_id,
            "visit": visit,
            "step": step,
            "contact": contact_id,
            "channel": channel,
            "topic": topic,
            "transactional": transactional,
            "class": class_,
            "token": token,
            "provider": provider,
            "not_taken": not_taken,
            "possibly_taken": possibly_taken,
            "started": started,
            "facts": Jsonb(facts),
            "address": address,
            "content": content,
            "locale": locale,
        },
    )
    assert row is not None
    return ClaimedMessage(*row)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptResult:
    """The result of a claimed attempt at a visit."""

    run_id: UUID
    visit: int
    token: str
    state: Settled
    outcome: str | None
    """Of the visit; None if another attempt is to come."""
    provider_id: str | None = None
    code: str | None = None
    detail: str | None = None
    facts: dict[str, Any] | None = None
    output: dict[str, Any] | None = None
    kept: bytes | None = None
    """What was sent, packed, if it is to be kept."""


async def record_result(conn: Connection, result: AttemptResult) -> bool:
    """Record the result of a claimed attempt, and the visit's outcome unless it has one already.

    A late record settles a message that was marked unknown; the visit's outcome stays. Returns
    False if another attempt has the claim, or the message was settled before.
    """
    return await execute(conn, _SETTLE, _parameters(result)) > 0


async def record_result_and_lock(conn: Connection, result: AttemptResult) -> RunRow | None:
    """`record_result` and `store.runs.rows.lock_run` in one statement."""
    run = await fetch_one_as(conn, RunRow, _SETTLE_AND_LOCK, _parameters(result))
    # The contact may have been merged into another while its lock was waited for.
    return run or await lock_run(conn, result.run_id)


def _parameters(result: AttemptResult) -> dict[str, Any]:
    return {
        "run": result.run_id,
        "visit": result.visit,
        "token": result.token,
        "state": result.state,
        "outcome": result.outcome,
        "provider": result.provider_id,
        "code": result.code,
        "detail": result.detail,
        "facts": Jsonb(result.facts or {}),
        "output": Jsonb(result.output or {}),
        "kept": result.kept,
    }


async def mark_claim_unknown(conn: Connection, *, run_id: UUID, visit: int) -> None:
    """Make a claim unknown: its attempt is over, and its result was not recorded."""
    await execute(conn, _MARK_UNKNOWN, {"run": run_id, "visit": visit})


async def mark_abandoned_claims_unknown(conn: Connection) -> list[UUID]:
    """Make the claims of ended runs unknown once no attempt can still be at work.

    The next attempt of an active run does the same; a run that was terminated has no next attempt.
    Returns the messages' ids.
    """
    return await fetch_column(conn, _MARK_ABANDONED)


async def record_skip(
    conn: Connection,
    *,
    run_id: UUID,
    visit: int,
    step: str,
    kind: str,
    outcome: str,
    facts: dict[str, Any],
    started: datetime,
) -> str:
    """End a send's visit without a call to a provider; returns the visit's outcome.

    That is an earlier one if the visit had ended before.
    """
    recorded = await fetch_value(
        conn,
        _SKIP,
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
    return str(recorded)


async def was_sent(conn: Connection, run_id: UUID, steps: list[str]) -> bool:
    """Whether the latest message of any of these steps was sent, or may have been."""
    return bool(await fetch_value(conn, _WAS_SENT, {"run": run_id, "steps": steps}))
