"""Evaluation of conditions: for one run, or for events that might begin one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from store.conditions.predicate import Predicate
from store.sql import Sql, fetch_column, fetch_one, fetch_value, join, sql


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows that conditions are judged over: where `c` and `r` come from, and which they are."""

    source: Sql
    which: Sql


# What a run would be that an event begins, or a start without one: the row `r` of conditions.
_RUN_OF_EVENT: Final = sql("""
(select null::uuid as id, e.properties as entry, e.id as entry_ref, e.id as entry_event_id,
        0 as visit) r
""")
_RUN_OF_START: Final = sql("""
(select null::uuid as id, %(start_entry)s::jsonb as entry, c.last_event_id as entry_ref,
        null::bigint as entry_event_id, 0 as visit) r
""")
OF_RUN: Final = Rows(
    sql("run r join contact c on c.id = r.contact_id"), sql("r.id = %(evaluated_run)s")
)
OF_EVENT: Final = Rows(
    sql(
        "event e join contact c on c.id = e.contact_id cross join lateral {run}", run=_RUN_OF_EVENT
    ),
    sql("e.id = %(evaluated_event)s"),
)
OF_START: Final = Rows(
    sql("contact c cross join lateral {run}", run=_RUN_OF_START),
    sql("c.id = %(start_contact)s"),
)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The result of a condition, and the values that it read."""

    holds: bool
    saw: dict[str, Any]
    """Values by label; a label that comes again with another value gets a number."""


@dataclass(frozen=True, slots=True)
class Question:
    """The statement that evaluates several conditions for a run, on one state of the database."""

    predicates: tuple[Predicate, ...]
    query: Sql
    params: Mapping[str, Any]

    @classmethod
    def of(cls, predicates: Sequence[Predicate], rows: Rows = OF_RUN) -> Question:
        """The question; each predicate has a prefix of its own."""
        columns: list[Sql] = []
        seen: list[Sql] = []
        params: dict[str, Any] = {}
        for predicate in predicates:
            columns.append(predicate.over_observed)
            columns += [holds for _, holds in predicate.segments]
            for value in predicate.observed:
                columns.append(sql("seen.{column}", column=value.column))
                seen.append(sql("{value} as {column}", value=value.sql, column=value.column))
            params |= predicate.params
        query = sql(
            "select {columns} from {source}{observed} where {which}",
            columns=join(", ", columns),
            source=rows.source,
            observed=_observed(seen),
            which=rows.which,
        )
        return cls(tuple(predicates), query, params)


async def evaluate(
    conn: AsyncConnection[Any],
    run_id: UUID,
    predicates: Sequence[Predicate] | Question,
    judged_at: datetime | None = None,
) -> list[Evaluation]:
    """Evaluate conditions for a run, all in one statement and on one state of the database.

    With `judged_at`, as of that instant.

    Raises LookupError if there is no such run.
    """
    question = predicates if isinstance(predicates, Question) else Question.of(predicates)
    answers = await evaluate_over(conn, question, {"evaluated_run": run_id}, judged_at)
    if answers is None:
        raise LookupError(f"there is no run {run_id}")
    return answers


async def evaluate_over(
    conn: AsyncConnection[Any],
    question: Question,
    of: Mapping[str, Any],
    judged_at: datetime | None = None,
) -> list[Evaluation] | None:
    """Evaluate a question over its rows, which the parameters `of` name; None without a row."""
    if not question.predicates:
        return []
    params = {**question.params, **of, "judged_at": judged_at}
    row = await fetch_one(conn, question.query, params)
    if row is None:
        return None
    values = iter(row)
    return [
        Evaluation(next(values), _labelled(predicate, values)) for predicate in question.predicates
    ]


def _observed(columns: list[Sql]) -> Sql:
    """The row `seen` of the observed values."""
    if not columns:
        return sql("")
    # With an offset it stays a query of its own, whose values are computed once.
    return sql(" cross join lateral (select {columns} offset 0) seen", columns=join(", ", columns))


def _labelled(predicate: Predicate, values: Iterator[Any]) -> dict[str, Any]:
    saw: dict[str, Any] = {}
    labels = [label for label, _ in predicate.segments]
    labels += [value.label for value in predicate.observed]
    for plain_label in labels:
        value = next(values)
        label, number = plain_label, 1
        while label in saw and saw[label] != value:
            number += 1
            label = f"{plain_label} ({number})"
        saw[label] = value
    return saw


async def evaluate_entries(
    conn: AsyncConnection[Any],
    candidates: list[tuple[int, UUID]],
    predicate_if: Predicate | None,
    predicate_where: Predicate | None,
) -> set[int]:
    """The events, each with its contact, that meet an entry's `where` and `if`.

    `predicate_where` is over the row `e`. An event that has another contact by now is left out.
    """
    if not candidates:
        return set()
    predicates = [each for each in (predicate_where, predicate_if) if each is not None]
    params: dict[str, Any] = {
        "candidate_events": [event_id for event_id, _ in candidates],
        "candidate_contacts": [contact_id for _, contact_id in candidates],
    }
    for each in predicates:
        params |= each.params
    query = sql(
        "select e.id"
        " from unnest(%(candidate_events)s::bigint[], %(candidate_contacts)s::uuid[])"
        " as k(event_id, contact_id)"
        " join event e on e.id = k.event_id and e.contact_id = k.contact_id"
        " join contact c on c.id = e.contact_id"
        " cross join lateral {run}"
        " where {tests}",
        run=_RUN_OF_EVENT,
        tests=join(" and ", [sql("true"), *(each.sql for each in predicates)]),
    )
    return set(await fetch_column(conn, query, params))


async def evaluate_start(
    conn: AsyncConnection[Any], contact_id: UUID, entry: dict[str, Any], predicate: Predicate
) -> bool:
    """Whether a condition holds for a run that would begin now without an event."""
    query = sql(
        "select {holds} from {source} where {which}",
        holds=predicate.sql,
        source=OF_START.source,
        which=OF_START.which,
    )
    params = {**predicate.params, "start_entry": Jsonb(entry), "start_contact": contact_id}
    return bool(await fetch_value(conn, query, params))
