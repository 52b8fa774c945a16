"""Splits: the arm that a contact takes, and the winner that some wait for."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from ruamel.yaml import YAML
from temporalio.testing import ActivityEnvironment

from activities.context import Context
from activities.deciding.splits import SplitActivities, Tallies
from journeys.model.arms import arm_at, bucket
from journeys.model.journey import Journey
from journeys.model.steps import Arm, SplitStep, Winner
from journeys.protocol.payloads import StepInput, StepResult
from store.definitions.catalog import Catalog
from store.runs.rows import read_run
from tests.support.conditions import eventually
from tests.support.engine import Engine
from tests.support.temporal import closed_as, reset, workflow_tasks

Pool = AsyncConnectionPool[AsyncConnection[Any]]

MAIL = "email: {subject: Hello, text: Hello, transactional: true}"
PLAIN = """
journey: plain
entry: {event: Started}
re_entry: always
steps:
  - id: fork
    split:
      - {name: a, weight: 2, then: [{id: in-a, group: {add: [a]}}]}
      - {name: b, weight: 1}
      - {name: control, weight: 1, holdout: true}
  - {id: rest, group: {add: [went-on]}}
"""
LAUNCH = f"""
journey: launch
entry: {{event: Started}}
exit:
  - {{event: Left}}
  - {{event: Bought, then: [{{id: thanks, group: {{add: [buyers]}}}}]}}
steps:
  - id: subject
    split:
      - {{name: a, weight: 1, then: [{{id: mail-a, {MAIL}}}]}}
      - {{name: b, weight: 1, then: [{{id: mail-b, {MAIL}}}]}}
      - {{name: rest, weight: 2, winner: {{by: clicked, after: AFTER}}}}
  - {{id: after, group: {{add: [done]}}}}
"""
WEIGHTS = {
    "plain": {"a": 2, "b": 1, "control": 1},
    "launch": {"a": 1, "b": 1, "rest": 2},
}


def arm_of(contact: UUID, journey: str, step: str) -> str:
    arms = [Arm(name=name, weight=weight) for name, weight in WEIGHTS[journey].items()]
    return arm_at(arms, bucket(contact, journey, step)).name


async def contact_of(engine: Engine, arm: str) -> UUID:
    """A contact that takes this arm of the launch."""
    while True:
        contact = await engine.contact(email="ada@example.com")
        if arm_of(contact, "launch", "subject") == arm:
            return contact


async def facts_of(engine: Engine, run: dict[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = (await engine.visits(run["id"]))[0]["facts"]
    return facts


async def test_contacts_take_the_arms_that_their_buckets_say(engine: Engine) -> None:
    await engine.activate(PLAIN)
    contacts = [await engine.contact() for _ in range(40)]
    for contact in contacts:
        await engine.event(contact, "Started")
    paths = {
        "a": [("fork", "a"), ("in-a", "done"), ("rest", "done")],
        "b": [("fork", "b"), ("rest", "done")],
        "control": [("fork", "control")],
    }
    taken: Counter[str] = Counter()
    for contact in contacts:
        run = await engine.ended(contact)
        arm = arm_of(contact, "plain", "fork")
        assert run["outcome"] == "completed"
        assert await engine.path(run["id"]) == paths[arm]
        assert await facts_of(engine, run) == {
            "arm": arm,
            "bucket": bucket(contact, "plain", "fork"),
            "weights": {"a": 2, "b": 1, "control": 1},
        }
        taken[arm] += 1
    assert set(taken) == {"a", "b", "control"}


async def test_a_contact_that_comes_again_takes_its_arm_again_in_any_version(
    engine: Engine,
) -> None:
    contact = await engine.contact()
    arm = arm_of(contact, "plain", "fork")
    for version in (1, 2, 3):
        await engine.activate(PLAIN + f"  - {{id: more, group: {{add: [more-{version}]}}}}\n")
        await engine.event(contact, "Started")

        async def come(version: int = version) -> bool:
            return bool((await engine.run_of(contact))["version"] == version)

        await eventually(come)
        run = await engine.ended(contact)
        assert (await engine.path(run["id"]))[0] == ("fork", arm)


async def test_a_winner_goes_the_way_of_the_arm_that_was_clicked_most(engine: Engine) -> None:
    await engine.activate(LAUNCH.replace("AFTER", "3s"))
    clicked, ignored = await contact_of(engine, "b"), await contact_of(engine, "a")
    for contact in (clicked, ignored):
        await engine.event(contact, "Started")
        assert (await engine.ended(contact))["outcome"] == "completed"
    rest = await contact_of(engine, "rest")
    await engine.event(rest, "Started")
    run = await engine.standing_at(rest, "subject")
    await engine.event(clicked, "Message Clicked", step="mail-b")
    ended = await engine.ended(rest)
    assert await engine.path(run["id"]) == [
        ("subject", "rest"),
        ("mail-b", "sent"),
        ("after", "done"),
    ]
    facts = await facts_of(engine, ended)
    assert facts["winner"] == "b"
    assert facts["shares"] == {
        "a": {"contacts": 1, "clicked": 0, "share": 0.0},
        "b": {"contacts": 1, "clicked": 1, "share": 1.0},
    }
    # A repeated decision gives the same answer, although the shares have changed.
    for _ in range(2):
        await engine.event(ignored, "Message Clicked", step="mail-a")
    assert await asked_again(engine.pool, run) == StepResult(outcome="rest", way="b")


async def asked_again(pool: Pool, run: dict[str, Any]) -> StepResult:
    splits = SplitActivities(Context(pool, Catalog(), {}))
    async with pool.connection() as conn:
        cursor = await conn.execute("select parcours.clock()")
        row = await cursor.fetchone()
    assert row is not None
    given = StepInput(run_id=run["id"], visit=1, step="subject", now=row[0])
    result: StepResult = await ActivityEnvironment().run(splits.split, given)
    return result


async def test_a_reset_behind_a_winner_goes_the_same_way(engine: Engine) -> None:
    await engine.activate(LAUNCH.replace("AFTER", "1s"))
    rest = await contact_of(engine, "rest")
    await engine.event(rest, "Started")
    run = await engine.ended(rest)
    assert (await engine.path(run["id"]))[:2] == [("subject", "rest"), ("mail-a", "sent")]
    workflow = engine.workflow(run)
    assert await closed_as(workflow) == "COMPLETED"
    await reset(engine.client, workflow, (await workflow_tasks(workflow))[0])
    assert await closed_as(engine.workflow(run)) == "COMPLETED"
    assert await engine.path(run["id"]) == [
        ("subject", "rest"),
        ("mail-a", "sent"),
        ("after", "done"),
    ]


@pytest.mark.parametrize(
    ("event", "path"),
    [
        ("Left", [("subject", "exited")]),
        ("Bought", [("subject", "exited"), ("thanks", "done")]),
    ],
)
async def test_an_exit_ends_a_run_that_stands_at_a_winner(
    engine: Engine, event: str, path: list[tuple[str, str]]
) -> None:
    await engine.activate(LAUNCH.replace("AFTER", "1d"))
    contact = await contact_of(engine, "rest")
    await engine.event(contact, "Started")
    run = await engine.standing_at(contact, "subject")
    visit = (await engine.visits(run["id"]))[0]
    assert visit["due_at"] is not None
    await engine.event(contact, event)
    ended = await engine.ended(contact)
    assert (ended["outcome"], ended["reason"]) == ("exited", event)
    assert await engine.path(run["id"]) == path
    assert await closed_as(engine.workflow(run)) == "COMPLETED"


async def test_an_exit_that_came_first_wins_however_late_the_winner_is_woken(
    engine: Engine,
) -> None:
    await engine.activate(LAUNCH.replace("AFTER", "1d"))
    contact = await contact_of(engine, "rest")
    await engine.event(contact, "Started")
    run = await engine.standing_at(contact, "subject")
    async with engine.pool.connection() as conn, conn.transaction():
        # The event was accepted, and the due time came before it was dispatched.
        await conn.execute("select from contact where id = %s for no key update", (contact,))
        await conn.execute(
            "insert into event (contact_id, name, message_id) values (%s, 'Left', 'late')",
            (contact,),
        )
        await conn.execute(
            "update visit set due_at = parcours.clock() where run_id = %s", (run["id"],)
        )
    result = await asked_again(engine.pool, run)
    assert result.ended is not None
    assert (result.ended.outcome, result.ended.reason) == ("exited", "Left")


async def test_a_standing_split_says_what_it_waits_for(engine: Engine) -> None:
    await engine.activate(LAUNCH.replace("AFTER", "4h"))
    contact = await contact_of(engine, "rest")
    await engine.event(contact, "Started")
    run = await engine.standing_at(contact, "subject")
    workflow = engine.workflow(run)

    async def timers() -> list[str]:
        return [
            str(event.user_metadata.summary.data, "utf-8")
            async for event in workflow.fetch_history_events()
            if event.HasField("timer_started_event_attributes")
        ]

    assert await eventually(timers) == ['"split subject: rest waits 4 hours"']


async def test_a_version_without_the_wait_lets_a_run_go_on(engine: Engine) -> None:
    await engine.activate(LAUNCH.replace("AFTER", "1d"))
    contact = await contact_of(engine, "rest")
    await engine.event(contact, "Started")
    run = await engine.standing_at(contact, "subject")
    await engine.activate(
        LAUNCH.replace("winner: {by: clicked, after: AFTER}", "then: [{id: t, group: {add: [g]}}]")
    )
    async with engine.pool.connection() as conn:
        await conn.execute("update run set version = 2 where id = %s", (run["id"],))
    await engine.workflow(run).signal("wake", {"visit": 1})
    await engine.ended(contact)
    # The workflow has the program that it began with.
    assert await engine.path(run["id"]) == [("subject", "rest"), ("after", "done")]


async def test_a_score_over_many_contacts_is_kept_for_a_minute(engine: Engine) -> None:
    await engine.activate(LAUNCH.replace("AFTER", "1d"))
    contact = await contact_of(engine, "rest")
    await engine.event(contact, "Started")
    standing = await engine.standing_at(contact, "subject")
    step = Journey.model_validate(YAML(typ="safe").load(LAUNCH.replace("AFTER", "1d"))).step(
        "subject"
    )
    assert isinstance(step, SplitStep)
    due = datetime(2026, 3, 2, 13, tzinfo=UTC)
    tallies = Tallies()
    async with engine.pool.connection() as conn:
        run = await read_run(conn, standing["id"])
        assert run is not None

        async def contacts(arm: str, number: int) -> None:
            await conn.execute(
                "with who as (insert into contact (id) select gen_random_uuid() from"
                " generate_series(1, %s) returning id), went as (insert into run (id, journey,"
                " version, contact_id, key, state, entry_ref, ref) select gen_random_uuid(),"
                " 'launch', 1, id, '', 'ended', 0, 0 from who returning id)"
                " insert into visit (run_id, visit, step, kind, outcome, ended_at)"
                " select id, 1, 'subject', 'split', %s, '2026-03-02T12:00Z' from went",
                (number, arm),
            )

        async def counted(at: datetime) -> dict[str, int]:
            winner = Winner(by="clicked", after="1d")
            scores = await tallies.scores(conn, run, step, winner, at)
            return {score.arm: score.contacts for score in scores}

        await contacts("a", 5)
        assert await counted(due) == {"a": 5, "b": 0}
        await contacts("a", 995)
        # A small number is counted again each time.
        assert await counted(due) == {"a": 1_000, "b": 0}
        await contacts("b", 7)
        assert await counted(due + timedelta(seconds=59)) == {"a": 1_000, "b": 0}
        assert await counted(due + timedelta(seconds=60)) == {"a": 1_000, "b": 7}
