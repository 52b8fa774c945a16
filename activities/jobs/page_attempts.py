"""Attempts at a page that others may get in the way of: rolled back, and begun again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import structlog
from psycopg import AsyncConnection

from dispatch.faults import raise_outage, record_faults
from dispatch.segments import faults_of
from store.definitions.catalog import Catalog
from store.events.recording import ConcurrentChange
from store.imports.jobs import PageSuperseded
from store.imports.segments import SegmentJudge
from store.sql import is_database_busy

log = structlog.get_logger(__name__)

_ATTEMPTS: Final = 10
_RETRY: Final = 0.05
_Result = TypeVar("_Result")


async def attempt_page(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    work: Callable[[SegmentJudge], Awaitable[_Result]],
) -> _Result | None:
    """Do a page in a transaction of its own; None if another attempt has done it.

    Where a segment fails for one contact, each is judged alone, so that no other waits for it.
    """
    alone = False
    for attempt in range(1, _ATTEMPTS + 1):
        judge = SegmentJudge(catalog, alone=alone)
        try:
            async with conn.transaction():
                await judge.begin(conn)
                result = await work(judge)
        except PageSuperseded:
            return None
        except Exception as error:
            if attempt == _ATTEMPTS:
                raise
            if not isinstance(error, ConcurrentChange) and not is_database_busy(error):
                raise_outage(error)
                if alone:
                    raise
                log.warning("import_page_failed", error=type(error).__name__)
                alone = True
            await asyncio.sleep(_RETRY * attempt)
        else:
            await record_faults(conn, faults_of(judge.failures))
            return result
    return None
