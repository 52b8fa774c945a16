"""Sources of the log: each kind of row with the index that orders it, and what its item says.

`details` is one JSON object, with our own id of the `contact`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from store.reports.log_types import LogSource
from store.sql import Sql, sql

NO_ID: Final = sql("'00000000-0000-0000-0000-000000000000'::uuid")
_ZERO: Final = sql("0::bigint")
_ANY: Final = sql("true")
_NOTHING: Final = sql("")
LARGEST: Final = sql("4000")
"""Characters of the properties of an event, and of the facts of a visit, that an item shows."""

# A row of a limited scan is looked up for each item: with a limit of its own no plan reads a whole
# table for it, however few rows the planner expects.
_RUN: Final = sql("""
cross join lateral (
    select id, journey, version, contact_id from run where id = s.run_id limit 1
) r
""")
_MAYBE_RUN: Final = sql("""
left join lateral (
    select id, journey, version, contact_id from run where id = s.run_id limit 1
) r on true
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One kind of row, as parts of queries. `t` is the row, `s` the same after the scan."""

    table: Sql
    at: Sql
    """The time of its recording, ordered by an index."""
    id: Sql = NO_ID
    n: Sql = _ZERO
    only: Sql = _ANY
    """Which rows are items, as the index says it."""
    within: Sql = _ANY
    """What an index may say of the journey and the key that are asked for."""
    joins: Sql = _NOTHING
    matching: Sql = _ANY
    """What is asked of each row of the scan."""
    matches_run: bool = False
    """Whether that is asked of the row's run."""
    details: Sql
    of_contact: tuple[Sql, Sql] | None
    """The tables, and the condition, by which the rows of a contact are found; None: none has a
    contact."""
    has_journey: bool = True
    has_key: bool = False


_FOR_JOURNEY: Final = sql("(%(journey)s::text is null or r.journey = %(journey)s)")

SOURCES_BY_TIME: Final[Mapping[LogSource, Source]] = {
    "rejected": Source(
        table=sql("rejected_item t"),
        at=sql("t.received_at"),
        n=sql("t.id"),
        joins=sql("left join lateral (select name from api_key where id = s.key_id) k on true"),
        matching=sql("(%(keys)s::uuid[] is null or s.key_id = any(%(keys)s))"),
        details=sql("""jsonb_build_object(
            'rejection', 'item.' || s.id, 'name', s.name, 'code', s.code, 'why', s.message,
            'field', s.field, 'source', s.source, 'reference', s.reference, 'whole', s.whole,
            'by', coalesce(k.name, s.key_id::text), 'key_id', s.key_id,
            'replayed_at', s.replayed_at)"""),
        of_contact=(sql("rejected_item t"), sql("t.reference = any(%(references)s)")),
        has_journey=False,
        has_key=True,
    ),
    "entry": Source(
        table=sql("run t"),
        at=sql("t.started_at"),
        id=sql("t.id"),
        matching=sql("(%(journey)s::text is null or s.journey = %(journey)s)"),
        details=sql("""jsonb_build_object(
            'contact', s.contact_id, 'run', s.id, 'journey', s.journey,
            'version', coalesce(s.entry_version, s.version), 'key', s.key,
            'event', s.entry_event_id)"""),
        of_contact=(sql("run t"), sql("t.contact_id = %(contact)s")),
    ),
    "refusal": Source(
        table=sql("refusal t"),
        at=sql("t.refused_at"),
        n=sql("t.id"),
        matching=sql("(%(journey)s::text is null or s.journey = %(journey)s)"),
        details=sql("""jsonb_build_object(
            'contact', s.contact_id, 'journey', s.journey, 'code', s.code, 'key', s.key,
            'event', s.event_id, 'replayed_at', s.replayed_at,
            'rejection', 'entry.' || s.event_id || '.' || s.journey)"""),
        of_contact=(sql("refusal t"), sql("t.contact_id = %(contact)s")),
    ),
    "visit": Source(
        table=sql("visit t"),
        at=sql("coalesce(t.recorded_at, t.ended_at)"),
        id=sql("t.run_id"),
        n=sql("t.visit::bigint"),
        only=sql("t.outcome is not null"),
        joins=_RUN,
        matching=sql(
            """(%(kinds)s::text[] is null or s.kind = any(%(kinds)s))
            and s.kind <> all(%(not_kinds)s) and {journey}
            and (%(step)s::text is null or s.step = %(step)s)
            and (%(outcome)s::text is null or s.outcome = %(outcome)s)""",
            journey=_FOR_JOURNEY,
        ),
        matches_run=True,
        details=sql(
            """jsonb_build_object(
            'contact', r.contact_id, 'run', s.run_id, 'journey', r.journey,
            'version', coalesce(s.version, r.version), 'visit', s.visit, 'step', s.step,
            'kind', s.kind, 'outcome', s.outcome, 'started_at', s.started_at,
            'ended_at', s.ended_at, 'held', s.held, 'due_at', s.due_at, 'message', s.message_id,
            'facts', case when length(s.facts::text) <= {largest} then s.facts
                          else jsonb_build_object('reason', s.facts -> 'reason', 'cut', true) end)
            """,
            largest=LARGEST,
        ),
        of_contact=(
            # By its runs, and never by the index of all visits.
            sql("""run own cross join lateral (
                select * from visit where visit.run_id = own.id offset 0) t"""),
            sql("own.contact_id = %(contact)s"),
        ),
    ),
    "end": Source(
        table=sql("run t"),
        at=sql("t.ended_at"),
        id=sql("t.id"),
        only=sql("t.state = 'ended'"),
        matching=sql("(%(journey)s::text is null or s.journey = %(journey)s)"),
        details=sql("""jsonb_build_object(
            'contact', s.contact_id, 'run', s.id, 'journey', s.journey, 'version', s.version,
            'step', s.step, 'outcome', s.outcome, 'reason', s.reason)"""),
        of_contact=(sql("run t"), sql("t.contact_id = %(contact)s")),
    ),
    "goal": Source(
        table=sql("goal t"),
        at=sql("t.recorded_at"),
        id=sql("t.run_id"),
        only=sql("t.met_event_id is not null"),
        joins=_MAYBE_RUN,
        matching=sql("(%(journey)s::text is null or s.journey = %(journey)s)"),
        details=sql("""jsonb_build_object(
            'contact', s.contact_id, 'run', s.run_id, 'journey', s.journey,
            'version', coalesce(s.version, r.version), 'step', s.step, 'event', s.met_event_id,
            'name', s.event_name, 'value', s.value, 'met_at', s.met_at)"""),
        of_contact=(sql("goal t"), sql("t.contact_id = %(contact)s")),
    ),
    "repair": Source(
        table=sql("run_repair t"),
        at=sql("t.made_at"),
        n=sql("t.id"),
        joins=_RUN,
        matching=sql(
            "(%(keys)s::uuid[] is null or s.key_id = any(%(keys)s)) and {journey}",
            journey=_FOR_JOURNEY,
        ),
        matches_run=True,
        details=sql("""jsonb_build_object(
            'contact', r.contact_id, 'run', s.run_id, 'journey', r.journey,
            'version', r.version, 'repair', s.id, 'action', s.action, 'visit', s.visit,
            'step', s.step, 'to', s.target, 'reason', s.reason, 'by', s.made_by,
            'key_id', s.key_id)"""),
        of_contact=(
            sql("run own join run_repair t on t.run_id = own.id"),
            sql("own.contact_id = %(contact)s"),
        ),
        has_key=True,
    ),
    "action": Source(
        table=sql("audit t"),
        at=sql("t.at"),
        n=sql("t.id"),
        within=sql("""(%(journey)s::text is null or t.journey = %(journey)s)
            and (%(key_id)s::uuid is null or t.key_id = %(key_id)s)
            and (%(key_name)s::text is null or t.actor = %(key_name)s)"""),
        details=sql("""jsonb_build_object(
            'contact', case when s.subject_kind = 'contact' then s.subject end,
            'run', case when s.subject_kind = 'run' then s.subject end,
            'job', case when s.subject_kind = 'job' then s.subject end,
            'audit', s.id, 'action', s.action, 'subject_kind', s.subject_kind,
            'subject', s.subject, 'journey', s.journey, 'by', s.actor, 'via', s.via,
            'key_id', s.key_id,
            'before', s.before, 'after', s.after, 'reason', s.reason,
            'request_id', s.request_id)"""),
        of_contact=(
            # Subject by subject, and never all that was done.
            sql("""(
                select 'contact' as kind, %(contact)s::text as id
                union all select 'run', own.id::text from run own
                where own.contact_id = %(contact)s
            ) own cross join lateral (
                select * from audit
                where audit.subject_kind = own.kind and audit.subject = own.id offset 0
            ) t"""),
            _ANY,
        ),
        has_key=True,
    ),
    "job_begun": Source(
        table=sql("job t"),
        at=sql("t.started_at"),
        id=sql("t.id"),
        within=sql("(%(journey)s::text is null or t.journey = %(journey)s)"),
        joins=sql("left join lateral (select name from api_key where id = s.key_id) k on true"),
        matching=sql("(%(keys)s::uuid[] is null or s.key_id = any(%(keys)s))"),
        details=sql("""jsonb_build_object(
            'job', s.id, 'kind', s.kind, 'journey', s.journey, 'version', s.version,
            'subject', s.subject, 'began', true, 'by', coalesce(k.name, s.key_id::text),
            'key_id', s.key_id)"""),
        of_contact=None,
        has_key=True,
    ),
    "job_ended": Source(
        table=sql("job t"),
        at=sql("t.ended_at"),
        id=sql("t.id"),
        only=sql("t.ended_at is not null"),
        within=sql("(%(journey)s::text is null or t.journey = %(journey)s)"),
        joins=sql("left join lateral (select name from api_key where id = s.key_id) k on true"),
        matching=sql("(%(keys)s::uuid[] is null or s.key_id = any(%(keys)s))"),
        details=sql("""jsonb_build_object(
            'job', s.id, 'kind', s.kind, 'journey', s.journey, 'version', s.version,
            'subject', s.subject, 'began', false, 'state', s.state, 'total', s.total,
            'done', s.done, 'failed', s.failed, 'by', coalesce(k.name, s.key_id::text),
            'key_id', s.key_id)"""),
        of_contact=None,
        has_key=True,
    ),
    "fault": Source(
        table=sql("fault t"),
        at=sql("t.happened_at"),
        n=sql("t.id"),
        joins=_MAYBE_RUN,
        matching=_FOR_JOURNEY,
        matches_run=True,
        details=sql("""jsonb_build_object(
            'contact', coalesce(s.contact_id, r.contact_id), 'run', s.run_id,
            'journey', r.journey, 'version', r.version, 'visit', s.visit, 'event', s.event_id,
            'fault', s.id, 'subject', s.subject, 'part', s.activity, 'code', s.code,
            'detail', s.detail)"""),
        of_contact=(
            sql("""(select id from fault where contact_id = %(contact)s
                    union
                    select f.id from run r join fault f on f.run_id = r.id
                    where r.contact_id = %(contact)s) own
                cross join lateral (select * from fault where id = own.id limit 1) t"""),
            _ANY,
        ),
    ),
    "dead_event": Source(
        table=sql("dead_event t"),
        at=sql("t.died_at"),
        n=sql("t.event_id"),
        joins=sql("left join lateral (select name from event where id = s.event_id) e on true"),
        details=sql("""jsonb_build_object(
            'contact', s.contact_id, 'event', s.event_id, 'name', e.name, 'code', s.code,
            'why', s.detail)"""),
        of_contact=(sql("dead_event t"), sql("t.contact_id = %(contact)s")),
        has_journey=False,
    ),
}
"""Each source but events."""
