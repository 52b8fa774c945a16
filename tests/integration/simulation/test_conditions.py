"""Conditions on segments, places, sums and spans of time, with timelines worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from time import monotonic
from typing import Any

import pytest

from simulation.document_set import read_document_set
from simulation.fixture import SimulatedJourney
from tests.integration.simulation.conftest import Play
from tests.integration.simulation.samples import ADA
from tests.unit.journeys.examples import PROGRAMMES

START = "2026-05-01T08:00:00+00:00"


def ordered(at: str, total: float) -> dict[str, Any]:
    return {"at": at, "event": "Order Completed", "properties": {"total": total}}


def choosing(*conditions: str) -> str:
    """A journey with a branch for each condition, called by its place from 1."""
    steps = "".join(
        f"  - {{id: c{place}, branch: [{{name: holds, if: {condition}, then: []}}]}}\n"
        for place, condition in enumerate(conditions, 1)
    )
    return f"journey: choosing\nentry: {{event: Begun}}\nsteps:\n{steps}"


async def test_events_add_up_within_their_bounds(simulate: Play) -> None:
    # 30 + 50 + 100 = 180 in all; 150 in the last 30 days; the average is 60.
    history = [ordered("-40d", 30), ordered("-20d", 50), ordered("-10d", 100)]
    expected = {
        "{event: Order Completed, sum: {total: {is: 180}}}": "holds",
        "{event: Order Completed, sum: {total: {gte: 151}}, within: 30d}": "else",
        "{event: Order Completed, sum: {total: {gte: 150}}, within: 30d}": "holds",
        "{event: Order Completed, avg: {total: {is: 60}}}": "holds",
        "{event: Order Completed, min: {total: {lt: 30}}}": "else",
        "{event: Order Completed, min: {total: {lte: 50}}, since: -21d}": "holds",
        "{event: Order Completed, max: {total: {gt: 50}}, before: -11d}": "else",
        "{event: Order Completed, max: {total: {is: 50}}, before: 2026-04-15}": "holds",
        "{event: Order Completed, count: 1, since: 2026-04-15}": "holds",
        "{event: Order Completed, count: 2, since: {entry: from}}": "holds",
        "{event: Order Completed, count: 1, since: {entry: from}, before: {attribute: to}}":
            "holds",
        "{event: Order Completed, sum: {total: {gt: 0}}, since: {attribute: missing}}": "else",
        # The order of -10d at 10:00 in Paris; local midnight of that day lies before it.
        "{event: Order Completed, count: 0, since: '2026-04-21T10:01'}": "holds",
        "{event: Order Completed, count: 0, since: '2026-04-21T10:00'}": "else",
    }  # fmt: skip
    contact = {
        **ADA,
        "traits": {**ADA["traits"], "to": "2026-04-20"},
        "events": history,
    }
    begun = {"at": "+0s", "event": "Begun", "properties": {"from": "2026-04-01"}}
    lines = await simulate(choosing(*expected), contact, [begun], START)
    found = [line.outcome for line in lines if line.step]
    assert dict(zip(expected, found, strict=True)) == expected
    assert lines[1].facts["saw"] == {"sum of total in event Order Completed": 180}


# A hundredth of a degree on the equator is 2π · 6371.0088 km / 36,000 = 1.112 km.
NEAR = """
journey: near
entry: {event: Begun}
steps:
  - {id: close, wait: {if: {near: {places: shops, km: 1}}, up_to: 10d}}
  - {id: at-home, if: {near: {lat: 0.5, lon: 0, km: 1}}, group: {add: [home]}}
  - id: how
    branch:
      - {name: very, if: {near: {lat: 0, lon: 0, km: 0.5}}, then: []}
      - {name: near, if: {near: {places: shops, km: 1.12}}, then: []}
---
places: shops
list: [{name: Null Island, lat: 0, lon: 0}, {name: Far, lat: 80, lon: 170}]
"""


def test_a_wait_for_a_place_ends_when_the_contact_comes_near(parcours: SimulatedJourney) -> None:
    parcours.load(text=NEAR, start=START)
    parcours.contact(ADA)
    parcours.track("Begun")
    parcours.advance("1d")
    for lon in (2, 0.01):
        parcours.track("Location Updated", {"lat": 0, "lon": lon})
    assert parcours.path == []
    parcours.track("Location Updated", {"lat": 0, "lon": -0.008})
    assert parcours.path == [("close", "happened"), ("at-home", "skipped"), ("how", "near")]
    [close] = [line for line in parcours.lines if line.step == "close"]
    assert close.at == datetime(2026, 5, 2, 8, tzinfo=UTC)
    assert close.facts["saw"]["kilometres to shops"] == pytest.approx(0.8896, abs=0.0001)


async def test_a_segment_that_time_alone_leaves_ends_the_run_within_the_hour(
    simulate: Play,
) -> None:
    journey = """
journey: active-ones
entry: {event: Begun}
exit: [{if: {not: {segment: recent}}, then: [{id: left, group: {add: [left]}}]}]
steps:
  - {id: long, wait: 400d}
---
segment: recent
if: {event: Order Completed, within: 2d}
"""
    contact = {**ADA, "events": [ordered("-30m", 1)]}
    script = [{"at": "+0s", "event": "Begun"}, ordered("+20h", 2)]
    lines = await simulate(journey, contact, script, START)
    assert [(line.step or line.kind, line.outcome) for line in lines] == [
        ("entry", "entered"), ("long", "exited"), ("left", "done"), ("end", "exited"),
    ]  # fmt: skip
    # Two days after the second order, on 4 May at 04:00, the segment has ended at the instant.
    assert lines[-1].at == datetime(2026, 5, 4, 4, tzinfo=UTC)


async def test_a_segment_that_time_does_not_move_costs_a_simulation_no_time(
    simulate: Play,
) -> None:
    journey = """
journey: still
entry: {event: Begun}
exit: [{if: {segment: french}}]
steps:
  - {id: long, wait: 400d}
---
segment: french
if: {attribute: country, is: FR}
"""
    begun = monotonic()
    lines = await simulate(journey, ADA, [{"at": "+0s", "event": "Begun"}], START)
    assert monotonic() - begun < 10
    assert lines[-1].outcome == "completed"


def programme(parcours: SimulatedJourney, key: str, **contact: Any) -> None:
    parcours.load(PROGRAMMES, journey=key, start=START)
    parcours.contact({**ADA, "topics": {"offers": "subscribed", "digest": "subscribed"}, **contact})


def test_best_customers_are_thanked(parcours: SimulatedJourney) -> None:
    programme(parcours, "best-customers")
    parcours.start()
    assert parcours.path == [("vip", "done"), ("thanks", "sent")]


def test_a_contact_near_a_shop_gets_an_offer_that_names_it(parcours: SimulatedJourney) -> None:
    traits = {**ADA["traits"], "phone": "+33612345678"}
    programme(parcours, "near-shop", traits=traits)
    parcours.start({"place": "Lyon"})
    [message] = parcours.messages
    assert message.text == "In Lyon today: -10 %"


def test_a_lead_becomes_hot_or_cold(parcours: SimulatedJourney) -> None:
    programme(parcours, "lead", traits={**ADA["traits"], "score": 50})
    parcours.start()
    parcours.advance("10d")
    parcours.identify({"score": 100})
    assert parcours.path == [
        ("hot", "score"), ("cold", "skipped"), ("sql", "done"), ("sales", "ok"),
    ]  # fmt: skip
    [call] = parcours.messages
    assert call.facts["sent"] == {"id": "ada", "score": 100}


def test_a_digest_goes_to_readers_if_there_is_news(parcours: SimulatedJourney) -> None:
    programme(parcours, "digest")
    parcours.answer("news", body={"items": ["one"]})
    parcours.start()
    assert parcours.path == [("news", "ok"), ("mail", "sent")]


def test_every_programme_with_what_works_can_be_simulated() -> None:
    source = [("programmes.yaml", PROGRAMMES.read_bytes())]
    for key in ("welcome", "best-customers", "near-shop", "lead", "appointment", "trial",
                "digest", "dunning", "nps"):  # fmt: skip
        assert read_document_set(source, key).journey.key == key
