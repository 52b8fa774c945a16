"""Asking what conditions say: of one run, or of events that might begin one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from store.conditions.predicate import Predicate


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a condition said, and what it looked at."""

    holds: bool
    saw: dict[str, Any]
    """Values by what they are; a label that comes again with another value gets a number."""


async def evaluate(
    conn: AsyncConnection[Any], run_id: UUID, predicates: list[Predicate]
) -> list[Evaluation]:
    """Judge conditions for a run, all in one statement and on one state of the database.

    Raises LookupError if there is no such run.
    """
    if not predicates:
        return []
    columns: list[str] = []
    seen: list[str] = []
    params: dict[str, Any] = {"judged_run": run_id}
    for predicate in predicates:
        columns.append(predicate.over_witnesses)
        columns += [sql for _, sql in predicate.segments]
        for witness in predicate.witnesses:
            columns.append(f"seen.{witness.column}")
            seen.append(f"{witness.sql} as {witness.column}")
        params |= predicate.params
    # With an offset it stays a query of its own, whose values are looked for once.
    looked_at = f" cross join lateral (select {', '.join(seen)} offset 0) seen" if seen else ""
    cursor = await conn.execute(
        f"select {', '.join(columns)} from run r join contact c on c.id = r.contact_id{looked_at}"
        " where r.id = %(judged_run)s",
        params,
    )
    row = await cursor.fetchone()
    if row is None:
        raise LookupError(f"there is no run {run_id}")
    values = iter(row)
    return [Evaluation(next(values), _labelled(predicate, values)) for predicate in predicates]


def _labelled(predicate: Predicate, values: Iterator[Any]) -> dict[str, Any]:
    saw: dict[str, Any] = {}
    labels = [label for label, _ in predicate.segments]
    labels += [witness.label for witness in predicate.witnesses]
    for said in labels:
        value = next(values)
        label, number = said, 1
        while label in saw and saw[label] != value:
            number += 1
            label = f"{said} ({number})"
        saw[label] = value
    return saw


async def evaluate_entries(
    conn: AsyncConnection[Any],
    candidates: list[tuple[int, UUID]],
    predicate_if: Predicate | None,
    predicate_where: Predicate | None,
) -> set[int]:
    """Which events, each with its contact, meet an entry's `where` and `if`.

    `predicate_where` is over the row `e`. An event that has another contact by now is left out.
    """
    if not candidates:
        return set()
    tests = [each for each in (predicate_where, predicate_if) if each is not None]
    params: dict[str, Any] = {
        "judged_events": [event_id for event_id, _ in candidates],
        "judged_contacts": [contact_id for _, contact_id in candidates],
    }
    for each in tests:
        params |= each.params
    cursor = await conn.execute(
        "select e.id"
        " from unnest(%(judged_events)s::bigint[], %(judged_contacts)s::uuid[])"
        " as k(event_id, contact_id)"
        " join event e on e.id = k.event_id and e.contact_id = k.contact_id"
        " join contact c on c.id = e.contact_id"
        " cross join lateral (select null::uuid as id, e.properties as entry,"
        " e.id as entry_ref, e.id as entry_event_id, 0 as visit) r"
        f" where {' and '.join(['true', *(each.sql for each in tests)])}",
        params,
    )
    return {row[0] for row in await cursor.fetchall()}


async def evaluate_start(
    conn: AsyncConnection[Any], contact_id: UUID, entry: dict[str, Any], predicate: Predicate
) -> bool:
    """Whether a condition holds for a run that would begin now without an event."""
    cursor = await conn.execute(
        f"select {predicate.sql} from contact c"
        " cross join lateral (select null::uuid as id, %(judged_entry)s::jsonb as entry,"
        " c.last_event_id as entry_ref, null::bigint as entry_event_id, 0 as visit) r"
        " where c.id = %(judged_contact)s",
        {**predicate.params, "judged_entry": Jsonb(entry), "judged_contact": contact_id},
    )
    row = await cursor.fetchone()
    return row is not None and bool(row[0])
