"""Chains: steps that emit events and enter journeys, how far they go, and that none is lost."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.testing import ActivityEnvironment

from activities.context import Context
from activities.deciding.decisions import DecisionActivities
from api.runs.start import start_by_api
from dispatch.dispatcher import Dispatcher
from journeys.protocol.payloads import StepInput, StepResult
from journeys.protocol.program import Kind
from store.definitions.catalog import Catalog
from tests.support.conditions import eventually
from tests.support.engine import Engine, activate, make_contact, visits
from tests.support.temporal import closed_as

Pool = AsyncConnectionPool[AsyncConnection[Any]]

TIPS = "topic: tips\ndefault: opt_out\n---\n"
SENDER = """
journey: sender
entry: {event: Started}
re_entry: always
steps:
  - {id: tell, emit: {event: Scored, properties: {points: {entry: points}, by: {attribute: name}, why: fun}}}
  - {id: heard, wait: {event: Scored, up_to: 1d}}
---
journey: receiver
entry: {event: Scored, where: {points: {gte: 5}}}
re_entry: always
steps:
  - {id: mark, update: {set: {points: {entry: points}}}}
"""  # noqa: E501 - as a person would write it
TARGET = """
journey: target
entry: {event: Cart Updated, key: cart}
steps:
  - {id: pause, wait: {event: Go On, up_to: 1d}}
"""
ENTERING = """
journey: entering
entry: {event: Started}
re_entry: always
steps:
  - {id: go, enter: {journey: target, properties: {cart: {entry: cart}, lines: [1, {entry: line}]}}}
  - {id: after, group: {add: [went-on]}}
"""


async def rows(pool: Pool, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
    async with pool.connection() as conn:
        cursor = await conn.execute(statement.encode(), arguments)
        return await cursor.fetchall() if cursor.description else []


async def ended(engine: Engine, journey: str, count: int = 1) -> list[UUID]:
    """The runs of a journey, once so many have ended and none is active."""

    async def look() -> list[UUID]:
        found = await rows(engine.pool, "select id, state from run where journey = %s", journey)
        over = all(state == "ended" for _, state in found)
        return [row[0] for row in found] if over and len(found) >= count else []

    return await eventually(look, 60, what=f"{count} ended runs of {journey}")


# --------------------------------------------------------------------------------------- emit


async def test_an_emitted_event_is_the_contact_s_and_begins_and_wakes_runs(engine: Engine) -> None:
    await engine.activate(SENDER)
    contact = await engine.contact(attributes={"name": "Ada"})
    await engine.event(contact, "Started", points=7)
    [sender] = await ended(engine, "sender")
    [receiver] = await ended(engine, "receiver")
    # It came after the run last stood still, so the wait right after it sees it.
    assert await engine.path(sender) == [("tell", "done"), ("heard", "happened")]
    assert await engine.path(receiver) == [("mark", "done")]
    assert await rows(
        engine.pool, "select id, properties, depth from event where name = 'Scored'"
    ) == [
        (
            (await engine.visits(sender))[0]["facts"]["event_id"],
            {"points": 7, "by": "Ada", "why": "fun"},
            1,
        )
    ]
    assert await rows(
        engine.pool, "select journey, entry->'points', depth from run order by depth"
    ) == [("sender", 7, 0), ("receiver", 7, 1)]


async def test_an_emitted_event_with_a_meaning_has_its_effect(engine: Engine) -> None:
    steps = "steps: [{id: bye, emit: {event: Topic Unsubscribed, properties: {topic: tips}}}]"
    await engine.activate(f"{TIPS}journey: sunset\nentry: {{event: Started}}\n{steps}\n")
    contact = await engine.contact()
    await engine.event(contact, "Started")
    [run] = await ended(engine, "sunset")
    assert await engine.path(run) == [("bye", "done")]
    assert await rows(engine.pool, "select topic, state from topic_state") == [
        ("tips", "unsubscribed")
    ]


async def test_an_event_whose_meaning_is_refused_fails_and_the_run_goes_on(engine: Engine) -> None:
    await engine.activate(
        "journey: sunset\nentry: {event: Started}\nsteps:\n"
        "- {id: bye, emit: {event: Topic Unsubscribed, properties: {topic: {entry: which}}}}\n"
        "- {id: after, group: {add: [went-on]}}\n"
    )
    contact = await engine.contact()
    await engine.event(contact, "Started", which="tipps")
    [run] = await ended(engine, "sunset")
    assert await engine.path(run) == [("bye", "failed"), ("after", "done")]
    assert (await engine.visits(run))[0]["facts"] == {
        "event": "Topic Unsubscribed",
        "code": "unknown_topic",
        "message": "properties.topic: there is no topic 'tipps'",
    }
    assert await rows(engine.pool, "select count(*) from event where name like 'Topic%%'") == [(0,)]


# -------------------------------------------------------------------------------------- enter


async def test_an_entered_journey_begins_at_once_with_the_given_properties(engine: Engine) -> None:
    await engine.activate(f"{TARGET}---\n{ENTERING}")
    contact = await engine.contact()
    await engine.event(contact, "Started", cart="c1", line="x")
    [entering] = await ended(engine, "entering")
    assert await engine.path(entering) == [("go", "entered"), ("after", "done")]
    # Well before the reconciliation, which starts a run that has waited for a minute.
    run = await engine.standing_at(contact, "pause", timeout=20)
    assert (run["journey"], run["key"], run["depth"]) == ("target", "c1", 1)
    assert run["entry"] == {"cart": "c1", "lines": [1, "x"]}
    assert (await engine.visits(entering))[0]["facts"] == {
        "journey": "target",
        "version": 1,
        "run_id": str(run["id"]),
    }
    await engine.event(contact, "Go On")
    await ended(engine, "target")
    assert await closed_as(engine.workflow(run)) == "COMPLETED"
    assert (
        await rows(engine.pool, "select start_workflow, workflow_started_at is null from run")
        == [(False, False)] * 2
    )


@pytest.mark.parametrize(
    ("code", "prepare"),
    [
        ("unknown_journey", "delete from journey where key = 'target'"),
        ("draft", "update journey set state = 'draft', active_version = null where key = 'target'"),
        ("paused", "update journey set state = 'paused' where key = 'target'"),
        ("archived", "update journey set state = 'archived' where key = 'target'"),
    ],
)
async def test_a_journey_that_takes_no_entries_refuses(
    engine: Engine, code: str, prepare: str
) -> None:
    await engine.activate(f"{TARGET}---\n{ENTERING}")
    await rows(engine.pool, prepare)
    contact = await engine.contact()
    await engine.event(contact, "Started", cart="c1")
    [entering] = await ended(engine, "entering")
    assert await engine.path(entering) == [("go", "refused"), ("after", "done")]
    assert (await engine.visits(entering))[0]["facts"] == {"journey": "target", "code": code}
    assert await rows(engine.pool, "select count(*) from run") == [(1,)]


async def test_the_entered_journey_s_own_rules_decide(engine: Engine) -> None:
    await engine.activate(f"{TARGET}---\n{ENTERING}")
    contact = await engine.contact()
    codes = []
    for count, cart in enumerate(["c1", "c1", "c2", None], start=1):
        await engine.event(contact, "Started", **({"cart": cart} if cart else {}))
        runs = await ended(engine, "entering", count)
        facts = [(await engine.visits(run))[0]["facts"] for run in runs]
        codes.append(sorted(each.get("code", "entered") for each in facts))
    assert codes[-1] == ["active", "entered", "entered", "no_key"]
    await engine.event(contact, "Go On")
    await ended(engine, "target", 2)
    await engine.event(contact, "Started", cart="c1")
    runs = await ended(engine, "entering", 5)
    facts = [(await engine.visits(run))[0]["facts"] for run in runs]
    assert sorted(each.get("code", "") for each in facts) == [
        "",
        "",
        "active",
        "no_key",
        "re_entry",
    ]


async def test_a_run_that_is_restarted_stops_the_old_one(engine: Engine) -> None:
    restarting = TARGET.replace("steps:", "if_active: restart\nsteps:")
    await engine.activate(f"{restarting}---\n{ENTERING}")
    contact = await engine.contact()
    await engine.event(contact, "Started", cart="c1")
    old = await engine.standing_at(contact, "pause")
    # While the first run goes on, a second is refused.
    await ended(engine, "entering")
    await engine.event(contact, "Started", cart="c1")
    await ended(engine, "entering", 2)
    assert await closed_as(engine.workflow(old)) == "COMPLETED"
    assert await rows(
        engine.pool,
        "select id = %s, outcome from run where journey = 'target' order by started_at", old["id"],
    ) == [(True, "restarted"), (False, None)]  # fmt: skip


# --------------------------------------------------------------------------- without a worker


class Hand:
    """A run whose step's activity is called by hand, and a dispatcher that is driven by hand."""

    def __init__(self, pool: Pool, client: Client) -> None:
        self.pool = pool
        self.catalog = Catalog()
        self.client = client
        self.dispatcher = Dispatcher(pool, client, self.catalog)
        self.nudges = 0

    async def begin(self, journey: str) -> UUID:
        contact = await make_contact(self.pool)
        answer = await start_by_api(
            self.pool, self.client, self.catalog, journey, str(contact), {"cart": "c1"}, None
        )
        return UUID(answer.body["id"])

    async def decide(self, kind: Kind, run: UUID, step: str) -> StepResult:
        context = Context(self.pool, self.catalog, {}, nudge=self._nudge)
        [[now]] = await rows(self.pool, "select parcours.clock()")
        given = StepInput(run_id=run, visit=1, step=step, now=now)
        activity: Callable[..., Any] = DecisionActivities(context).activity_of(kind)
        result: StepResult = await ActivityEnvironment().run(activity, given)
        return result

    def _nudge(self) -> None:
        self.nudges += 1

    async def status_of(self, run: UUID, journey: str) -> WorkflowExecutionStatus | None:
        handle = self.client.get_workflow_handle(f"journey.{journey}.{run}")
        return (await handle.describe()).status


@pytest.fixture
def hand(pool: Pool, temporal_client: Client) -> Hand:
    return Hand(pool, temporal_client)


async def test_a_run_that_was_entered_is_started_by_the_next_dispatcher(hand: Hand) -> None:
    await activate(hand.pool, f"{TARGET}---\n{ENTERING}")
    run = await hand.begin("entering")
    assert await hand.decide("enter", run, "go") == StepResult(outcome="entered")
    assert hand.nudges == 1
    # The worker died after its decision. The mark in Postgres remains.
    [[target]] = await rows(hand.pool, "select id from run where start_workflow")
    assert await hand.dispatcher.round() == 1
    assert await hand.status_of(target, "target") is WorkflowExecutionStatus.RUNNING
    assert await hand.dispatcher.round() == 0
    assert await rows(hand.pool, "select count(*) from run where start_workflow") == [(0,)]


async def test_marks_are_seen_while_there_are_events_to_dispatch(hand: Hand) -> None:
    await activate(hand.pool, f"{TARGET}---\n{ENTERING}")
    run = await hand.begin("entering")
    await hand.decide("enter", run, "go")
    [[target]] = await rows(hand.pool, "select id from run where start_workflow")
    busy = await make_contact(hand.pool)
    async with hand.pool.connection() as conn:
        await conn.execute(
            "with made as (insert into event (contact_id, name, message_id) values (%s, 'X', 'x')"
            " returning contact_id, id) insert into outbox (contact_id, event_id) table made",
            (busy,),
        )
    assert await hand.dispatcher.round() == 2
    assert await hand.status_of(target, "target") is WorkflowExecutionStatus.RUNNING


async def test_a_run_that_ended_before_it_was_started_is_never_started(hand: Hand) -> None:
    await activate(hand.pool, f"{TARGET}---\n{ENTERING}")
    await hand.decide("enter", await hand.begin("entering"), "go")
    await rows(hand.pool, "update run set state = 'ended' where start_workflow")
    assert await hand.dispatcher.round() == 0


@pytest.mark.parametrize(("kind", "step"), [("enter", "go"), ("emit", "tell")])
async def test_a_repeated_decision_gives_the_same_answer(hand: Hand, kind: Kind, step: str) -> None:
    await activate(hand.pool, f"{TARGET}---\n{ENTERING}---{SENDER}")
    run = await hand.begin("entering" if kind == "enter" else "sender")
    first = await hand.decide(kind, run, step)
    assert first.outcome in ("entered", "done")
    assert await hand.decide(kind, run, step) == first
    assert await rows(hand.pool, "select count(*) from run where journey = 'target'") == [
        (1 if kind == "enter" else 0,)
    ]
    assert await rows(hand.pool, "select count(*) from event where name = 'Scored'") == [
        (0 if kind == "enter" else 1,)
    ]
    assert len(await visits(hand.pool, run)) == 1


# ---------------------------------------------------------------------------- the chain's limit

BY_EMIT = "{{id: on, emit: {{event: Turn {other}}}}}"
BY_ENTER = "{{id: on, enter: {{journey: {other}}}}}"


def ring(a: str, b: str) -> str:
    """Two journeys, each of which begins the other for ever."""
    return "---\n".join(
        f"journey: {own}\nentry: {{event: Turn {own}}}\nre_entry: always\nif_active: restart\n"
        f"steps: [{step.format(other=other)}]\n"
        for own, other, step in (("a", "b", a), ("b", "a", b))
    )


@pytest.mark.parametrize(
    ("a", "b"), [(BY_EMIT, BY_EMIT), (BY_ENTER, BY_ENTER), (BY_EMIT, BY_ENTER)]
)
async def test_a_chain_that_would_never_end_ends_after_ten(engine: Engine, a: str, b: str) -> None:
    await engine.activate(ring(a, b))
    contact = await engine.contact()
    await engine.event(contact, "Turn a")

    async def refused() -> bool:
        found = await rows(engine.pool, "select true from visit where outcome = 'refused'")
        return bool(found)

    await eventually(refused, 60, what="the end of the chain")
    links = await rows(
        engine.pool,
        "select r.depth, r.journey, v.outcome, v.facts->>'code' from run r"
        " join visit v on v.run_id = r.id order by r.depth",
    )
    [*passed, last] = links
    assert [(depth, journey) for depth, journey, *_ in links] == [
        (depth, "ab"[depth % 2]) for depth in range(11)
    ]
    assert {outcome for _, _, outcome, _ in passed} <= {"done", "entered"}
    assert last == (10, "a", "refused", "chain")
    # What comes from outside begins a chain of its own.
    await engine.event(contact, "Turn b")

    async def again() -> bool:
        [[count]] = await rows(engine.pool, "select count(*) from run")
        return bool(count == 22)

    await eventually(again, 60, what="a second chain as long")


async def test_a_chain_of_changes_ends_as_well(engine: Engine) -> None:
    await engine.activate(
        "journey: counting\nentry: {event: Contact Changed}\nre_entry: always\n"
        "if_active: restart\nsteps: [{id: more, update: {add: {score: 1}}}]\n"
    )
    contact = await engine.contact()
    await engine.event(contact, "Contact Changed", names=["score"])

    async def refused() -> list[tuple[Any, ...]]:
        return await rows(engine.pool, "select code from refusal")

    assert await eventually(refused, 60, what="the end of the chain") == [("chain",)]
    assert await rows(engine.pool, "select score from contact") == [(11,)]
