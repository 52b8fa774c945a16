"""The library's journeys along their paths, each scenario's outcome worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from simulation.book import read_book, read_files
from simulation.timeline import Line, coverage
from tests.integration.simulation.conftest import Play
from tests.integration.simulation.samples import ADA, LIBRARY

START = "2026-03-02T08:00:00+00:00"
SUBSCRIBED = {"at": "+1h", "event": "Topic Subscribed", "properties": {"topic": "news"}}
CONFIRMED = {"event": "Topic Confirmed", "properties": {"topic": "news"}}
CART = {"at": "+0s", "event": "Cart Updated", "properties": {"cart_id": "c1", "total": 40}}
READER = {**ADA, "topics": {"offers": "subscribed"}}


def path(lines: list[Line]) -> list[tuple[str, str | None]]:
    """Step and outcome of each visit, and the run's end."""
    return [(line.step or line.kind, line.outcome) for line in lines if line.kind != "entry"]


PATHS: dict[str, tuple[str, dict[str, Any], list[dict[str, Any]], list[tuple[str, str]]]] = {
    "confirmed at once": (
        "welcome", ADA, [SUBSCRIBED, {"at": "+2h", **CONFIRMED}],
        [("confirm", "sent"), ("confirmed", "happened"), ("remind", "skipped"),
         ("late", "skipped"), ("gone", "skipped"), ("hello", "sent"), ("end", "completed")],
    ),
    "confirmed after the reminder": (
        "welcome", ADA, [SUBSCRIBED, {"at": "+3d", **CONFIRMED}],
        [("confirm", "sent"), ("confirmed", "timed_out"), ("remind", "sent"),
         ("late", "happened"), ("gone", "skipped"), ("hello", "sent"), ("end", "completed")],
    ),
    "never confirmed": (
        "welcome", ADA, [SUBSCRIBED],
        [("confirm", "sent"), ("confirmed", "timed_out"), ("remind", "sent"),
         ("late", "timed_out"), ("gone", "exited"), ("end", "exited")],
    ),
    "taken back": (
        "welcome", ADA,
        [SUBSCRIBED,
         {"at": "+1d", "event": "Topic Unsubscribed", "properties": {"topic": "news"}}],
        [("confirm", "sent"), ("confirmed", "exited"), ("end", "exited")],
    ),
    "a question that fails and a reminder that nobody knows of": (
        "welcome", ADA,
        [SUBSCRIBED, {"message": "confirm", "is": "failed"},
         {"message": "remind", "is": "unknown"}],
        [("confirm", "failed"), ("confirmed", "timed_out"), ("remind", "unknown"),
         ("late", "skipped"), ("gone", "exited"), ("end", "exited")],
    ),
    "a cart left behind": (
        "abandoned-cart", READER, [CART],
        [("quiet", "elapsed"), ("reminder", "sent"), ("clicked", "timed_out"),
         ("interest", "else"), ("last-call", "sent"), ("end", "completed")],
    ),
    "a cart that is ordered": (
        "abandoned-cart", READER,
        [CART, {"at": "+2h", "event": "Order Completed", "properties": {"cart_id": "c1"}}],
        [("quiet", "elapsed"), ("reminder", "sent"), ("clicked", "exited"), ("end", "exited")],
    ),
    "no consent": (
        "abandoned-cart", ADA, [CART],
        [("quiet", "elapsed"), ("reminder", "skipped"), ("clicked", "timed_out"),
         ("interest", "else"), ("last-call", "skipped"), ("end", "completed")],
    ),
    "a cart that changes meanwhile": (
        "abandoned-cart", READER, [CART, {**CART, "at": "+30m"}],
        [("quiet", "restarted"), ("end", "restarted"),
         ("quiet", "elapsed"), ("reminder", "sent"), ("clicked", "timed_out"),
         ("interest", "else"), ("last-call", "sent"), ("end", "completed")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PATHS)
async def test_the_library_goes_the_way_the_script_leads(simulate: Play, name: str) -> None:
    journey, contact, events, expected = PATHS[name]
    assert path(await simulate(journey, contact, events, START)) == expected


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
