"""Listeners of runs: registered, removed, and queried for the trigger that fired first.

A listener query is one statement per version and step, or per version for its exits, and is built
once. Each trigger has a slot. For each slot the query answers with the smallest id, above the
listener's reference, of an event that fires it. A condition is fired by no event: while it holds,
the answer is the highest event id of the contact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy import bindparam, delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from journeys.model.conditions import Condition
from journeys.model.journey import Journey
from journeys.model.steps import AnyWait, ForWait, TriggerWait, WaitStep
from journeys.model.triggers import (
    ConditionTrigger,
    EventGoal,
    EventTrigger,
    Goal,
    MessageGoal,
    MessageTrigger,
)
from store.conditions import compile_condition, is_timed
from store.conditions.trigger_matching import match_trigger, needs_exact_test, resolve_match
from store.sql import (
    Connection,
    Sql,
    execute,
    execute_many,
    fetch_one,
    integer,
    join,
    sql,
    statement,
)
from store.tables.runs import Listener

Trigger = EventTrigger | MessageTrigger | ConditionTrigger

_WITHIN_GOAL_TIME = sql(
    "e.stamped_at <= (select coalesce(g.until_at, 'infinity') from goal g where g.run_id = r.id)"
)
# The moment may be before the run's entry, whose event ends no wait, or in the future.
_SINCE_MOMENT = (
    sql("e.id is distinct from r.entry_event_id"),
    sql(
        "e.stamped_at >= coalesce((select (nullif(v.facts->>'since', 'missing'))::timestamptz"
        " from visit v where v.run_id = r.id and v.visit = %(visit)s), '-infinity')"
    ),
)
_ADD = statement(
    insert(Listener)
    .values({column.name: bindparam(column.name) for column in Listener.__table__.c})  # type: ignore[attr-defined]
    .on_conflict_do_nothing()
)
_REMOVE = statement(
    delete(Listener).where(
        col(Listener.run_id) == bindparam("run"), col(Listener.visit) == bindparam("visit")
    )
)


@dataclass(frozen=True)
class Slot:
    """A trigger of a wait, or an exit rule. `number` is its place in the document, from 0."""

    number: int
    name: str
    """The outcome of the wait that it ends, or the reason of the exit."""
    trigger: Trigger
    event_name: str | None
    equal: dict[str, Any]
    """Parts of `where` that go into the listener's `match`; references to the entry unresolved."""
    rest: bool
    """Whether there is more to test than the name and `match`."""
    timed: bool
    """Whether time alone can fire it."""
    outcome: str = "exited"
    """The outcome of the run, if this is an exit rule."""


@dataclass(frozen=True)
class ListenerQuery:
    """The slots of a wait or of a version's exits, and the statement that tests all of them."""

    slots: tuple[Slot, ...]
    sql: Sql
    params: dict[str, Any]

    @property
    def since_its_send(self) -> frozenset[int]:
        """Slots on the status of a message: its events count since its send, not a reference."""
        return frozenset(
            slot.number for slot in self.slots if isinstance(slot.trigger, MessageTrigger)
        )


@dataclass(frozen=True)
class Fired:
    """A trigger that fired."""

    slot: Slot
    event_id: int


def build_exit_query(
    journey: Journey, segments: Mapping[str, Condition] | None = None
) -> ListenerQuery | None:
    """The query of a version's exit rules; None if it has none. `segments` are all of them."""
    rules: list[tuple[int, str, Trigger | Goal]] = []
    for place, rule in enumerate(journey.exit):
        trigger = journey.goal if isinstance(rule, str) else rule
        if trigger is not None:
            rules.append((place, _reason(trigger), trigger))
    return _build(rules, journey.timezone, segments) if rules else None


def build_wait_query(
    journey: Journey, step_id: str, segments: Mapping[str, Condition] | None = None
) -> ListenerQuery | None:
    """The query of the triggers of the wait `step_id`; None if only time ends it."""
    step = journey.step(step_id)
    wait = step.wait if isinstance(step, WaitStep) else None
    if isinstance(wait, ForWait) and wait.after is not None:
        return _build([(0, "after", wait.after)], journey.timezone, segments)
    if isinstance(wait, TriggerWait):
        triggers = [(0, "happened", wait.trigger)]
        return _build(triggers, journey.timezone, segments, since=_is_moment(wait.since))
    if isinstance(wait, AnyWait):
        named = [(place, each.name, each.trigger) for place, each in enumerate(wait.any)]
        return _build(named, journey.timezone, segments, since=_is_moment(wait.since))
    return None


def _is_moment(since: object) -> bool:
    return since not in (None, "entry", "now")


def _reason(trigger: Trigger | Goal) -> str:
    if isinstance(trigger, EventTrigger):
        return trigger.event
    if isinstance(trigger, MessageTrigger):
        return f"{trigger.message} {trigger.is_}"
    return "condition"


def _build(
    triggers: Sequence[tuple[int, str, Trigger | Goal]],
    zone: str | None,
    segments: Mapping[str, Condition] | None,
    *,
    since: bool = False,
) -> ListenerQuery:
    """`since`: the wait counts events from a moment, which is among the facts of its visit."""
    slots: list[Slot] = []
    columns: list[Sql] = []
    params: dict[str, Any] = {}
    for number, name, trigger in triggers:
        prefix = f"s{number}_"
        listener = sql(
            "l.run_id = r.id and l.visit = %(visit)s and l.slot = {slot}", slot=integer(number)
        )
        if isinstance(trigger, ConditionTrigger):
            holds = compile_condition(
                trigger.if_, prefix=prefix, default_zone=zone or "UTC", segments=segments
            )
            params |= holds.params
            columns.append(
                sql(
                    "(select greatest(c.last_event_id, l.ref) from listener l"
                    " where {listener} and {holds})",
                    listener=listener,
                    holds=holds.sql,
                )
            )
            # A condition on a segment is timed, so that the hourly check sees a changed segment.
            slots.append(
                Slot(number, name, trigger, None, {}, rest=True, timed=is_timed(trigger.if_))
            )
            continue
        matching = match_trigger(trigger, prefix, zone or "UTC")
        params |= matching.params
        tests = list(matching.tests)
        if since and isinstance(trigger, EventTrigger):
            tests += _SINCE_MOMENT
        goal = trigger if isinstance(trigger, EventGoal | MessageGoal) else None
        if goal is not None and goal.within is not None:
            tests.append(_WITHIN_GOAL_TIME)
        columns.append(
            sql(
                "(select e.id from listener l join event e on e.contact_id = r.contact_id"
                " and e.name = l.event_name and e.id > l.ref and e.properties @> l.match"
                # A derived entry event is newer than its run's reference.
                " and e.id is distinct from r.entry_event_id"
                " and (e.run_id is null or e.run_id = r.id)"
                " and (%(due)s::timestamptz is null or e.stamped_at <= %(due)s::timestamptz)"
                " where {tests} order by e.id limit 1)",
                tests=join(" and ", [listener, *tests]),
            )
        )
        slots.append(
            Slot(
                number,
                name,
                trigger,
                matching.event_name,
                matching.equal,
                rest=matching.rest or len(tests) > len(matching.tests),
                timed=False,
                outcome="exited" if goal is None else "goal",
            )
        )
    query = sql(
        "select {columns} from run r join contact c on c.id = r.contact_id where r.id = %(run)s",
        columns=join(", ", columns),
    )
    return ListenerQuery(tuple(slots), query, params)


async def add_listeners(
    conn: Connection,
    query: ListenerQuery,
    *,
    run_id: UUID,
    visit: int,
    contact_id: UUID,
    ref: int,
    entry: dict[str, Any],
) -> None:
    """Register the slots of a query; only events with an id above `ref` count.

    A slot whose `where` refers to a property that the entry lacks can never fire. It is left out.
    """
    rows = []
    for slot in query.slots:
        match = resolve_match(slot.equal, entry)
        if match is None:
            continue
        rows.append(
            {
                "run_id": run_id,
                "visit": visit,
                "slot": slot.number,
                "contact_id": contact_id,
                "event_name": slot.event_name,
                "match": Jsonb(match),
                "ref": 0 if visit and slot.number in query.since_its_send else ref,
                "rest": slot.rest or needs_exact_test(match),
                "timed": slot.timed,
            }
        )
    await execute_many(conn, _ADD, rows)


async def first_fired(
    conn: Connection,
    query: ListenerQuery,
    *,
    run_id: UUID,
    visit: int,
    due: datetime | None = None,
) -> Fired | None:
    """The trigger that fired first, by event id and then by its place; None if none has.

    With `due`, only events stamped up to it count.
    """
    row = await fetch_one(
        conn, query.sql, {**query.params, "run": run_id, "visit": visit, "due": due}
    )
    if row is None:
        return None
    fired = [
        Fired(slot, event_id)
        for slot, event_id in zip(query.slots, row, strict=True)
        if event_id is not None
    ]
    return min(fired, key=lambda each: (each.event_id, each.slot.number), default=None)


async def remove_listeners(conn: Connection, run_id: UUID, visit: int) -> None:
    """Remove the listeners of a visit."""
    await execute(conn, _REMOVE, {"run": run_id, "visit": visit})
