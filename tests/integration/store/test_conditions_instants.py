"""The functions of time that conditions call, against Python's calendar and zones."""

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from journeys.time.durations import Duration, at_local

Pool = AsyncConnectionPool[AsyncConnection[Any]]

# Half-hour and quarter-hour offsets, a change of half an hour, changes at midnight, none, a skipped
# day, and a zone whose winter is the exception.
ZONES = (
    "UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu",
    "America/Santiago", "Africa/Cairo", "Asia/Kolkata", "Pacific/Apia", "Africa/Casablanca",
    "Europe/Dublin", "America/St_Johns",
)  # fmt: skip


async def ask(pool: Pool, statement: str, rows: list[tuple[Any, ...]]) -> list[Any]:
    """One answer a row of arguments, which `statement` names `a0`, `a1`…"""
    columns = ", ".join(f"x ->> {number} as a{number}" for number in range(len(rows[0])))
    async with pool.connection() as conn:
        # A session elsewhere: the answer may not depend on it.
        await conn.execute("set timezone to 'America/New_York'")
        cursor = await conn.execute(
            f"select {statement} from (select n, {columns} from"
            " jsonb_array_elements(%s::jsonb) with ordinality as l(x, n)) k order by n".encode(),
            (json.dumps(rows, default=str),),
        )
        return [row[0] and row[0].astimezone(UTC) for row in await cursor.fetchall()]


def changes(zone: str, year: int) -> list[datetime]:
    """The hours of a year after which a zone's offset is another, in UTC."""
    hours = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(366 * 24)]
    local = ZoneInfo(zone)
    offsets = [hour.astimezone(local).utcoffset() for hour in hours]
    return [
        hour for hour, now, then in zip(hours, offsets, offsets[1:], strict=False) if now != then
    ]


async def test_local_times_are_the_first_of_two_and_the_first_after_a_gap(pool: Pool) -> None:
    randomly = random.Random(26)
    rows: list[tuple[datetime, str]] = []
    for zone in ZONES:
        around = [change for year in (2011, 2026) for change in changes(zone, year)]
        around += [datetime(2026, 7, 1, tzinfo=UTC)]
        for change in around:
            wall = change.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
            rows += [
                (wall + timedelta(minutes=15 * step + randomly.randrange(15)), zone)
                for step in range(-12, 13)
            ]
    answers = await ask(pool, "parcours.at_local(a0::timestamp, a1)", rows)
    expected = [at_local(wall, ZoneInfo(zone)) for wall, zone in rows]
    assert [
        (row, answer, right)
        for row, answer, right in zip(rows, answers, expected, strict=True)
        if answer != right
    ] == []


async def test_calendar_units_go_by_the_wall_clock(pool: Pool) -> None:
    randomly = random.Random(7)
    rows = []
    expected = []
    for _ in range(800):
        zone = randomly.choice(ZONES[:8])
        text = randomly.choice(["1d", "1mo", "1y", "2w", "36h", "1mo3d2h", "90d", "13mo", "1d12h"])
        duration = Duration.parse(text)
        if randomly.random() < 0.5:
            duration = -duration
        instant = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(
            minutes=randomly.randrange(3 * 366 * 24 * 60)
        )
        months = duration.years * 12 + duration.months
        days = duration.weeks * 7 + duration.days
        rows.append((instant, months, days, duration.exact.total_seconds(), zone))
        expected.append(duration.add_to(instant, ZoneInfo(zone)))
    answers = await ask(
        pool,
        "parcours.shift(a0::timestamptz, a1::int, a2::int, make_interval(secs => a3::float8), a4)",
        rows,
    )
    assert [
        (row, answer, right)
        for row, answer, right in zip(rows, answers, expected, strict=True)
        if answer != right
    ] == []


async def test_instants_are_read_or_missing_never_an_error(pool: Pool) -> None:
    paris = ZoneInfo("Europe/Paris")
    table: list[tuple[Any, datetime | None]] = [
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=paris)),
        ("2026-03-01T09:30", datetime(2026, 3, 1, 9, 30, tzinfo=paris)),
        ("2026-03-01 09:30:15.25", datetime(2026, 3, 1, 9, 30, 15, 250_000, tzinfo=paris)),
        ("2026-07-01T00:00", datetime(2026, 6, 30, 22, tzinfo=UTC)),
        ("2026-03-01T09:30Z", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
        ("2026-03-01t09:30:00z", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
        ("2026-03-01T09:30+05:45", datetime(2026, 3, 1, 3, 45, tzinfo=UTC)),
        ("2026-03-01T09:30-0330", datetime(2026, 3, 1, 13, tzinfo=UTC)),
        ("2026-03-01T09:30+02", datetime(2026, 3, 1, 7, 30, tzinfo=UTC)),
        ("2026-03-29T02:30", datetime(2026, 3, 29, 1, tzinfo=UTC)),
        ("2026-10-25T02:30", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("2024-02-29", datetime(2024, 2, 29, tzinfo=paris)),
        ("2026-02-29", None),
        ("2026-13-01", None),
        ("2026-03-01T24:00", None),
        ("2026-03-01T09:60", None),
        ("2026-03-01T09:30:60", None),
        ("0000-01-01", None),
        ("2026-03-01T09", None),
        ("2026-03-01T09:30 tomorrow", None),
        ("20260301", None),
        ("01/03/2026", None),
        ("now", None),
        ("infinity", None),
        ("1767225600", None),
        ("", None),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (-86400, datetime(1969, 12, 31, tzinfo=UTC)),
        (1767225600.5, datetime(2026, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)),
        (99_999_999_999, datetime(5138, 11, 16, 9, 46, 39, tzinfo=UTC)),
        (1767225600001, datetime(2026, 1, 1, 0, 0, 0, 1000, tzinfo=UTC)),
        (1e300, None),
        (-1e300, None),
        (253402300800000, None),
        (True, None),
        (None, None),
        ([], None),
        (["2026-01-01"], None),
        ({"at": "2026-01-01"}, None),
    ]
    answers = await ask(
        pool,
        "parcours.instant(a0::jsonb, 'Europe/Paris')",
        [(json.dumps(value),) for value, _ in table],
    )
    assert [
        (value, answer)
        for (value, right), answer in zip(table, answers, strict=True)
        if answer != right
    ] == []


async def test_a_moment_is_its_anniversary_then_its_offset_then_its_time(pool: Pool) -> None:
    paris = ZoneInfo("Europe/Paris")

    def at(*parts: int) -> datetime:
        return datetime(*parts, tzinfo=paris)  # type: ignore[misc,arg-type]

    table = [
        (at(1990, 5, 1), at(2026, 3, 1, 12), 0, None, at(2026, 5, 1)),
        (at(1990, 3, 1), at(2026, 3, 1, 12), 0, None, at(2026, 3, 1)),
        (at(1990, 2, 28), at(2026, 3, 1, 12), 0, None, at(2027, 2, 28)),
        (at(1992, 2, 29), at(2026, 1, 1), 0, None, at(2026, 2, 28)),
        (at(1992, 2, 29), at(2028, 1, 1), 0, None, at(2028, 2, 29)),
        (at(1990, 5, 1), at(2026, 3, 1), -3, "09:00", at(2026, 4, 28, 9)),
        (at(1990, 3, 31, 8), at(2026, 3, 1), -3, None, at(2026, 3, 28, 8)),
        (at(1990, 3, 2), at(2026, 3, 1, 12), -3, None, at(2026, 2, 27)),
    ]
    answers = await ask(
        pool,
        "parcours.moment(a0::timestamptz, a1::timestamptz, 'Europe/Paris', true, 0, a2::int,"
        " interval '0', a3::time)",
        [row[:4] for row in table],
    )
    assert answers == [row[4] for row in table]


async def test_a_time_of_day_is_its_next_occurrence_now_included(pool: Pool) -> None:
    paris = ZoneInfo("Europe/Paris")
    now = datetime(2026, 3, 28, 9, 0, tzinfo=paris)
    rows = [(now, "09:00"), (now, "09:01"), (now, "08:59"), (now, "02:30")]
    answers = await ask(pool, "parcours.next_time(a0::timestamptz, a1::time, 'Europe/Paris')", rows)
    assert answers == [
        now,
        now + timedelta(minutes=1),
        datetime(2026, 3, 29, 8, 59, tzinfo=paris),
        datetime(2026, 3, 29, 1, 0, tzinfo=UTC),
    ]
