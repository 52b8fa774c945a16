"""Removal of old rows, a page in each transaction.

Rows of ended runs alone are removed, never those of an active one. What rules and figures still
need of them is kept in narrow rows: counts, and the start of the last run for re-entry.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from psycopg import AsyncConnection

from store.operations.audit_actions import FREQUENT
from store.sql import Connection, execute, fetch_all, fetch_column, fetch_one, sql, text_list

Kind = Literal[
    "runs",
    "events",
    "receipts",
    "refusals",
    "faults",
    "dead_events",
    "start_requests",
    "rejected",
    "hits",
    "content",
    "job_entries",
    "positions",
    "imports",
    "exports",
    "jobs",
    "erasures",
    "test_messages",
    "contents",
    "freezes",
    "daily_counts",
    "zone_changes",
    "places",
    "segment_changes",
    "figures",
    "targeted",
    "audit",
    "audit_of_contacts",
    "sessions",
    "drafts",
    "holdouts",
]
"""Kinds of data, each with a time after which it is removed."""

_OLD_RUNS = sql("""
select r.id, r.contact_id from run r
where r.state = 'ended' and r.ended_at < %(before)s
order by r.ended_at limit %(limit)s
""")
_LOCK_CONTACTS = sql("""
select id from contact where id = any(%(contacts)s) order by id for no key update
""")
# An erasure removes runs of a contact whose row is gone, without its lock.
_LOCK_RUNS = sql("select id from run where id = any(%(runs)s) order by id for update")
_KEEP_LAST_ENTRIES = sql("""
insert into last_entry (contact_id, journey, key, started_at)
select contact_id, journey, key, max(started_at) from run
where id = any(%(runs)s) and exists (select from contact c where c.id = run.contact_id)
group by contact_id, journey, key order by contact_id, journey, key
on conflict (contact_id, journey, key) do update
set started_at = greatest(last_entry.started_at, excluded.started_at)
""")
_DELETE_VISITS = sql("delete from visit where run_id = any(%(runs)s)")
_DELETE_LISTENERS = sql("delete from listener where run_id = any(%(runs)s)")
_DELETE_SHORT_LINKS = sql("""
delete from short_link where message_id in (select id from message where run_id = any(%(runs)s))
""")
_DELETE_CONTENTS = sql("""
delete from kept_content where message_id in (select id from message where run_id = any(%(runs)s))
""")
_DELETE_MESSAGES = sql("delete from message where run_id = any(%(runs)s)")
# Its goal and its faults are deleted with the row, by their foreign keys.
_DELETE_RUNS = sql("delete from run where id = any(%(runs)s)")

# Ids follow the stamps but for transactions that ran side by side, so a page may end a little
# before the last old event; the next retention finds the rest. The events since the entry of an
# active run stay: its exits, waits and conditions may ask for them.
_EVENT_PAGE = sql("""
with page as (
    select e.id, e.contact_id, e.name, e.stamped_at from event e
    where e.id > %(after)s order by e.id limit %(limit)s
),
old as (
    select p.id from page p
    where p.stamped_at < %(before)s and p.name <> all(%(exempt)s)
      and not exists (select from outbox o where o.contact_id = p.contact_id and o.event_id = p.id)
      and not exists (
          select from run r
          where r.contact_id = p.contact_id and r.state = 'active' and r.entry_ref <= p.id
      )
),
removed as (delete from event e using old where e.id = old.id returning 1)
select (select count(*) from removed), max(p.id), bool_or(p.stamped_at >= %(before)s)
from page p
""")


@dataclass(frozen=True)
class Page:
    """The result of one page."""

    removed: int
    after: int
    """Of events: the id up to which they were looked at."""
    done: bool


async def remove_old_runs(conn: AsyncConnection[object], before: datetime, limit: int) -> Page:
    """Remove ended runs with their visits and messages; their counts and last starts stay."""
    async with conn.transaction():
        found = await fetch_all(conn, _OLD_RUNS, {"before": before, "limit": limit})
        if not found:
            return Page(0, 0, done=True)
        # Admission decides about re-entry under the same locks.
        await execute(conn, _LOCK_CONTACTS, {"contacts": sorted({contact for _, contact in found})})
        runs: list[UUID] = await fetch_column(conn, _LOCK_RUNS, {"runs": [run for run, _ in found]})
        for query in (
            _KEEP_LAST_ENTRIES,
            _DELETE_VISITS,
            _DELETE_LISTENERS,
            _DELETE_SHORT_LINKS,
            _DELETE_CONTENTS,
            _DELETE_MESSAGES,
            _DELETE_RUNS,
        ):
            await execute(conn, query, {"runs": runs})
    return Page(len(runs), 0, done=len(found) < limit)


async def remove_old_events(
    conn: Connection, before: datetime, limit: int, *, after: int, exempt: Collection[str]
) -> Page:
    """Remove events stamped before an instant, but those whose names are `exempt`."""
    row = await fetch_one(
        conn,
        _EVENT_PAGE,
        {"before": before, "limit": limit, "after": after, "exempt": sorted(exempt)},
    )
    assert row is not None
    removed, last, reached = row
    return Page(removed, last or after, done=last is None or bool(reached))


_DELETE_OLD: Final = {
    "receipts": sql("""
        delete from receipt where ctid = any(array(
            select ctid from receipt where received_at < %(before)s limit %(limit)s))
    """),
    "refusals": sql("""
        delete from refusal where id = any(array(
            select f.id from refusal f where f.refused_at < %(before)s
            and not exists (
                -- Its templates may list the entries that were refused since its own.
                select from run r
                where r.contact_id = f.contact_id and r.journey = f.journey
                  and r.state = 'active'
            )
            order by f.refused_at limit %(limit)s))
    """),
    "faults": sql("""
        delete from fault where id = any(array(
            select id from fault where happened_at < %(before)s
            order by happened_at limit %(limit)s))
    """),
    "dead_events": sql("""
        delete from dead_event where event_id = any(array(
            select event_id from dead_event where died_at < %(before)s
            order by died_at limit %(limit)s))
    """),
    "start_requests": sql("""
        delete from start_request where ctid = any(array(
            select ctid from start_request where answered_at < %(before)s limit %(limit)s))
    """),
    "rejected": sql("""
        delete from rejected_item where id = any(array(
            select id from rejected_item where received_at < %(before)s
            order by received_at limit %(limit)s))
    """),
    "hits": sql("""
        delete from link_hit where ctid = any(array(
            select ctid from link_hit where received_at < %(before)s
            order by received_at limit %(limit)s))
    """),
    "content": sql("""
        delete from kept_content where ctid = any(array(
            select ctid from kept_content where kept_at < %(before)s
            order by kept_at limit %(limit)s))
    """),
    "job_entries": sql("""
        with entries as (delete from job_entry where ctid = any(array(
            select e.ctid from job j join job_entry e on e.job_id = j.id
            where j.state <> 'running' and j.ended_at < %(before)s limit %(limit)s)) returning 1),
        items as (delete from repair_item where ctid = any(array(
            select i.ctid from job j join repair_item i on i.job_id = j.id
            where j.state not in ('running', 'waiting') and j.ended_at < %(before)s
            limit %(limit)s)) returning 1)
        select 1 from entries union all select 1 from items
    """),
    "positions": sql("""
        delete from near_contact where ctid = any(array(
            select ctid from near_contact where seen_at < %(before)s
            order by seen_at limit %(limit)s))
    """),
    "imports": sql("""
        with old as materialized (
            select j.id from job j
            where j.kind in ('import', 'undo') and j.state <> 'running' and j.ended_at < %(before)s
              and (exists (select from import_change c where c.job_id = j.id)
                or exists (select from import_line l where l.job_id = j.id)
                or exists (select from imported_event e where e.job_id = j.id)
                or exists (select from imported_suppression s where s.job_id = j.id))
            order by j.ended_at limit 1
        ),
        changes as (delete from import_change where ctid = any(array(
            select ctid from import_change where job_id in (select id from old) limit %(limit)s))),
        lines as (delete from import_line where ctid = any(array(
            select ctid from import_line where job_id in (select id from old) limit %(limit)s))),
        events as (delete from imported_event where ctid = any(array(
            select ctid from imported_event where job_id in (select id from old) limit %(limit)s))),
        suppressions as (delete from imported_suppression where ctid = any(array(
            select ctid from imported_suppression where job_id in (select id from old)
            limit %(limit)s)))
        select %(limit)s from old
    """),
    "segment_changes": sql("""
        delete from segment_change where id = any(array(
            select id from segment_change where recorded_at < %(before)s
            order by recorded_at limit %(limit)s))
    """),
    "exports": sql("""
        delete from job_file where job_id = any(array(
            select f.job_id from job_file f left join job j on j.id = f.job_id
            where f.received_at < %(before)s and j.state is distinct from 'running'
            order by f.received_at limit 1))
    """),
    # What an import has done is removed first, by its own kind.
    "jobs": sql("""
        with old as materialized (
            select id from job j
            where j.started_at < %(before)s and j.ended_at < %(before)s and j.state <> 'running'
              and not exists (select from import_change c where c.job_id = j.id)
              and not exists (select from imported_event e where e.job_id = j.id)
              and not exists (select from imported_suppression s where s.job_id = j.id)
            order by j.started_at limit %(limit)s
        ),
        files as (delete from job_file where job_id in (select id from old))
        delete from job where id in (select id from old)
    """),
    "erasures": sql("""
        delete from erasure where id = any(array(
            select id from erasure where requested_at < %(before)s and finished_at < %(before)s
            order by requested_at limit %(limit)s))
    """),
    "test_messages": sql("""
        delete from test_message where id = any(array(
            select id from test_message
            where created_at < %(before)s and state not in ('queued', 'claimed')
            limit %(limit)s))
    """),
    # A content that a message was made of is named by its hash alone.
    "contents": sql("""
        delete from message_content where hash = any(array(
            select c.hash from message_content c
            where c.created_at < %(before)s
              and not exists (select from template_content t where t.hash = c.hash)
              and not exists (
                  select from journey_version v where v.contents is not null
                  and jsonb_path_exists(v.contents, '$.** ? (@ == $hash)',
                                        jsonb_build_object('hash', c.hash)))
            limit %(limit)s))
    """),
    "freezes": sql("""
        delete from marketing_freeze where id = any(array(
            select id from marketing_freeze where ended_at < %(before)s limit %(limit)s))
    """),
    "daily_counts": sql("""
        delete from daily_count where ctid = any(array(
            select ctid from daily_count
            where day < (%(before)s::timestamptz at time zone 'UTC')::date
            limit %(limit)s))
    """),
    "zone_changes": sql("""
        delete from zone_change where contact_id = any(array(
            select contact_id from zone_change where changed_at < %(before)s
            order by changed_at limit %(limit)s))
    """),
    # Days and all time stay.
    "figures": sql("""
        delete from figure where ctid = any(array(
            select ctid from figure where span = 'quarter' and begins_at < %(before)s
              and begins_at > '-infinity'
            order by begins_at limit %(limit)s))
    """),
    "holdouts": sql("""
        delete from holdout_observation where id = any(array(
            select id from holdout_observation where observed_at < %(before)s
            order by observed_at limit %(limit)s))
    """),
    # How many they were is counted.
    "targeted": sql("""
        delete from targeted_contact where ctid = any(array(
            select ctid from targeted_contact where day < %(before)s
            order by day limit %(limit)s))
    """),
    "audit_of_contacts": sql(
        """
        with allowed as materialized (select set_config('parcours.audit', 'retention', true))
        delete from audit using allowed where id = any(array(
            select id from audit where action in ({actions}) and at < %(before)s limit %(limit)s))
        """,
        actions=text_list(FREQUENT),
    ),
    # Its trigger asks for `parcours.audit`.
    "audit": sql("""
        with allowed as materialized (select set_config('parcours.audit', 'retention', true))
        delete from audit using allowed where id = any(array(
            select id from audit where at < %(before)s order by at limit %(limit)s))
    """),
    "drafts": sql("""
        delete from console_draft where ctid = any(array(
            select ctid from console_draft where saved_at < %(before)s
            order by saved_at limit %(limit)s))
    """),
    # They end earlier by themselves.
    "sessions": sql("""
        delete from console_session where sha256 = any(array(
            select sha256 from console_session where began_at < %(before)s
            order by began_at limit %(limit)s))
    """),
    "places": sql("""
        delete from near_contact where ctid = any(array(
            select ctid from near_contact where seen_at < %(before)s
            order by seen_at limit %(limit)s))
    """),
}
# A template or a version that is saved names contents that may be there already: it waits.
_LOCK_CATALOG = sql("select from catalog for no key update")


async def remove_old_rows(conn: Connection, kind: Kind, before: datetime, limit: int) -> Page:
    """Remove rows of a kind that nothing else refers to."""
    async with conn.transaction():
        if kind == "contents":
            await execute(conn, _LOCK_CATALOG)
        removed = await execute(conn, _DELETE_OLD[kind], {"before": before, "limit": limit})
    # Imports and exports are large: one of them is removed at a time.
    enough = 1 if kind in ("imports", "exports") else limit
    return Page(removed, 0, done=removed < enough)
