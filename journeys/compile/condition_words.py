"""Conditions in words: "attribute country is FR", "event Order Completed within 30d".

The words hold what the document says, never data of a contact.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from journeys.model.conditions import (
    AllCondition,
    AnyCondition,
    AttributeCondition,
    Comparison,
    Condition,
    EntryCondition,
    EventCondition,
    GroupCondition,
    MessageCondition,
    NearCondition,
    NotCondition,
    SegmentCondition,
    StepCondition,
    TopicCondition,
    Where,
)
from journeys.model.values import AttributeReference, EntryReference, StepReference

LONGEST: Final = 400
"""Characters of a condition in words."""
_OPERATORS: Final[Mapping[str, str]] = {
    "is": "is",
    "is_not": "is not",
    "in": "is one of",
    "not_in": "is not one of",
    "gt": "is above",
    "gte": "is at least",
    "lt": "is below",
    "lte": "is at most",
    "contains": "contains",
    "starts_with": "starts with",
    "ends_with": "ends with",
    "before": "is before",
    "after": "is after",
}
_MEASURES: Final = ("sum", "avg", "min", "max")


def condition_words(condition: Condition) -> str:
    """A condition in words."""
    return _bounded(_words(condition))


def where_words(where: Where) -> str:
    """`where` in words: "total is at least 50 and sku is A"."""
    return _bounded(_where(where))


def _bounded(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _words(condition: Condition) -> str:
    match condition:
        case AllCondition(all=parts):
            return " and ".join(map(_part, parts)) or "nothing is asked"
        case AnyCondition(any=parts):
            return " or ".join(map(_part, parts)) or "nothing would do"
        case NotCondition(not_=part):
            return f"not: {_part(part)}"
        case AttributeCondition(attribute=path):
            return f"attribute {path} {_compared(condition)}"
        case EntryCondition(entry=path):
            return f"entry {path} {_compared(condition)}"
        case StepCondition(step=step, property=path):
            return f"step {step}{'' if path is None else f' {path}'} {_compared(condition)}"
        case MessageCondition(message=step, is_=status, where=where):
            return f"message {step} is {status}{_with(where)}"
        case GroupCondition(group=key):
            return f"in group {key}"
        case SegmentCondition(segment=key):
            return f"in segment {key}"
        case TopicCondition(topic=topic, is_=state):
            return f"topic {topic} is {state}"
        case NearCondition(near=near):
            where_to = near.places if near.places is not None else f"{near.lat}, {near.lon}"
            return f"within {near.km:g} km of {where_to}"
        case EventCondition():
            return _event(condition)


def _part(condition: Condition) -> str:
    """One of several conditions; several of them stand in brackets."""
    words = _words(condition)
    nested = isinstance(condition, AllCondition | AnyCondition | NotCondition)
    return f"({words})" if nested else words


def _event(condition: EventCondition) -> str:
    words = f"event {condition.event}{_with(condition.where)}"
    if isinstance(condition.count, Comparison):
        words += f", whose count {_compared(condition.count)}"
    elif condition.count is not None:
        words += f", whose count is {condition.count}"
    for name in _MEASURES:
        for path, comparison in (getattr(condition, name) or {}).items():
            words += f", whose {name} of {path} {_compared(comparison)}"
    if condition.within is not None:
        words += f" within {condition.within}"
    if condition.since is not None:
        words += f" since {_value(condition.since)}"
    if condition.before is not None:
        words += f" before {_value(condition.before)}"
    return words


def _with(where: Where) -> str:
    return f" with {_where(where)}" if where else ""


def _where(where: Where) -> str:
    return " and ".join(f"{path} {_of_where(comparison)}" for path, comparison in where.items())


def _of_where(comparison: Any) -> str:
    if isinstance(comparison, Comparison):
        return _compared(comparison)
    return (
        f"is one of {_value(comparison)}"
        if isinstance(comparison, list)
        else (f"is {_value(comparison)}")
    )


def _compared(comparison: Comparison) -> str:
    return " and ".join(
        _operator(word, operand)
        # Those of subclasses that name what is compared are no operators.
        for word, operand in comparison.operators().items()
    )


def _operator(word: str, operand: Any) -> str:
    if word == "exists":
        return "exists" if operand else "does not exist"
    if word == "any":
        return f"has an element with {_where(operand)}"
    return f"{_OPERATORS[word]} {_value(operand)}"


def _value(value: Any) -> str:
    if isinstance(value, EntryReference):
        return f"entry {value.entry}"
    if isinstance(value, AttributeReference):
        return f"attribute {value.attribute}"
    if isinstance(value, StepReference):
        return f"step {value.step} {value.property}"
    if isinstance(value, BaseModel):
        return json.dumps(value.model_dump(mode="json", by_alias=True, exclude_unset=True))
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    if isinstance(value, str):
        return value if value.strip() else json.dumps(value)
    return json.dumps(value, ensure_ascii=False)
