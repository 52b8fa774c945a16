"""Reports of the retention: what it removed, and which events it keeps for live documents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from journeys.checks.retention import unbounded_events
from journeys.model.documents import Segment
from journeys.model.journey import Journey
from store.sql import (
    Connection,
    execute,
    fetch_all,
    fetch_all_as,
    fetch_value,
    sql,
    statement,
    table_columns,
)
from store.tables.retention import RetentionReport

# Versions that new runs may get, and those of runs that are active.
_LIVE_DOCUMENTS = sql("""
select 'journey', v.document from journey_version v
where exists (
    select from journey j
    where j.key = v.journey and j.active_version = v.version and j.state in ('active', 'paused')
) or exists (
    select from run r
    where r.journey = v.journey and r.version = v.version and r.state = 'active'
)
union all
select 'segment', d.document from document d where d.kind = 'segment'
""")
_BEGIN = statement(
    insert(RetentionReport)
    .values(id=bindparam("id"), exempt=bindparam("exempt"))
    .on_conflict_do_nothing()
)
_ADD = sql("""
update retention_report
set removed = removed || jsonb_build_object(
    %(kind)s::text, coalesce((removed ->> %(kind)s::text)::bigint, 0) + %(count)s::bigint)
where id = %(id)s
""")
_END = statement(
    update(RetentionReport)
    .where(col(RetentionReport.id) == bindparam("report"))
    .values(ended_at=func.parcours.clock())
)


@dataclass(frozen=True)
class Report:
    """What one run of the retention has removed so far."""

    id: UUID
    started_at: datetime
    ended_at: datetime | None
    removed: dict[str, int]
    """Rows by kind of data."""
    exempt: dict[str, Any]


_LATEST = statement(
    select(*table_columns(RetentionReport, Report))
    .order_by(col(RetentionReport.started_at).desc())
    .limit(bindparam("limit"))
)
_EXEMPT = statement(
    select(col(RetentionReport.exempt)).where(col(RetentionReport.id) == bindparam("report"))
)


async def exempt_events(conn: Connection) -> frozenset[str]:
    """The names of events that live documents ask for without a bound in time.

    A document that no longer validates keeps every event: it raises pydantic.ValidationError.
    """
    names: set[str] = set()
    for kind, document in await fetch_all(conn, _LIVE_DOCUMENTS):
        model = Journey if kind == "journey" else Segment
        names |= unbounded_events(model.model_validate(document))
    return frozenset(names)


async def begin_report(conn: Connection, report_id: UUID, exempt: frozenset[str]) -> None:
    """Begin a report; beginning it again changes nothing."""
    await execute(conn, _BEGIN, {"id": report_id, "exempt": Jsonb({"events": sorted(exempt)})})


async def exempt_of(conn: Connection, report_id: UUID) -> frozenset[str]:
    """The names of events that the retention of a report keeps."""
    exempt = await fetch_value(conn, _EXEMPT, {"report": report_id})
    return frozenset(exempt["events"])


async def add_to_report(conn: Connection, report_id: UUID, kind: str, count: int) -> None:
    """Add removed rows to a report."""
    await execute(conn, _ADD, {"id": report_id, "kind": kind, "count": count})


async def end_report(conn: Connection, report_id: UUID) -> None:
    """End a report."""
    await execute(conn, _END, {"report": report_id})


async def latest_reports(conn: Connection, limit: int) -> list[Report]:
    """The newest reports."""
    return await fetch_all_as(conn, Report, _LATEST, {"limit": limit})
