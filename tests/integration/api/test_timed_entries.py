"""Entries by date and by schedule over HTTP: real programmes go live, and what comes is shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.api.conftest import Rows

PROGRAMMES = Path(__file__).parents[2] / "fixtures" / "programmes.yaml"
YAML = {"Content-Type": "application/yaml"}


def programme(*names: str) -> str:
    """The documents of the programmes that begin with these lines, as they stand."""
    documents = PROGRAMMES.read_text().split("\n---\n")
    found = [each for each in documents if each.splitlines()[0] in names]
    assert len(found) == len(names)
    return "\n---\n".join(found)


async def apply(operate: httpx.AsyncClient, source: str) -> Any:
    body = {"documents": [{"filename": "programmes.yaml", "source": source}]}
    answer = await operate.post("/v1/apply", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["documents"]


async def test_digest_and_birthday_go_live_as_they_stand(
    operate: httpx.AsyncClient, rows: Rows
) -> None:
    text = programme(
        "journey: digest",
        "journey: birthday",
        "segment: readers",
        "topic: digest",
        "topic: offers",
    )
    applied = await apply(operate, text)
    assert [each["state"] for each in applied if each["kind"] == "journey"] == ["active"] * 2
    assert not [each for one in applied for each in one["warnings"] if "not working" in each]

    coming = (await operate.get("/v1/journeys/digest/occurrences?limit=3")).json()
    assert coming["dates"] == 0
    instants = [datetime.fromisoformat(each["at"]) for each in coming["occurrences"]]
    # Mondays at nine begin on Sundays at seven in UTC.
    assert {(each.weekday(), each.hour) for each in instants} == {(6, 19)}
    assert [each["contact_zones"] for each in coming["occurrences"]] == [True] * 3
    # Its dates are set by a job, of which the birthday alone has one.
    assert await rows("select journey, kind from job where journey is not null") == [
        ("birthday", "dates")
    ]
    assert (await operate.get("/v1/journeys/birthday/occurrences")).json()["occurrences"] == []

    await operate.post("/v1/journeys/digest/archive")
    assert (await operate.get("/v1/journeys/digest/occurrences")).json()["occurrences"] == []
    assert (await operate.get("/v1/journeys/none/occurrences")).status_code == 404


async def test_contacts_whose_date_comes_within_a_day_are_counted(
    operate: httpx.AsyncClient, rows: Rows
) -> None:
    source = "{journey: renewal, entry: {date: {attribute: renews}}, steps: [{id: w, wait: 1h}]}"
    await apply(operate, source)
    made = "insert into contact (id) select gen_random_uuid() from generate_series(1, 3)"
    await rows(f"{made} returning 1")
    now = datetime.now(UTC)
    for place, hours in enumerate((1, 23, 25)):
        await rows(
            "insert into date_entry (contact_id, journey, slot, due_at, since, value, look_at)"
            " select id, 'renewal', 0, %s, %s, '', %s from contact order by id"
            " offset %s limit 1 returning 1",
            now + timedelta(hours=hours), now, now + timedelta(hours=hours), place,
        )  # fmt: skip
    assert (await operate.get("/v1/journeys/renewal/occurrences")).json() == {
        "occurrences": [],
        "dates": 2,
    }


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ('{schedule: {cron: "0 9 * *"}}', "five"),
        (f'{{schedule: {{cron: "0 9 * * {"1," * 300}1"}}}}', "at most 500"),
        ('{schedule: {cron: "0 9 * * mon", timezone: Europe/Pariss}}', "Europe/Paris"),
        ('{schedule: {cron: "0 9 * * mon", timezone: Mars}}', "or contact"),
        ('{schedule: {at: "2026-12-01T09:00Z", timezone: contact}}', "2026-12-01T09:00:00"),
        ("{schedule: {timezone: contact}}", "either `cron` or `at`"),
        ('{schedule: {cron: "0 9 * * mon", segment: nothing}}', "nothing"),
        ("{date: {attribute: email, every: year}}", "birthday"),
        ("{date: 31/12/2026}", "2026-12-31"),
        ("{date: {attribute: birthday}, up_to: soon}", "up_to"),
    ],
)
async def test_what_is_wrong_with_an_entry_is_said(
    operate: httpx.AsyncClient, entry: str, words: str
) -> None:
    source = f"journey: x\nentry: {entry}\nsteps: [{{id: w, wait: 1h}}]\n"
    answer = await operate.put("/v1/journeys/x", content=source, headers=YAML)
    assert answer.status_code == 422, answer.text
    assert words in answer.text


async def test_a_time_that_has_begun_in_the_east_is_warned_about(
    operate: httpx.AsyncClient,
) -> None:
    now = datetime.now(UTC)
    schedule = f"{{at: {now.strftime('%Y-%m-%dT%H:%M')}, timezone: contact}}"
    source = f"journey: j\nentry: {{schedule: {schedule}}}\nsteps: [{{id: w, wait: 1d}}]\n"
    [document] = await apply(operate, source)
    [warning] = [each for each in document["warnings"] if "schedule" in each]
    assert "has begun, in UTC+14 first" in warning
    assert "those to whom it comes later do" in warning


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("{at: 2020-01-01T09:00}", ["no time to come"]),
        ("{at: 2020-01-01T09:00, timezone: contact}", ["no time to come", "UTC+14"]),
        ("{at: 2200-01-01T09:00, timezone: contact}", []),
    ],
)
async def test_a_schedule_that_is_over_is_warned_about(
    operate: httpx.AsyncClient, schedule: str, words: list[str]
) -> None:
    source = f"journey: j\nentry: {{schedule: {schedule}}}\nsteps: [{{id: w, wait: 1d}}]\n"
    folder = {"documents": [{"filename": "j.yaml", "source": source}]}
    planned = (await operate.post("/v1/plan", json=folder)).json()["documents"]
    for [document] in (planned, await apply(operate, source)):
        found = [each for each in document["warnings"] if "schedule" in each]
        assert len(found) == bool(words)
        assert all(word in found[0] for word in words)
