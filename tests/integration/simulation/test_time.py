"""Time in a simulation: months in seconds, the past, local days, and one order of things."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from time import monotonic

from tests.integration.simulation.conftest import Play
from tests.integration.simulation.samples import ADA

MONTHLY = """
journey: monthly
entry: {api: true}
steps:
  - {id: letter, email: {subject: "Month {{ steps.month.visits | default: 0 }}", text: Hello, transactional: true}}
  - {id: month, wait: 30d}
  - {id: tell, webhook: {url: "https://hook.example/{{ contact.external_id }}", body: {token: "{{ secret.TOKEN }}"}}}
  - {id: again, if: {not: {group: done}}, goto: letter, max_visits: 14}
"""  # noqa: E501

RACE = """
journey: race
entry: {event: Signed Up}
steps:
  - {id: order, wait: {event: Order Completed, up_to: 2d}}
  - {id: second, wait: {event: Order Completed, up_to: 2d}}
"""

EVER = """
journey: ever
entry: {event: Signed Up}
steps:
  - {id: year, wait: 400d}
  - {id: sms, sms: {text: "{{ contact.first_name }}, it has been a while", transactional: true}}
"""

SIGNED_UP = {"at": "+0s", "event": "Signed Up"}
ORDERED = {"event": "Order Completed"}


async def test_four_hundred_days_take_seconds(simulate: Play) -> None:
    begun = monotonic()
    lines = await simulate(EVER, ADA, [SIGNED_UP], "2024-01-31T09:30:00+00:00")
    assert monotonic() - begun < 10
    outcomes = [(line.step, line.outcome) for line in lines]
    assert outcomes == [
        (None, "entered"), ("year", "elapsed"), ("sms", "skipped"), (None, "completed"),
    ]  # fmt: skip
    # 2024 is a leap year: 400 days after its January 31 is March 6, at the same local time.
    assert lines[1].local.isoformat() == "2025-03-06T10:30:00+01:00"
    assert lines[2].facts["reason"] == "no_address"


async def test_a_year_of_letters_gives_the_same_timeline_twice(
    simulate: Play, simulate_again: Play
) -> None:
    start = "2025-01-01T08:00:00+00:00"
    script = [
        {"at": "+95d", "step": "tell", "answer": {"status": 404, "body": {"no": "such"}}},
        {"at": "+100d", "message": "letter", "is": "opened"},
    ]
    begun = monotonic()
    first = await simulate(MONTHLY, ADA, script, start)
    assert monotonic() - begun < 20
    second = await simulate_again(MONTHLY, ADA, script, start)
    assert [json.dumps(line.as_json()) for line in first] == [
        json.dumps(line.as_json()) for line in second
    ]
    letters = [line for line in first if line.step == "letter"]
    assert [letter.at for letter in letters][:2] == [
        datetime(2025, 1, 1, 8, tzinfo=UTC), datetime(2025, 1, 31, 8, tzinfo=UTC),
    ]  # fmt: skip
    assert len(letters) == 14
    assert first[-1].at - first[0].at == timedelta(days=14 * 30, hours=0)
    calls = [line for line in first if line.step == "tell"]
    assert [line.outcome for line in calls].count("failed") == 1
    assert calls[3].facts["status"] == 404
    assert calls[0].facts["url"] == "https://hook.example/ada"
    assert calls[0].facts["sent"] == {"token": "[secret TOKEN]"}
    assert calls[0].facts["body"] == {}


async def test_an_event_at_the_instant_of_a_timer_wins(simulate: Play) -> None:
    # Also if it is not the first of that instant.
    events = [SIGNED_UP, {"at": "+2d", "event": "Browsed"}, {"at": "+2d", **ORDERED}]
    lines = await simulate(RACE, ADA, events, "2026-05-01T00:00:00+00:00")
    assert [(line.step, line.outcome, line.at.day) for line in lines[1:3]] == [
        ("order", "happened", 3), ("second", "timed_out", 5),
    ]  # fmt: skip


async def test_two_events_at_one_instant_end_two_waits(simulate: Play) -> None:
    events = [SIGNED_UP, {"at": "+2d", **ORDERED}, {"at": "+2d", **ORDERED}]
    lines = await simulate(RACE, ADA, events, "2026-05-01T00:00:00+00:00")
    assert [line.outcome for line in lines[1:3]] == ["happened", "happened"]
    assert lines[-1].at == datetime(2026, 5, 3, tzinfo=UTC)


async def test_the_past_counts_in_conditions_and_begins_nothing(simulate: Play) -> None:
    journey = """
journey: loyal
entry: {event: Signed Up}
steps:
  - id: bought
    branch:
      - {name: lately, if: {event: Order Completed, within: 7d}, then: [{id: a, update: {set: {x: 1}}}]}
      - {name: before, if: {event: Order Completed}, then: [{id: b, update: {set: {x: 2}}}]}
  - id: listed
    branch:
      - {name: vip, if: {group: vip}, then: [{id: c, update: {set: {x: 3}}}]}
"""  # noqa: E501
    contact = {
        **ADA,
        "events": [{"at": "-10d", **ORDERED}, {"at": "-9d", "event": "Signed Up"}],
        "groups": ["vip"],
    }
    lines = await simulate(journey, contact, [SIGNED_UP], "2026-05-01T00:00:00+00:00")
    assert [(line.step, line.outcome) for line in lines] == [
        (None, "entered"), ("bought", "before"), ("b", "done"), ("listed", "vip"), ("c", "done"),
        (None, "completed"),
    ]  # fmt: skip


async def test_a_journey_with_an_entry_by_segment_begins_when_the_contact_enters(
    simulate: Play,
) -> None:
    journey = """
journey: best
entry: {segment: best}
steps:
  - {id: vip, group: {add: [vip]}}
---
segment: best
if: {attribute: plan, is: gold}
"""
    start = "2026-05-01T00:00:00+00:00"
    events = [{"at": "+1h", "type": "identify", "traits": {"plan": "gold"}}]
    lines = await simulate(journey, ADA, events, start)
    assert [(line.step, line.outcome) for line in lines] == [
        (None, "entered"), ("vip", "done"), (None, "completed"),
    ]  # fmt: skip
    assert lines[0].at == datetime(2026, 5, 1, 1, tzinfo=UTC)


async def test_a_second_entry_is_a_line_of_kind_refused(simulate: Play) -> None:
    events = [SIGNED_UP, {"at": "+1d", "event": "Signed Up"}]
    lines = await simulate(EVER, ADA, events, "2026-05-01T00:00:00+00:00")
    assert [(line.kind, line.outcome) for line in lines][:2] == [
        ("entry", "entered"), ("refused", "active"),
    ]  # fmt: skip


async def test_a_run_that_nothing_ends_has_a_last_line_without_an_outcome(simulate: Play) -> None:
    journey = (
        "journey: still\nentry: {event: Signed Up}\nsteps:\n  - {id: w, wait: {event: Never}}\n"
    )
    lines = await simulate(journey, ADA, [SIGNED_UP], "2026-05-01T00:00:00+00:00")
    assert [(line.kind, line.outcome) for line in lines] == [("entry", "entered"), ("end", None)]
    assert lines[-1].facts["stands_at"] == "w"


async def test_a_condition_that_time_alone_fulfils_is_seen_within_the_hour(simulate: Play) -> None:
    journey = """
journey: quiet
entry: {event: Signed Up}
steps:
  - {id: silent, wait: {if: {event: Order Completed, within: 2d, count: 0}}}
"""
    events = [SIGNED_UP, {"at": "+90m", **ORDERED}]
    contact = {**ADA, "events": [{"at": "-1h", **ORDERED}]}
    lines = await simulate(journey, contact, events, "2026-05-01T00:00:00+00:00")
    assert [line.outcome for line in lines] == ["entered", "happened", "completed"]
    late = lines[1].at - datetime(2026, 5, 3, 1, 30, tzinfo=UTC)
    assert timedelta() <= late <= timedelta(hours=1)


async def test_a_webhook_whose_receiver_was_away_is_called_again(simulate: Play) -> None:
    journey = """
journey: calls
entry: {event: Signed Up}
steps:
  - {id: hook, webhook: {url: "https://hook.example/"}}
  - id: paid
    branch:
      - {name: yes-it-is, if: {step: hook, property: body.paid, is: true}, then: [{id: w, wait: 1d}]}
"""  # noqa: E501
    events = [
        SIGNED_UP,
        {"step": "hook", "answer": {"status": 503}},
        {"step": "hook", "answer": {"status": 201, "body": {"paid": True}}},
    ]
    lines = await simulate(journey, ADA, events, "2026-05-01T00:00:00+00:00")
    assert [(line.step, line.outcome) for line in lines[1:4]] == [
        ("hook", "ok"), ("paid", "yes-it-is"), ("w", "elapsed"),
    ]  # fmt: skip
    assert lines[1].facts["status"] == 201


async def test_what_a_step_changes_ends_the_run_before_its_next_step(simulate: Play) -> None:
    journey = """
journey: grown
entry: {event: Signed Up}
exit: {if: {group: vip}, then: [{id: bye, sms: {text: Bye, transactional: true}}]}
steps:
  - {id: first, wait: 1d}
  - {id: join, group: {add: [vip]}}
  - {id: long, wait: 100d}
"""
    contact = {**ADA, "traits": {**ADA["traits"], "phone": "+33612345678"}}
    lines = await simulate(journey, contact, [SIGNED_UP], "2026-05-01T00:00:00+00:00")
    assert [(line.step or line.kind, line.outcome) for line in lines][-2:] == [
        ("bye", "sent"), ("end", "exited"),
    ]  # fmt: skip
    assert {line.at for line in lines[2:]} == {datetime(2026, 5, 2, tzinfo=UTC)}
    assert lines[-2].facts["to"] == "+33612345678"


RESTART = """
journey: restart
entry: {event: Go}
re_entry: always
if_active: restart
steps:
  - {id: pause, wait: 1d}
  - {id: go, if: {not: {event: Go, count: {gte: 2}}}, emit: {event: Go}}
"""


async def test_a_journey_may_restart_itself(simulate: Play) -> None:
    start = "2026-03-02T09:00:00+00:00"
    lines = await simulate(RESTART, ADA, [{"at": "+0s", "event": "Go"}], start)
    assert [(line.step, line.outcome) for line in lines] == [
        (None, "entered"), ("pause", "elapsed"), ("go", "done"), (None, "restarted"),
        (None, "entered"), ("pause", "elapsed"), ("go", "skipped"), (None, "completed"),
    ]  # fmt: skip
