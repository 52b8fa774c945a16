"""What a listener's row can tell of an event, and what is left to a statement."""

from __future__ import annotations

from typing import Any

import pytest

from journeys.model.triggers import EventTrigger
from store.conditions.trigger_matching import match_trigger


@pytest.mark.parametrize(
    "operand",
    [{"step": "code", "property": "code"}, {"attribute": "code"}],
    ids=["of a step", "of the contact"],
)
def test_what_may_change_meanwhile_is_left_to_the_statement(operand: dict[str, Any]) -> None:
    trigger = EventTrigger.model_validate(
        {"event": "Coupon Redeemed", "where": {"code": operand, "shop": "Lyon"}}
    )
    matching = match_trigger(trigger, "t_")
    assert (matching.equal, matching.rest) == ({"shop": "Lyon"}, True)
    assert len(matching.tests) == 1
    assert "code" in matching.params.values()
