"""Listener queries: what a wait or a version's exits listen for, as SQL that is built once.

A query is one statement per version and step, or per version for its exits. Each trigger has a
slot. For each slot on an event the query answers with the smallest id, above the listener's
reference, of an event that fires it. A condition fires at the first instant at which it holds;
`store.waits.condition_walks` finds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from journeys.model.conditions import Condition
from journeys.model.journey import Journey
from journeys.model.steps import WaitStep
from journeys.model.triggers import (
    ConditionTrigger,
    EventGoal,
    EventTrigger,
    Goal,
    MessageGoal,
    MessageTrigger,
)
from journeys.model.waits import AnyWait, ForWait, TriggerWait
from store.conditions import compile_condition
from store.conditions.goal_times import UP_TO_ITS_END, since_beginning
from store.conditions.trigger_matching import match_trigger
from store.sql import Sql, integer, join, sql
from store.waits.condition_walks import ConditionWalk, build_walk

Trigger = EventTrigger | MessageTrigger | ConditionTrigger

_UP_TO_GOALS_END = sql(
    "exists (select from goal g where g.run_id = r.id and {up_to_its_end})",
    up_to_its_end=UP_TO_ITS_END,
)
# The moment may be before the run's entry, whose event ends no wait, or in the future.
_SINCE_MOMENT = (
    sql("e.id is distinct from r.entry_event_id"),
    sql(
        "e.stamped_at >= coalesce((select (nullif(v.facts->>'since', 'missing'))::timestamptz"
        " from visit v where v.run_id = r.id and v.visit = %(visit)s), '-infinity')"
    ),
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
    outcome: str = "exited"
    """The outcome of the run, if this is an exit rule."""


@dataclass(frozen=True)
class ListenerQuery:
    """The slots of a wait or of a version's exits, and the statement that tests all of them."""

    slots: tuple[Slot, ...]
    sql: Sql
    """Its columns are the slots in their order; that of a condition is null."""
    params: dict[str, Any]
    walks: Mapping[int, ConditionWalk] = field(default_factory=dict)
    """Of the conditions, by the number of their slot."""

    @property
    def since_its_send(self) -> frozenset[int]:
        """Slots on the status of a message: its events count since its send, not a reference."""
        return frozenset(
            slot.number for slot in self.slots if isinstance(slot.trigger, MessageTrigger)
        )


def build_exit_query(
    journey: Journey, segments: Mapping[str, Condition] | None = None, revision: int = -1
) -> ListenerQuery | None:
    """The query of a version's exit rules; None if it has none.

    `segments` are all of them, at `revision` of the catalog.
    """
    rules: list[tuple[int, str, Trigger | Goal]] = []
    for place, rule in enumerate(journey.exit):
        trigger = journey.goal if isinstance(rule, str) else rule
        if trigger is not None:
            rules.append((place, _reason(trigger), trigger))
    if not rules:
        return None
    return _build(
        rules, journey.timezone, (segments, revision), began=since_beginning(journey, "began_")
    )


def build_wait_query(
    journey: Journey,
    step_id: str,
    segments: Mapping[str, Condition] | None = None,
    revision: int = -1,
) -> ListenerQuery | None:
    """The query of the triggers of the wait `step_id`; None if only time ends it.

    `segments` are all of them, at `revision` of the catalog.
    """
    known = (segments, revision)
    step = journey.step(step_id)
    wait = step.wait if isinstance(step, WaitStep) else None
    if isinstance(wait, ForWait) and wait.after is not None:
        return _build([(0, "after", wait.after)], journey.timezone, known)
    if isinstance(wait, TriggerWait):
        triggers = [(0, "happened", wait.trigger)]
        return _build(triggers, journey.timezone, known, since=_is_moment(wait.since))
    if isinstance(wait, AnyWait):
        named = [(place, each.name, each.trigger) for place, each in enumerate(wait.any)]
        return _build(named, journey.timezone, known, since=_is_moment(wait.since))
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
    known: tuple[Mapping[str, Condition] | None, int],
    *,
    since: bool = False,
    began: tuple[Sql, dict[str, Any]] | None = None,
) -> ListenerQuery:
    """`since`: the wait counts events from a moment, which is among the facts of its visit.

    `began` tests that an event that would meet the goal did not happen before the run began.
    """
    segments, revision = known
    slots: list[Slot] = []
    columns: list[Sql] = []
    params: dict[str, Any] = {}
    walks: dict[int, ConditionWalk] = {}
    for number, name, trigger in triggers:
        prefix = f"s{number}_"
        listener = sql(
            "l.run_id = r.id and l.visit = %(visit)s and l.slot = {slot}", slot=integer(number)
        )
        if isinstance(trigger, ConditionTrigger):
            holds = compile_condition(
                trigger.if_, prefix=prefix, default_zone=zone or "UTC", segments=segments
            )
            walks[number] = build_walk(number, trigger.if_, holds, segments, revision)
            columns.append(sql("null::bigint"))
            slots.append(Slot(number, name, trigger, None, {}, rest=True))
            continue
        matching = match_trigger(trigger, prefix, zone or "UTC")
        params |= matching.params
        tests = list(matching.tests)
        if since and isinstance(trigger, EventTrigger):
            tests += _SINCE_MOMENT
        goal = trigger if isinstance(trigger, EventGoal | MessageGoal) else None
        if goal is not None and goal.within is not None:
            tests.append(_UP_TO_GOALS_END)
        rest = matching.rest or len(tests) > len(matching.tests)
        if goal is not None and began is not None:
            # A wake for an event that is too old does no harm: the run looks, and goes on.
            test, needed = began
            tests.append(test)
            params |= needed
        columns.append(
            sql(
                "(select e.id from listener l join event e on e.contact_id = r.contact_id"
                " and e.name = l.event_name and e.id > l.ref and e.properties @> l.match"
                # A derived entry event is newer than its run's reference.
                " and e.id is distinct from r.entry_event_id"
                " and (e.run_id is null or e.run_id = r.id)"
                " and (%(due)s::timestamptz is null or e.stamped_at <= %(due)s::timestamptz)"
                # `+ 0`: by the order of its primary key, all contacts' events might be read.
                " where {tests} order by e.id + 0 limit 1)",
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
                rest=rest,
                outcome="exited" if goal is None else "goal",
            )
        )
    query = sql(
        "select {columns} from run r join contact c on c.id = r.contact_id where r.id = %(run)s",
        columns=join(", ", columns),
    )
    return ListenerQuery(tuple(slots), query, params, walks)
