"""Goals and active periods in a simulation, with timelines worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime

from simulation.fixture import SimulatedJourney
from tests.integration.simulation.conftest import Play
from tests.integration.simulation.samples import ADA

CART = """
journey: cart
entry: {event: Cart Updated, key: cart_id}
goal: {event: Order Completed, where: {cart_id: {entry: cart_id}}, within: 7d, value: order.total}
steps:
  - {id: quiet, wait: 1h}
  - {id: reminder, email: {subject: Your cart, text: It waits, transactional: true}}
"""
UPDATED = {"at": "+0s", "event": "Cart Updated", "properties": {"cart_id": "c1"}}


def ordered(at: str, cart: str = "c1", total: float = 40.5) -> dict[str, object]:
    properties = {"cart_id": cart, "order": {"total": total}}
    return {"at": at, "event": "Order Completed", "properties": properties}


async def test_a_goal_is_met_after_the_end(simulate: Play) -> None:
    # Ten o'clock in Paris, four days before clocks go forward.
    start = "2026-03-25T09:00:00+00:00"
    script = [UPDATED, ordered("+1d", "c2"), ordered("+3d"), ordered("+4d", total=99)]
    lines = await simulate(CART, ADA, script, start)
    assert [(line.kind, line.step, line.outcome, line.at) for line in lines] == [
        ("entry", None, "entered", datetime(2026, 3, 25, 9, tzinfo=UTC)),
        ("wait", "quiet", "elapsed", datetime(2026, 3, 25, 10, tzinfo=UTC)),
        ("email", "reminder", "sent", datetime(2026, 3, 25, 10, tzinfo=UTC)),
        ("end", None, "completed", datetime(2026, 3, 25, 10, tzinfo=UTC)),
        ("goal", None, "met", datetime(2026, 3, 28, 9, tzinfo=UTC)),
    ]
    assert lines[-1].facts == {"event": "Order Completed", "value": 40.5}
    assert lines[-1].local.isoformat() == "2026-03-28T10:00:00+01:00"
    assert lines[-1].run == 1


async def test_a_goals_time_ends_at_the_same_local_time(simulate: Play) -> None:
    # Seven days later it is ten o'clock in Paris again, an hour earlier in UTC.
    script = [UPDATED, ordered("2026-04-01T08:00:00Z")]
    lines = await simulate(CART, ADA, script, "2026-03-25T09:00:00+00:00")
    assert [line.kind for line in lines][-1] == "goal"
    assert lines[-1].at == datetime(2026, 4, 1, 8, tzinfo=UTC)


async def test_what_comes_later_meets_no_goal(simulate: Play) -> None:
    script = [UPDATED, ordered("2026-04-01T08:00:01Z"), ordered("2026-04-01T08:30:00Z")]
    lines = await simulate(CART, ADA, script, "2026-03-25T09:00:00+00:00")
    assert [line.kind for line in lines] == ["entry", "wait", "email", "end"]


async def test_an_order_that_arrives_late_and_is_older_than_the_run_meets_no_goal(
    simulate: Play,
) -> None:
    old = ordered("+1d") | {"timestamp": "2026-03-24T09:00:00Z"}
    since = ordered("+2d") | {"timestamp": "2026-03-25T09:00:01Z"}
    lines = await simulate(CART, ADA, [UPDATED, old, since], "2026-03-25T09:00:00+00:00")
    assert (lines[-1].kind, lines[-1].at) == ("goal", datetime(2026, 3, 27, 9, tzinfo=UTC))


LEAVING = """
journey: leaving
entry: {event: Begun}
goal: {event: Bought, within: 2d, value: total}
exit:
  - event: Bought
    where: {total: {gte: 100}}
    then: [{id: big, group: {add: [big]}}]
  - goal
  - {event: Bought}
steps:
  - {id: long, wait: 5d}
  - {id: mail, email: {subject: S, text: T, transactional: true}}
"""


def test_a_goal_ends_the_run_where_it_stands(parcours: SimulatedJourney) -> None:
    parcours.load(text=LEAVING, start="2026-05-01T08:00:00Z")
    parcours.contact(ADA)
    parcours.track("Begun")
    parcours.advance("1d")
    parcours.track("Bought", {"total": 20})
    assert parcours.path == [("long", "goal")]
    assert parcours.outcome() == "goal"
    [goal] = [line for line in parcours.lines if line.kind == "goal"]
    [end] = [line for line in parcours.lines if line.kind == "end"]
    assert goal.facts == {"event": "Bought", "value": 20}
    assert end.facts == {"reason": "Bought"}
    assert parcours.messages == []


def test_the_first_of_the_rules_that_an_event_fires_counts(parcours: SimulatedJourney) -> None:
    parcours.load(text=LEAVING, start="2026-05-01T08:00:00Z")
    parcours.contact(ADA)
    parcours.track("Begun")
    parcours.track("Bought", {"total": 100})
    assert parcours.path == [("long", "exited"), ("big", "done")]
    assert parcours.outcome() == "exited"
    # It met the goal all the same.
    assert [line.facts["value"] for line in parcours.lines if line.kind == "goal"] == [100]


def test_a_goal_whose_time_is_over_ends_nothing(parcours: SimulatedJourney) -> None:
    parcours.load(text=LEAVING, start="2026-05-01T08:00:00Z")
    parcours.contact(ADA)
    parcours.track("Begun")
    parcours.advance("3d")
    parcours.track("Bought", {"total": 20})
    # The third rule has no such limit.
    assert parcours.outcome() == "exited"
    assert [line for line in parcours.lines if line.kind == "goal"] == []


def test_a_click_meets_a_goal_on_a_message(parcours: SimulatedJourney) -> None:
    parcours.load(
        text="""
journey: clicked
entry: {event: Begun}
goal: {message: mail, is: clicked, within: 30d}
exit: goal
steps:
  - {id: mail, email: {subject: S, text: T, transactional: true}}
  - {id: pause, wait: 1d}
  - {id: again, goto: mail, max_visits: 3}
""",
        start="2026-05-01T08:00:00Z",
    )
    parcours.contact(ADA)
    parcours.track("Begun")
    parcours.message("mail", "opened")
    parcours.happen({"message": "mail", "is": "clicked", "by": "machine"})
    assert parcours.outcome() is None
    parcours.advance("25h")
    parcours.message("mail", "clicked")
    assert parcours.outcome() == "goal"
    [goal] = [line for line in parcours.lines if line.kind == "goal"]
    assert goal.at == datetime(2026, 5, 2, 9, tzinfo=UTC)
    assert goal.facts == {"event": "Message Clicked"}
    assert parcours.path == [
        ("mail", "sent"), ("pause", "elapsed"), ("again", "jumped"), ("mail", "sent"),
        ("pause", "goal"),
    ]  # fmt: skip


def test_entries_keep_to_the_active_period(parcours: SimulatedJourney) -> None:
    parcours.load(
        text="""
journey: december
timezone: Europe/Paris
active: {from: 2026-12-01, to: 2026-12-31}
entry: {event: Begun}
re_entry: always
steps:
  - {id: day, wait: 1d}
""",
        start="2026-11-30T22:59:59Z",
    )
    parcours.contact({**ADA, "traits": {"timezone": "Asia/Tokyo"}})
    parcours.track("Begun")
    parcours.until("2026-11-30T23:00:00Z")
    parcours.track("Begun")
    parcours.until("2026-12-31T22:59:59Z")
    parcours.track("Begun")
    # It is over a second later, and this run goes on.
    parcours.until("2026-12-31T23:00:00Z")
    parcours.track("Begun")
    parcours.advance("2d")
    parcours.track("Begun")
    assert [(line.kind, line.outcome) for line in parcours.lines if line.step is None] == [
        ("refused", "inactive"),
        ("entry", "entered"), ("end", "completed"),
        ("entry", "entered"), ("refused", "inactive"), ("end", "completed"),
        ("refused", "inactive"),
    ]  # fmt: skip
