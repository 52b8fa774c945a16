"""Retry of a message whose step has ended: it is claimed again, and the visit keeps its outcome.

The run's way is not changed: it has acted on the outcome. So neither its exits nor its state count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from journeys.protocol.channels import ChannelName
from store.messages.claims import ClaimedMessage
from store.repairs.job_items import ItemRow
from store.repairs.run_repairs import RepairRefused
from store.runs.rows import RunRow
from store.sql import Connection, fetch_all_as, fetch_one, fetch_one_as, fetch_value, sql

_NEWEST = sql("""
select m.visit
from message m
join visit v on v.run_id = m.run_id and v.visit = m.visit and v.outcome in ('failed', 'unknown')
where m.run_id = %(run)s and m.state in ('refused', 'released', 'unknown')
  and (%(visit)s::int is null or m.visit = %(visit)s::int)
  and not exists (
      select from run r join visit standing
          on standing.run_id = r.id and standing.visit = r.visit
      where r.id = m.run_id and r.state = 'active' and standing.outcome is null
        and standing.held = 'retry' and %(visit)s::int is null
  )
order by m.visit desc limit 1
""")
_READ = sql("""
select m.step, m.channel, m.state, v.outcome, v.held
from visit v join message m on m.run_id = v.run_id and m.visit = v.visit
where v.run_id = %(run)s and v.visit = %(visit)s
""")
_PLACE = sql("""
select m.run_id, m.visit, m.state from message m where m.id = %(message)s
""")
_STEP = sql("select step from message where run_id = %(run)s and visit = %(visit)s")
_AGAIN = sql("""
select i.job_id, i.run_id, i.visit, r.journey, m.step, m.channel, m.transactional,
       m.class as class_
from unnest(%(jobs)s::uuid[], %(runs)s::uuid[], %(visits)s::int[]) i(job_id, run_id, visit)
join run r on r.id = i.run_id
join message m on m.run_id = i.run_id and m.visit = i.visit
""")
_JOB_RUNS = sql("select exists (select from job where id = %(job)s and state = 'running')")
# The visit and the run are left as they are. What the last attempt came to is kept.
_CLAIM = sql("""
with earlier as (
    insert into message_attempt as kept
        (message_id, provider, code, state, first_at, last_at)
    select id, coalesce(provider, ''), coalesce(code, ''), state, claimed_at, claimed_at
    from message where run_id = %(run)s and visit = %(visit)s
    on conflict (message_id, provider, code) do update
    set state = excluded.state, attempts = kept.attempts + 1, last_at = excluded.last_at
)
update message set state = 'claimed', token = %(token)s, claimed_at = parcours.clock(),
       attempts = attempts + 1, settled_at = null, provider = %(provider)s,
       not_taken = %(not_taken)s, possibly_taken = %(possibly_taken)s,
       address = %(address)s, content = %(content)s, locale = %(locale)s
where run_id = %(run)s and visit = %(visit)s and state in ('refused', 'released', 'unknown')
returning id, first_attempt_at, attempts
""")


@dataclass(frozen=True, slots=True)
class FailedMessage:
    """A message whose step has ended without it."""

    step: str
    channel: ChannelName
    state: str
    outcome: str | None
    held: str | None


@dataclass(frozen=True, slots=True)
class MessageAgain:
    """A message that a job sends again, and what its workflow is started with."""

    job_id: UUID
    run_id: UUID
    visit: int
    journey: str
    step: str
    channel: ChannelName
    transactional: bool
    class_: str


async def messages_again(conn: Connection, items: Sequence[ItemRow]) -> list[MessageAgain]:
    """The messages of items, without those that are gone."""
    return await fetch_all_as(
        conn,
        MessageAgain,
        _AGAIN,
        {
            "jobs": [item.job_id for item in items],
            "runs": [item.run_id for item in items],
            "visits": [item.visit for item in items],
        },
    )


async def message_to_retry(conn: Connection, run_id: UUID, visit: int | None) -> int | None:
    """The visit of the newest message of a run that has failed, or of that visit.

    None: there is none, or the run stands at a send that is being retried, and is meant by that.
    """
    found: int | None = await fetch_value(conn, _NEWEST, {"run": run_id, "visit": visit})
    return found


async def place_of(conn: Connection, message_id: UUID) -> tuple[UUID, int, str] | None:
    """The run, the visit and the state of a message; None if there is no such message."""
    row = await fetch_one(conn, _PLACE, {"message": message_id})
    return None if row is None else (row[0], row[1], row[2])


async def failed_message(
    conn: Connection, run: RunRow, visit: int, *, unknown: bool
) -> FailedMessage:
    """The message of a visit that may be sent again; the caller has locked the run.

    `unknown`: also if it may have arrived. Raises RepairRefused.
    """
    found = await fetch_one_as(conn, FailedMessage, _READ, {"run": run.id, "visit": visit})
    if found is None:
        raise RepairRefused("no_message", f"visit {visit} of the run has no message")
    if found.outcome is None:
        raise RepairRefused("at_work", f"the send at `{found.step}` has not ended; try again")
    if found.state == "sent":
        raise RepairRefused("was_sent", f"the message of `{found.step}` was sent")
    if found.state == "claimed":
        raise RepairRefused("at_work", f"the message of `{found.step}` is being sent; try again")
    if found.outcome not in ("failed", "unknown"):
        raise RepairRefused(
            "gone_on",
            f"the run has left `{found.step}` without its message: it ended as {found.outcome}",
        )
    if found.state == "unknown" and not unknown:
        raise RepairRefused(
            "unconfirmed",
            f"the provider may have taken the message of `{found.step}`, so it may arrive twice:"
            " confirm that with `may_arrive_twice: true`",
        )
    return found


async def step_of(conn: Connection, run_id: UUID, visit: int) -> str | None:
    """The step of the message of a visit; None if there is none."""
    step: str | None = await fetch_value(conn, _STEP, {"run": run_id, "visit": visit})
    return step


async def is_running(conn: Connection, job_id: UUID) -> bool:
    """Whether a job has neither ended nor waits for an approval."""
    return bool(await fetch_value(conn, _JOB_RUNS, {"job": job_id}))


async def claim_again(
    conn: Connection,
    *,
    run_id: UUID,
    visit: int,
    token: str,
    provider: str,
    not_taken: int,
    possibly_taken: bool,
    address: str | None,
    content: str | None,
    locale: str | None,
) -> ClaimedMessage | None:
    """Claim the message of a visit that has ended; None if it has no such state.

    The caller has locked the run. The message keeps its id, so a receiver knows it.
    """
    values: dict[str, Any] = {
        "run": run_id,
        "visit": visit,
        "token": token,
        "provider": provider,
        "not_taken": not_taken,
        "possibly_taken": possibly_taken,
        "address": address,
        "content": content,
        "locale": locale,
    }
    row = await fetch_one(conn, _CLAIM, values)
    if row is None:
        return None
    first: datetime = row[1]
    return ClaimedMessage(row[0], first, row[2])
