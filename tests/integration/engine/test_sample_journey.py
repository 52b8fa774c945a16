"""Sample journey S, end to end on real servers: what it does, and what it costs."""

from collections import Counter

from temporalio.api.enums.v1 import EventType

from devstack.inbox import Inbox
from infra.settings import Settings
from tests.support.engine import Engine
from tests.support.samples import SAMPLE
from tests.support.smtp import SmtpSink


async def test_the_sample_journey_runs_end_to_end(
    engine: Engine, engine_settings: Settings, smtp_sink: SmtpSink
) -> None:
    await engine.activate(SAMPLE)
    contact = await engine.contact(
        email="ada@example.com", phone="+33612345678", attributes={"first_name": "Ada"}
    )
    await engine.event(contact, "Sample Started")
    run = await engine.ended(contact)
    assert (run["outcome"], run["reason"]) == ("completed", None)
    assert await engine.path(run["id"]) == [
        ("hello", "sent"),
        ("pause", "elapsed"),
        ("opened", "else"),
        ("cold", "sent"),
    ]
    [mail] = smtp_sink.messages
    assert mail.message["Subject"] == "Hello"
    assert mail.message.get_content().strip() == "Hello Ada"
    assert engine_settings.dev_inbox is not None
    [text] = Inbox(engine_settings.dev_inbox).read("+33612345678")
    assert text["text"] == "Cold"


async def test_an_opened_message_takes_the_other_way(engine: Engine) -> None:
    await engine.activate(SAMPLE)
    contact = await engine.contact(email="ada@example.com", phone="+33612345678")
    await engine.event(contact, "Sample Started")
    run = await engine.standing_at(contact, "pause")
    await engine.event(contact, "Message Opened", step="hello", by="human")
    run = await engine.ended(contact)
    assert (await engine.path(run["id"]))[2:] == [("opened", "yes"), ("warm", "sent")]


async def test_the_sample_journey_meets_its_counts(engine: Engine) -> None:
    await engine.activate(SAMPLE)
    contact = await engine.contact(email="ada@example.com", phone="+33612345678")
    await engine.event(contact, "Sample Started")
    run = await engine.ended(contact)
    workflow = engine.workflow(run)
    await workflow.result()
    events = (await workflow.fetch_history()).events
    kinds = Counter(event.event_type for event in events)
    # A workflow task whose local activities are all one billable action holds their markers.
    local_tasks = {
        event.marker_recorded_event_attributes.workflow_task_completed_event_id
        for event in events
        if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED
    }
    actions = (
        1
        + kinds[EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED]
        + kinds[EventType.EVENT_TYPE_TIMER_STARTED]
        + kinds[EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES]
        + kinds[EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED]
        + len(local_tasks)
    )
    tasks = kinds[EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED]
    assert (len(events) <= 24, actions <= 6, tasks <= 4) == (True, True, True), (
        len(events),
        actions,
        tasks,
    )
