"""Segments judged live, without their members."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from journeys.model.conditions import Condition
from journeys.model.segment_dependencies import expanded
from store.segments.judging_statement import JudgingStatement
from store.segments.live_segments import HasLiveSegments
from store.segments.segment_conditions import read_revision, read_segments
from store.sql import Connection


async def evaluate_segment(
    conn: Connection, catalog: HasLiveSegments, key: str, contact_ids: Collection[UUID]
) -> set[UUID]:
    """Those of the contacts that are in a segment now.

    Raises LookupError if there is no segment of this key that can be read.
    """
    kept = await catalog.live_segments.read(conn, await read_revision(conn))
    segment = kept.by_key.get(key)
    if segment is None:
        # It was saved by an older process, and its members are not kept yet.
        condition, _ = expanded(key, (await read_segments(conn)).conditions)
        return await evaluate_condition(conn, condition, contact_ids)
    statement = catalog.live_segments.statement((segment.now,))
    return await _holding(conn, statement, contact_ids)


async def evaluate_condition(
    conn: Connection, condition: Condition, contact_ids: Collection[UUID]
) -> set[UUID]:
    """Those of the contacts for which a condition holds now; it names no segment."""
    return await _holding(conn, JudgingStatement.of([condition]), contact_ids)


async def _holding(
    conn: Connection, statement: JudgingStatement, contact_ids: Collection[UUID]
) -> set[UUID]:
    asked = [(contact_id, None) for contact_id in contact_ids]
    if not asked:
        return set()
    answers = await statement.judge(conn, asked)
    return {
        contact_id
        for (contact_id, _), answer in zip(asked, answers, strict=True)
        if answer and answer[0].holds
    }
