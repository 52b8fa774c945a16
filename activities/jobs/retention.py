"""The pages of the retention: old rows are removed, kind after kind."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, get_args
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import structlog
from psycopg import AsyncConnection
from temporalio import activity

from activities.context import Context
from journeys.protocol.names import RETENTION_PAGE
from journeys.protocol.payloads import RetentionPage
from journeys.time.durations import Duration
from store.operations.faults import describe, record_fault
from store.operations.health import clock
from store.retention.removal import (
    Kind,
    Page,
    remove_old_events,
    remove_old_rows,
    remove_old_runs,
)
from store.retention.reports import (
    add_to_report,
    begin_report,
    end_report,
    exempt_events,
    exempt_of,
)
from store.sql import is_database_away, is_database_busy

log = structlog.get_logger(__name__)

_KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
_RUNS = 200
_EVENTS = 5_000
_ROWS = 5_000
_NAMESPACE = UUID("5f0cf6b2-9a5a-4a53-9f0f-7a3d8f4a0c11")


class RetentionActivities:
    """The activity that removes a page of old data."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @activity.defn(name=RETENTION_PAGE)
    async def page(self, request: RetentionPage) -> RetentionPage:
        """Remove the next page; the result says where the page after it begins.

        Kinds of which nothing is old take no page of their own.
        """
        async with self._context.pool.connection() as conn:
            if request.report_id is None or request.kind is None:
                request = await self._begin(conn)
            while True:
                result = await self._page(conn, request)
                if result.done or result.kind == request.kind or result.removed > request.removed:
                    return result
                request = result

    async def _page(self, conn: AsyncConnection[Any], request: RetentionPage) -> RetentionPage:
        report_id, keep = request.report_id, self._context.keep
        assert report_id is not None
        kind = next(each for each in _KINDS if each == request.kind)
        page = Page(0, 0, done=True)
        if kind in keep:
            page = await self._remove_or_set_aside(conn, request, kind, keep)
        if page.removed:
            await add_to_report(conn, report_id, kind, page.removed)
        result = request.model_copy(
            update={"removed": request.removed + page.removed, "after": page.after}
        )
        if page.done:
            following = _KINDS.index(kind) + 1
            result.kind = _KINDS[following] if following < len(_KINDS) else None
            result.after = 0
        if result.kind is None:
            await end_report(conn, report_id)
            log.info("retention_done", removed=result.removed)
            result.done = True
        return result

    async def _begin(self, conn: AsyncConnection[Any]) -> RetentionPage:
        # The id follows from the workflow, so that a second attempt begins no second report.
        report_id = uuid5(_NAMESPACE, activity.info().workflow_run_id or "")
        await begin_report(conn, report_id, await exempt_events(conn))
        return RetentionPage(report_id=report_id, kind=_KINDS[0])

    async def _remove_or_set_aside(
        self,
        conn: AsyncConnection[Any],
        request: RetentionPage,
        kind: Kind,
        keep: Mapping[str, Duration],
    ) -> Page:
        """The page of a kind. A kind that fails is left for the next night; the others go on."""
        try:
            return await self._remove(conn, request, kind, keep)
        except Exception as error:
            if is_database_away(error) or is_database_busy(error):
                # The same page may go through when it is tried again.
                raise
            log.exception("retention_failed", kind=kind)
            await record_fault(
                conn,
                activity=RETENTION_PAGE,
                code="internal",
                detail=describe(error),
                subject=f"retention of {kind}",
            )
            return Page(0, 0, done=True)

    async def _remove(
        self,
        conn: AsyncConnection[Any],
        request: RetentionPage,
        kind: Kind,
        keep: Mapping[str, Duration],
    ) -> Page:
        before = earliest_kept(await clock(conn), keep[kind])
        if kind == "runs":
            return await remove_old_runs(conn, before, _RUNS)
        if kind == "events":
            assert request.report_id is not None
            exempt = await exempt_of(conn, request.report_id)
            return await remove_old_events(
                conn, before, _EVENTS, after=request.after, exempt=exempt
            )
        return await remove_old_rows(conn, kind, before, _ROWS)


def earliest_kept(now: datetime, keep: Duration) -> datetime:
    """The instant before which data are removed; days and months are those of UTC."""
    return (-keep).add_to(now, ZoneInfo("UTC"))
