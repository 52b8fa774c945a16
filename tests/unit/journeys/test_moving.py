"""Where a run goes when its journey takes another version."""

from uuid import UUID

import pytest

from journeys.compile.flow import Flow
from journeys.schedule.spread import share_of
from journeys.versions.mapping import MappedStep, map_errors, map_step, may_send
from journeys.versions.migration_decision import (
    MigratingRun,
    MigrationDecision,
    NewestVisit,
    decide_migration,
)
from tests.unit.journeys.examples import journey

TARGET = journey(
    exit=[{"event": "Left", "then": [{"id": "sorry", "wait": "1h"}]}],
    steps=[
        {"id": "quiet", "wait": "1h"},
        {"id": "mail", "email": {"subject": "s", "text": "t", "transactional": True}},
        {
            "id": "fork",
            "branch": [
                {"if": {"attribute": "plan", "is": "pro"}, "then": [{"id": "deep", "wait": "2h"}]}
            ],
        },
        {"id": "tag", "update": {"set": {"a": 1}}},
        {"id": "last", "wait": "3h"},
    ],
)


@pytest.mark.parametrize(
    ("step", "kind", "mapping", "expected"),
    [
        ("quiet", "wait", {}, MappedStep("quiet")),
        ("deep", "wait", {}, MappedStep("deep")),
        ("mail", "email", {}, MappedStep("mail")),
        ("gone", "wait", {}, MappedStep(stay_reason="step_gone")),
        ("sorry", "wait", {}, MappedStep(stay_reason="step_gone")),
        ("mail", "wait", {}, MappedStep(stay_reason="step_changed")),
        ("mail", "sms", {}, MappedStep(stay_reason="step_changed")),
        ("tag", "wait", {}, MappedStep(stay_reason="step_changed")),
        ("gone", "wait", {"gone": "last"}, MappedStep("last")),
        ("quiet", "wait", {"quiet": "last"}, MappedStep("last")),
        ("quiet", "wait", {"quiet": "tag"}, MappedStep("tag", new_visit=True)),
        ("gone", "email", {"gone": "mail"}, MappedStep("mail", new_visit=True)),
        ("mail", "email", {"mail": "quiet"}, MappedStep("quiet", new_visit=True)),
        ("mail", "email", {"quiet": "last"}, MappedStep("mail")),
    ],
)
def test_a_run_goes_to_its_step_or_where_a_map_leads(
    step: str, kind: str, mapping: dict[str, str], expected: MappedStep
) -> None:
    assert map_step(step, kind, TARGET, mapping) == expected


WAITING = NewestVisit("quiet", "wait", outcome=None, deferral=None)


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (MigratingRun(False, 1, False, WAITING), MigrationDecision("ended")),
        (MigratingRun(True, 2, False, WAITING), MigrationDecision("up_to_date")),
        (
            MigratingRun(True, 1, True, WAITING),
            MigrationDecision("stays", MappedStep(stay_reason="leaving")),
        ),
        (MigratingRun(True, 1, False, None), MigrationDecision("at_work")),
        (
            MigratingRun(True, 1, False, NewestVisit("quiet", "wait", "elapsed", None)),
            MigrationDecision("at_work"),
        ),
        (
            MigratingRun(True, 1, False, NewestVisit("mail", "email", None, None)),
            MigrationDecision("at_work"),
        ),
        (
            MigratingRun(True, 1, False, NewestVisit("mail", "email", None, "paused")),
            MigrationDecision("moved", MappedStep("mail")),
        ),
        (MigratingRun(True, 1, False, WAITING), MigrationDecision("moved", MappedStep("quiet"))),
        (
            MigratingRun(True, 1, False, NewestVisit("gone", "wait", None, None)),
            MigrationDecision("stays", MappedStep(stay_reason="step_gone")),
        ),
    ],
)
def test_a_run_moves_when_it_waits_at_a_step_that_the_version_has(
    run: MigratingRun, expected: MigrationDecision
) -> None:
    assert decide_migration(run, 2, TARGET, {}) == expected


def test_a_wrong_map_names_each_step_and_the_nearest_right_one() -> None:
    known = {"quiet", "reminder"}
    assert map_errors({"quiet": "last", "reminder": "deep"}, known, TARGET) == []
    assert map_errors({"remnder": "lost", "quiet": "sorry", "x": "last"}, known, TARGET) == [
        "no version before has a step `remnder`; did you mean `reminder`?",
        "the new version has no step `lost`; did you mean `last`?",
        "`sorry` belongs to an exit's `then`: name a step of the main line",
        "no version before has a step `x`",
    ]


@pytest.mark.parametrize(
    ("step", "sends"),
    [("quiet", False), ("mail", True), ("fork", False), ("tag", False), ("last", False)],
)
def test_what_may_be_sent_before_the_next_wait_is_seen(step: str, sends: bool) -> None:
    flow = Flow(TARGET)
    assert may_send(flow, flow.index[step]) is sends


def test_a_send_in_any_way_of_a_branch_may_be_sent() -> None:
    send = {"id": "mail", "email": {"subject": "s", "text": "t", "transactional": True}}
    steps = [
        {"id": "fork", "branch": [{"if": {"group": "vip"}, "then": [send]}, {"else": []}]},
        {"id": "quiet", "wait": "1h"},
    ]
    flow = Flow(journey(steps=steps))
    assert may_send(flow, flow.index["fork"])
    assert not may_send(flow, None)


def test_shares_of_a_spread_are_uniform_and_always_the_same() -> None:
    shares = [share_of(UUID(int=number), "cart") for number in range(10_000)]
    tenths = [
        sum(place / 10 <= share < (place + 1) / 10 for share in shares) for place in range(10)
    ]
    # 1,000 are expected in each, with a standard deviation of 30: five of them.
    assert all(850 <= tenth <= 1150 for tenth in tenths)
    assert sum(tenths) == 10_000
    # sha256sum of `spread cart 00000000-0000-0000-0000-000000000001` begins with these digits.
    assert share_of(UUID(int=1), "cart") == pytest.approx(0xE86E70E2723EA2B / 16**15, abs=1e-12)
    assert share_of(UUID(int=1), "cart") != share_of(UUID(int=1), "other")
