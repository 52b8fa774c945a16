"""Coupons, simulated: pools that a scenario gives, and full ones."""

from simulation.fixture import SimulatedJourney
from tests.integration.simulation.samples import ADA

SPRING = """
journey: spring
entry: {event: Started}
re_entry: always
steps:
  - {id: code, coupon: {pool: spring}}
  - {id: offer, if: {step: code, is: drawn}, sms: {text: "Use {{ steps.code.code }}", transactional: true}}
"""  # noqa: E501 - as a person would write it
PERSON = {**ADA, "traits": {**ADA["traits"], "phone": "+33612345678"}}
START = "2026-03-02T09:00:00Z"


def test_a_pool_that_is_not_given_is_full(parcours: SimulatedJourney) -> None:
    parcours.load(text=SPRING, start=START)
    parcours.contact(PERSON)
    parcours.track("Started")
    parcours.track("Started")
    assert parcours.path == [("code", "drawn"), ("offer", "sent")] * 2
    assert [message.text for message in parcours.messages] == [
        "Use SPRING-0001",
        "Use SPRING-0002",
    ]
    assert parcours.lines[1].facts == {"pool": "spring", "code": "SPRING-0001"}


def test_a_given_pool_is_drawn_until_it_is_exhausted(parcours: SimulatedJourney) -> None:
    parcours.load(text=SPRING, start=START)
    parcours.contact({**PERSON, "coupons": {"spring": ["LAST-ONE"], "unused": ["X"]}})
    parcours.track("Started")
    parcours.track("Started")
    assert parcours.path == [
        ("code", "drawn"), ("offer", "sent"), ("code", "exhausted"), ("offer", "skipped"),
    ]  # fmt: skip
    assert [message.text for message in parcours.messages] == ["Use LAST-ONE"]
    assert {each.step: each.missed for each in parcours.coverage}["code"] == ()


def test_a_pool_may_be_empty(parcours: SimulatedJourney) -> None:
    parcours.load(text=SPRING, start=START)
    parcours.contact({**PERSON, "coupons": {"spring": []}})
    parcours.track("Started")
    assert parcours.path == [("code", "exhausted"), ("offer", "skipped")]
