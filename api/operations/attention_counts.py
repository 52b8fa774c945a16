"""How many things need a person, as it was read last: for probes, which ask often."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any

import psycopg
import structlog
from psycopg import AsyncConnection

from store.definitions.catalog import Catalog
from store.reports.attention import count_by_kind, read_attention
from store.sql import DATABASE_AWAY

_log = structlog.get_logger(__name__)
_FRESH = 15.0
"""Seconds for which what was read is served again."""


class AttentionCounts:
    """The numbers of subjects by kind, read again every few seconds at most."""

    def __init__(self) -> None:
        self._catalog = Catalog()
        self._reading = asyncio.Lock()
        self._read_at = float("-inf")
        self._counts: dict[str, int] = {}

    async def read(self, conn: AsyncConnection[Any], spool: float | None) -> dict[str, int]:
        """The kinds that need a person, each with its number."""
        async with self._reading:
            if monotonic() - self._read_at >= _FRESH:
                self._read_at = monotonic()
                try:
                    found = await read_attention(conn, self._catalog, spool=spool)
                except DATABASE_AWAY:
                    raise
                except psycopg.Error as error:
                    # A process that waits for its migration is ready to take calls for all that.
                    _log.warning("attention_not_read", error=type(error).__name__)
                    return {}
                self._counts = {
                    kind: count for kind, count in count_by_kind(found).items() if count
                }
            return self._counts
