"""Places in a timeline: where a page of it ends, and what each kind of item has left after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, get_args
from uuid import UUID

Source = Literal[
    "event",
    "entry",
    "visit",
    "message",
    "consent",
    "coupon",
    "segment",
    "refusal",
    "merge",
    "repair",
    "end",
]
"""What an item is read from. Of items of one instant, those of a later source are newer."""

SOURCES: Final[tuple[Source, ...]] = get_args(Source)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LEAST_ID, _MOST_ID = UUID(int=0), UUID(int=2**128 - 1)
_LEAST, _MOST = -1, 2**63 - 1
_PARTS: Final = 4


class NoCursor(ValueError):
    """A text that no page of a timeline has given as its `next`."""


@dataclass(frozen=True, slots=True)
class Place:
    """The place of an item: items are ordered by these values, the highest first."""

    at: datetime
    rank: int
    """The place of its source among `SOURCES`."""
    id: UUID
    n: int

    def __str__(self) -> str:
        return (
            f"{(self.at - _EPOCH) // timedelta(microseconds=1)}.{self.rank}.{self.id.hex}.{self.n}"
        )

    @classmethod
    def parse(cls, text: str) -> Place:
        """The place that a cursor names. Raises NoCursor."""
        parts = text.split(".")
        try:
            if len(parts) != _PARTS or len(text) > 120 or not text.isascii():
                raise ValueError
            at, rank, id_, n = parts
            place = cls(_EPOCH + timedelta(microseconds=int(at)), int(rank), UUID(hex=id_), int(n))
        except (ValueError, OverflowError):
            raise NoCursor(text) from None
        if not 0 <= place.rank < len(SOURCES) or not _LEAST <= place.n <= _MOST:
            raise NoCursor(text)
        return place


def bounds(before: Place | None, to: datetime | None) -> dict[str, Any]:
    """Return the values that the items of each source stay below: `event_at`, `event_id`, `…_n`.

    `before` is the last item of the page before; `to` an instant that all items are to precede.
    """
    found: dict[str, Any] = {}
    for rank, source in enumerate(SOURCES):
        at: datetime | None = None
        id_, n = _MOST_ID, _MOST
        if before is not None:
            at = before.at
            if rank == before.rank:
                id_, n = before.id, before.n
            elif rank > before.rank:
                id_, n = _LEAST_ID, _LEAST
        if to is not None and (at is None or to <= at):
            at, id_, n = to, _LEAST_ID, _LEAST
        found |= {f"{source}_at": at, f"{source}_id": id_, f"{source}_n": n}
    return found
