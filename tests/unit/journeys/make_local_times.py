"""Works out `local_times.json` by another library: run it again only to add cases.

    python -m tests.unit.journeys.make_local_times

Nothing of the product is used here: calendars, zones and clock changes are those of `whenever`, and
the rules are written down a second time, as the page on the language says them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from whenever import (
    Instant,
    OffsetDateTime,
    PlainDateTime,
    RepeatedTime,
    SkippedTime,
    Time,
    TimeDelta,
    ZonedDateTime,
)

TABLE = Path(__file__).with_name("local_times.json")
ENTRY = "2026-01-15T10:30:00Z"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
UNITS = {
    "y": "years", "mo": "months", "w": "weeks", "d": "days",
    "h": "hours", "m": "minutes", "s": "seconds",
}  # fmt: skip


def local(wall: PlainDateTime, zone: str) -> ZonedDateTime:
    """A local time: the first of two, or the first instant after the gap it lies in."""
    try:
        return wall.assume_tz(zone, disambiguation="raise")
    except RepeatedTime:
        return wall.assume_tz(zone, disambiguation="earlier")
    except SkippedTime:
        change = wall.assume_tz(zone, disambiguation="earlier").next_transition()
        assert change is not None
        return change


def shifted(start: ZonedDateTime, text: str, zone: str) -> ZonedDateTime:
    """An offset later: the calendar's units on the wall clock, the exact ones on any clock."""
    sign = -1 if text[0] == "-" else 1
    parts = {
        UNITS[unit]: sign * int(count) for count, unit in re.findall(r"([0-9]+)(mo|[ywdhms])", text)
    }
    calendar = {k: v for k, v in parts.items() if k in ("years", "months", "weeks", "days")}
    exact = TimeDelta(
        hours=parts.get("hours", 0),
        minutes=parts.get("minutes", 0),
        seconds=parts.get("seconds", 0),
    )
    if calendar:
        wall = start.to_plain()
        date = wall.date().add(**calendar)
        start = local(date.at(wall.time()), zone)
    return (start.to_instant() + exact).to_tz(zone)


def read(value: Any, zone: str) -> ZonedDateTime | PlainDateTime | None:
    """What a stored value says."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    if isinstance(value, int):
        millis = value if abs(value) >= 10**11 else value * 1000
        return Instant.from_timestamp(millis, unit="millisecond").to_tz(zone)
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            return PlainDateTime.parse_iso(f"{value}T00:00")
        if value.endswith("Z"):
            return Instant.parse_iso(value).to_tz(zone)
        if re.search(r"[+-]\d\d:\d\d$", value):
            return OffsetDateTime.parse_iso(value).to_tz(zone)
        return PlainDateTime.parse_iso(value)
    except ValueError:
        return None


def anniversary(wall: PlainDateTime, today: ZonedDateTime) -> PlainDateTime:
    """The next one, today's included; whenever cuts a Feb 29 to Feb 28, as it does month ends."""
    for year in range(today.year - 1, today.year + 3):
        date = wall.date().add(years=year - wall.year)
        if date >= today.date():
            return date.at(wall.time())
    raise AssertionError


def expected(moment: Any, value: Any, zone: str, now: str, days: str | None) -> str:
    """The instant a moment is, or why it is none."""
    start = Instant.parse_iso(now).to_tz(zone)
    if moment == "entry":
        found = Instant.parse_iso(ENTRY).to_tz(zone)
    elif isinstance(moment, str) and re.fullmatch(r"\d\d:\d\d", moment):
        date = start.date()
        while True:
            found = local(date.at(Time.parse_iso(moment)), zone)
            named = DAYS[date.day_of_week().value - 1]
            if found >= start and (days is None or named in spelled_out(days)):
                break
            date = date.add(days=1)
    elif isinstance(moment, str) and moment[0] in "+-":
        found = shifted(start, moment, zone)
    else:
        parsed = read(moment if isinstance(moment, str) else value, zone)
        if parsed is None:
            return "missing"
        rule = moment if isinstance(moment, dict) else {}
        if rule.get("every"):
            wall = parsed if isinstance(parsed, PlainDateTime) else parsed.to_plain()
            parsed = anniversary(wall, start)
        found = local(parsed, zone) if isinstance(parsed, PlainDateTime) else parsed
        if "offset" in rule:
            found = shifted(found, rule["offset"], zone)
        if "at" in rule:
            found = local(found.date().at(Time.parse_iso(rule["at"])), zone)
    return "past" if found < start else found.to_instant().format_iso()


def spelled_out(days: str) -> list[str]:
    """The days of a text such as `mon-fri,sun`."""
    found = []
    for part in days.split(","):
        first, _, last = part.partition("-")
        place = DAYS.index(first)
        found.append(DAYS[place])
        while last and DAYS[place] != last:
            place = (place + 1) % 7
            found.append(DAYS[place])
    return found


# Zones with the local dates of both their changes in a year: spring forward, fall back.
CHANGES = [
    ("Europe/Paris", "2026-03-29", "2026-10-25"),
    ("Europe/London", "2026-03-29", "2026-10-25"),
    ("America/New_York", "2026-03-08", "2026-11-01"),
    ("America/St_Johns", "2026-03-08", "2026-11-01"),
    ("Australia/Sydney", "2026-10-04", "2026-04-05"),
    ("Australia/Adelaide", "2026-10-04", "2026-04-05"),
    ("Australia/Lord_Howe", "2026-10-04", "2026-04-05"),
    ("Pacific/Chatham", "2026-09-27", "2026-04-05"),
    ("Pacific/Auckland", "2026-09-27", "2026-04-05"),
    ("America/Santiago", "2026-09-06", "2026-04-05"),
    ("America/Havana", "2026-03-08", "2026-11-01"),
    ("Atlantic/Azores", "2026-03-29", "2026-10-25"),
]
STILL = [
    "Asia/Kathmandu", "Asia/Kolkata", "Australia/Eucla", "Pacific/Kiritimati", "Pacific/Apia",
    "Pacific/Pago_Pago", "Pacific/Marquesas", "America/Sao_Paulo", "Africa/Lagos", "UTC",
]  # fmt: skip


def at(zone: str, wall: str) -> str:
    """A local time as an instant's text."""
    return local(PlainDateTime.parse_iso(wall), zone).to_instant().format_iso()


def day(date: str, by: int) -> str:
    """A date some days on."""
    return PlainDateTime.parse_iso(f"{date}T00:00").date().add(days=by).format_iso()


def situations() -> Iterator[dict[str, Any]]:
    """What is asked: moment, value, days, zone and now."""
    for zone, forward, back in CHANGES:
        for change in (forward, back):
            eve = at(zone, f"{day(change, -1)}T12:00")
            for time in ("00:00", "00:30", "01:30", "02:15", "02:45", "03:00"):
                yield {"moment": f"{change}T{time}", "zone": zone, "now": eve}
            yield {"moment": "+1d", "zone": zone, "now": at(zone, f"{day(change, -1)}T02:15")}
            yield {"moment": "+24h", "zone": zone, "now": at(zone, f"{day(change, -1)}T02:15")}
            yield {"moment": "02:30", "zone": zone, "now": eve}
            yield {
                "moment": {"attribute": "on", "offset": "-1d", "at": "02:45"},
                "value": day(change, 1), "zone": zone, "now": eve,
            }  # fmt: skip
    for zone in STILL:
        noon = at(zone, "2026-02-27T12:00")
        yield {"moment": "12:00", "zone": zone, "now": noon}
        yield {"moment": "11:59", "zone": zone, "now": noon}
        yield {"moment": "2026-03-01", "zone": zone, "now": noon}
        yield {"moment": "09:00", "days": "mon-fri", "zone": zone, "now": noon}
        yield {"moment": {"entry": "at", "every": "year"}, "value": "1992-02-29", "zone": zone,
               "now": noon}  # fmt: skip
    yield from date_line()
    yield from birthdays()
    yield from month_ends()
    yield from values()
    yield from weeks()


def date_line() -> Iterator[dict[str, Any]]:
    """Samoa skipped 30 December 2011, Kiritimati 31 December 1994 and Kwajalein 21 August 1993."""
    for zone, skipped in [
        ("Pacific/Apia", "2011-12-30"),
        ("Pacific/Kiritimati", "1994-12-31"),
        ("Pacific/Kwajalein", "1993-08-21"),
    ]:
        eve = at(zone, f"{day(skipped, -1)}T10:00")
        for moment in (skipped, f"{skipped}T09:00", "09:00", "+1d", "+2d", "+24h"):
            yield {"moment": moment, "zone": zone, "now": eve}
        yield {"moment": {"attribute": "on", "every": "year", "at": "08:00"},
               "value": f"1980{skipped[4:]}", "zone": zone, "now": eve}  # fmt: skip
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago", "Pacific/Apia"):
        for now in ("2026-05-01T09:30:00Z", "2026-05-01T10:30:00Z", "2026-05-01T11:30:00Z"):
            yield {"moment": {"attribute": "on", "every": "year", "at": "23:00"},
                   "value": "1990-05-01", "zone": zone, "now": now}  # fmt: skip


def birthdays() -> Iterator[dict[str, Any]]:
    """Anniversaries, with leap days, offsets across them, and today's."""
    rule = {"attribute": "birthday", "every": "year"}
    for zone in ("Europe/Paris", "America/Los_Angeles", "Asia/Kathmandu"):
        for born, now, more in [
            ("1992-02-29", "2026-01-10T12:00", {}),
            ("1992-02-29", "2026-02-28T00:00", {}),
            ("1992-02-29", "2026-02-28T08:00", {"at": "09:00"}),
            ("1992-02-29", "2026-02-28T09:01", {"at": "09:00"}),
            ("1992-02-29", "2026-03-01T00:00", {}),
            ("1992-02-29", "2028-02-01T12:00", {}),
            ("1992-02-29", "2027-12-01T12:00", {"offset": "-3d", "at": "09:00"}),
            ("1992-02-29", "2026-01-10T12:00", {"offset": "+1d"}),
            ("1992-02-29", "2028-01-10T12:00", {"offset": "-1y"}),
            ("1992-02-29", "2028-01-10T12:00", {"offset": "+1y"}),
            ("1990-03-01", "2026-02-27T12:00", {"offset": "-1d"}),
            ("1990-03-01", "2028-02-27T12:00", {"offset": "-1d"}),
            ("1990-03-02", "2026-02-27T12:00", {"offset": "-3d"}),
            ("1990-12-31", "2026-12-31T23:30", {"at": "23:45"}),
            ("1990-01-01", "2026-12-31T23:30", {}),
            ("1990-01-03", "2026-12-30T12:00", {"offset": "-7d", "at": "10:00"}),
            ("1990-01-03", "2026-12-26T12:00", {"offset": "-7d", "at": "10:00"}),
            ("1990-03-29T02:30", "2026-03-01T12:00", {}),
            ("1990-10-25T02:30", "2026-03-01T12:00", {}),
            ("1984-02-29T13:45", "2026-01-01T12:00", {"offset": "1mo"}),
        ]:
            yield {"moment": {**rule, **more}, "value": born, "zone": zone, "now": at(zone, now)}


def month_ends() -> Iterator[dict[str, Any]]:
    """A month from its last day, there and back."""
    for zone in ("Europe/Paris", "Pacific/Auckland"):
        for now, by in [
            ("2026-01-31T10:00", "+1mo"), ("2028-01-31T10:00", "+1mo"),
            ("2026-03-31T10:00", "+1mo"), ("2026-08-31T10:00", "+6mo"),
            ("2028-02-29T10:00", "+1y"), ("2028-02-29T10:00", "+4y"),
            ("2026-01-30T10:00", "+1mo1d"), ("2026-12-31T23:59", "+2mo"),
            ("2026-10-31T10:00", "+13mo"), ("2026-02-28T10:00", "+1mo"),
        ]:  # fmt: skip
            yield {"moment": by, "zone": zone, "now": at(zone, now)}
        for ends, by in [
            ("2026-03-31", "-1mo"), ("2028-03-31", "-1mo"), ("2026-05-31", "-3mo"),
            ("2026-12-31", "-6mo"), ("2027-03-30", "-1mo1d"),
        ]:  # fmt: skip
            yield {"moment": {"step": "pay", "property": "event.ends", "offset": by, "at": "08:00"},
                   "value": ends, "zone": zone, "now": at(zone, "2026-01-05T12:00")}  # fmt: skip


def values() -> Iterator[dict[str, Any]]:
    """What an attribute may hold."""
    for value in [
        1_775_000_000, 1_775_000_000_000, 1_775_000_000_001, 0, "2026-04-01T09:00:00Z",
        "2026-04-01T09:00+05:45", "2026-04-01T09:00-03:30", "2026-04-01T09:00", "2026-04-01",
        "2026-02-29", "2026-13-01", "tomorrow", "", "1775000000", "01/04/2026", True, None, [],
        ["2026-04-01"], {"at": "2026-04-01"},
    ]:  # fmt: skip
        for more in ({}, {"offset": "-1d"}, {"at": "07:30"}):
            yield {"moment": {"entry": "at", **more}, "value": value, "zone": "Asia/Kathmandu",
                   "now": "2026-03-20T00:00:00Z"}  # fmt: skip
    for moment in ("entry", "-30d", "+0d", "2026-01-15", "2026-01-15T16:15", "2026-01-15T16:14"):
        yield {"moment": moment, "zone": "Asia/Kathmandu", "now": ENTRY}
    yield {"moment": {"entry": "starts_at", "offset": "-1h"}, "value": "2026-10-25T02:30",
           "zone": "Europe/Paris", "now": "2026-10-24T00:00:00Z"}  # fmt: skip
    yield {"moment": {"entry": "starts_at", "offset": "-1d"}, "value": "2026-10-25T02:30+01:00",
           "zone": "Europe/Paris", "now": "2026-10-23T00:00:00Z"}  # fmt: skip


def weeks() -> Iterator[dict[str, Any]]:
    """Times of day on some days of the week; 2026-03-27 is a Friday."""
    for days in ("mon-fri", "sat,sun", "fri-mon", "fri", "tue", "mon-sun", "sun"):
        for now in ("2026-03-27T08:00", "2026-03-27T09:00", "2026-03-27T09:01"):
            yield {"moment": "09:00", "days": days, "zone": "Europe/Paris",
                   "now": at("Europe/Paris", now)}  # fmt: skip
    yield {"moment": "02:30", "days": "sun", "zone": "Europe/Paris",
           "now": at("Europe/Paris", "2026-03-27T08:00")}  # fmt: skip
    yield {"moment": "02:30", "days": "sun", "zone": "Europe/Paris",
           "now": at("Europe/Paris", "2026-10-23T08:00")}  # fmt: skip


def main() -> None:
    """Write the table, a case a line."""
    seen: dict[str, None] = {}
    for case in situations():
        asked = {"days": None, "value": None, **case}
        answer = expected(
            asked["moment"], asked["value"], asked["zone"], asked["now"], asked["days"]
        )
        seen[json.dumps({**case, "expected": answer}, ensure_ascii=False)] = None
    TABLE.write_text("[\n" + ",\n".join(seen) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
