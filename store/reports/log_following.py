"""The log, followed: its items from a position on, the oldest first, each exactly once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from store.reports.log_items import RANKS, LogItem, LogRow, item_of, with_external_ids
from store.reports.log_places import LogPlace, LogPosition, parameters
from store.reports.log_queries import OLDEST
from store.reports.log_types import SOURCES
from store.sql import Connection, fetch_all_as

PAGE: Final = 500
"""Rows of one source that are read at once."""


@dataclass(frozen=True, slots=True)
class Followed:
    """An item, and the position after it."""

    item: LogItem
    position: LogPosition

    def is_after(self, position: LogPosition) -> bool:
        """Whether the item lies after a position."""
        if self.item.source == "event":
            return self.item.place.n > position.event
        return self.item.place > position.place


@dataclass(frozen=True, slots=True)
class FollowedPage:
    """Items, the oldest first."""

    items: list[Followed]
    position: LogPosition
    """Up to where everything was read."""
    more: bool
    """Whether there are more items below the end that was asked for."""


async def follow_log(
    conn: Connection, after: LogPosition, upto: LogPosition, *, page: int = PAGE
) -> FollowedPage:
    """The oldest items after a position and up to another, at or below the horizon."""
    rows: list[tuple[LogPlace, LogRow, int]] = []
    place, event = upto.place, max(upto.event, after.event)
    more = False
    for rank, source in enumerate(SOURCES):
        found = await fetch_all_as(
            conn,
            LogRow,
            OLDEST[source],
            {
                "limit": page,
                "above": after.event,
                "upto": upto.event,
                **parameters("above", after.place, rank),
                **parameters("upto", upto.place, rank),
            },
        )
        full = len(found) >= page
        more = more or full
        at = after.place.at
        for row in found:
            # As in pages: an event is placed no earlier than the one before it.
            at = max(at, row.at) if source == "event" else row.at
            rows.append((LogPlace(at, rank, row.id, row.n), row, rank))
        if full and source == "event":
            event = found[-1].n
        elif full:
            # Below its last row the source has shown everything; the others go no further.
            place = min(place, rows[-1][0])
    events = RANKS["event"]
    rows = [each for each in rows if each[2] == events or each[0] <= place]
    rows.sort(key=lambda each: each[0])
    items = await with_external_ids(
        conn, [item_of(SOURCES[rank], row, at) for at, row, rank in rows]
    )
    followed: list[Followed] = []
    position = after
    for item in items:
        if item.source == "event":
            position = LogPosition(position.place, item.place.n)
        else:
            position = LogPosition(item.place, position.event)
        followed.append(Followed(item, position))
    return FollowedPage(followed, LogPosition(max(place, after.place), event), more)
