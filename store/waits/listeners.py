"""What a run listens for: registering it, and looking whether it has come.

A look is one statement per version and step (or per version, for its exits), built once. For each
trigger, its slot, it answers with the smallest id of an event that fires it, after the listener's
reference. A condition has no event of its own: while it holds, it answers with the highest id of
the contact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

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

Trigger = EventTrigger | MessageTrigger | ConditionTrigger

_IN_TIME = (
    "e.stamped_at <= (select coalesce(g.until_at, 'infinity') from goal g where g.run_id = r.id)"
)
# The moment may be before the entry, whose event ends no wait, or still to come.
_SINCE = (
    "e.id is distinct from r.entry_event_id",
    (
        "e.stamped_at >= coalesce((select (nullif(v.facts->>'since', 'missing'))::timestamptz"
        " from visit v where v.run_id = r.id and v.visit = %(visit)s), '-infinity')"
    ),
)


@dataclass(frozen=True)
class Slot:
    """One trigger of a wait or one exit rule; `number` is its place in the document, from 0."""

    number: int
    name: str
    """The wait's outcome when it fires, or the exit's reason."""
    trigger: Trigger
    event_name: str | None
    equal: dict[str, Any]
    """Parts of `where` that go into the listener's `match`; references to the entry unresolved."""
    rest: bool
    timed: bool
    outcome: str = "exited"
    """Of the run, if this is an exit rule."""


@dataclass(frozen=True)
class ListenerQuery:
    """The slots of a wait or of a version's exits, and the statement that looks at them all."""

    slots: tuple[Slot, ...]
    sql: str
    params: dict[str, Any]

    @property
    def since_its_send(self) -> frozenset[int]:
        """Slots on a message's fate: a state, counted since its send, whatever the reference."""
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
    """The look at a version's exit rules; None if it has none. `segments` are all there are."""
    rules: list[tuple[int, str, Trigger | Goal]] = []
    for place, rule in enumerate(journey.exit):
        trigger = journey.goal if isinstance(rule, str) else rule
        if trigger is not None:
            rules.append((place, _reason(trigger), trigger))
    return _build(rules, journey.timezone, segments) if rules else None


def build_wait_query(
    journey: Journey, step_id: str, segments: Mapping[str, Condition] | None = None
) -> ListenerQuery | None:
    """The look at what the wait `step_id` waits for; None if only time ends it."""
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
    """`since`: the wait counts events from a moment, which its visit keeps."""
    slots: list[Slot] = []
    columns: list[str] = []
    params: dict[str, Any] = {}
    for number, name, trigger in triggers:
        prefix = f"s{number}_"
        listener = f"l.run_id = r.id and l.visit = %(visit)s and l.slot = {number}"
        if isinstance(trigger, ConditionTrigger):
            holds = compile_condition(
                trigger.if_, prefix=prefix, default_zone=zone or "UTC", segments=segments
            )
            params |= holds.params
            columns.append(
                f"(select greatest(c.last_event_id, l.ref) from listener l"
                f" where {listener} and {holds.sql})"
            )
            # One on a segment counts as timed, so that the hourly look sees a changed segment too.
            slots.append(
                Slot(number, name, trigger, None, {}, rest=True, timed=is_timed(trigger.if_))
            )
            continue
        matching = match_trigger(trigger, prefix)
        params |= matching.params
        tests = [str(test) for test in matching.tests]
        if since and isinstance(trigger, EventTrigger):
            tests += _SINCE
        goal = trigger if isinstance(trigger, EventGoal | MessageGoal) else None
        if goal is not None and goal.within is not None:
            tests.append(_IN_TIME)
        columns.append(
            f"(select e.id from listener l join event e on e.contact_id = r.contact_id"
            f" and e.name = l.event_name and e.id > l.ref and e.properties @> l.match"
            f" and (e.run_id is null or e.run_id = r.id)"
            f" and (%(due)s::timestamptz is null or e.stamped_at <= %(due)s::timestamptz)"
            f" where {' and '.join([listener, *tests])} order by e.id limit 1)"
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
    sql = (
        f"select {', '.join(columns)} from run r join contact c on c.id = r.contact_id"
        " where r.id = %(run)s"
    )
    return ListenerQuery(tuple(slots), sql, params)


async def add_listeners(
    conn: AsyncConnection[Any],
    look: ListenerQuery,
    *,
    run_id: UUID,
    visit: int,
    contact_id: UUID,
    ref: int,
    entry: dict[str, Any],
) -> None:
    """Register the slots of `look`, counting events with an id above `ref`.

    A slot whose `where` asks for a property of the entry that is missing can never fire, and is
    left out.
    """
    rows = []
    for slot in look.slots:
        match = resolve_match(slot.equal, entry)
        if match is None:
            continue
        since = 0 if visit and slot.number in look.since_its_send else ref
        rows.append(
            (run_id, visit, slot.number, contact_id, slot.event_name, Jsonb(match), since,
             slot.rest or needs_exact_test(match), slot.timed)
        )  # fmt: skip
    async with conn.cursor() as cursor:
        await cursor.executemany(
            "insert into listener (run_id, visit, slot, contact_id, event_name, match, ref, rest,"
            " timed) values (%s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
            rows,
        )


async def first_fired(
    conn: AsyncConnection[Any],
    look: ListenerQuery,
    *,
    run_id: UUID,
    visit: int,
    due: datetime | None = None,
) -> Fired | None:
    """The trigger that fired first, by the smallest event id and then by its place; None if none.

    With `due`, only events stamped up to it count.
    """
    cursor = await conn.execute(
        look.sql, {**look.params, "run": run_id, "visit": visit, "due": due}
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    fired = [
        Fired(slot, event_id)
        for slot, event_id in zip(look.slots, row, strict=True)
        if event_id is not None
    ]
    return min(fired, key=lambda each: (each.event_id, each.slot.number), default=None)


async def remove_listeners(conn: AsyncConnection[Any], run_id: UUID, visit: int) -> None:
    """Listen no more for what would make a held send look again."""
    await conn.execute("delete from listener where run_id = %s and visit = %s", (run_id, visit))
