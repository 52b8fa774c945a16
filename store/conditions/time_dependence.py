"""Whether time alone can make a condition true."""

from __future__ import annotations

from collections.abc import Mapping

from journeys.model.conditions import (
    AllCondition,
    AnyCondition,
    Condition,
    EventCondition,
    NotCondition,
    SegmentCondition,
)
from store.conditions.time_bounds import is_relative


def is_timed(condition: Condition, *, segments: Mapping[str, Condition] | None = None) -> bool:
    """Whether the condition can become true without an event.

    It may return True for a condition that cannot: it looks for bounds that move with time, not at
    their effect. The conditions of `segments` are checked too; a segment that is not among them
    counts as timed.
    """
    if isinstance(condition, AllCondition | AnyCondition):
        parts = condition.all if isinstance(condition, AllCondition) else condition.any
        return any(is_timed(part, segments=segments) for part in parts)
    if isinstance(condition, NotCondition):
        return is_timed(condition.not_, segments=segments)
    if isinstance(condition, SegmentCondition):
        if segments is None or condition.segment not in segments:
            return True
        others = {key: each for key, each in segments.items() if key != condition.segment}
        return is_timed(segments[condition.segment], segments=others)
    return isinstance(condition, EventCondition) and (
        condition.within is not None
        or is_relative(condition.since)
        or is_relative(condition.before)
    )
