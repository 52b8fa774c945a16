"""Entries by schedule on a clock that the test sets: who enters at which occurrence."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from dispatch.occurrences import begin_occurrences
from tests.support.timed_entries import TimedEngine

Pool = AsyncConnectionPool[AsyncConnection[Any]]

DIGEST = """
segment: readers
if: {attribute: reads, is: true}
---
journey: digest
timezone: Europe/Paris
entry: {schedule: {cron: "0 9 * * mon", timezone: contact, segment: readers}}
steps: [{id: day, wait: 1d}]
"""
READER = {"reads": True}


def at(text: str) -> datetime:
    """An instant of December 2026 in UTC: `07 09:00`, a Monday."""
    return datetime.fromisoformat(f"2026-12-{text}").replace(tzinfo=UTC)


def entered(runs: list[Any]) -> list[tuple[str, str]]:
    """Key and start of runs, as text."""
    return [(key, started.strftime("%d %H:%M")) for _, key, started in runs]


async def test_all_contacts_enter_once_at_each_occurrence(
    pool: Pool, temporal_client: Client
) -> None:
    engine = await TimedEngine.begin(pool, temporal_client, at("01 00:00"))
    contacts = await engine.contacts(201)
    await engine.apply(
        """
journey: news
timezone: Europe/Paris
entry: {schedule: {cron: "0 9 * * *"}}
steps: [{id: day, wait: 2d}]
"""
    )
    await engine.at(at("01 07:59:59"))
    assert await engine.runs() == []
    await engine.at(at("01 08:00"))
    await engine.at(at("01 12:00"))
    await engine.at(at("02 08:00"))
    keys = [(contact, key) for contact, key, _ in await engine.runs()]
    expected = {
        (contact, f"2026-12-{day}T08:00:00Z") for contact in contacts for day in ("01", "02")
    }
    assert len(keys) == len(expected)
    assert set(keys) == expected
    jobs = await engine.jobs("occurrence")
    assert [(job.state, job.done) for job in jobs] == [("done", 201)] * 2
    assert await engine._rows("select distinct occurrence from run order by 1") == [
        (at("01 08:00"),),
        (at("02 08:00"),),
    ]


async def test_an_occurrence_comes_to_each_contact_at_its_local_time(
    pool: Pool, temporal_client: Client
) -> None:
    engine = await TimedEngine.begin(pool, temporal_client, at("05 00:00"))
    zones = ["Pacific/Kiritimati", "Asia/Kolkata", None, "America/New_York", "Pacific/Pago_Pago"]
    contacts = await engine.contacts(5, timezone=zones, attributes=[READER] * 5)
    await engine.apply(DIGEST)
    turns = ["06 19:00", "07 03:30", "07 08:00", "07 14:00", "07 20:00", "07 21:00"]
    for turn in map(at, turns):
        await engine.at(turn - timedelta(seconds=1))
        await engine.at(turn)
    starts = {contact: started for contact, _, started in await engine.runs()}
    assert [starts[contact].strftime("%d %H:%M") for contact in contacts] == turns[:5]
    [job] = await engine.jobs("occurrence")
    assert job.state == "done"


async def test_the_segment_is_judged_at_the_turn_of_each_contact(
    pool: Pool, temporal_client: Client
) -> None:
    engine = await TimedEngine.begin(pool, temporal_client, at("05 00:00"))
    zones = ["Asia/Tokyo", "Asia/Tokyo", "Europe/Paris", "Europe/Paris"]
    reads = [True, False, True, False]
    contacts = await engine.contacts(
        4, timezone=zones, attributes=[{"reads": each} for each in reads]
    )
    await engine.apply(DIGEST)
    await engine.at(at("07 00:00"))
    # After Tokyo's turn and before that of Paris, all readers stop, and all others begin to read.
    for contact, read in zip(contacts, reads, strict=True):
        await engine.identify(str(contact), {"reads": not read})
    await engine.at(at("07 08:00"))
    await engine.at(at("08 12:00"))
    assert [contact for contact, _, _ in await engine.runs()] == [contacts[0], contacts[3]]


async def test_one_who_moves_during_an_occurrence_enters_once(
    pool: Pool, temporal_client: Client
) -> None:
    engine = await TimedEngine.begin(pool, temporal_client, at("05 00:00"))
    west, east, far = await engine.contacts(
        3, timezone=["America/New_York", "Asia/Tokyo", "America/New_York"], attributes=[READER] * 3
    )
    await engine.apply(DIGEST)
    await engine.at(at("07 00:00"))
    assert [contact for contact, _, _ in await engine.runs()] == [east]
    await engine.set(at("07 05:00"))
    # Out of a zone whose turn is to come into one whose turn was five hours ago, and the other way.
    await engine.identify(str(west), {"timezone": "Asia/Tokyo"})
    await engine.identify(str(east), {"timezone": "America/New_York"})
    await engine.identify(str(far), {"timezone": "Europe/Paris"})
    for turn in ("07 06:00", "07 08:00", "07 14:00", "07 20:59:59", "07 21:00", "08 14:00"):
        await engine.at(at(turn))
    assert sorted(
        (contact, started.strftime("%d %H:%M")) for contact, _, started in await engine.runs()
    ) == sorted([(east, "07 00:00"), (far, "07 08:00"), (west, "07 06:00")])
    assert await engine.refusals() == []


async def test_one_who_moves_to_where_the_time_is_over_is_looked_for_between_two_turns(
    pool: Pool, temporal_client: Client
) -> None:
    engine = await TimedEngine.begin(pool, temporal_client, at("05 00:00"))
    # More than a page of them, and a clock that stands still while they move.
    await engine.contacts(250, timezone=["Pacific/Pago_Pago"] * 250, attributes=[READER] * 250)
    await engine.apply(DIGEST.replace("segment: readers}}", "segment: readers}, up_to: 6h}"))
    await engine.at(at("06 19:00"))
    await engine.at(at("07 01:00"))
    assert await engine.runs() == []
    move = "update contact set timezone = '{}' where timezone = '{}' returning id"
    moved = await engine._rows(move.format("Asia/Tokyo", "Pacific/Pago_Pago"))
    assert len(moved) == 250
    # Nine o'clock was at midnight in Tokyo, and no zone has its turn now.
    await engine.at(at("07 01:31"))
    assert {started for _, _, started in await engine.runs()} == {at("07 01:31")}
    assert len(await engine.runs()) == 250
    for turn in ("07 20:00", "07 21:00", "08 12:00"):
        await engine.at(at(turn))
    assert len(await engine.runs()) == 250
    [job] = await engine.jobs("occurrence")
    assert (job.state, job.done) == ("done", 250)


async def test_the_clocks_of_the_contact_say_how_late_it_is(
    pool: Pool, temporal_client: Client
) -> None:
    engine = await TimedEngine.begin(pool, temporal_client, at("05 00:00"))
    zones = ["America/New_York", "America/New_York", "Pacific/Pago_Pago"]
    near, far, line = await engine.contacts(3, timezone=zones, attributes=[READER] * 3)
    await engine.apply(DIGEST.replace("segment: readers}}", "segment: readers}, up_to: 6h}"))
    await engine.at(at("06 19:00"))
    await engine.set(at("07 05:00"))
    # Nine o'clock was five hours ago in Tokyo, ten in Kiritimati, and nine in Auckland.
    await engine.identify(str(near), {"timezone": "Asia/Tokyo"})
    await engine.identify(str(far), {"timezone": "Pacific/Kiritimati"})
    await engine.identify(str(line), {"timezone": "Pacific/Auckland"})
    await engine.at(at("07 05:00"))
    late = "2026-12-07T09:00:00", "late"
    refused = [(far, *late), (line, *late)]
    assert [(contact, started) for contact, _, started in await engine.runs()] == [
        (near, at("07 05:00"))
    ]
    assert sorted(await engine.refusals()) == sorted(refused)
    # One moves on to where the time is over as well, the other to where it is to come.
    await engine.identify(str(far), {"timezone": "Australia/Sydney"})
    await engine.identify(str(line), {"timezone": "Europe/Paris"})
    for turn in ("07 06:00", "07 08:00", "07 20:00", "07 21:00", "08 12:00"):
        await engine.at(at(turn))
    assert [(contact, started) for contact, _, started in await engine.runs()] == [
        (near, at("07 05:00")),
        (line, at("07 08:00")),
    ]
    assert sorted(await engine.refusals()) == sorted(refused)


async def test_a_day_late_is_a_day_of_the_calendar_where_the_contact_is(
    pool: Pool, temporal_client: Client
) -> None:
    # In Berlin, the day of 28 March 2027 has 23 hours.
    begin = datetime(2027, 3, 26, tzinfo=UTC)
    engine = await TimedEngine.begin(pool, temporal_client, begin)
    zones = ["Europe/Berlin", "Africa/Lagos"]
    berlin, lagos = await engine.contacts(2, timezone=zones, attributes=[READER] * 2)
    await engine.apply(DIGEST.replace("0 9 * * mon", "0 12 * * sat"))
    await engine.at(begin)
    # Noon on Saturday was at eleven in both.
    await engine.at(datetime(2027, 3, 28, 10, 30, tzinfo=UTC))
    assert [contact for contact, _, _ in await engine.runs()] == [lagos]
    assert [contact for contact, _, _ in await engine.refusals()] == [berlin]


async def test_after_an_outage_contacts_enter_late_or_are_listed_as_late(
    pool: Pool, temporal_client: Client
) -> None:
    engine = await TimedEngine.begin(pool, temporal_client, at("05 00:00"))
    east, west, stranger = await engine.contacts(
        3, timezone=["Asia/Tokyo", "America/New_York", "Asia/Tokyo"],
        attributes=[READER, READER, {}],
    )  # fmt: skip
    await engine.apply(DIGEST)
    await engine.at(at("06 00:00"))
    # A day after Tokyo's turn and ten hours after New York's.
    await engine.at(at("08 00:30"))
    assert [(contact, key) for contact, key, _ in await engine.runs()] == [
        (west, "2026-12-07T09:00:00")
    ]
    assert await engine.refusals() == [(east, "2026-12-07T09:00:00", "late")]
    assert stranger not in (west, east)


async def test_what_lies_before_the_journey_went_live_never_enters(
    pool: Pool, temporal_client: Client
) -> None:
    engine = await TimedEngine.begin(pool, temporal_client, at("01 12:00"))
    await engine.contacts(1)
    once = """
journey: launch
entry: {schedule: {at: "2026-12-0%dT09:00"}}
steps: [{id: day, wait: 1d}]
"""
    await engine.apply(once % 1)
    await engine.at(at("02 00:00"))
    assert await engine.runs() == []
    # Nothing is at work while a version comes whose time is over by then.
    await engine.set(at("02 10:00"))
    await engine.apply(once % 2)
    await engine.at(at("02 11:00"))
    assert await engine.runs() == []
    # The version that was live when it came has its occurrence, though another is live by now.
    await engine.apply(once % 3)
    await engine.set(at("03 09:30"))
    await engine.apply(once % 4)
    await engine.at(at("03 10:00"))
    assert entered(await engine.runs()) == [("2026-12-03T09:00:00Z", "03 10:00")]
    await engine.archive("launch")
    await engine.at(at("04 12:00"))
    assert len(await engine.runs()) == 1


async def test_a_time_that_has_begun_in_the_east_comes_to_those_whose_turn_is_ahead(
    pool: Pool, temporal_client: Client
) -> None:
    engine = await TimedEngine.begin(pool, temporal_client, at("07 10:00"))
    zones = [
        "Pacific/Kiritimati", "Asia/Tokyo", "Europe/Paris", "America/New_York",
        "Pacific/Pago_Pago", "Asia/Tokyo", "America/New_York",
    ]  # fmt: skip
    contacts = await engine.contacts(7, timezone=zones)
    # It is ten in UTC: nine o'clock in Paris was at eight. New York comes at fourteen.
    await engine.apply(
        """
journey: launch
entry: {schedule: {at: "2026-12-07T09:00", timezone: contact}}
steps: [{id: day, wait: 1d}]
"""
    )
    # From a zone whose turn was over into one whose turn comes, and the other way.
    await engine.identify(str(contacts[5]), {"timezone": "America/New_York"})
    await engine.identify(str(contacts[6]), {"timezone": "Asia/Tokyo"})
    for turn in ("07 10:02", "07 13:59", "07 14:00", "07 20:00", "08 12:00"):
        await engine.at(at(turn))
    starts = {contact: started.strftime("%d %H:%M") for contact, _, started in await engine.runs()}
    assert starts == {
        contacts[3]: "07 14:00", contacts[5]: "07 14:00", contacts[4]: "07 20:00",
    }  # fmt: skip
    assert await engine.refusals() == []
    [job] = await engine.jobs("occurrence")
    assert job.state == "done"
    # Another version of the journey begins no second one.
    await engine.apply(
        """
journey: launch
entry: {schedule: {at: "2026-12-07T09:00", timezone: contact}}
steps: [{id: days, wait: 2d}]
"""
    )
    await engine.at(at("08 13:00"))
    assert len(await engine.jobs("occurrence")) == 1


async def test_occurrences_during_a_pause_are_left_out(pool: Pool, temporal_client: Client) -> None:
    engine = await TimedEngine.begin(pool, temporal_client, at("01 00:00"))
    await engine.contacts(1)
    await engine.apply(
        """
journey: news
entry: {schedule: {cron: "0 9 * * *"}}
steps: [{id: hour, wait: 1h}]
"""
    )
    await engine.pause("news")
    await engine.at(at("01 10:00"))
    await engine.at(at("02 08:00"))
    await engine.resume("news")
    await engine.at(at("02 08:30"))
    await engine.at(at("02 09:00"))
    assert entered(await engine.runs()) == [("2026-12-02T09:00:00Z", "02 09:00")]


async def test_a_pause_during_an_occurrence_refuses_those_whose_turn_comes_in_it(
    pool: Pool, temporal_client: Client
) -> None:
    engine = await TimedEngine.begin(pool, temporal_client, at("05 00:00"))
    zones = ["Asia/Tokyo", "Europe/Paris", "America/New_York", "Pacific/Pago_Pago"]
    contacts = await engine.contacts(4, timezone=zones, attributes=[READER] * 4)
    await engine.apply(DIGEST)
    await engine.at(at("07 00:00"))
    await engine.set(at("07 05:00"))
    await engine.pause("digest")
    for turn in ("07 08:00", "07 12:00"):
        await engine.at(at(turn))
    await engine.resume("digest")
    for turn in ("07 12:05", "07 14:00", "07 20:00", "08 12:00"):
        await engine.at(at(turn))
    assert [contact for contact, _, _ in await engine.runs()] == [
        contacts[0], contacts[2], contacts[3],
    ]  # fmt: skip
    assert [(contact, why) for contact, _, why in await engine.refusals()] == [
        (contacts[1], "paused")
    ]
    [job] = await engine.jobs("occurrence")
    assert job.state == "done"


async def test_an_occurrence_ends_with_its_journey(pool: Pool, temporal_client: Client) -> None:
    engine = await TimedEngine.begin(pool, temporal_client, at("05 00:00"))
    east, _ = await engine.contacts(
        2, timezone=["Asia/Tokyo", "America/New_York"], attributes=[READER] * 2
    )
    await engine.apply(DIGEST)
    await engine.at(at("07 00:00"))
    await engine.archive("digest")
    await engine.at(at("07 14:00"))
    await engine.at(at("08 12:00"))
    assert [contact for contact, _, _ in await engine.runs()] == [east]
    [job] = await engine.jobs("occurrence")
    assert job.state == "superseded"
    # Live once more, the occurrence that is over for good comes to no one.
    await engine.apply(DIGEST.partition("---")[2].replace("wait: 1d", "wait: 2d"))
    await engine.at(at("08 13:00"))
    assert [contact for contact, _, _ in await engine.runs()] == [east]


async def test_a_stated_re_entry_counts_across_occurrences(
    pool: Pool, temporal_client: Client
) -> None:
    engine = await TimedEngine.begin(pool, temporal_client, at("01 00:00"))
    await engine.contacts(1)
    await engine.apply(
        """
journey: news
entry: {schedule: {cron: "0 9 * * *"}}
re_entry: {after: 2d}
steps: [{id: hour, wait: 1h}]
"""
    )
    for day in (1, 2, 3):
        await engine.at(at(f"0{day} 09:00"))
    assert [started.day for _, _, started in await engine.runs()] == [1, 3]
    assert [code for _, _, code in await engine.refusals()] == ["re_entry"]


async def test_two_attempts_at_each_page_at_once_enter_each_contact_once(
    pool: Pool, temporal_client: Client
) -> None:
    engine = await TimedEngine.begin(pool, temporal_client, at("01 00:00"))
    contacts = await engine.contacts(450)
    await engine.apply(
        """
journey: news
entry: {schedule: {cron: "0 9 * * *"}}
steps: [{id: hour, wait: 1h}]
"""
    )
    await engine.set(at("01 09:00"))
    async with pool.connection() as conn:
        await begin_occurrences(
            conn, None, engine.catalog, "news", since=at("01 00:00"), until=at("01 09:00")
        )
    # An attempt that died, or that Temporal takes for dead, runs beside the next one.
    await asyncio.gather(engine.pages(), engine.pages(), engine.pages())
    entered_contacts = [contact for contact, _, _ in await engine.runs()]
    assert sorted(entered_contacts) == sorted(contacts)
    [job] = await engine.jobs("occurrence")
    assert (job.state, job.done) == ("done", 450)
    assert job.progress is not None
    assert (job.progress["entered"], job.progress["refused"]) == (450, {})


async def test_a_contact_at_fault_keeps_no_other_from_entering(
    pool: Pool, temporal_client: Client
) -> None:
    engine = await TimedEngine.begin(pool, temporal_client, at("01 00:00"))
    contacts = await engine.contacts(5)
    await engine.apply(
        """
journey: news
entry: {schedule: {cron: "0 9 * * *"}}
steps: [{id: hour, wait: 1h}]
"""
    )
    await engine._rows(
        "create function fail() returns trigger language plpgsql as $$ begin"
        f" if new.contact_id = '{contacts[2]}' then raise 'no'; end if; return new; end $$;"
        " create trigger fails before insert on run for each row execute function fail();"
        " select 1"
    )
    await engine.at(at("01 09:00"))
    assert {contact for contact, _, _ in await engine.runs()} == {*contacts} - {contacts[2]}
    [job] = await engine.jobs("occurrence")
    assert (job.state, job.done, job.failed) == ("done", 5, 1)
    assert await engine._rows("select contact_id, activity from fault") == [
        (contacts[2], "occurrence")
    ]
