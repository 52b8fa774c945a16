"""The statement that judges contacts by several conditions, each as of an instant of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from journeys.model.conditions import Condition
from store.conditions import SEGMENT_ZONE, JudgedRow, compile_condition
from store.sql import Connection, NumberedQuery, Sql, fetch_prepared, join, sql, text_literal

_NEVER: Final = sql("null::timestamptz")


class Judgement(NamedTuple):
    """Whether a condition held at an instant, and when time alone may change that."""

    holds: bool
    next_at: datetime | None
    """None: never."""


@dataclass(frozen=True, slots=True)
class JudgingStatement:
    """A prepared statement; its conditions name no segment."""

    query: NumberedQuery
    count: int

    @classmethod
    def of(cls, conditions: Sequence[Condition]) -> JudgingStatement:
        """The statement of these conditions, in their order."""
        params: dict[str, Any] = {}
        shared = JudgedRow(sql("k.at"), text_literal(SEGMENT_ZONE))
        holds: list[Sql] = []
        nexts: list[Sql] = []
        for number, condition in enumerate(conditions):
            predicate = compile_condition(condition, prefix=f"s{number}p", shared=shared)
            params |= predicate.params
            holds.append(predicate.sql)
            if predicate.next_change is None:
                nexts.append(_NEVER)
            else:
                # Python's calendar ends there.
                nexts.append(
                    sql(
                        "nullif(least({next}, timestamptz '9999-01-01 00:00:00+00'),"
                        " timestamptz '9999-01-01 00:00:00+00')",
                        next=predicate.next_change,
                    )
                )
        query = sql(
            """
select k.n, v.holds, v.next_at
from unnest(%(contacts)s::uuid[], %(instants)s::timestamptz[]) with ordinality k(contact_id, at, n)
join contact c on c.id = k.contact_id
cross join (
    select null::uuid as id, '{}'::jsonb as entry, 0::bigint as entry_ref,
           null::bigint as entry_event_id, 0 as visit
) r
{shared}
cross join lateral (
    select array[{holds}]::boolean[] as holds,
           array[{nexts}]::timestamptz[] as next_at
    offset 0
) v
""",
            shared=shared.rows,
            holds=join(", ", holds),
            nexts=join(", ", nexts),
        )
        return cls(NumberedQuery.of(query, params, ("contacts", "instants")), len(conditions))

    async def judge(
        self, conn: Connection, asked: Sequence[tuple[UUID, datetime | None]]
    ) -> list[list[Judgement] | None]:
        """The judgements of contacts, each as of an instant or as of now, in the order asked for.

        None for a contact that does not exist.
        """
        rows = await fetch_prepared(
            conn,
            self.query,
            [[contact for contact, _ in asked], [instant for _, instant in asked]],
        )
        found: list[list[Judgement] | None] = [None] * len(asked)
        for n, holds, next_at in rows:
            found[n - 1] = list(map(Judgement, holds, next_at))
        return found
