"""When contacts are greeted and sent digests: worked out from the rules alone, with zoneinfo.

The rules. A yearly moment is the anniversary (29 February on the 28th in other years), then the
offset, then the time of day, on the clocks of the contact. It lets the contact in when it comes, as
the contact then is, once for each year. A moment before the journey went live, or before the date
itself was changed, never does. After an outage it still does for `up_to`; later it is late.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from tests.support.reference_times import shift, to_instant, to_wall

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Stage:
    """What a contact is from an instant on."""

    since: datetime
    born: str | None
    """`YYYY-MM-DD`."""
    zone: str


@dataclass(frozen=True)
class Life:
    """What a contact is, from its first appearance on, in order."""

    stages: Sequence[Stage]

    def at(self, instant: datetime) -> Stage | None:
        """What the contact is at an instant; None before it appeared."""
        begun = [stage for stage in self.stages if stage.since <= instant]
        return begun[-1] if begun else None

    def date_since(self, instant: datetime) -> datetime:
        """Since when the contact has the date that it has at an instant."""
        begun = [stage for stage in self.stages if stage.since <= instant]
        first = begun[-1]
        for stage in reversed(begun):
            if stage.born != first.born:
                break
            first = stage
        return first.since


@dataclass(frozen=True)
class Rule:
    """A yearly entry: `{every: year, offset, at}`, live from an instant on."""

    live: datetime
    at: str | None = None
    offset: str | None = None
    up_to: timedelta = DAY

    def moment(self, born: str, year: int, zone: str) -> datetime:
        """The moment of a year's anniversary on the clocks of a zone."""
        birthday = date.fromisoformat(born)
        last = monthrange(year, birthday.month)[1]
        day = birthday.replace(year=year, day=min(birthday.day, last))
        instant = to_instant(datetime.combine(day, time()), zone)
        if self.offset is not None:
            instant = shift(instant, self.offset, zone)
        if self.at is not None:
            wall = datetime.combine(to_wall(instant, zone).date(), time.fromisoformat(self.at))
            instant = to_instant(wall, zone)
        return instant


@dataclass(frozen=True)
class Greeting:
    """One anniversary that came: entered at an instant, or found too late."""

    year: int
    moment: datetime
    at: datetime
    """When the engine came to it: at the moment, or when an outage was over."""
    late: bool


@dataclass
class Outages:
    """When nothing worked: `(from, to)`, in order; the first instant at work is `to`."""

    periods: Sequence[tuple[datetime, datetime]] = field(default_factory=list)

    def work_at(self, instant: datetime) -> datetime:
        """The first instant from this one on at which the engine works."""
        for begin, end in self.periods:
            if begin <= instant < end:
                return end
        return instant


def greetings(life: Life, rule: Rule, until: datetime, outages: Outages) -> list[Greeting]:
    """The greetings of a contact up to an instant, in order; a late one begins no run."""
    found: list[Greeting] = []
    last: datetime | None = None
    # Everything happens when the contact changes or when a moment comes; at each such instant
    # that the engine sees, the moments that have come by then are looked at.
    looks = {
        rule.moment(stage.born, year, stage.zone)
        for stage in life.stages
        if stage.born is not None
        for year in range(rule.live.year - 1, until.year + 2)
    }
    looks |= {stage.since for stage in life.stages} | {rule.live}
    for now in sorted({outages.work_at(look) for look in looks}):
        stage = life.at(now)
        if stage is None or stage.born is None or not rule.live <= now <= until:
            continue
        least = max(rule.live, life.date_since(now))
        for year in range(rule.live.year - 1, until.year + 2):
            moment = rule.moment(stage.born, year, stage.zone)
            if not least <= moment <= now or (last is not None and moment <= last):
                continue
            last = moment
            greeted = {each.year for each in found if not each.late}
            if year not in greeted:
                found.append(Greeting(year, moment, now, now - moment > rule.up_to))
    return found


@dataclass(frozen=True)
class Digest:
    """One local occurrence of a weekly schedule for a contact."""

    local: datetime
    """The local time, naive: the occurrence, the same for all zones."""
    at: datetime
    """When clocks of the contact's zone show it."""


def digests(zone: str, weekday: int, at: str, begin: datetime, end: datetime) -> list[Digest]:
    """A week's occurrences at a zone's local time, from an instant up to before another.

    `weekday` is 0 on Mondays.
    """
    found = []
    day = begin.date() - 2 * DAY
    while day <= end.date() + 2 * DAY:
        if day.weekday() == weekday:
            local = datetime.combine(day, time.fromisoformat(at))
            instant = to_instant(local, zone)
            if begin <= instant < end:
                found.append(Digest(local, instant))
        day += DAY
    return found
