"""What operators see of a run in Temporal: summaries, where it stands and why, how to find it."""

from functools import partial
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHandle
from temporalio.common import SearchAttributeKey
from temporalio.contrib.pydantic import pydantic_data_converter

from tests.support.conditions import eventually
from tests.support.engine import Engine
from tests.support.smtp import SmtpSink
from tests.support.temporal import closed_as, counted, current_details, history

SEEN = """
journey: seen
entry: {event: Started}
steps:
  - {id: hello, email: {subject: Hello, text: Hello, transactional: true}}
  - {id: pause, wait: 1s}
  - id: known
    branch:
      - {name: by-name, if: {attribute: name, exists: true}, then: [{id: lead, update: {add: {score: 5}}}]}
  - {id: decide, wait: {event: Go On, up_to: 2d}}
  - {id: over, exit: enough}
"""  # noqa: E501 - as a person would write it
SUMMARISED = {
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
    EventType.EVENT_TYPE_TIMER_STARTED,
    EventType.EVENT_TYPE_MARKER_RECORDED,
}


def summary(event: HistoryEvent) -> str:
    [said] = pydantic_data_converter.payload_converter.from_payloads([event.user_metadata.summary])
    return str(said)


def attributes(event: HistoryEvent) -> dict[str, Any]:
    """What an upsert sets."""
    fields = event.upsert_workflow_search_attributes_event_attributes.search_attributes
    converter = pydantic_data_converter.payload_converter
    return {
        name: converter.from_payloads([payload])[0]
        for name, payload in fields.indexed_fields.items()
    }


async def found(engine: Engine, query: str) -> list[str]:
    return [each.id async for each in engine.client.list_workflows(query)]


async def stands(handle: WorkflowHandle[Any, Any], step: str) -> bool:
    """Whether the workflow says itself that it stands at a step."""
    attributes = (await handle.describe()).typed_search_attributes
    return attributes.get(SearchAttributeKey.for_keyword("JourneyStep")) == step


async def test_every_timer_and_activity_says_what_a_person_would_say(engine: Engine) -> None:
    await engine.activate(SEEN)
    contact = await engine.contact(email="ada@example.com", attributes={"name": "Ada"})
    await engine.event(contact, "Started")
    run = await engine.standing_at(contact, "decide")
    await eventually(lambda: stands(engine.workflow(run), "decide"))
    await engine.event(contact, "Go On")
    await engine.ended(contact)
    assert await closed_as(engine.workflow(run)) == "COMPLETED"
    events = await history(engine.workflow(run))
    said = [summary(event) for event in events if event.event_type in SUMMARISED]
    assert said == [
        "email hello",
        # planned with the e-mail; then its timer, and its close with what follows
        "wait 1 second",
        "wait 1 second, then branch known",
        "update score",
        # its plan, its timer, its close
        "wait for Go On, up to 2 days",
        "wait for Go On, up to 2 days",
        "wait for Go On, up to 2 days",
        "exit: enough",
        "end: exited",
    ]
    description = await engine.workflow(run).describe()
    summary_of_run = await description.static_summary()
    assert summary_of_run == "seen: begun in version 1 with email hello"


async def test_the_four_search_attributes_find_a_run_and_where_it_last_stood(
    engine: Engine,
) -> None:
    await engine.activate(SEEN)
    contact = await engine.contact(email="ada@example.com", attributes={"name": "Ada"})
    await engine.event(contact, "Started")
    run = await engine.standing_at(contact, "decide")
    await eventually(lambda: stands(engine.workflow(run), "decide"))
    description = await engine.workflow(run).describe()
    own = {
        pair.key.name: pair.value
        for pair in description.typed_search_attributes
        if pair.key.name in {"JourneyKey", "JourneyVersion", "ContactId", "JourneyStep"}
    }
    assert own == {
        "JourneyKey": "seen",
        "JourneyVersion": "1",
        "ContactId": str(contact),
        "JourneyStep": "decide",
    }
    # Only where the run stood still, each time it came to do so.
    upserts = [
        attributes(event)
        for event in await history(engine.workflow(run))
        if event.event_type == EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES
    ]
    assert upserts == [{"JourneyStep": "pause"}, {"JourneyStep": "decide"}]
    for query in (
        "JourneyKey = 'seen' AND JourneyStep = 'decide' AND ExecutionStatus = 'Running'",
        f"ContactId = '{contact}' AND JourneyVersion = '1'",
    ):
        # Temporal's index follows what it knows of the workflow itself.
        assert await eventually(partial(found, engine, query)) == [engine.workflow(run).id]


async def test_current_details_say_where_a_run_stands_and_why_and_how_it_ended(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(SEEN)
    contact = await engine.contact(email="ada@example.com")
    smtp_sink.answer = lambda _envelope: "451 4.7.1 try again later"
    await engine.event(contact, "Started")
    run = await engine.run_of(contact)
    workflow = engine.workflow(run)

    async def sends() -> bool:
        details = await current_details(engine.client, workflow)
        assert details.startswith("Sends **hello** (visit 1): email hello.\n\nSince 20")
        return True

    async def begun() -> bool:
        return (await engine.run_of(contact))["workflow_started_at"] is not None

    await eventually(begun)
    await eventually(sends)
    async with engine.pool.connection() as conn:
        await conn.execute("update journey set state = 'paused'")
    await eventually(lambda: stands(workflow, "hello"))

    async def holds() -> str | None:
        # Until its next attempt it may stand as one that is tried again.
        found = await current_details(engine.client, workflow)
        return found if "paused" in found else None

    details = await eventually(holds, 20)
    assert details is not None
    assert details.startswith(
        "Stands at **hello** (visit 1): email hello: the journey is paused, "
        "until it is woken.\n\nSince 20"
    )
    smtp_sink.answer = lambda _envelope: "250 OK"
    async with engine.pool.connection() as conn:
        await conn.execute("update journey set state = 'active'")
    await workflow.signal("wake", {"visit": 1})
    await eventually(lambda: stands(workflow, "decide"))
    due = (await engine.visits(run["id"]))[-1]["due_at"]
    details = await current_details(engine.client, workflow)
    until = f"{due[:10]} {due[11:19]} UTC"
    assert details.startswith(
        f"Stands at **decide** (visit 4): wait for Go On, up to 2 days, until {until}.\n\nSince 20"
    )
    await engine.event(contact, "Go On")
    await engine.ended(contact)
    assert await closed_as(workflow) == "COMPLETED"
    details = await current_details(engine.client, workflow)
    assert details == "Ended as **exited**: enough."


async def test_a_wake_by_hand_for_a_visit_to_come_does_nothing(engine: Engine) -> None:
    await engine.activate(SEEN)
    contact = await engine.contact(email="ada@example.com")
    await engine.event(contact, "Started")
    run = await engine.standing_at(contact, "decide")
    workflow = engine.workflow(run)
    await eventually(lambda: stands(workflow, "decide"))
    markers = (await counted(workflow))["MARKER_RECORDED"]
    for visit in (1, 5, 999):
        await workflow.signal("wake", {"visit": visit})

    async def taken_in() -> bool:
        counts = await counted(workflow)
        last = (await history(workflow))[-1].event_type
        return (
            counts["WORKFLOW_EXECUTION_SIGNALED"] == 3
            and last == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
        )

    await eventually(taken_in, timeout=30)
    assert (await counted(workflow))["MARKER_RECORDED"] == markers
    await engine.event(contact, "Go On")
    assert (await engine.ended(contact))["outcome"] == "exited"
