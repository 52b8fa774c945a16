"""The moments at which a date entry lets a contact in.

The moment of a date follows as that of a wait does: the anniversary first, then the offset, then
the time of day. A wait takes the next anniversary and may find it past; an entry takes the first
moment that is still to come.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from journeys.model.moments import AttributeMoment
from journeys.model.paths import first
from journeys.model.triggers import DateEntry
from journeys.schedule.moment_resolution import Shifting, anniversary_in, local_time
from journeys.time.durations import at_local
from journeys.time.instants import read_time, to_instant

_FIRST_YEAR, _LAST_YEAR = 1, 9999


@dataclass(frozen=True, slots=True)
class DateMoment:
    """A moment at which a contact enters by a date."""

    key: str
    """The year of the anniversary, else the date: a contact enters once under it."""
    at: datetime
    """In UTC."""
    date: date
    """The date or the anniversary, before the offset."""


@dataclass(frozen=True, slots=True)
class DateRule:
    """A date entry, read once for many contacts."""

    attribute: str | None
    """The path of the attribute; None for a fixed date."""
    fixed: str | None
    yearly: bool
    shifting: Shifting

    @classmethod
    def of(cls, entry: DateEntry) -> DateRule:
        """The rule of an entry."""
        moment = entry.date
        if isinstance(moment, AttributeMoment):
            return cls(moment.attribute, None, moment.every is not None, Shifting.of(moment))
        return cls(None, moment, False, Shifting(None, None))

    def value_of(self, attributes: dict[str, object]) -> object:
        """The date that the rule reads for a contact with these attributes; None without one."""
        return self.fixed if self.attribute is None else first(attributes, self.attribute)

    def next(self, value: object, zone: ZoneInfo, since: datetime) -> DateMoment | None:
        """The first moment of a date that is not before an instant; None if there is none.

        `value` is the date as the contact has it.
        """
        parsed = read_time(value)
        if parsed is None:
            return None
        try:
            if self.yearly:
                return self._next_anniversary(parsed, zone, since)
            instant = to_instant(parsed, zone)
            # An instant has one date, also if the zone of the contact changes.
            day = parsed.astimezone(UTC).date() if parsed.tzinfo is not None else parsed.date()
            moment = DateMoment(day.isoformat(), self.shifting.apply(instant, zone), day)
        except (ValueError, OverflowError):
            return None
        return moment if moment.at >= since else None

    def _next_anniversary(
        self, parsed: datetime, zone: ZoneInfo, since: datetime
    ) -> DateMoment | None:
        wall = parsed if parsed.tzinfo is None else local_time(parsed, zone)
        target = since
        if self.shifting.offset is not None:
            target = (-self.shifting.offset).add_to(since, zone)
        # The offset, the time of day and the ends of months move a moment by days, so the
        # anniversary of the year before is the earliest one that may come to it.
        year = max(local_time(target, zone).year - 1, _FIRST_YEAR)
        while year <= _LAST_YEAR:
            anniversary = anniversary_in(wall, year)
            at = self.shifting.apply(at_local(anniversary, zone), zone)
            if at >= since:
                return DateMoment(str(year), at, anniversary.date())
            year += 1
        return None
