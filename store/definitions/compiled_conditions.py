"""Conditions of one version of a journey, each compiled once.

Compiling takes longer than PostgreSQL takes to judge most conditions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from journeys.model.conditions import AnyCondition, Condition
from journeys.model.entry_events import EventfulEntry
from journeys.model.entry_kinds import trigger_of
from journeys.model.triggers import AttributeEntry
from store.conditions import (
    Predicate,
    Question,
    compile_change,
    compile_condition,
    compile_where,
)


class CompiledConditions:
    """The conditions of a document, which the caller keeps: the same objects are found again."""

    def __init__(self, timezone: str | None, segments: Mapping[str, Condition]) -> None:
        self._zone = timezone or "UTC"
        self._segments = segments
        # With each result stand the objects it is made of, so that no other has their ids.
        self._questions: dict[tuple[int, ...], tuple[Sequence[Condition], Question]] = {}
        self._entries: dict[int, tuple[EventfulEntry, Predicate | None, Predicate | None]] = {}
        self._starts: dict[tuple[int, ...], tuple[Sequence[Condition], Predicate]] = {}

    def question(self, conditions: Sequence[Condition]) -> Question:
        """The question whether each of these conditions of the document holds for a run."""
        key = tuple(map(id, conditions))
        known = self._questions.get(key)
        if known is None:
            predicates = [
                self._compile(condition, f"c{number}_")
                for number, condition in enumerate(conditions)
            ]
            known = self._questions[key] = (tuple(conditions), Question.of(predicates))
        return known[1]

    def entry(self, entry: EventfulEntry) -> tuple[Predicate | None, Predicate | None]:
        """What an entry asks of its event, and its `if`; None for what it does not have."""
        known = self._entries.get(id(entry))
        if known is None:
            where = condition = None
            trigger = trigger_of(entry)
            assert trigger is not None
            if isinstance(entry, AttributeEntry):
                where = compile_change(entry, prefix="w_", default_zone=self._zone)
            elif trigger.where:
                where = compile_where(
                    trigger.where, event="e", prefix="w_", default_zone=self._zone
                )
            if entry.if_ is not None:
                condition = self._compile(entry.if_, "i_")
            known = self._entries[id(entry)] = (entry, where, condition)
        return known[1:]

    def start(self, conditions: Sequence[Condition]) -> Predicate:
        """Whether any of these conditions of the document holds for a run that would begin."""
        key = tuple(map(id, conditions))
        known = self._starts.get(key)
        if known is None:
            anyone = AnyCondition(any=list(conditions))
            known = self._starts[key] = (tuple(conditions), self._compile(anyone, "i_"))
        return known[1]

    def _compile(self, condition: Condition, prefix: str) -> Predicate:
        return compile_condition(
            condition,
            prefix=prefix,
            default_zone=self._zone,
            segments=self._segments,
            timed=False,
        )
