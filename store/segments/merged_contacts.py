"""Segments of contacts that are merged: judged in the transaction that merges them."""

from __future__ import annotations

from collections.abc import Collection
from time import monotonic
from typing import Final
from uuid import UUID

import structlog

from store.operations.logged_errors import logged_error
from store.segments.generations import share_gate
from store.segments.judging import begin_judging, judge_contacts
from store.segments.live_segments import HasLiveSegments
from store.segments.segment_conditions import read_revision
from store.sql import Connection, execute, is_database_away, sql

log = structlog.get_logger(__name__)

_SECONDS: Final = 1.0
"""For judging the contacts of one merge: first both, then the one that is left."""
_TIMEOUT: Final = "500ms"
_AS_BEFORE = sql("""
select set_config(name, reset_val, true) from pg_settings
where name in ('statement_timeout', 'lock_timeout', 'enable_seqscan', 'plan_cache_mode')
""")
_JUDGED = sql("update contact set judged_event_id = last_event_id where id = %(contact)s")


class MergedSegments:
    """Judges the contacts of the merges of one transaction, if there are segments.

    What takes too long, or fails, is left to the queue of what is due, a moment later.
    """

    def __init__(self, catalog: HasLiveSegments) -> None:
        self._catalog = catalog
        self._any = False
        self._until = 0.0

    async def begin(self, conn: Connection) -> None:
        """Begin the transaction, before any contact is locked."""
        kept = await self._catalog.live_segments.read(conn, await read_revision(conn))
        self._any = bool(kept.by_key)
        self._until = monotonic() + _SECONDS
        if self._any:
            await share_gate(conn)

    async def catch_up(self, conn: Connection, contacts: Collection[UUID]) -> bool:
        """Judge contacts that are about to be merged as of all that happened before.

        Whether that was done.
        """
        return self._any and await self._judge(conn, contacts)

    async def merged(self, conn: Connection, survivor: UUID) -> None:
        """Two contacts that were caught up are one from now on: their events were judged."""
        await execute(conn, _JUDGED, {"contact": survivor})

    async def judge(self, conn: Connection, survivor: UUID) -> None:
        """Judge the contact that is left, once all is written."""
        await self._judge(conn, [survivor])

    async def _judge(self, conn: Connection, contacts: Collection[UUID]) -> bool:
        if monotonic() >= self._until:
            return False
        try:
            async with conn.transaction():
                await begin_judging(conn, timeout=_TIMEOUT)
                await judge_contacts(conn, self._catalog, contacts, until=self._until)
                await execute(conn, _AS_BEFORE)
        except Exception as error:
            if is_database_away(error):
                raise
            log.warning("merged_contacts_judged_later", error=logged_error(error))
            return False
        return True
