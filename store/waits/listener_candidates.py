"""Listeners that an event, or time, may fire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row


@dataclass(frozen=True)
class Candidate:
    """A listener whose name, reference and equalities an event satisfies."""

    event_id: int
    run_id: UUID
    visit: int
    slot: int
    rest: bool
    journey: str
    version: int
    step: str | None


async def listeners_for(conn: AsyncConnection[Any], event_ids: list[int]) -> list[Candidate]:
    """The listeners that these events may wake, exits first."""
    async with conn.cursor(row_factory=class_row(Candidate)) as cursor:
        await cursor.execute(
            """
            select e.id as event_id, l.run_id, l.visit, l.slot, r.journey, r.version, v.step,
                   l.rest or (merged.yes and l.slot >= 0) as rest
            from event e
            cross join lateral (
                -- Events that came with a merge are older than it: every moved listener looks.
                select e.name = 'Contact Changed' and e.properties @> '{"merged": true}' as yes
            ) merged
            join listener l on l.contact_id = e.contact_id
                and (merged.yes or ((l.event_name = e.name or l.event_name is null)
                                    and e.properties @> l.match))
                and l.ref < e.id
            join run r on r.id = l.run_id and r.state = 'active'
            left join visit v on v.run_id = l.run_id and v.visit = l.visit
            where e.id = any(%s) and (e.run_id is null or e.run_id = l.run_id)
            order by l.visit, l.run_id, l.slot
            """,
            (event_ids,),
        )
        return await cursor.fetchall()


async def timed_listeners(
    conn: AsyncConnection[Any], after: UUID | None, limit: int
) -> list[Candidate]:
    """Listeners on conditions that time alone can change, a page at a time by run."""
    async with conn.cursor(row_factory=class_row(Candidate)) as cursor:
        await cursor.execute(
            """
            select 0::bigint as event_id, l.run_id, l.visit, l.slot, l.rest, r.journey, r.version,
                   v.step
            from listener l
            join run r on r.id = l.run_id and r.state = 'active'
            left join visit v on v.run_id = l.run_id and v.visit = l.visit
            where l.timed and (%(after)s::uuid is null or l.run_id > %(after)s::uuid)
            order by l.run_id limit %(limit)s
            """,
            {"after": after, "limit": limit},
        )
        return await cursor.fetchall()
