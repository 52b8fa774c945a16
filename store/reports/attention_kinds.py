"""What needs a person: each kind with its query, its words, and the command that helps.

A query answers with rows of `AttentionRow`, one for each subject and reason. It reads a bounded
number of rows by an index, and counts no further.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from store.sql import Sql, sql

AttentionName = Literal[
    "retrying", "unknown", "failed", "stuck", "dead_events", "set_aside", "rejected", "documents",
    "paused", "frozen", "jobs", "coupons", "behind", "keys", "providers", "spool", "faults",
]  # fmt: skip

COUNTED: Final = 1_000
"""More of one kind are counted no further."""
OVERDUE: Final = "5 minutes"
"""A run that was due so long ago is stuck."""


@dataclass(frozen=True, slots=True)
class AttentionRow:
    """One subject that needs a person, for one reason."""

    subject: str
    since: datetime
    count: int
    reason: str | None
    example: str | None
    """The id of one of them."""
    journey: str | None = None
    step: str | None = None
    detail: str | None = None
    """The newest words of a provider about one of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionKind:
    """One kind of what needs a person."""

    words: str
    """What its subjects are, in the plural."""
    command: str
    """The command that helps, with fields of the row in braces."""
    link: str
    """Where the API shows them, with fields of the row in braces."""
    query: Sql | None
    """None: it is not read by one query."""


_RETRYING: Final = sql("""
select r.journey || ' ' || v.step as subject, min(v.started_at) as since, count(*)::int as count,
       coalesce(m.code, v.facts->>'fault', 'unknown') as reason,
       (array_agg(v.run_id order by v.started_at))[1]::text as example,
       r.journey, v.step,
       (array_agg(m.detail order by m.id desc) filter (where m.detail is not null))[1] as detail
from (
    select run_id, visit, step, started_at, facts from visit
    where held = 'retry' and outcome is null order by started_at limit %(counted)s
) v
join run r on r.id = v.run_id
left join message m on m.run_id = v.run_id and m.visit = v.visit
group by r.journey, v.step, 4 order by 2
""")
_UNKNOWN: Final = sql("""
select r.journey || ' ' || m.step as subject, min(m.settled_at) as since, count(*)::int as count,
       coalesce(m.code, 'unknown') as reason,
       (array_agg(m.id order by m.settled_at))[1]::text as example, r.journey, m.step,
       (array_agg(m.detail order by m.settled_at desc) filter (where m.detail is not null))[1]
           as detail
from (
    select id, run_id, step, code, detail, settled_at from message
    where state = 'unknown' and settled_at > (select parcours.clock()) - interval '7 days'
    order by settled_at desc limit %(counted)s
) m join run r on r.id = m.run_id
group by r.journey, m.step, 4 order by 2
""")
_FAILED: Final = sql("""
select r.journey || ' ' || m.step as subject, min(m.settled_at) as since, count(*)::int as count,
       coalesce(m.code, 'failed') as reason,
       (array_agg(m.id order by m.settled_at))[1]::text as example, r.journey, m.step,
       (array_agg(m.detail order by m.settled_at desc) filter (where m.detail is not null))[1]
           as detail
from unnest(array['refused', 'released']) s(state)
cross join lateral (
    select id, run_id, visit, step, code, detail, settled_at from message
    where message.state = s.state and message.state in ('refused', 'released', 'unknown')
      and settled_at > (select parcours.clock()) - %(within)s
    order by settled_at desc limit %(counted)s
) m
-- With a limit it is looked up for each message, however few visits the planner expects.
cross join lateral (
    select from visit v where v.run_id = m.run_id and v.visit = m.visit and v.outcome = 'failed'
    limit 1
) v
join run r on r.id = m.run_id
group by r.journey, m.step, 4 order by 2
""")
STUCK_RUNS: Final = sql("""
(select v.run_id, v.visit, v.step, v.due_at as since,
        case when v.held is null then 'over_and_not_ended' else 'due_and_not_tried' end as reason
 from visit v
 where v.outcome is null and v.due_at < (select parcours.clock()) - %(overdue)s::interval
 order by v.due_at limit %(counted)s)
union all
(select r.id, null, null, r.started_at, 'workflow_not_started' from run r
 where r.state = 'active' and r.workflow_started_at is null
   and r.started_at < (select parcours.clock()) - %(overdue)s::interval
 order by r.started_at limit %(counted)s)
union all
(select r.id, null, r.step, r.moved_at, 'move_not_taken' from run r
 where r.state = 'active' and r.moves_taken <> r.moves
   and r.moved_at < (select parcours.clock()) - %(overdue)s::interval
 order by r.moved_at limit %(counted)s)
union all
(select m.run_id, m.visit, m.step, m.claimed_at, 'claim_not_settled' from message m
 where m.state = 'claimed' and m.claimed_at < (select parcours.clock()) - %(overdue)s::interval
 order by m.claimed_at limit %(counted)s)
""")
"""Runs that are due and make no progress: `run_id`, `visit`, `step`, `since` and `reason`."""
_STUCK: Final = sql(
    """
select r.journey || ' ' || coalesce(s.step, '(not begun)') as subject, min(s.since) as since,
       count(*)::int as count, s.reason,
       (array_agg(s.run_id order by s.since))[1]::text as example, r.journey, s.step
from ({stuck}) s
join run r on r.id = s.run_id and r.state = 'active' and (s.visit is null or r.visit = s.visit)
group by r.journey, s.step, s.reason order by 2
""",
    stuck=STUCK_RUNS,
)
_DEAD: Final = sql("""
select d.code as subject, min(d.died_at) as since, count(*)::int as count, d.code as reason,
       (array_agg(d.event_id order by d.died_at))[1]::text as example,
       null as journey, null as step
from (select event_id, code, died_at from dead_event order by died_at desc limit %(counted)s) d
group by d.code order by 2
""")
_SET_ASIDE: Final = sql("""
select 'events' as subject, min(e.stamped_at) as since, count(*)::int as count,
       'dispatch_failed' as reason, (array_agg(o.event_id order by o.event_id))[1]::text as example,
       null as journey, null as step
from (select contact_id, event_id from outbox where attempts > 0 limit %(counted)s) o
join event e on e.id = o.event_id
having count(*) > 0
union all
select 'calls for runs', min(r.started_at), count(*)::int, p.kind,
       (array_agg(p.run_id order by p.not_before))[1]::text, null, null
from (select run_id, kind, not_before from parked_call where attempts > 2 limit %(counted)s) p
join run r on r.id = p.run_id
group by p.kind
""")
_REJECTED: Final = sql("""
select i.code as subject, min(i.received_at) as since, count(*)::int as count, i.code as reason,
       (array_agg('item.' || i.id order by i.id desc))[1] as example,
       null as journey, null as step
from (
    select id, code, received_at from rejected_item
    where received_at > (select parcours.clock()) - %(within)s and replayed_at is null
    order by received_at desc limit %(counted)s
) i group by i.code order by 2
""")
_PAUSED: Final = sql("""
select j.key as subject, j.updated_at as since, coalesce(h.held, 0)::int as count,
       'paused' as reason, h.example, j.key as journey, null as step
from journey j
left join (
    select r.journey, count(*) as held, min(v.run_id::text) as example
    from (select run_id from visit where held = 'paused' and outcome is null
          order by started_at limit %(counted)s) v
    join run r on r.id = v.run_id group by r.journey
) h on h.journey = j.key
where j.state = 'paused' order by 2
""")
_FROZEN: Final = sql("""
select f.channel as subject, f.frozen_at as since,
       (select count(*) from (select from visit v where v.held = 'frozen' and v.outcome is null
                              and f.channel in ('all', v.kind) limit %(counted)s) h)::int as count,
       f.reason, null as example, null as journey, null as step
from marketing_freeze f where f.ended_at is null order by 2
""")
_JOBS: Final = sql("""
select j.kind as subject, s.since, 1 as count, s.reason, j.id::text as example, j.journey,
       null as step
from job j
cross join lateral (
    select case
               when j.state = 'waiting' then 'waits_for_approval'
               when j.paused_at is not null then 'paused'
               when j.workflow_started_at is null then 'not_started'
               else 'standing'
           end as reason,
           coalesce(j.paused_at, case when j.state = 'waiting' then j.started_at
                                      when j.workflow_started_at is null then j.started_at
                                      else coalesce(j.progressed_at, j.started_at) end) as since
) s
where j.state in ('running', 'waiting')
  and (j.paused_at is not null or j.state = 'waiting'
       or j.workflow_started_at is null
          and j.started_at < (select parcours.clock()) - %(overdue)s::interval
       or j.workflow_started_at is not null
          and coalesce(j.progressed_at, j.started_at)
              < (select parcours.clock()) - 2 * %(overdue)s::interval
          -- Their turns may be hours away.
          and j.kind <> 'occurrence' and not j.spreading)
union all
select j.kind, min(a.tried_at), count(*)::int, a.code, j.id::text, j.journey, null
from job j join straggler a on a.job_id = j.id and a.code is not null
where j.started_at > (select parcours.clock()) - interval '7 days'
group by j.id, j.kind, j.journey, a.code order by 2 limit %(counted)s
""")
_COUPONS: Final = sql("""
select p.key as subject, coalesce(spent.at, p.imported_at) as since, left_over.count::int as count,
       case when left_over.count = 0 then 'exhausted' else 'few_left' end as reason,
       null as example, null as journey, null as step
from coupon_pool p
cross join lateral (
    select count(*) as count from (
        select from coupon where pool = p.key and drawn_at is null limit 100
    ) c
) left_over
cross join lateral (
    select count(*) as count, max(drawn_at) as at from (
        select drawn_at from coupon where pool = p.key and drawn_at is not null limit 100
    ) c
) spent
where left_over.count < 100 and left_over.count <= spent.count
order by left_over.count, p.key limit %(counted)s
""")
_KEYS: Final = sql("""
select coalesce(nullif(k.name, ''), k.id::text) as subject, k.expires_at as since,
       1 as count,
       case when k.expires_at <= (select parcours.clock()) then 'expired' else 'expires_soon' end
           as reason,
       k.id::text as example, null as journey, null as step
from api_key k
where k.revoked_at is null
  and k.expires_at between (select parcours.clock()) - interval '7 days'
                       and (select parcours.clock()) + interval '14 days'
order by 2 limit %(counted)s
""")
_PROVIDERS: Final = sql("""
select coalesce(m.provider, m.channel) as subject, min(m.settled_at) as since,
       count(*)::int as count, coalesce(m.code, 'not_taken') as reason,
       (array_agg(m.id order by m.settled_at desc))[1]::text as example,
       null as journey, null as step,
       (array_agg(m.detail order by m.settled_at desc) filter (where m.detail is not null))[1]
           as detail
from (
    select id, channel, provider, code, detail, settled_at from message
    where state = 'released' and settled_at > (select parcours.clock()) - interval '15 minutes'
    order by settled_at desc limit %(counted)s
) m
group by 1, 4 order by 2
""")
_FAULTS: Final = sql("""
select f.activity as subject, min(f.happened_at) as since, count(*)::int as count,
       f.code as reason, (array_agg(f.subject order by f.id desc))[1] as example,
       null as journey, null as step
from (
    select id, activity, code, subject, happened_at from fault
    where happened_at > (select parcours.clock()) - interval '1 hour'
    order by happened_at desc limit %(counted)s
) f
group by f.activity, f.code order by 2
""")

KINDS: Final[Mapping[AttentionName, AttentionKind]] = {
    "retrying": AttentionKind(
        words="sends that are tried again",
        command="parcours run retry --journey {journey} --step {step} --code {reason} --reason WHY",
        link="/v1/runs?journey={journey}&step={step}&state=active",
        query=_RETRYING,
    ),
    "unknown": AttentionKind(
        words="messages that may have gone out: the provider's answer is not known",
        command=(
            "parcours run retry --journey {journey} --step {step} --code {reason}"
            " --may-arrive-twice --reason WHY"
        ),
        link="/v1/messages?journey={journey}&step={step}&status=unknown",
        query=_UNKNOWN,
    ),
    "failed": AttentionKind(
        words="messages that were refused, or that no provider took",
        command="parcours run retry --journey {journey} --step {step} --code {reason} --reason WHY",
        link="/v1/messages?journey={journey}&step={step}",
        query=_FAILED,
    ),
    "stuck": AttentionKind(
        words="runs that are due and make no progress",
        command="parcours run list --stuck",
        link="/v1/runs/stuck?journey={journey}",
        query=_STUCK,
    ),
    "dead_events": AttentionKind(
        words="events whose dispatch was given up",
        command="parcours event replay --dead --code {reason}",
        link="/v1/events/dead?code={reason}",
        query=_DEAD,
    ),
    "set_aside": AttentionKind(
        words="events and calls that failed alone, and are tried again",
        command="parcours fault list",
        link="/v1/faults",
        query=_SET_ASIDE,
    ),
    "rejected": AttentionKind(
        words="calls that were rejected",
        command="parcours event rejected --code {reason}",
        link="/v1/events/rejected?code={reason}",
        query=_REJECTED,
    ),
    "documents": AttentionKind(
        words="documents that no longer validate, and are disabled",
        command="parcours journey apply FILE",
        link="/v1/faults?code=broken_document",
        query=None,
    ),
    "paused": AttentionKind(
        words="journeys that are paused, and their sends that wait",
        command="parcours journey resume {journey}",
        link="/v1/journeys/{journey}",
        query=_PAUSED,
    ),
    "frozen": AttentionKind(
        words="channels whose marketing is frozen, and the sends that wait",
        command="parcours unfreeze {channel}--reason WHY",
        link="/v1/freezes",
        query=_FROZEN,
    ),
    "jobs": AttentionKind(
        words="jobs that stand, and runs that they set aside",
        command="parcours job show {example}",
        link="/v1/jobs/{example}",
        query=_JOBS,
    ),
    "coupons": AttentionKind(
        words="coupon pools with few codes left; the number is what is left",
        command="parcours coupon import {subject} FILE",
        link="/v1/coupons",
        query=_COUPONS,
    ),
    "behind": AttentionKind(
        words="work that is behind",
        command="parcours lag",
        link="/v1/lag",
        query=None,
    ),
    "keys": AttentionKind(
        words="keys of the API that expire within 14 days, or have expired",
        command="parcours key list",
        link="/v1/keys",
        query=_KEYS,
    ),
    "providers": AttentionKind(
        words="messages that a provider has not taken in the last 15 minutes",
        command="parcours doctor",
        link="/v1/messages/{example}",
        query=_PROVIDERS,
    ),
    "spool": AttentionKind(
        words="a disk of hits on links that is nearly full",
        command="parcours doctor",
        link="/metrics",
        query=None,
    ),
    "faults": AttentionKind(
        words="faults of the last hour",
        command="parcours fault list --code {reason}",
        link="/v1/faults?code={reason}",
        query=_FAULTS,
    ),
}
