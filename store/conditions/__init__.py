"""Conditions as SQL, compiled for one contact or for all of them and evaluated nowhere else.

An expression is written over two rows that the statement around it provides: `c`, a row of
`contact`, and `r`, a row with at least `id uuid, entry jsonb, entry_ref bigint, entry_event_id
bigint` (a run; for an entry, the run that it would begin, with a null id). It is true or false,
never null.
"""

from store.conditions.attribute_change import compile_change
from store.conditions.condition_compiler import compile_condition, compile_where, split_where
from store.conditions.evaluation import (
    OF_EVENT,
    OF_RUN,
    OF_START,
    Evaluation,
    Question,
    Rows,
    evaluate,
    evaluate_entries,
    evaluate_over,
    evaluate_start,
)
from store.conditions.parts import Part, evaluate_parts, parts_of_where
from store.conditions.predicate import ObservedValue, Predicate
from store.conditions.sql_values import SEGMENT_ZONE, JudgedRow
from store.conditions.time_dependence import is_timed

__all__ = [
    "OF_EVENT",
    "OF_RUN",
    "OF_START",
    "SEGMENT_ZONE",
    "Evaluation",
    "JudgedRow",
    "ObservedValue",
    "Part",
    "Predicate",
    "Question",
    "Rows",
    "compile_change",
    "compile_condition",
    "compile_where",
    "evaluate",
    "evaluate_entries",
    "evaluate_over",
    "evaluate_parts",
    "evaluate_start",
    "is_timed",
    "parts_of_where",
    "split_where",
]
