"""Random contacts with birthdays, whose zones and dates change at awkward times."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from tests.support.reference_dates import Life, Outages, Rule, Stage

ZONES = (
    "Africa/Cairo", "Africa/Casablanca", "Africa/Johannesburg", "Africa/Lagos", "America/Anchorage",
    "America/Argentina/Buenos_Aires", "America/Asuncion", "America/Bogota", "America/Caracas",
    "America/Chicago", "America/Denver", "America/Godthab", "America/Halifax", "America/Havana",
    "America/Lima", "America/Los_Angeles", "America/Mexico_City", "America/Miquelon",
    "America/New_York", "America/Noronha", "America/Phoenix", "America/Santiago",
    "America/Sao_Paulo", "America/St_Johns", "Antarctica/Troll", "Asia/Beirut", "Asia/Dhaka",
    "Asia/Dubai", "Asia/Gaza", "Asia/Jerusalem", "Asia/Kabul", "Asia/Karachi", "Asia/Kathmandu",
    "Asia/Kolkata", "Asia/Shanghai", "Asia/Singapore", "Asia/Tehran", "Asia/Tokyo", "Asia/Yangon",
    "Atlantic/Azores", "Atlantic/Reykjavik", "Australia/Adelaide", "Australia/Brisbane",
    "Australia/Darwin", "Australia/Eucla", "Australia/Lord_Howe", "Australia/Sydney",
    "Europe/Chisinau", "Europe/Dublin", "Europe/Istanbul", "Europe/London", "Europe/Moscow",
    "Europe/Paris", "Pacific/Apia", "Pacific/Auckland", "Pacific/Chatham", "Pacific/Honolulu",
    "Pacific/Kiritimati", "Pacific/Marquesas", "Pacific/Pago_Pago",
)  # fmt: skip
DAYS = (
    # Leap days and their neighbours; nights on which clocks change, north and south, in 2027.
    "02-29", "02-29", "02-28", "03-01", "03-14", "03-28", "04-04", "09-26", "10-03", "10-31",
    "11-07", "12-31", "01-01", "07-10",
    # In the outage of 30 hours, by the one rule and by the other.
    "03-14", "03-14", "03-17", "03-17",
)  # fmt: skip
LIVE = datetime(2027, 1, 20, 12, tzinfo=UTC)
UNTIL = datetime(2028, 3, 10, tzinfo=UTC)
OUTAGES = Outages(
    [
        (datetime(2027, 3, 14, 5, tzinfo=UTC), datetime(2027, 3, 15, 11, tzinfo=UTC)),
        (datetime(2027, 10, 31, 0, 30, tzinfo=UTC), datetime(2027, 10, 31, 7, tzinfo=UTC)),
    ]
)
"""One of 30 hours, and one of a night."""
JOURNEY_ZONE = "Europe/Paris"


class Lives:
    """Makes lives from a seed."""

    def __init__(self, seed: int, rules: Sequence[Rule]) -> None:
        self._any = random.Random(seed)
        self._rules = rules

    def birthday(self) -> str:
        """A date of birth; leap days are those of a leap year."""
        return f"{self._any.choice([1980, 1992, 2004])}-{self._any.choice(DAYS)}"

    def life(self) -> Life:
        """A contact: mostly there before the journey was, with up to two changes."""
        since = LIVE - timedelta(days=30)
        if self._any.random() < 0.1:
            since = LIVE + timedelta(days=self._any.randrange(1, 300), hours=5)
        stages = [Stage(since, self.birthday(), self._any.choice(ZONES))]
        for _ in range(self._any.choice([0, 0, 1, 1, 2])):
            changed = self._change(stages[-1])
            if changed.since > max(stages[-1].since, LIVE):
                stages.append(changed)
        return Life(stages)

    def _change(self, last: Stage) -> Stage:
        """The evening before a greeting, soon after it, or any time; to the whole hour."""
        assert last.born is not None
        year = self._any.choice([2027, 2027, 2028])
        moment = self._any.choice(self._rules).moment(last.born, year, last.zone)
        since = moment + timedelta(hours=self._any.choice([-14, -9, -3, 2, 5, 20, 300]))
        # Never at the instant of a moment: who came first would be chance.
        since = since.replace(minute=7, second=0)
        kind = self._any.random()
        if kind < 0.5:
            return Stage(since, last.born, self._any.choice(ZONES))
        if kind < 0.9:
            return Stage(since, self.birthday(), last.zone)
        return Stage(since, self.birthday(), self._any.choice(ZONES))
