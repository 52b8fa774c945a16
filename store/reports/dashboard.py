"""The dashboard of a day: what happened in all journeys, and what stands now."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection

from journeys.protocol.channels import CHANNELS
from store.counters.facts import IN_JOURNEYS, TARGETED
from store.counters.reading import DayCell, read_days
from store.reports.goal_counts import GoalCounts, number
from store.sql import fetch_all, sql

TREND: Final = 14
"""Days of a trend, with the day itself."""

_TREND_FACTS: Final = ("entered",)
_DAY_FACTS: Final = ("ended", "refused", "goal", "message_sent", "consent")
_JOURNEYS = sql("select key, state, active_version from journey order by key")


@dataclass(slots=True)
class JourneyDay:
    """A journey on a day."""

    journey: str
    state: str
    version: int | None
    """The active one."""
    entered: int = 0
    ended: int = 0
    refused: int = 0
    messages: Counter[str] = field(default_factory=Counter)
    """That were sent, by channel."""
    met: int = 0
    value: Decimal = Decimal(0)
    active: int = 0
    """Runs that have not ended, now."""
    waiting: int = 0
    """Those that stand at a step, now: also if their send is deferred or retried."""
    deferred: int = 0
    retrying: int = 0
    trend: list[int] = field(default_factory=list)
    """Entries of each day up to this one, oldest first."""

    @property
    def goal(self) -> GoalCounts:
        """The goals that were met."""
        return GoalCounts(self.met, number(self.value))


@dataclass(frozen=True, slots=True)
class Dashboard:
    """The figures of a day in the installation's time zone."""

    day: date
    contacts_in_journeys: int
    """Contacts with an active run, now."""
    targeted_contacts: int
    """Contacts to whom an e-mail or a text message was sent, each once."""
    messages: Mapping[str, int]
    """That were sent, by channel."""
    entered: int
    ended: int
    refused: int
    goal: GoalCounts
    consents: Mapping[str, int]
    """Changes of consent, by the state that they led to."""
    journeys: Sequence[JourneyDay]
    trend_days: Sequence[date]


def day_begins(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which a day begins; where clocks skip midnight, that of the change."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


async def read_dashboard(conn: AsyncConnection[Any], day: date, zone: ZoneInfo) -> Dashboard:
    """The dashboard of a day."""
    days = [day - timedelta(days=TREND - 1 - back) for back in range(TREND)]
    cells = await read_days(
        conn,
        day_begins(days[0], zone),
        day_begins(day + timedelta(days=1), zone),
        _TREND_FACTS,
        zone.key,
        last_day=day_begins(day, zone),
        of_last_day=_DAY_FACTS,
    )
    found = {
        key: JourneyDay(key, state, version)
        for key, state, version in await fetch_all(conn, _JOURNEYS)
    }
    entered: defaultdict[str, Counter[date]] = defaultdict(Counter)
    whole: Counter[str] = Counter()
    consents: Counter[str] = Counter()
    for cell in cells:
        journey = found.get(cell.journey)
        on = None if cell.begins_at is None else cell.begins_at.astimezone(zone).date()
        if journey is None:
            if cell.fact == "consent" and on == day:
                consents[cell.label] += cell.count
            elif cell.fact == IN_JOURNEYS or (cell.fact == TARGETED and on == day):
                whole[cell.fact] += cell.count
            continue
        if cell.fact == "entered" and on is not None:
            entered[cell.journey][on] += cell.count
        if cell.standing:
            _add_standing(journey, cell)
        elif on == day:
            _add(journey, cell)
    for journey in found.values():
        journey.trend = [entered[journey.journey][each] for each in days]
        journey.entered = journey.trend[-1]
    journeys = list(found.values())
    return Dashboard(
        day=day,
        contacts_in_journeys=whole[IN_JOURNEYS],
        targeted_contacts=whole[TARGETED],
        messages={
            channel: sum(each.messages[channel] for each in journeys) for channel in CHANNELS
        },
        entered=sum(each.entered for each in journeys),
        ended=sum(each.ended for each in journeys),
        refused=sum(each.refused for each in journeys),
        goal=GoalCounts(
            sum(each.met for each in journeys),
            number(sum((each.value for each in journeys), Decimal(0))),
        ),
        consents=dict(sorted(consents.items())),
        journeys=journeys,
        trend_days=days,
    )


def _add(journey: JourneyDay, cell: DayCell) -> None:
    match cell.fact:
        case "ended":
            journey.ended += cell.count
        case "refused":
            journey.refused += cell.count
        case "message_sent":
            journey.messages[cell.label] += cell.count
        case "goal":
            journey.met += cell.count
            journey.value += cell.value


def _add_standing(journey: JourneyDay, cell: DayCell) -> None:
    match cell.fact:
        case "entered" | "replaced":
            journey.active += cell.count
        case "ended":
            journey.active -= cell.count
        case "reached":
            journey.waiting += cell.count
        case "outcome" | "left_open":
            journey.waiting -= cell.count
        case "held":
            journey.deferred += cell.count
        case "retrying":
            journey.retrying += cell.count
