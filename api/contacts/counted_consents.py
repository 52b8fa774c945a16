"""How many contacts are subscribed to each topic, as it was counted last."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Final

from store.contacts.consent_counts import ConsentCounts, count_consents
from store.sql import Connection

_LONGEST: Final = 5.0
"""Seconds that counting may take."""
_FRESH: Final = 20.0
"""Times as long as counting took, what was counted is served again…"""
_MOST_FRESH: Final = 60.0
"""…but no more than so many seconds."""


class CountedConsents:
    """The numbers of all topics, counted one time for all who ask at once."""

    def __init__(self) -> None:
        self._counting = asyncio.Lock()
        self._counts: ConsentCounts | None = None
        self._until = float("-inf")

    async def read(self, conn: Connection) -> ConsentCounts | None:
        """The numbers; None if counting takes too long."""
        async with self._counting:
            begin = monotonic()
            if begin >= self._until:
                self._counts = await count_consents(conn, _LONGEST)
                now = monotonic()
                self._until = now + min((now - begin) * _FRESH, _MOST_FRESH)
            return self._counts
