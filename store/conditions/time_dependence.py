"""Whether time alone can make a condition true."""

from __future__ import annotations

from collections.abc import Mapping

from journeys.model.conditions import (
    AllCondition,
    AnyCondition,
    Comparison,
    Condition,
    EventCondition,
    MessageCondition,
    NotCondition,
    SegmentCondition,
)
from journeys.model.moments import is_relative


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
    return is_timed_comparison(condition)


def is_timed_comparison(part: object) -> bool:
    """Whether a condition without others inside it, or what it asks of a value, moves with time."""
    if isinstance(part, EventCondition):
        return (
            part.within is not None
            or is_relative(part.since)
            or is_relative(part.before)
            or any(map(is_timed_comparison, part.where.values()))
        )
    if isinstance(part, MessageCondition):
        return any(map(is_timed_comparison, part.where.values()))
    if isinstance(part, Comparison):
        return (
            is_relative(part.before)
            or is_relative(part.after)
            or any(map(is_timed_comparison, (part.any or {}).values()))
        )
    return False
