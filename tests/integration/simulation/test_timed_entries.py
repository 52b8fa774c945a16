"""Entries by segment, group, place, date and schedule: in simulated time, and for many contacts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from simulation.document_set import read_document_set
from simulation.fixture import SimulatedJourney
from simulation.scenarios import play_together, read_scenario
from simulation.timeline import Line
from tests.integration.simulation.conftest import Play
from tests.integration.simulation.samples import ADA

MAIL = "steps: [{id: mail, email: {subject: Hi, text: Hi, transactional: true}}]\n"
BIRTHDAY = (
    'journey: birthday\nentry: {date: {attribute: birthday, every: year, at: "09:00"}}\n' + MAIL
)
WEEKLY = 'journey: weekly\nentry: {schedule: {cron: "0 9 * * mon", timezone: contact}}\n' + MAIL
START = "2026-03-04T08:00:00+00:00"


def entries(lines: list[Line]) -> list[tuple[str, str]]:
    """Contact and local time of each mail that was sent."""
    return [(line.contact, f"{line.local:%Y-%m-%d %H:%M}") for line in lines if line.step == "mail"]


def person(name: str, zone: str, **traits: Any) -> dict[str, Any]:
    traits = {"email": f"{name}@example.com", "timezone": zone, **traits}
    return {"userId": name, "traits": traits}


async def played(
    database_url: str, text: str, people: list[dict[str, Any]], until: str | None = None
) -> list[Line]:
    book = read_document_set([("text", text)], None)
    start = datetime.fromisoformat(START)
    scenarios = [read_scenario(book, each, [], start) for each in people]
    end = None if until is None else datetime.fromisoformat(until)
    return await play_together(book, scenarios, database_url, start, until=end)


async def test_each_contact_comes_to_a_first_birthday_and_no_further(database_url: str) -> None:
    lines = await played(
        database_url,
        BIRTHDAY,
        [
            person("ada", "Europe/Paris", birthday="1990-06-10"),
            person("ben", "America/New_York", birthday="1984-02-29"),
            person("cyd", "Asia/Tokyo"),
        ],
    )
    assert entries(lines) == [("ada", "2026-06-10 09:00"), ("ben", "2027-02-28 09:00")]


async def test_a_simulation_goes_as_far_as_it_is_asked_to(database_url: str) -> None:
    people = [person("ada", "Europe/Paris", birthday="1990-06-10")]
    lines = await played(database_url, BIRTHDAY, people, "2028-01-01T00:00:00+00:00")
    assert entries(lines) == [("ada", "2026-06-10 09:00"), ("ada", "2027-06-10 09:00")]


async def test_a_schedule_comes_to_each_contact_at_local_time(database_url: str) -> None:
    people = [person("ada", "Europe/Paris"), person("ben", "Asia/Tokyo"), person("cyd", "UTC")]
    lines = await played(database_url, WEEKLY, people)
    assert entries(lines) == [
        ("ben", "2026-03-09 09:00"), ("ada", "2026-03-09 09:00"), ("cyd", "2026-03-09 09:00")
    ]  # fmt: skip


async def test_one_who_moves_to_where_the_time_is_over_enters_then(simulate: Play) -> None:
    # Monday at seven in New York. In Tokyo nine o'clock was eleven hours ago.
    moves = [{"at": "2026-03-09T11:00:00+00:00", "type": "identify",
              "traits": {"timezone": "Asia/Tokyo"}}]  # fmt: skip
    lines = await simulate(WEEKLY, person("ada", "America/New_York"), moves, START)
    assert entries(lines) == [("ada", "2026-03-09 20:00")]


async def test_members_enter_when_the_journey_goes_live_if_it_says_so(
    new_database: Callable[[], str],
) -> None:
    text = "segment: here\nif: {attribute: country, is: FR}\n---\njourney: j\nentry: ENTRY\n" + MAIL
    people = [person("ada", "Europe/Paris", country="FR"), person("ben", "Asia/Tokyo")]
    alone = text.replace("ENTRY", "{segment: here}")
    assert entries(await played(new_database(), alone, people)) == []
    filled = text.replace("ENTRY", "{segment: here, backfill: true}")
    assert entries(await played(new_database(), filled, people)) == [("ada", "2026-03-04 09:00")]


async def test_a_segment_without_an_event_has_members_from_the_start(simulate: Play) -> None:
    text = (
        "segment: others\nif: {not: {group: vip}}\n---\n"
        "journey: j\nentry: {segment: others, on: leave}\n" + MAIL
    )
    events = [{"at": "+1h", "type": "group", "groupId": "vip"}]
    assert entries(await simulate(text, ADA, events, START)) == [("ada", "2026-03-04 10:00")]


def test_a_test_advances_to_a_date(parcours: SimulatedJourney) -> None:
    parcours.load(text=BIRTHDAY, start=START)
    parcours.contact(person("ada", "Europe/Paris", birthday="1990-03-06"))
    parcours.until("2026-03-06T07:59:00Z")
    assert parcours.path == []
    parcours.advance("1m")
    assert parcours.path == [("mail", "sent")]


def test_a_test_brings_its_contact_near_a_shop(parcours: SimulatedJourney) -> None:
    parcours.load(
        text="places: shops\nlist: [{name: Lyon, lat: 45.764, lon: 4.8357}]\n---\n"
        "journey: near\nentry: {near: {places: shops, km: 1}}\nre_entry: always\n"
        + MAIL.replace("Hi,", "'{{ entry.place }}',", 1),
        start=START,
    )
    parcours.contact(person("ada", "Europe/Paris"))
    for latitude in (46.0, 45.77, 45.771, 45.769, 46.0, 45.765):
        parcours.track("Location Updated", {"lat": latitude, "lon": 4.8357})
    assert [mail.subject for mail in parcours.messages] == ["Lyon", "Lyon"]


@pytest.mark.parametrize("until", ["yesterday", "-1d", "2020-01-01T00:00:00Z"])
def test_how_far_to_go_lies_after_the_start(until: str) -> None:
    from simulation.errors import SimulationRefused
    from simulation.script import read_until

    book = read_document_set([("text", BIRTHDAY)], None)
    with pytest.raises(SimulationRefused, match="--until"):
        read_until(until, book.journey, datetime.fromisoformat(START))
