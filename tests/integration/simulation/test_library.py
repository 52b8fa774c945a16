"""What somebody gets of the library's journeys, and when."""

from __future__ import annotations

from datetime import timedelta

from simulation.document_set import read_document_set, read_files
from simulation.timeline import coverage
from tests.integration.simulation.conftest import Play
from tests.integration.simulation.samples import ADA, LIBRARY

START = "2026-03-02T08:00:00+00:00"
SUBSCRIBED = {"at": "+1h", "event": "Topic Subscribed", "properties": {"topic": "news"}}


async def test_the_welcome_comes_when_it_should(simulate: Play) -> None:
    lines = await simulate("welcome", ADA, [SUBSCRIBED], START)
    times = {line.step or line.kind: line.local.isoformat() for line in lines}
    assert times == {
        "entry": "2026-03-02T10:00:00+01:00",
        "confirm": "2026-03-02T10:00:00+01:00",
        "confirmed": "2026-03-04T10:00:00+01:00",
        "remind": "2026-03-04T10:00:00+01:00",
        "late": "2026-03-09T10:00:00+01:00",
        "gone": "2026-03-09T10:00:00+01:00",
        "end": "2026-03-09T10:00:00+01:00",
    }
    [mail] = [line.facts for line in lines if line.step == "remind"]
    assert mail["to"] == "ada@example.com"
    assert mail["subject"] == "Still interested? Your newsletter is waiting"
    assert mail["text"].startswith("Hello Ada,")
    assert "<!doctype html>" in mail["html"]
    assert lines[-1].facts == {"reason": "not confirmed"}


async def test_a_year_of_membership_takes_more_than_four_hundred_days(simulate: Play) -> None:
    started = {
        "at": "+0s",
        "event": "Membership Started",
        "properties": {"membership_id": "m1", "ends_at": "2027-03-02T00:00:00+01:00"},
    }
    lines = await simulate("membership-year", ADA, [started], START)
    # From nine in the morning 365 days to midnight, and forty of which one is an hour shorter.
    assert lines[-1].at - lines[0].at == timedelta(days=405, hours=-10)
    assert lines[-1].local.isoformat() == "2027-04-11T00:00:00+02:00"
    assert len([line for line in lines if line.outcome == "sent"]) == 6


def test_coverage_counts_what_scenarios_reached() -> None:
    journey = read_document_set(read_files([LIBRARY / "welcome.yaml"]), None).journey
    found = {each.step: each for each in coverage(journey, [])}
    assert found["confirmed"].missed == ("happened", "timed_out")
    assert found["hello"].missed == ("sent", "failed", "unknown", "skipped")
    assert found["gone"].missed == ("exited", "skipped")
