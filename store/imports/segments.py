"""Segments of the contacts that an import has changed: judged in the page's own transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from store.definitions.catalog import Catalog
from store.segments.judging import begin_judging, judge_contacts
from store.segments.judging_pass import FailedJudgement
from store.segments.segment_conditions import read_revision
from store.sql import Connection

_CONTACTS: Final = 200
"""Contacts that are judged at once."""
_TIMEOUT: Final = "30s"


class SegmentJudge:
    """Judges contacts by all segments, if there are any. One is made for each transaction."""

    def __init__(self, catalog: Catalog, *, alone: bool = False) -> None:
        self._catalog = catalog
        self._alone = alone
        self._any = False
        self.failures: list[FailedJudgement] = []

    async def begin(self, conn: Connection) -> None:
        """Begin the transaction, before any contact is locked."""
        kept = await self._catalog.live_segments.read(conn, await read_revision(conn))
        self._any = bool(kept.by_key)
        if self._any:
            await begin_judging(conn, timeout=_TIMEOUT, lock_timeout=_TIMEOUT)

    async def judge(self, conn: Connection, contacts: Sequence[UUID]) -> None:
        """Judge contacts as they are now. None of them began a run, or ended a wait."""
        if not self._any:
            return
        wanted = sorted(set(contacts))
        for start in range(0, len(wanted), _CONTACTS):
            judged = await judge_contacts(
                conn,
                self._catalog,
                wanted[start : start + _CONTACTS],
                by="import",
                alone=self._alone,
            )
            self.failures += judged.failures
