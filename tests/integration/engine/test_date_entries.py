"""Entries by date on a clock that the test sets: who enters, when, and under which key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from store.definitions.catalog import Catalog
from tests.support.timed_entries import TimedEngine

Pool = AsyncConnectionPool[AsyncConnection[Any]]

BIRTHDAY = """
journey: birthday
timezone: Europe/Paris
entry: {date: {attribute: birthday, every: year, at: "09:00"}, if: {attribute: mute, exists: false}}
steps: [{id: day, wait: 1d}]
"""


def at(text: str) -> datetime:
    """An instant of 2026 in UTC: `05-03 12:00`."""
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)


async def engine_with(
    pool: Pool, client: Client, now: str, contacts: list[dict[str, Any]], journey: str = BIRTHDAY
) -> TimedEngine:
    """An engine with contacts (attributes, and `timezone`), the journey live from now on."""
    engine = await TimedEngine.begin(pool, client, at(now))
    zones = [each.pop("timezone", None) for each in contacts]
    await engine.contacts(len(contacts), attributes=contacts, timezone=zones)
    await engine.apply(journey)
    await engine.work()
    return engine


def entered(runs: list[Any]) -> list[tuple[str, str]]:
    """Key and start of runs, as text."""
    return [(key, started.strftime("%m-%d %H:%M")) for _, key, started in runs]


async def test_a_contact_enters_on_its_day_at_the_local_hour_once_a_year(
    pool: Pool, temporal_client: Client
) -> None:
    engine = await engine_with(
        pool,
        temporal_client,
        "05-01 00:00",
        [{"birthday": "1990-05-04"}, {"birthday": "2000-05-04", "timezone": "Asia/Tokyo"}],
    )
    for day in (3, 4, 5):
        for hour in (0, 7, 12):
            await engine.at(at(f"05-0{day} {hour:02}:00") - timedelta(seconds=1))
            await engine.at(at(f"05-0{day} {hour:02}:00"))
    assert entered(await engine.runs()) == [("2026", "05-04 00:00"), ("2026", "05-04 07:00")]
    await engine.at(at("05-04 07:00").replace(year=2027))
    assert [key for _, key, _ in await engine.runs()] == ["2026", "2026", "2027", "2027"]
    assert await engine.refusals() == []


async def test_moments_before_the_journey_went_live_never_enter(
    pool: Pool, temporal_client: Client
) -> None:
    engine = await engine_with(pool, temporal_client, "05-04 07:01", [{"birthday": "1990-05-04"}])
    await engine.at(at("05-04 12:00"))
    assert await engine.runs() == []
    await engine.archive("birthday")
    await engine.at(at("06-01 00:00"))
    await engine.apply(BIRTHDAY + "name: again\n")
    await engine.at(at("05-04 07:00").replace(year=2027))
    assert [key for _, key, _ in await engine.runs()] == ["2027"]


async def test_a_birthday_that_is_corrected_after_the_greeting_greets_next_year(
    pool: Pool, temporal_client: Client
) -> None:
    engine = await engine_with(pool, temporal_client, "05-01 00:00", [])
    await engine.identify("ann", {"birthday": "1990-05-04"})
    await engine.at(at("05-04 07:00"))
    assert len(await engine.runs()) == 1
    await engine.identify("ann", {"birthday": "1990-05-20"})
    await engine.at(at("05-04 08:00"))
    await engine.at(at("05-20 07:00"))
    assert len(await engine.runs()) == 1
    await engine.at(at("05-20 07:00").replace(year=2027))
    assert [key for _, key, _ in await engine.runs()] == ["2026", "2027"]


async def test_a_date_enters_only_from_the_change_on_that_set_it(
    pool: Pool, temporal_client: Client
) -> None:
    engine = await engine_with(pool, temporal_client, "05-01 00:00", [])
    await engine.set(at("05-04 07:00:01"))
    await engine.identify("late", {"birthday": "1990-05-04"})
    await engine.set(at("05-04 06:59:59"))
    await engine.identify("early", {"birthday": "1990-05-04"})
    # Nothing was at work meanwhile.
    await engine.at(at("05-04 12:00"))
    assert len(await engine.runs()) == 1
    assert await engine.refusals() == []


async def test_a_date_that_changes_before_its_moment_is_drained_does_not_enter(
    pool: Pool, temporal_client: Client
) -> None:
    engine = await engine_with(pool, temporal_client, "05-01 00:00", [])
    await engine.identify("ann", {"birthday": "1990-05-04"})
    await engine.work()
    await engine.set(at("05-04 08:00"))
    await engine.identify("ann", {"birthday": "1990-05-03"})
    await engine.at(at("05-04 09:00"))
    assert await engine.runs() == []
    await engine.at(at("05-03 07:00").replace(year=2027))
    assert [key for _, key, _ in await engine.runs()] == ["2027"]


@pytest.mark.parametrize(
    ("zone", "expected"),
    # On the evening of the 3rd in Paris: nine o'clock is still to come in New York, and came in
    # Auckland at 21:00 UTC, an hour before the move.
    [("America/New_York", "05-04 13:00"), ("Pacific/Auckland", "05-03 22:00")],
)
async def test_a_zone_that_changes_the_evening_before_moves_the_moment(
    pool: Pool, temporal_client: Client, zone: str, expected: str
) -> None:
    engine = await engine_with(pool, temporal_client, "05-01 00:00", [])
    await engine.identify("ann", {"birthday": "1990-05-04", "timezone": "Europe/Paris"})
    await engine.at(at("05-03 22:00"))
    await engine.identify("ann", {"timezone": zone})
    for hours in (0, 9, 14, 15, 35):
        await engine.at(at("05-03 22:00") + timedelta(hours=hours))
    assert entered(await engine.runs()) == [("2026", expected)]


async def test_after_an_outage_it_enters_late_up_to_a_day_and_is_refused_beyond(
    pool: Pool, temporal_client: Client
) -> None:
    engine = await engine_with(
        pool,
        temporal_client,
        "05-01 00:00",
        [{"birthday": "1990-05-04"}, {"birthday": "1990-05-05"}],
    )
    await engine.at(at("05-05 13:00"))
    assert entered(await engine.runs()) == [("2026", "05-05 13:00")]
    assert [(key, code) for _, key, code in await engine.refusals()] == [("2026", "late")]


async def test_a_condition_is_judged_when_the_moment_comes(
    pool: Pool, temporal_client: Client
) -> None:
    engine = await engine_with(
        pool, temporal_client, "05-01 00:00", [{"birthday": "1990-05-04", "mute": True}]
    )
    await engine.at(at("05-04 07:00"))
    assert await engine.runs() == []
    assert await engine.refusals() == []


async def test_a_pause_refuses_and_moments_before_its_end_never_enter(
    pool: Pool, temporal_client: Client
) -> None:
    engine = await engine_with(
        pool,
        temporal_client,
        "05-01 00:00",
        [{"birthday": f"1990-05-{day:02}"} for day in (3, 4, 5)],
    )
    await engine.set(at("05-03 00:00"))
    await engine.pause("birthday")
    await engine.at(at("05-03 08:00"))
    await engine.set(at("05-04 08:00"))
    await engine.resume("birthday")
    await engine.at(at("05-05 07:00"))
    assert [code for _, _, code in await engine.refusals()] == ["paused", "paused"]
    assert entered(await engine.runs()) == [("2026", "05-05 07:00")]


async def test_dates_that_change_while_a_journey_is_broken_count_once_it_is_repaired(
    pool: Pool, temporal_client: Client
) -> None:
    days = (3, 10, 3, 20, 3)
    engine = await engine_with(
        pool,
        temporal_client,
        "05-01 00:00",
        [{"birthday": f"1990-05-{day:02}"} for day in days],
    )
    contacts = [row[0] for row in await engine._rows("select id from contact order by id")]
    same, earlier, later, gone, silent = contacts
    await engine.set(at("05-02 00:00"))
    was = await engine._rows("select document from journey_version where journey = 'birthday'")
    broken = "update journey_version set document = document || '{\"steps\": 7}' returning 1"
    await engine._rows(broken)
    await engine._rows("update catalog set revision = revision + 1 returning 1")
    engine.catalog = Catalog()
    await engine.identify(str(earlier), {"birthday": "1990-05-04"})
    await engine.identify(str(later), {"birthday": "1990-05-25"})
    await engine.identify(str(gone), {"birthday": None})
    await engine.identify("new", {"birthday": "1990-05-05"})
    for moment in ("05-02 00:01", "05-03 08:00", "05-04 06:00"):
        await engine.at(at(moment))
    assert await engine.runs() == []
    await engine._rows("update journey_version set document = %s returning 1", Jsonb(was[0][0]))
    await engine._rows("update catalog set revision = revision + 1 returning 1")
    engine.catalog = Catalog()
    # Late by less than a day for those of the third, and in time for all others.
    for moment in ("05-04 06:30", "05-04 07:00", "05-05 07:00", "05-10 07:00", "05-25 07:00"):
        await engine.at(at(moment))
    starts = {contact: started.strftime("%d %H:%M") for contact, _, started in await engine.runs()}
    [(new,)] = await engine._rows("select id from contact where external_id = 'new'")
    assert starts == {
        same: "04 06:30", silent: "04 06:30", earlier: "04 07:00", new: "05 07:00",
        later: "25 07:00",
    }  # fmt: skip
    assert [job.state for job in await engine.jobs("dates")] == ["done", "done"]


async def test_the_version_that_is_live_decides(pool: Pool, temporal_client: Client) -> None:
    engine = await engine_with(
        pool,
        temporal_client,
        "05-01 00:00",
        [{"birthday": "1990-05-04"}, {"birthday": "1990-05-02"}],
    )
    await engine.at(at("05-01 12:00"))
    # Three days before: for the first in a moment that is over, for the second in the past as well.
    await engine.apply(BIRTHDAY.replace("every: year", "every: year, offset: -2d"))
    await engine.at(at("05-02 07:00"))
    assert entered(await engine.runs()) == [("2026", "05-02 07:00")]
    await engine.at(at("05-04 12:00"))
    assert len(await engine.runs()) == 1
    await engine.apply(BIRTHDAY.replace("attribute: birthday, every: year", "attribute: other"))
    await engine.at(at("05-10 00:00"))
    assert await engine._rows("select count(*) from date_entry") == [(0,)]


async def test_a_stated_re_entry_counts_across_occurrences(
    pool: Pool, temporal_client: Client
) -> None:
    engine = await engine_with(
        pool,
        temporal_client,
        "05-01 00:00",
        [{"renews": "2026-05-04T10:00"}],
        """
journey: renewal
entry: {date: {attribute: renews}}
re_entry: {after: 10d}
steps: [{id: day, wait: 1h}]
""",
    )
    [contact] = [row[0] for row in await engine._rows("select external_id from contact")]
    for day in ("05-04", "05-08", "05-20"):
        await engine.identify(contact, {"renews": f"2026-{day}T10:00"})
        await engine.work()
        await engine.at(at(f"{day} 10:00"))
    assert [key for _, key, _ in await engine.runs()] == ["2026-05-04", "2026-05-20"]
    assert [(key, code) for _, key, code in await engine.refusals()] == [("2026-05-08", "re_entry")]


async def test_several_dates_of_a_journey_do_not_meet(pool: Pool, temporal_client: Client) -> None:
    engine = await engine_with(
        pool,
        temporal_client,
        "05-01 00:00",
        [{"birthday": "1990-05-04", "joined": "2020-05-04"}],
        """
journey: days
entry:
  - {date: {attribute: birthday, every: year}}
  - {date: {attribute: joined, every: year}}
steps: [{id: day, wait: 1d}]
""",
    )
    await engine.at(at("05-04 00:00"))
    assert sorted(key for _, key, _ in await engine.runs()) == ["birthday 2026", "joined 2026"]


async def test_a_contact_that_is_erased_leaves_no_moment(
    pool: Pool, temporal_client: Client
) -> None:
    engine = await engine_with(pool, temporal_client, "05-01 00:00", [{"birthday": "1990-05-04"}])
    assert await engine._rows("select count(*) from date_entry") == [(1,)]
    await engine._rows("delete from contact returning 1")
    assert await engine._rows("select count(*) from date_entry") == [(0,)]
