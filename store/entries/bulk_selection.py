"""The contacts that a job enters: a list, a segment, a group, a condition, or who has a value.

They are read in the order of their ids, a page at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter

from journeys.checks.references import segments_in
from journeys.model.conditions import (
    AttributeCondition,
    Condition,
    GroupCondition,
    SegmentCondition,
)
from journeys.model.entry_events import names_within
from journeys.model.well_known_events import CONTACT_CHANGED, GROUP_JOINED, SEGMENT_ENTERED
from store.conditions import Predicate, compile_condition
from store.entries.bulk_entry import selected_among
from store.segments.segment_conditions import NO_SEGMENTS, Segments, read_segments
from store.sql import Connection, Sql, fetch_column, fetch_one, fetch_value, sql

_FIRST: Final = UUID(int=0)
_CONDITION: Final[TypeAdapter[Condition]] = TypeAdapter(Condition)

_ALL = sql("""
select id from contact where id > %(after)s order by id limit %(limit)s
""")
_IN_LIST = sql("""
select c.id from unnest(%(contacts)s::uuid[]) g(id) join contact c on c.id = g.id
where g.id > %(after)s order by c.id limit %(limit)s
""")
_IN_GROUP = sql("""
select contact_id from group_member
where contact_id > %(after)s and group_key = %(group)s
order by contact_id limit %(limit)s
""")
_IN_SEGMENT = sql("""
select contact_id from segment_member
where segment = %(segment)s and contact_id > %(after)s
order by contact_id limit %(limit)s
""")
_COUNT_ALL = sql("select count(*) from contact")
_COUNT_GROUP = sql("select count(*) from group_member where group_key = %(group)s")
_COUNT_SEGMENT = sql("select count(*) from segment_member where segment = %(segment)s")
_SEGMENT_STATE = sql("""
select s.state, d.key is not null from (select 1) always
left join segment s on s.key = %(segment)s
left join document d on d.kind = 'segment' and d.key = %(segment)s
""")

# Since when it has been so; null if it was so before anything is known of it.
_JOINED_AT = sql("""
(select m.added_at from group_member m where m.contact_id = c.id and m.group_key = %(s_group)s)
""")
_ENTERED_AT = sql("""
(select case when coalesce((
     select h.by not in ('fill', 'import') from segment_change h
     where h.contact_id = c.id and h.segment = %(s_segment)s order by h.id desc limit 1
 ), false) then m.entered_at end
 from segment_member m where m.contact_id = c.id and m.segment = %(s_segment)s)
""")
_CHANGED_AT = sql("""
(select max(h.stamped_at) from event h where h.contact_id = c.id and h.name = 'Contact Changed'
 and h.stamped_at > %(s_before)s and h.properties -> 'names' ?| %(s_names)s::text[])
""")


_GRACE: Final = timedelta(seconds=5)
"""The longest that a dispatcher may go on with the journeys that were live before."""


class SegmentNotReady(Exception):
    """The segment is being filled: its members are not all known yet."""


@dataclass(frozen=True)
class Page:
    """Some contacts, and how far the reading has come with them."""

    contacts: list[UUID]
    """Those that are meant, in the order of their ids."""
    after: UUID | None
    """The last that was looked at; None: there are no more."""
    looked_at: int


@dataclass(frozen=True)
class Selection:
    """The contacts that are meant."""

    plan: Mapping[str, Any]
    """`{contacts: [ids]}`, `{segment}`, `{group}`, `{if}`, or `{attribute, to}`; of a backfill with
    `{before, journey}`."""
    members: bool
    """Whether the members of its segment are read; otherwise all contacts are looked at."""
    predicate: Predicate | None
    """What is asked of each contact in its turn."""

    async def page(self, conn: Connection, after: UUID | None, limit: int) -> Page:
        """The next contacts after an id."""
        params: dict[str, Any] = {"after": after or _FIRST, "limit": limit}
        query = _ALL
        if "contacts" in self.plan:
            query = _IN_LIST
            params["contacts"] = [UUID(each) for each in self.plan["contacts"]]
        elif "group" in self.plan:
            query = _IN_GROUP
            params["group"] = self.plan["group"]
        elif self.members:
            query = _IN_SEGMENT
            params["segment"] = self.plan["segment"]
        found: Sequence[UUID] = await fetch_column(conn, query, params)
        if not found:
            return Page([], None, 0)
        contacts = list(found)
        if self.predicate is not None:
            contacts = await selected_among(conn, self.predicate, contacts)
        return Page(contacts, found[-1], len(found))

    async def count(self, conn: Connection) -> int:
        """How many contacts are looked at."""
        if "contacts" in self.plan:
            return len(self.plan["contacts"])
        if "group" in self.plan:
            return int(await fetch_value(conn, _COUNT_GROUP, {"group": self.plan["group"]}))
        if self.members:
            segment = {"segment": self.plan["segment"]}
            return int(await fetch_value(conn, _COUNT_SEGMENT, segment))
        return int(await fetch_value(conn, _COUNT_ALL))


async def read_selection(
    conn: Connection,
    plan: Mapping[str, Any],
    *,
    timezone: str | None,
    segments: Segments | None = None,
) -> Selection:
    """The selection of a job's plan; `timezone` is that of contacts without one.

    `segments` are those that would be saved; by default those that are.

    Raises LookupError if it names a segment that does not exist, and SegmentNotReady if it asks
    since when contacts are in a segment that is being filled.
    """
    condition = _condition(plan)
    before = plan.get("before")
    members = False
    if "segment" in plan:
        state, known = await _segment_state(conn, plan["segment"])
        if not known and (segments is None or plan["segment"] not in segments.conditions):
            raise LookupError(plan["segment"])
        members = state == "ready" and segments is None
        if before is not None and not members:
            raise SegmentNotReady(plan["segment"])
    predicate = None
    if condition is not None:
        if segments is None:
            segments = await read_segments(conn) if segments_in(condition) else NO_SEGMENTS
        predicate = compile_condition(
            condition,
            prefix="s_",
            default_zone=timezone or "UTC",
            segments=segments.conditions,
            timed=False,
        )
    if before is not None and predicate is not None:
        predicate = _since_before(plan, predicate, datetime.fromisoformat(before))
    return Selection(plan, members, predicate)


def _condition(plan: Mapping[str, Any]) -> Condition | None:
    if "if" in plan:
        return _CONDITION.validate_python(plan["if"])
    if "segment" in plan:
        return SegmentCondition(segment=plan["segment"])
    if "group" in plan:
        return GroupCondition(group=plan["group"])
    if "attribute" in plan:
        return AttributeCondition.model_validate({"attribute": plan["attribute"], "is": plan["to"]})
    return None


def _since_before(plan: Mapping[str, Any], predicate: Predicate, before: datetime) -> Predicate:
    """The predicate, for contacts for which it has held since before an instant.

    Whether the event of it comes to the journey depends on when it is dispatched: what came before
    the instant may be dispatched after it, and a moment after it the journeys of before may still
    be at work. So a contact whose event has come to the journey, or is still to be dispatched, is
    left to that.
    """
    params: dict[str, Any] = {
        **predicate.params,
        "s_before": before,
        "s_until": before + _GRACE,
        "s_journey": plan["journey"],
    }
    if "segment" in plan:
        since = _ENTERED_AT
        params |= {"s_segment": plan["segment"], "s_event": SEGMENT_ENTERED}
    elif "group" in plan:
        since = _JOINED_AT
        params |= {"s_group": plan["group"], "s_event": GROUP_JOINED}
    else:
        since = _CHANGED_AT
        params["s_event"] = CONTACT_CHANGED
        params["s_names"] = names_within(plan["attribute"])
    holds: Sql = sql(
        """({holds} and exists (select from (select {since} as at) since
            where coalesce(since.at <= %(s_until)s, true))
        and not exists (select from run o join event b on b.id = o.entry_event_id
                        where o.contact_id = c.id and o.journey = %(s_journey)s
                        and o.started_at > %(s_before)s and b.name = %(s_event)s)
        and not exists (select from refusal o join event b on b.id = o.event_id
                        where o.contact_id = c.id and o.journey = %(s_journey)s
                        and o.refused_at > %(s_before)s and b.name = %(s_event)s)
        and not exists (select from outbox o join event b on b.id = o.event_id
                        where o.contact_id = c.id and b.name = %(s_event)s))""",
        holds=predicate.sql,
        since=since,
    )
    return Predicate(holds, holds, params, ())


async def _segment_state(conn: Connection, segment: str) -> tuple[str | None, bool]:
    """Whether a segment is filled, and whether there is one."""
    row = await fetch_one(conn, _SEGMENT_STATE, {"segment": segment})
    assert row is not None
    return row[0], row[1]
