"""The pytest fixture `parcours`, used as its users do."""

from __future__ import annotations

import pytest

from simulation.errors import SimulationRefused
from simulation.fixture import SimulatedJourney
from tests.integration.simulation.samples import ADA, LIBRARY

CART = {"cart_id": "c1", "total": 40, "items": [{"name": "Lamp"}]}


def test_a_contact_that_clicks_is_warm(parcours: SimulatedJourney) -> None:
    parcours.load(LIBRARY / "abandoned-cart.yaml", start="2026-03-28T08:00:00Z")
    parcours.contact({**ADA, "topics": {"offers": "subscribed"}})
    parcours.track("Cart Updated", CART)
    parcours.advance("59m")
    assert parcours.path == []
    parcours.advance("1m")
    assert parcours.path == [("quiet", "elapsed"), ("reminder", "sent")]
    [mail] = parcours.messages
    assert (mail.to, mail.subject) == ("ada@example.com", "Ada, you left something behind")
    assert "- Lamp" in (mail.text or "")
    parcours.advance("2h")
    parcours.message("reminder", "clicked")
    assert parcours.path[2:] == [
        ("clicked", "happened"), ("interest", "warm"), ("warm-lead", "done"),
    ]  # fmt: skip
    assert parcours.outcome() is None
    parcours.finish()
    assert parcours.path[5:] == [("decide", "elapsed"), ("last-call", "sent")]
    assert parcours.outcome() == "completed"
    # A day on the contact's clock: Paris lost an hour in the night.
    assert parcours.messages[1].at.isoformat() == "2026-03-29T10:00:00+00:00"
    missed = {each.step: each.missed for each in parcours.coverage}
    assert missed["quiet"] == ()
    assert missed["clicked"] == ("timed_out",)


def test_an_order_ends_the_run_where_it_stands(parcours: SimulatedJourney) -> None:
    parcours.load(LIBRARY / "abandoned-cart.yaml", start="2026-03-28T08:00:00Z")
    parcours.contact({**ADA, "topics": {"offers": "subscribed"}})
    parcours.track("Cart Updated", CART)
    parcours.advance("30m")
    parcours.track("Order Completed", {"cart_id": "another"})
    assert parcours.outcome() is None
    parcours.track("Order Completed", {"cart_id": "c1"})
    assert parcours.outcome() == "exited"
    assert parcours.messages == []


def test_a_trial_says_what_it_lacks(parcours: SimulatedJourney) -> None:
    with pytest.raises(SimulationRefused, match="load a journey first"):
        parcours.contact(ADA)
    with pytest.raises(SimulationRefused, match="make a contact first"):
        parcours.track("Cart Updated", CART)
