"""Looks at the conditions that runs listen for, at every instant that could have changed them.

A condition's verdict can change at an event of the contact, and at an instant that time alone
brings. A look goes through these instants in order, from where the last look ended: at each it
takes the events stamped up to it, and attributes, groups, topics and documents as they are now. The
first instant at which the condition holds is its result, however late the look comes.

One statement looks at a condition for any number of runs of one version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

from journeys.model.conditions import (
    AllCondition,
    AnyCondition,
    Condition,
    EventCondition,
    NearCondition,
    NotCondition,
    SegmentCondition,
    TopicCondition,
)
from journeys.model.well_known_events import WELL_KNOWN_EVENTS
from store.conditions import Predicate
from store.sql import Connection, Sql, execute, fetch_all_as, integer, sql, with_values

EVENTS_OF_A_LOOK: Final = 200
"""Events of one contact in one look, at most; the next look goes on where it ended."""
INSTANTS_OF_A_LOOK: Final = 400
"""Instants of one run in one look, at most."""

_STATE_EVENTS: Final = frozenset(
    name
    for name, event in WELL_KNOWN_EVENTS.items()
    if event.effect is not None or not event.by_contact
)
"""The events that record a change of what conditions read besides events."""

_JUDGED_AT: Final = "judged_at"


@dataclass(frozen=True)
class ConditionWalk:
    """The statement that looks at the condition of one slot, and what it depends on."""

    slot: int
    sql: Sql
    params: dict[str, Any]
    watches: tuple[str, ...]
    """The events that can change the condition, by name."""
    of_catalog: bool
    """Whether it depends on documents that may change: a segment, a topic, a list of places."""
    revision: int | None
    """Of the catalog that its segments were read at; None if it names none."""


@dataclass(frozen=True)
class Look:
    """The result of a look at the condition of one listener."""

    run_id: UUID
    visit: int
    slot: int
    at: datetime
    """The instant at which the condition held, or the last one that was looked at."""
    holds: bool
    by_event: bool
    """Whether an event brought this instant; otherwise time alone did."""
    next_at: datetime | None
    """The next instant at which time alone could change it; None if there is none."""
    finished: bool
    """Whether no instant is left up to the end of the look."""
    event_id: int
    """The contact's events up to this id were looked at."""
    seen_looked_at: datetime | None
    seen_ref: int
    seen_due_at: datetime | None
    attempts: int


def build_walk(
    slot: int,
    condition: Condition,
    predicate: Predicate,
    segments: Mapping[str, Condition] | None,
    revision: int,
) -> ConditionWalk:
    """The walk of a slot's condition; `segments` are all of them, at `revision` of the catalog."""
    named = list(_parts(condition, segments or {}))
    events = {part.event for part in named if isinstance(part, EventCondition)}
    names_segments = any(isinstance(part, SegmentCondition) for part in named)
    of_documents = any(
        isinstance(part, TopicCondition)
        or (isinstance(part, NearCondition) and part.near.places is not None)
        for part in named
    )
    return ConditionWalk(
        slot,
        sql(
            """
with span as materialized (
    select coalesce(%(until)s::timestamptz, parcours.clock()) as until
),
candidate as materialized (
    select l.run_id, l.visit, l.looked_at, l.ref, l.due_at, l.attempts, span.until,
           coalesce(l.looked_at, l.since, span.until) as start_at, e.ids, e.stamps,
           cardinality(e.ids) >= {events} as more
    from unnest(%(runs)s::uuid[], %(visits)s::integer[]) as given(run_id, visit)
    join listener l on l.run_id = given.run_id and l.visit = given.visit and l.slot = {slot}
    cross join span
    cross join lateral (
        select coalesce(array_agg(f.id order by f.id), '{}') as ids,
               coalesce(array_agg(f.stamped_at order by f.id), '{}') as stamps
        from (
            select e.id, e.stamped_at from event e
            where e.contact_id = l.contact_id and e.name = any(%(watches)s) and e.id > l.ref
              and e.stamped_at <= span.until and (e.run_id is null or e.run_id = l.run_id)
            order by e.id + 0 limit {events}
        ) f
    ) e
),
seen as (
    select k.*, w.at, w.place, w.by_event, w.holds, w.next_at, c.last_event_id,
           w.holds or w.instants < {instants}
                      and not (k.more and w.place = cardinality(k.ids)) as finished
    from candidate k
    join run r on r.id = k.run_id
    join contact c on c.id = r.contact_id
    cross join lateral (
        with recursive walk as (
            select k.start_at as at, 0 as place, false as by_event,
                   (k.looked_at is null and k.start_at <= k.until and {first_holds}) as holds,
                   {first_next} as next_at, 0 as instants
            union all
            select s.at, s.place, s.by_event, judged.holds, judged.next_at, w.instants + 1
            from walk w
            cross join lateral (
                select case when w.place < cardinality(k.ids)
                       then greatest(k.stamps[w.place + 1], w.at) end as event_at,
                       least(
                           case when w.next_at > w.at then w.next_at end,
                           case when %(until)s::timestamptz is null and not k.more
                           then k.until end
                       ) as time_at
            ) o
            cross join lateral (
                select least(o.event_at, o.time_at) as at,
                       o.event_at is not null
                       and o.event_at <= coalesce(o.time_at, 'infinity') as by_event
            ) n
            cross join lateral (
                select n.at, n.by_event, w.place + n.by_event::int as place
            ) s
            cross join lateral (select {holds} as holds, {next} as next_at offset 0) judged
            where not w.holds and w.instants < {instants} and s.at <= k.until
              and (s.at > w.at or s.by_event)
              and not (k.more and w.place = cardinality(k.ids))
        )
        select * from walk order by instants desc limit 1
    ) w
)
select s.run_id, s.visit, {slot} as slot, s.at, s.holds, s.by_event,
       nullif(s.next_at, 'infinity') as next_at, s.finished,
       coalesce(
           case when s.finished and not s.holds and %(until)s::timestamptz is null then (
               select e.id from event e where e.id = s.last_event_id and e.stamped_at <= s.until
           ) end,
           s.ids[s.place], s.ref
       ) as event_id,
       s.looked_at as seen_looked_at, s.ref as seen_ref, s.due_at as seen_due_at, s.attempts
from seen s
""",
            slot=integer(slot),
            first_holds=_at(predicate.sql, sql("k.start_at")),
            first_next=_next_at(predicate, sql("k.start_at")),
            holds=_at(predicate.sql, sql("s.at")),
            next=_next_at(predicate, sql("s.at")),
            events=integer(EVENTS_OF_A_LOOK),
            instants=integer(INSTANTS_OF_A_LOOK),
        ),
        {name: value for name, value in predicate.params.items() if name != _JUDGED_AT},
        tuple(sorted(events | _STATE_EVENTS)),
        names_segments or of_documents,
        revision if names_segments else None,
    )


_SAVE = sql("""
with seen as (
    select l.run_id, l.visit, l.slot, k.looked_at, k.ref, k.due_at, k.attempts
    from jsonb_to_recordset(%(rows)s) as k(
        run_id uuid, visit integer, slot smallint, seen_looked_at timestamptz, seen_ref bigint,
        seen_due_at timestamptz, looked_at timestamptz, ref bigint, due_at timestamptz,
        attempts smallint
    )
    join listener l on l.run_id = k.run_id and l.visit = k.visit and l.slot = k.slot
    where l.looked_at is not distinct from k.seen_looked_at and l.ref = k.seen_ref
      and l.due_at is not distinct from k.seen_due_at
    order by l.run_id, l.visit, l.slot for update of l skip locked
)
update listener l set looked_at = s.looked_at, ref = greatest(l.ref, s.ref), due_at = s.due_at,
       attempts = s.attempts
from seen s where l.run_id = s.run_id and l.visit = s.visit and l.slot = s.slot
""")


async def look(
    conn: Connection,
    walk: ConditionWalk,
    listeners: Sequence[tuple[UUID, int]],
    until: datetime | None = None,
) -> list[Look]:
    """Look at a condition for listeners, each a run and a visit, in one statement.

    With `until`, at the instants up to it at which an event or time could have changed it. Without,
    up to now and at the present instant itself.
    """
    params = {
        **walk.params,
        "runs": [run_id for run_id, _ in listeners],
        "visits": [visit for _, visit in listeners],
        "until": until,
        "watches": list(walk.watches),
    }
    return await fetch_all_as(conn, Look, walk.sql, params)


async def save_looks(
    conn: Connection,
    looks: Sequence[Look],
    *,
    now: datetime,
    wake_again: Sequence[timedelta] = (),
) -> None:
    """Keep where looks ended, and when the next one is due.

    A listener whose condition holds keeps its place, because its run is still to decide: it is due
    again at `now` and the delay `wake_again[attempts]`. One whose look is not finished is due now.
    A listener that has become due since its look stays due, and so does one that is being changed.
    """
    rows = []
    for each in looks:
        looked_at: datetime | None = each.at
        due_at = each.next_at if each.finished else now
        ref = each.event_id
        if each.holds:
            looked_at, ref = each.seen_looked_at, each.seen_ref
            due_at = now + wake_again[min(each.attempts, len(wake_again) - 1)]
        rows.append(
            {
                "run_id": str(each.run_id),
                "visit": each.visit,
                "slot": each.slot,
                "seen_looked_at": _text(each.seen_looked_at),
                "seen_ref": each.seen_ref,
                "seen_due_at": _text(each.seen_due_at),
                "looked_at": _text(looked_at),
                "ref": ref,
                "due_at": _text(due_at),
                "attempts": min(each.attempts + 1, 1_000) if each.holds else 0,
            }
        )
    if rows:
        await execute(conn, _SAVE, {"rows": Jsonb(rows)})


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


def _at(expression: Sql, instant: Sql) -> Sql:
    """The expression, judged at an instant of the statement around it."""
    return with_values(expression, judged_at=instant)


def _next_at(predicate: Predicate, instant: Sql) -> Sql:
    if predicate.next_change is None:
        return sql("'infinity'::timestamptz")
    return sql(
        "coalesce({next}, 'infinity'::timestamptz)", next=_at(predicate.next_change, instant)
    )


def _parts(condition: Condition, segments: Mapping[str, Condition]) -> Iterator[Condition]:
    """The condition and those inside it, through the segments that it names."""
    yield condition
    inside: list[Condition] = []
    if isinstance(condition, AllCondition):
        inside = condition.all
    elif isinstance(condition, AnyCondition):
        inside = condition.any
    elif isinstance(condition, NotCondition):
        inside = [condition.not_]
    elif isinstance(condition, SegmentCondition) and condition.segment in segments:
        # The compiler refuses a segment that contains itself.
        inside = [segments[condition.segment]]
    for part in inside:
        yield from _parts(part, segments)
