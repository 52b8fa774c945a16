"""Places in the log: where a page of it ends, and how far a follower has come.

Every source but one is ordered by the time of recording: one place says for all of them what lies
before it. Events are ordered by their ids, which follow the time of recording nearly but not
always, because an index on that time would cost each event. So a position has two parts: a place,
and the id of an event.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
LEAST_ID, MOST_ID = UUID(int=0), UUID(int=2**128 - 1)
_LEAST, MOST = -1, 2**63 - 1
_PARTS: Final = 5
_LONGEST: Final = 120
BEFORE_ALL: Final = -1
"""The rank of a place that lies before all items of its instant."""


class NoPosition(ValueError):
    """A text that is no position in the log."""


@dataclass(frozen=True, slots=True, order=True)
class LogPlace:
    """The place of an item among those of one source, and of all sources but events."""

    at: datetime
    rank: int
    """The place of its source among `log_types.SOURCES`."""
    id: UUID
    n: int

    @classmethod
    def before(cls, at: datetime) -> LogPlace:
        """The place before everything of an instant."""
        return cls(at, BEFORE_ALL, LEAST_ID, _LEAST)

    def of_rank(self, rank: int) -> tuple[datetime, UUID, int]:
        """The same place among the items of one source: those below it, or up to it, are below or
        up to these values."""
        if rank == self.rank:
            return self.at, self.id, self.n
        if rank < self.rank:
            return self.at, MOST_ID, MOST
        return self.at, LEAST_ID, _LEAST


@dataclass(frozen=True, slots=True)
class LogPosition:
    """How far the log was read: all sources but events to a place, and events to an id."""

    place: LogPlace
    event: int

    def with_all_of(self, other: LogPosition) -> LogPosition:
        """The position up to where both have come."""
        return LogPosition(max(self.place, other.place), max(self.event, other.event))

    def __str__(self) -> str:
        at = (self.place.at - _EPOCH) // _MICROSECOND
        return f"{at}.{self.place.rank}.{self.place.id.hex}.{self.place.n}.{self.event}"

    @classmethod
    def parse(cls, text: str) -> LogPosition:
        """The position that a text names. Raises NoPosition."""
        parts = text.split(".")
        try:
            if len(parts) != _PARTS or len(text) > _LONGEST or not text.isascii():
                raise ValueError
            at, rank, id_, n, event = parts
            place = LogPlace(_EPOCH + int(at) * _MICROSECOND, int(rank), UUID(hex=id_), int(n))
            position = cls(place, int(event))
        except (ValueError, OverflowError):
            raise NoPosition(text) from None
        if not BEFORE_ALL <= place.rank < 100 or not _LEAST <= place.n <= MOST:
            raise NoPosition(text)
        if not 0 <= position.event <= MOST:
            raise NoPosition(text)
        return position


def parameters(prefix: str, place: LogPlace | None, rank: int) -> dict[str, Any]:
    """`{prefix}_at`, `{prefix}_id` and `{prefix}_n` of a place for the query of one source."""
    at, id_, n = (None, MOST_ID, MOST) if place is None else place.of_rank(rank)
    return {f"{prefix}_at": at, f"{prefix}_id": id_, f"{prefix}_n": n}
