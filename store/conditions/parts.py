"""Conditions judged part by part, for people who ask which part does not hold.

Each part is compiled and judged by itself, all in one statement: there is no second evaluator.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from psycopg import AsyncConnection

from journeys.compile.condition_words import condition_words, where_words
from journeys.model.conditions import (
    AllCondition,
    AnyCondition,
    Condition,
    NotCondition,
    SegmentCondition,
    Where,
)
from store.conditions.condition_compiler import compile_condition, compile_where
from store.conditions.evaluation import Evaluation, Question, Rows, evaluate_over
from store.conditions.predicate import Predicate
from store.conditions.sql_values import SEGMENT_ZONE

PARTS: Final = 60
"""A condition of more parts is judged as a whole only."""


@dataclass(frozen=True, slots=True)
class Part:
    """A condition, or a part of one, and whether it holds."""

    words: str
    holds: bool
    saw: dict[str, Any]
    """The values that it read, by label; empty for one that has parts."""
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class _Node:
    """A condition of the tree, in the order of the document; its parts follow it."""

    words: str
    predicate: Predicate
    parts: tuple[_Node, ...] = ()


async def evaluate_parts(
    conn: AsyncConnection[Any],
    condition: Condition,
    rows: Rows,
    of: Mapping[str, Any],
    *,
    timezone: str | None,
    segments: Mapping[str, Condition],
    at: datetime | None = None,
) -> Part | None:
    """Judge a condition and each part of it over rows, as of `at` or of now; None without a row.

    Args:
        of: the parameters that name the row.
        timezone: of contacts without one.
        segments: the conditions of the segments that it may name, by key.
    """
    zone = timezone or SEGMENT_ZONE
    count = _count(condition, segments, ())
    root = _node(condition, zone, segments, [0], (), deep=count <= PARTS)
    return await _judge(conn, root, rows, of, at)


async def parts_of_where(
    conn: AsyncConnection[Any],
    where: Where,
    rows: Rows,
    of: Mapping[str, Any],
    *,
    timezone: str | None,
) -> Part | None:
    """Judge the comparisons of `where` for the event of the rows; None without a row."""
    zone = timezone or SEGMENT_ZONE
    whole = compile_where(where, event="e", prefix="x_", default_zone=zone, observed=False)
    parts = tuple(
        _Node(
            where_words({path: comparison}),
            compile_where(
                {path: comparison},
                event="e",
                prefix=f"x{number}_",
                default_zone=zone,
                observed=True,
            ),
        )
        for number, (path, comparison) in enumerate(list(where.items())[:PARTS])
    )
    return await _judge(conn, _Node(where_words(where), whole, parts), rows, of, None)


async def _judge(
    conn: AsyncConnection[Any],
    root: _Node,
    rows: Rows,
    of: Mapping[str, Any],
    at: datetime | None,
) -> Part | None:
    question = Question.of(_predicates(root), rows)
    answers = await evaluate_over(conn, question, of, at)
    return None if answers is None else _part(root, iter(answers))


def _predicates(node: _Node) -> list[Predicate]:
    return [node.predicate, *(each for part in node.parts for each in _predicates(part))]


def _part(node: _Node, answers: Iterator[Evaluation]) -> Part:
    answer = next(answers)
    parts = tuple(_part(each, answers) for each in node.parts)
    return Part(node.words, bool(answer.holds), answer.saw, parts)


def _inside(
    condition: Condition, segments: Mapping[str, Condition], within: tuple[str, ...]
) -> tuple[list[Condition], tuple[str, ...]]:
    """The conditions inside one, and the segments that these are in."""
    match condition:
        case AllCondition(all=parts) | AnyCondition(any=parts):
            return list(parts), within
        case NotCondition(not_=part):
            return [part], within
        case SegmentCondition(segment=key) if key in segments and key not in within:
            return [segments[key]], (*within, key)
    return [], within


def _count(condition: Condition, segments: Mapping[str, Condition], within: tuple[str, ...]) -> int:
    inside, deeper = _inside(condition, segments, within)
    return 1 + sum(_count(each, segments, deeper) for each in inside)


def _node(
    condition: Condition,
    zone: str,
    segments: Mapping[str, Condition],
    number: list[int],
    within: tuple[str, ...],
    *,
    deep: bool,
) -> _Node:
    prefix = f"x{number[0]}_"
    number[0] += 1
    predicate = compile_condition(
        condition,
        prefix=prefix,
        # In a segment it means the same in every journey.
        default_zone=SEGMENT_ZONE if within else zone,
        segments=segments,
        timed=False,
    )
    inside, deeper = _inside(condition, segments, within) if deep else ([], within)
    if inside:
        predicate = replace(predicate, over_observed=predicate.sql, observed=(), segments=())
    parts = tuple(_node(each, zone, segments, number, deeper, deep=deep) for each in inside)
    return _Node(condition_words(condition), predicate, parts)
