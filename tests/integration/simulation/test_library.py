"""What somebody who signs up for the newsletter gets, and when."""

from __future__ import annotations

from simulation.book import read_book, read_files
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


def test_coverage_counts_what_scenarios_reached() -> None:
    journey = read_book(read_files([LIBRARY / "welcome.yaml"]), None).journey
    found = {each.step: each for each in coverage(journey, [])}
    assert found["confirmed"].missed == ("happened", "timed_out")
    assert found["hello"].missed == ("sent", "failed", "unknown", "skipped")
    assert found["gone"].missed == ("exited", "skipped")
