"""Attribution: which messages or coupons led to conversions, by a model and within a window.

Conversions are events, found by the order of their ids: a page of ids is one statement, and what
it counts is added up exactly. For each conversion the touches of its contact are looked up by
index, so the work is bounded by the number of conversions and of touches in the window.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from journeys.model.well_known_events import STATUS_EVENTS
from store.counters.facts import VALUE_LIMIT
from store.reports.attribution_credit import (
    AttributionBy,
    AttributionModel,
    Counted,
    Tally,
    Touch,
)
from store.sql import (
    Connection,
    Sql,
    fetch_all_as,
    fetch_column,
    fetch_one,
    integer,
    name,
    sql,
    text_list,
)

LATE: Final = timedelta(days=1)
"""How long after the end of the period an event of it may arrive and still count."""
_APART: Final = timedelta(minutes=10)
"""Ids follow the stamps but for transactions that ran side by side."""
MOST_AT_ONCE: Final = 600_000
"""Ids of events that one request goes through."""
PAGE: Final = 200_000
"""Ids of events of one statement."""

_FIRST_FROM = sql("""
select id, stamped_at from event where id >= %(id)s order by id limit 1
""")
_BOUNDS = sql("""
select coalesce((select id from event order by id limit 1), 0),
       coalesce((select id from event order by id desc limit 1), 0)
""")
_GOAL_EVENTS = sql("""
select distinct v.document #>> '{goal,event}' from journey_version v
where v.document #>> '{goal,event}' is not null order by 1
""")
_UUID: Final = sql("'^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'")

_NAMES: Final[Mapping[AttributionBy, Sql]] = {
    "message": sql("array[x.journey, x.step]"),
    "journey": sql("array[x.journey]"),
    "channel": sql("array[x.channel]"),
    "coupon": sql("array[x.pool]"),
}
# By the model: all touches, or one of them. Of equal times the id decides.
_CHOSEN: Final[Mapping[AttributionModel, Sql]] = {
    "linear": sql(""),
    "last": sql("order by t.at desc, t.id desc limit 1"),
    "first": sql("order by t.at, t.id limit 1"),
}
# A key that holds dots stands above a path.
_NUMBER = sql(
    """
case when jsonb_typeof(p.found) = 'number' then
    case when abs((p.found #>> '{}')::numeric) <= {most} then (p.found #>> '{}')::numeric end
end
""",
    most=integer(VALUE_LIMIT),
)
_OF_EVENTS = sql(
    """
select e.id, e.contact_id, e.occurred_at, e.properties, {number} as value
from event e
cross join lateral (
    select coalesce(e.properties -> %(value)s::text,
                    e.properties #> string_to_array(%(value)s::text, '.')) as found
) p
where e.id > %(after)s and e.id <= %(upto)s and e.name = any(%(names)s)
  and e.occurred_at >= %(begins)s and e.occurred_at < %(ends)s
""",
    number=_NUMBER,
)
# An event that meets the goals of several runs is one conversion.
_OF_GOALS = sql("""
select e.id, e.contact_id, e.occurred_at, e.properties, g.value
from event e
cross join lateral (
    select max(g.value) as value, count(*) as met from goal g
    where g.contact_id = e.contact_id and g.met_event_id = e.id and not g.replaced
) g
where e.id > %(after)s and e.id <= %(upto)s and e.name = any(%(names)s)
  and e.occurred_at >= %(begins)s and e.occurred_at < %(ends)s and g.met > 0
""")


@dataclass(frozen=True, slots=True)
class AttributionQuestion:
    """What is asked: which conversions, which touches, and how credit is shared."""

    event: str | None
    """None: events that met goals of journeys, with the goals' values."""
    value: str | None
    """The path of the value in the event's properties; None: conversions have no value."""
    model: AttributionModel
    by: AttributionBy
    touch: Touch
    window: timedelta
    begins_at: datetime
    ends_at: datetime

    @property
    def query(self) -> Sql:
        """The statement for one page of ids."""
        return _counting(
            conversions=_OF_GOALS if self.event is None else _OF_EVENTS,
            touches=_touches(self.touch, self.model),
            chosen=_CHOSEN[self.model],
            name=_NAMES[self.by],
        )

    def as_json(self) -> dict[str, Any]:
        """As JSON that `from_json` reads again."""
        return {
            "event": self.event,
            "value": self.value,
            "model": self.model,
            "by": self.by,
            "touch": self.touch,
            "window": self.window.total_seconds(),
            "begins_at": self.begins_at.isoformat(),
            "ends_at": self.ends_at.isoformat(),
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> AttributionQuestion:
        """A question that `as_json` wrote."""
        return cls(
            event=kept["event"],
            value=kept["value"],
            model=kept["model"],
            by=kept["by"],
            touch=kept["touch"],
            window=timedelta(seconds=kept["window"]),
            begins_at=datetime.fromisoformat(kept["begins_at"]),
            ends_at=datetime.fromisoformat(kept["ends_at"]),
        )


@dataclass(frozen=True, slots=True)
class EventRange:
    """Ids of events: those above `after`, up to `upto`."""

    after: int
    upto: int

    @property
    def size(self) -> int:
        """How many ids there may be."""
        return max(0, self.upto - self.after)


async def range_of(conn: Connection, question: AttributionQuestion) -> EventRange:
    """The ids among which the conversions of a question are."""
    row = await fetch_one(conn, _BOUNDS)
    assert row is not None
    lowest, highest = row
    begin = await _first_since(conn, question.begins_at - _APART, lowest, highest)
    end = await _first_since(conn, question.ends_at + LATE + _APART, begin, highest)
    return EventRange(begin - 1, end)


async def attribute_page(
    conn: Connection, question: AttributionQuestion, tally: Tally, part: EventRange
) -> None:
    """Add the conversions of a range of ids to a tally."""
    names = [question.event]
    if question.event is None:
        names = await fetch_column(conn, _GOAL_EVENTS)
    tally.add(
        await fetch_all_as(
            conn,
            Counted,
            question.query,
            {
                "after": part.after,
                "upto": part.upto,
                "names": names,
                "begins": question.begins_at,
                "ends": question.ends_at,
                "value": question.value,
                "window": question.window,
            },
        )
    )


def _touches(touch: Touch, model: AttributionModel) -> Sql:
    """The touches of the conversion `c` within the window, each with its time."""
    if touch == "drawn" or touch == "redeemed":
        return _by_coupons(name(f"{touch}_at"))
    if touch == "opened" or touch == "clicked":
        names = [STATUS_EVENTS[touch]]
        if touch == "opened":
            # A click is an open as well.
            names.append(STATUS_EVENTS["clicked"])
        return _by_events(name("min" if model == "first" else "max"), text_list(names))
    return _by_messages(name("claimed_at" if touch == "sent" else "delivered_at"))


def _by_events(edge: Sql, names: Sql) -> Sql:
    """A message that was touched several times counts once: by its first, or its latest touch."""
    return sql(
        """
        select m.id, {edge}(t.occurred_at) as at, r.journey, m.step, m.channel
        from event t
        join message m on m.id = case when t.properties ->> 'message_id' ~ {uuid}
                                      then (t.properties ->> 'message_id')::uuid end
        join run r on r.id = m.run_id
        where t.contact_id = c.contact_id and t.name in ({names}) and t.id <> c.id
          and t.occurred_at <= c.occurred_at and t.occurred_at > c.occurred_at - %(window)s
          and coalesce(t.properties ->> 'by', 'human') <> 'machine'
          and m.contact_id = c.contact_id
        group by m.id, r.journey
        """,
        edge=edge,
        uuid=_UUID,
        names=names,
    )


def _by_messages(column: Sql) -> Sql:
    return sql(
        """
        select m.id, m.{column} as at, r.journey, m.step, m.channel
        from message m join run r on r.id = m.run_id
        where m.contact_id = c.contact_id and m.channel <> 'webhook'
          and m.state in ('sent', 'unknown')
          and m.{column} <= c.occurred_at and m.{column} > c.occurred_at - %(window)s
        """,
        column=column,
    )


def _by_coupons(column: Sql) -> Sql:
    return sql(
        """
        select m.id, m.{column} as at, m.pool
        from coupon m
        where m.contact_id = c.contact_id
          and m.{column} <= c.occurred_at and m.{column} > c.occurred_at - %(window)s
        """,
        column=column,
    )


def _counting(*, conversions: Sql, touches: Sql, chosen: Sql, name: Sql) -> Sql:
    return sql(
        """
        with conversion as materialized (
            select c.id, c.contact_id, c.occurred_at, c.value,
                   case when jsonb_typeof(c.properties -> 'currency') = 'string'
                        then upper(left(c.properties ->> 'currency', 8)) else '' end as currency
            from ({conversions}) c
        ), credited as (
            select c.id, c.currency, c.value, x.id as touch, {name} as name,
                   count(x.id) over (partition by c.id) as among
            from conversion c
            left join lateral (select t.* from ({touches}) t {chosen}) x on true
        )
        select name, currency, among, count(*) as count, count(value) as valued,
               coalesce(sum(value), 0) as value
        from credited where touch is not null group by name, currency, among
        union all
        select null, currency, among, count(*), count(value), coalesce(sum(value), 0)
        from (
            select distinct on (id) id, currency, value, least(among, 1) as among
            from credited order by id
        ) whole
        group by currency, among
        """,
        conversions=conversions,
        touches=touches,
        chosen=chosen,
        name=name,
    )


async def _first_since(conn: Connection, at: datetime, low: int, high: int) -> int:
    """The least id of an event that was recorded at an instant or later; one above all if none."""
    high += 1
    while low < high:
        middle = (low + high) // 2
        row = await fetch_one(conn, _FIRST_FROM, {"id": middle})
        if row is None or row[1] >= at:
            high = middle
        else:
            low = row[0] + 1
    return low


def pages_of(part: EventRange) -> list[EventRange]:
    """A range in parts of `PAGE` ids."""
    return [
        EventRange(after, min(after + PAGE, part.upto))
        for after in range(part.after, part.upto, PAGE)
    ]
