"""The time in which an event may meet a goal: not before the run began, and up to the goal's end.

Events are in order by id, but a late one may have happened before the run began, and has then
nothing to do with it. Only an event that is late is judged by its own time, because clocks of
clients differ by seconds: what follows the entry at once may claim to lie before it.
"""

from __future__ import annotations

from typing import Any, Final

from journeys.model.entry_rules import goal_max_age
from journeys.model.journey import Journey
from journeys.time.zones import zone_of
from store.sql import Sql, parameter, sql

# A derived event began its run at the time of its cause. A run that no event began, or whose event
# was removed, began as it started.
_BEGAN: Final = sql("""
coalesce(
    (select coalesce(c.occurred_at, b.occurred_at) from event b
     left join event c on c.id = b.cause_id where b.id = r.entry_event_id),
    r.started_at
)
""")
UP_TO_ITS_END: Final = sql("(g.until_at is null or e.occurred_at <= g.until_at)")
"""Over the rows `e` (the event) and `g` (the goal)."""
MAYBE_BEFORE: Final = sql("e.occurred_at < r.started_at")
"""Whether an event may have happened before the run began; over the rows `e` and `r`."""


def since_beginning(journey: Journey, prefix: str) -> tuple[Sql, dict[str, Any]]:
    """Whether an event happened after the run began, or is not late; over the rows `e` and `r`.

    With its parameters, whose names begin with `prefix`.
    """
    age = goal_max_age(journey)
    params = {
        f"{prefix}months": age.years * 12 + age.months,
        f"{prefix}days": age.weeks * 7 + age.days,
        f"{prefix}exact": age.exact,
        f"{prefix}zone": zone_of(None, journey.timezone).key,
    }
    test = sql(
        "(not {maybe} or e.occurred_at >= {began} or e.stamped_at <="
        " parcours.shift(e.occurred_at, {months}::int, {days}::int, {exact}::interval,"
        " {zone}::text))",
        maybe=MAYBE_BEFORE,
        began=_BEGAN,
        months=parameter(f"{prefix}months"),
        days=parameter(f"{prefix}days"),
        exact=parameter(f"{prefix}exact"),
        zone=parameter(f"{prefix}zone"),
    )
    return test, params
