"""Entries that were kept while their journey was paused: let in, each by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import structlog
from psycopg import AsyncConnection

from dispatch.faults import FoundFault, raise_outage
from store.definitions.catalog import Catalog
from store.entries.admission import AdmittedEntry
from store.entries.kept_admission import admit_kept
from store.entries.kept_entries import NewKeptEntry

log = structlog.get_logger(__name__)


async def admit_kept_entries(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    entries: Sequence[NewKeptEntry],
    alive: Callable[[], None] = lambda: None,
) -> tuple[list[FoundFault], int]:
    """Let kept entries in, or refuse them; the faults, and how many have come in.

    One with a fault stays kept and keeps no other out. `alive` is called after each. Raises the
    errors of a database that is away or busy.
    """
    faults = []
    entered = 0
    for entry in entries:
        try:
            async with conn.transaction():
                answer = await admit_kept(conn, catalog, entry)
        except Exception as error:
            raise_outage(error)
            faults.append(FoundFault("kept_entries", error, event_id=entry.event_id))
            continue
        alive()
        if isinstance(answer, AdmittedEntry):
            entered += 1
            log.info("run_entered", run_id=str(answer.run_id), journey=entry.journey, kept=True)
        elif answer is not None:
            log.info("entry_refused", code=answer.code, journey=entry.journey, kept=True)
    return faults, entered
