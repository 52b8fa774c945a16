"""A run in flight moves to another version where it stands, and nothing is lost or done twice."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from aiosmtpd.smtp import Envelope

from journeys.versions.overdue import Overdue
from store.operations.jobs import JobRow
from tests.support.conditions import eventually
from tests.support.engine import Engine, accept
from tests.support.moves import SEND, SKIP, begin_move, ended, paused, resumed, spread
from tests.support.smtp import SmtpSink
from tests.support.temporal import closed_as, reset, workflow_tasks

FIRST = """
journey: letters
entry: {event: Letter Asked}
defaults: {transactional: true}
steps:
  - {id: quiet, wait: {event: Go, up_to: 30d}}
  - {id: letter, email: {subject: First, text: Dear you}}
  - {id: after, wait: 30d}
"""
SECOND = FIRST.replace("up_to: 30d", "up_to: 60d").replace("First", "Second")
DUE = SECOND.replace("up_to: 60d", "up_to: 0.001s")


async def asked(engine: Engine) -> tuple[UUID, dict[str, Any]]:
    """A contact, and its run, which stands at `quiet`."""
    contact = await engine.contact(email="ada@example.com")
    await engine.event(contact, "Letter Asked")
    return contact, await engine.standing_at(contact, "quiet")


async def moved(engine: Engine, mapping: dict[str, str] | None = None, **options: Any) -> JobRow:
    """A move of all runs to the active version, once it is over."""
    job = await begin_move(engine.pool, engine.client, "letters", mapping=mapping, **options)
    return await ended(engine.pool, job)


async def version_of(engine: Engine, run: dict[str, Any]) -> int:
    async with engine.pool.connection() as conn:
        cursor = await conn.execute("select version from run where id = %s", (run["id"],))
        row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


def length(visit: dict[str, Any]) -> timedelta:
    """From a wait's start to its due time."""
    return datetime.fromisoformat(visit["due_at"]) - datetime.fromisoformat(visit["started_at"])


def subjects(sink: SmtpSink) -> list[str]:
    return [str(mail.message["Subject"]) for mail in sink.messages]


async def test_a_wait_is_planned_from_its_start_and_goes_on_under_the_new_version(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(FIRST)
    contact, run = await asked(engine)
    [before] = await engine.visits(run["id"])
    await engine.activate(SECOND)
    job = await moved(engine)
    assert (job.state, job.total, job.done, job.moved, job.kept) == ("done", 1, 1, 1, 0)
    [after] = await engine.visits(run["id"])
    assert (after["started_at"], after["ref"]) == (before["started_at"], before["ref"])
    assert (length(before), length(after)) == (timedelta(days=30), timedelta(days=60))
    assert after["facts"]["moved_from"] == 1
    await engine.event(contact, "Go")
    await engine.standing_at(contact, "after")
    assert subjects(smtp_sink) == ["Second"]
    assert await version_of(engine, run) == 2
    attributes = (await engine.workflow(run).describe()).typed_search_attributes
    assert {pair.key.name: pair.value for pair in attributes}["JourneyVersion"] == "2"


async def test_what_came_before_the_move_counts_for_what_the_new_version_waits_for(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(FIRST)
    contact, run = await asked(engine)
    await engine.event(contact, "Come")
    await engine.activate(
        SECOND.replace(
            "{event: Go, up_to: 60d}",
            "{any: [{name: go, event: Go}, {name: come, event: Come}], up_to: 60d}",
        )
    )
    await moved(engine)
    await engine.standing_at(contact, "after")
    assert (await engine.path(run["id"]))[0] == ("quiet", "come")
    assert subjects(smtp_sink) == ["Second"]


async def test_an_exit_of_the_new_version_counts_since_the_entry(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(FIRST)
    contact, _ = await asked(engine)
    await engine.event(contact, "Never Mind")
    await engine.activate(SECOND.replace("defaults:", "exit: [{event: Never Mind}]\ndefaults:"))
    await moved(engine)
    run = await engine.ended(contact)
    assert (run["outcome"], run["reason"], run["version"]) == ("exited", "Never Mind", 2)
    assert smtp_sink.messages == []


async def test_the_goal_of_the_new_version_counts_since_the_entry(engine: Engine) -> None:
    await engine.activate(FIRST.replace("defaults:", "goal: {event: Thanked}\ndefaults:"))
    contact, run = await asked(engine)
    before = await engine.event(contact, "Answered", stars=4)
    await engine.event(contact, "Answered", stars=5)
    async with engine.pool.connection() as conn:
        waiting = "select not exists (select from outbox)"
        await eventually(lambda: _yes(conn, waiting), what="all is dispatched")
        await engine.activate(
            SECOND.replace("defaults:", "goal: {event: Answered, value: stars}\ndefaults:")
        )
        await moved(engine)
        cursor = await conn.execute(
            "select met_event_id, value from goal where run_id = %s", (run["id"],)
        )
        assert await cursor.fetchall() == [(before, 4)]


async def _yes(conn: Any, query: str) -> bool:
    row = await (await conn.execute(query)).fetchone()
    return bool(row and row[0])


async def test_an_exit_that_the_new_version_lacks_fires_no_more(engine: Engine) -> None:
    await engine.activate(FIRST.replace("defaults:", "exit: [{event: Never Mind}]\ndefaults:"))
    contact, _ = await asked(engine)
    await engine.activate(SECOND)
    await moved(engine)
    await engine.event(contact, "Never Mind")
    await engine.event(contact, "Go")
    await engine.standing_at(contact, "after")


async def test_an_overdue_wait_ends_at_once_under_send(engine: Engine, smtp_sink: SmtpSink) -> None:
    await engine.activate(FIRST)
    contact, run = await asked(engine)
    await engine.activate(DUE)
    await moved(engine)
    await engine.standing_at(contact, "after")
    [quiet, letter, _] = await engine.visits(run["id"])
    assert (quiet["outcome"], quiet["ended_at"]) == ("timed_out", quiet["due_at"])
    assert (letter["outcome"], subjects(smtp_sink)) == ("sent", ["Second"])


async def test_under_skip_what_it_comes_to_before_the_next_wait_is_skipped(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(FIRST)
    contact, run = await asked(engine)
    again = "  - {id: again, email: {subject: Again, text: Dear you}}\n"
    await engine.activate(DUE.replace("after, wait: 30d", "after, wait: 0.1s") + again)
    await moved(engine, overdue=SKIP)
    await engine.ended(contact)
    [_, letter, _, second] = await engine.visits(run["id"])
    assert (letter["outcome"], letter["facts"]["reason"]) == ("skipped", "paused")
    assert (second["outcome"], subjects(smtp_sink)) == ("sent", ["Again"])


async def test_under_spread_an_overdue_wait_ends_at_its_turn(engine: Engine) -> None:
    await engine.activate(FIRST)
    runs = [await asked(engine) for _ in range(3)]
    await engine.activate(DUE)
    job = await moved(engine, overdue=spread(3600))
    for contact, run in runs:
        [quiet] = await engine.visits(run["id"])
        turn = Overdue("spread", timedelta(hours=1)).turn(contact, "letters", job.started_at)
        assert datetime.fromisoformat(quiet["due_at"]) == turn
        assert job.started_at <= turn < job.started_at + timedelta(hours=1)


async def test_a_run_whose_step_is_gone_keeps_its_version_to_its_end(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(FIRST)
    contact, run = await asked(engine)
    await engine.activate(SECOND.replace("id: quiet", "id: silence"))
    job = await moved(engine)
    assert (job.moved, job.kept, job.done) == (0, 1, 1)
    await engine.event(contact, "Go")
    await engine.standing_at(contact, "after")
    assert subjects(smtp_sink) == ["First"]
    assert await version_of(engine, run) == 1


async def test_a_step_of_another_kind_keeps_the_run(engine: Engine) -> None:
    await engine.activate(FIRST)
    _, run = await asked(engine)
    await engine.activate(
        SECOND.replace("quiet, wait: {event: Go, up_to: 60d}", "quiet, update: {set: {a: 1}}")
    )
    assert (await moved(engine)).kept == 1
    assert await version_of(engine, run) == 1


async def test_a_map_leads_from_one_wait_to_another(engine: Engine, smtp_sink: SmtpSink) -> None:
    await engine.activate(FIRST)
    contact, run = await asked(engine)
    await engine.activate(SECOND.replace("id: quiet", "id: silence"))
    job = await moved(engine, {"quiet": "silence"})
    assert (job.moved, job.kept) == (1, 0)
    [visit] = await engine.visits(run["id"])
    assert (visit["step"], visit["visit"], length(visit)) == ("silence", 1, timedelta(days=60))
    await engine.event(contact, "Go")
    await engine.standing_at(contact, "after")
    assert await engine.path(run["id"]) == [
        ("silence", "happened"), ("letter", "sent"), ("after", None),
    ]  # fmt: skip
    assert subjects(smtp_sink) == ["Second"]


async def test_a_map_to_a_step_that_is_no_wait_begins_a_visit_there(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(FIRST)
    contact, run = await asked(engine)
    await engine.activate(SECOND)
    await moved(engine, {"quiet": "letter"})
    await engine.standing_at(contact, "after")
    assert await engine.path(run["id"]) == [
        ("quiet", "moved"), ("letter", "sent"), ("after", None),
    ]  # fmt: skip
    assert subjects(smtp_sink) == ["Second"]


async def test_a_send_that_a_pause_holds_moves_and_is_sent_as_the_new_version_says(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(FIRST)
    contact, run = await asked(engine)
    await paused(engine.pool, "letters")
    await engine.event(contact, "Go")
    await engine.standing_at(contact, "letter")
    await engine.activate(SECOND)
    assert (await moved(engine)).moved == 1
    await resumed(engine.pool, engine.client, "letters", SEND)
    await engine.standing_at(contact, "after")
    assert subjects(smtp_sink) == ["Second"]
    assert await version_of(engine, run) == 2


async def test_a_held_send_may_be_mapped_to_a_wait(engine: Engine, smtp_sink: SmtpSink) -> None:
    await engine.activate(FIRST)
    contact, run = await asked(engine)
    await paused(engine.pool, "letters")
    await engine.event(contact, "Go")
    await engine.standing_at(contact, "letter")
    await engine.activate(SECOND)
    await moved(engine, {"letter": "after"})
    await resumed(engine.pool, engine.client, "letters", SEND)
    await engine.standing_at(contact, "after")
    assert await engine.path(run["id"]) == [
        ("quiet", "happened"), ("letter", "moved"), ("after", None),
    ]  # fmt: skip
    assert smtp_sink.messages == []


async def test_a_run_that_is_sending_moves_once_it_stands(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    reached, gate = asyncio.Event(), asyncio.Event()

    async def answer(_envelope: Envelope) -> str:
        reached.set()
        await gate.wait()
        return "250 OK"

    smtp_sink.answer = answer
    await engine.activate(FIRST)
    contact, run = await asked(engine)
    await engine.event(contact, "Go")
    await asyncio.wait_for(reached.wait(), 20)
    await engine.activate(SECOND.replace("after, wait: 30d", "after, wait: 40d"))
    job = await begin_move(engine.pool, engine.client, "letters")

    async def put_aside() -> bool:
        async with engine.pool.connection() as conn:
            cursor = await conn.execute("select run_id from straggler")
            return await cursor.fetchall() == [(run["id"],)]

    await eventually(put_aside)
    assert await version_of(engine, run) == 1
    gate.set()
    done = await ended(engine.pool, job)
    assert (done.moved, done.done, done.total) == (1, 1, 1)
    visit = (await engine.visits(run["id"]))[-1]
    assert (visit["step"], length(visit)) == ("after", timedelta(days=40))
    assert subjects(smtp_sink) == ["First"]


async def test_a_run_that_ends_at_work_is_done_with(engine: Engine, smtp_sink: SmtpSink) -> None:
    reached, gate = asyncio.Event(), asyncio.Event()

    async def answer(_envelope: Envelope) -> str:
        reached.set()
        await gate.wait()
        return "250 OK"

    smtp_sink.answer = answer
    await engine.activate(FIRST.replace("  - {id: after, wait: 30d}\n", ""))
    contact, _ = await asked(engine)
    await engine.event(contact, "Go")
    await asyncio.wait_for(reached.wait(), 20)
    await engine.activate(SECOND)
    job = await begin_move(engine.pool, engine.client, "letters")
    gate.set()
    done = await ended(engine.pool, job)
    assert (done.moved, done.kept, done.done, done.state) == (0, 0, 1, "done")
    assert (await engine.ended(contact))["version"] == 1
    assert subjects(smtp_sink) == ["First"]


async def test_a_run_in_the_then_of_an_exit_stays(engine: Engine, smtp_sink: SmtpSink) -> None:
    exits = (
        "exit: [{event: Never Mind, then: "
        "[{id: sorry, email: {subject: Sorry, text: Dear you}}]}]\ndefaults:"
    )
    await engine.activate(FIRST.replace("defaults:", exits))
    contact, run = await asked(engine)
    await paused(engine.pool, "letters")
    await engine.event(contact, "Never Mind")
    await engine.standing_at(contact, "sorry")
    await engine.activate(SECOND.replace("defaults:", exits))
    job = await moved(engine)
    assert (job.moved, job.kept) == (0, 1)
    await resumed(engine.pool, engine.client, "letters", SEND)
    await engine.ended(contact)
    assert await version_of(engine, run) == 1
    assert subjects(smtp_sink) == ["Sorry"]


async def test_a_run_moves_there_and_back(engine: Engine, smtp_sink: SmtpSink) -> None:
    await engine.activate(FIRST)
    contact, run = await asked(engine)
    [before] = await engine.visits(run["id"])
    await engine.activate(SECOND)
    await moved(engine)
    async with engine.pool.connection() as conn:
        await conn.execute("update journey set active_version = 1")
    assert (await moved(engine)).moved == 1
    [after] = await engine.visits(run["id"])
    assert (after["due_at"], after["ref"]) == (before["due_at"], before["ref"])
    await engine.event(contact, "Go")
    await engine.standing_at(contact, "after")
    assert subjects(smtp_sink) == ["First"]


async def test_a_workflow_that_is_reset_to_before_the_move_goes_on_after_it(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(FIRST)
    contact, run = await asked(engine)
    tasks = await workflow_tasks(engine.workflow(run))
    first = (await engine.workflow(run).describe()).run_id
    await engine.activate(SECOND)
    await moved(engine)
    await engine.event(contact, "Go")
    await engine.standing_at(contact, "after")
    before = engine.client.get_workflow_handle(engine.workflow(run).id, run_id=first)
    await reset(engine.client, before, tasks[0])

    async def stands_there() -> bool:
        state = await engine.workflow(run).describe()
        attributes = {pair.key.name: pair.value for pair in state.typed_search_attributes}
        return attributes.get("JourneyStep") == "after" and attributes["JourneyVersion"] == "2"

    await eventually(stands_there, timeout=20)
    assert subjects(smtp_sink) == ["Second"]
    await engine.workflow(run).cancel()
    assert await closed_as(engine.workflow(run)) == "CANCELED"
    assert (await engine.ended(contact))["outcome"] == "removed"


async def test_another_activation_ends_a_move_under_way(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    reached, gate = asyncio.Event(), asyncio.Event()

    async def answer(_envelope: Envelope) -> str:
        reached.set()
        await gate.wait()
        return "250 OK"

    smtp_sink.answer = answer
    await engine.activate(FIRST)
    contact, run = await asked(engine)
    await engine.event(contact, "Go")
    await asyncio.wait_for(reached.wait(), 20)
    await engine.activate(SECOND)
    first = await begin_move(engine.pool, engine.client, "letters")
    await engine.activate(SECOND.replace("30d", "50d"))
    second = await begin_move(engine.pool, engine.client, "letters")
    gate.set()
    assert (await ended(engine.pool, first)).state == "superseded"
    assert (await ended(engine.pool, second)).moved == 1
    assert await version_of(engine, run) == 3


async def test_events_and_moves_that_race_send_each_message_once(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(FIRST)
    contacts = [await engine.contact(email=f"c{n}@example.com") for n in range(60)]
    for contact in contacts:
        await engine.event(contact, "Letter Asked")
    for contact in contacts:
        await engine.standing_at(contact, "quiet")
    await engine.activate(SECOND)
    job = await begin_move(engine.pool, engine.client, "letters")
    for contact in contacts:
        await accept(engine.pool, contact, "Go", {})
        engine.dispatcher.nudge()
    for contact in contacts:
        await engine.standing_at(contact, "after")
    done = await ended(engine.pool, job)
    assert (done.moved, done.done, done.total) == (60, 60, 60)
    receivers = sorted(mail.recipients[0] for mail in smtp_sink.messages)
    assert receivers == sorted(f"c{n}@example.com" for n in range(60))
