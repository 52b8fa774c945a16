"""What is played for the saved histories: each kind of step, and each way a run may go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from aiosmtpd.smtp import Envelope

from dispatch.jobs import start_job
from journeys.versions.overdue import Overdue
from store.events.attribute_changes import change_attributes
from store.operations.preview_progress import begin_preview
from tests.support.conditions import eventually
from tests.support.engine import Engine
from tests.support.moves import SEND, begin_move, ended, paused, resumed, spread
from tests.support.smtp import SmtpSink
from tests.support.temporal import counted, reset, workflow_tasks
from tests.support.zones import zone_at


@dataclass
class Stage:
    """An engine at work, and what it needs around it."""

    engine: Engine
    sink: SmtpSink
    webhook: str
    """The URL of a server that answers 200."""
    stop_postgres: Callable[[], Awaitable[None]]
    start_postgres: Callable[[], Awaitable[None]]

    async def stands(self, contact: UUID, step: str) -> dict[str, Any]:
        """The contact's run, once its workflow, too, has come to stand at a step."""
        run = await self.engine.standing_at(contact, step)

        async def look() -> bool:
            counts = await counted(self.engine.workflow(run))
            return counts["UPSERT_WORKFLOW_SEARCH_ATTRIBUTES"] > 0

        await eventually(look, what=f"{step} in Temporal")
        return run

    async def change(self, contact: UUID, **values: Any) -> None:
        """Change attributes of the contact."""
        async with self.engine.pool.connection() as conn, conn.transaction():
            await conn.execute("select from contact where id = %s for no key update", (contact,))
            await change_attributes(conn, contact, set_=values, unset=[], add={}, depth=0)
        self.engine.dispatcher.nudge()

    async def pause(self, paused: bool) -> None:
        """Pause every journey, or let them all go on."""
        async with self.engine.pool.connection() as conn:
            await conn.execute("update journey set state = %s", ("paused" if paused else "active",))


Play = Callable[[Stage, UUID], Awaitable[None]]


@dataclass(frozen=True)
class Scenario:
    """A journey, begun by the event `Started`, and what happens until its run has ended."""

    name: str
    steps: str
    """In YAML, one a line; `{webhook}` is the URL of a server."""
    play: Play
    before: str = ""
    """Other keys of the journey."""
    beside: str = ""
    """Other documents, in YAML."""
    events: int | None = None
    """Continue as new from so many history events on."""
    job: str | None = None
    """The workflow type of a job that it begins: its history is saved, and not the run's."""

    def journey(self, webhook: str) -> str:
        """The document."""
        steps = "".join(f"  - {step}\n" for step in self.steps.strip().splitlines())
        head = f"journey: {self.name}\nentry: {{event: Started}}\n{self.before}\n"
        beside = f"---\n{self.beside}\n" if self.beside else ""
        return f"{head}steps:\n{steps}{beside}".replace("{webhook}", webhook)


async def nothing(stage: Stage, contact: UUID) -> None:
    """The run comes to its end by itself."""


def event(at: str, name: str, **properties: Any) -> Play:
    """An event, once the run stands at the step `at`."""

    async def play(stage: Stage, contact: UUID) -> None:
        await stage.stands(contact, at)
        await stage.engine.event(contact, name, **properties)

    return play


async def upgraded(stage: Stage, contact: UUID) -> None:
    await stage.stands(contact, "pro")
    await stage.change(contact, plan="pro")


async def cancelled(stage: Stage, contact: UUID) -> None:
    await stage.engine.workflow(await stage.stands(contact, "pause")).cancel()


async def cancelled_while_it_sends(stage: Stage, contact: UUID) -> None:
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    asked = asyncio.Event()

    async def hold(_envelope: Envelope) -> str:
        asked.set()
        return await answer

    stage.sink.answer = hold
    await asked.wait()
    workflow = stage.engine.workflow(await stage.engine.run_of(contact))
    await workflow.cancel()

    async def look() -> bool:
        return (await counted(workflow))["ACTIVITY_TASK_CANCEL_REQUESTED"] == 1

    await eventually(look)
    answer.set_result("250 OK")
    stage.sink.answer = lambda _envelope: "250 OK"


async def after_a_reset(stage: Stage, contact: UUID) -> None:
    workflow = stage.engine.workflow(await stage.stands(contact, "pause"))
    await reset(stage.engine.client, workflow, (await workflow_tasks(workflow))[0])
    await stage.stands(contact, "pause")
    await stage.engine.event(contact, "Go On")


async def held(stage: Stage, contact: UUID) -> None:
    await stage.stands(contact, "pause")
    await stage.pause(True)
    await stage.engine.event(contact, "Go On")
    run = await stage.engine.standing_at(contact, "hello")
    await stage.pause(False)
    await stage.engine.workflow(run).signal("wake", {"visit": 2})


async def closed_window(stage: Stage, contact: UUID) -> None:
    await stage.stands(contact, "pause")
    await stage.change(contact, timezone=zone_at(3))
    await stage.engine.event(contact, "Go On")
    await stage.engine.standing_at(contact, "hello")
    await stage.change(contact, timezone=zone_at(13))


async def held_too_long(stage: Stage, contact: UUID) -> None:
    await stage.stands(contact, "pause")
    await stage.pause(True)
    await stage.engine.event(contact, "Go On")
    await stage.engine.ended(contact)


async def moved(stage: Stage, contact: UUID) -> None:
    await move(stage, contact, "{id: pause, wait: {event: Go On, up_to: 2d}}")


async def moved_by_a_map(stage: Stage, contact: UUID) -> None:
    await move(stage, contact, f"{HELLO}\n  - {PAUSE}", mapping={"pause": "hello"})


async def move(
    stage: Stage, contact: UUID, steps: str, mapping: dict[str, str] | None = None
) -> None:
    """Move the run to a version with other steps, and let it go on."""
    engine = stage.engine
    run = await stage.stands(contact, "pause")
    key = run["journey"]
    await engine.activate(f"journey: {key}\nentry: {{event: Started}}\nsteps:\n  - {steps}\n")
    await ended(engine.pool, await begin_move(engine.pool, engine.client, key, mapping=mapping))
    await engine.standing_at(contact, "pause")
    await engine.event(contact, "Go On")


async def previewed(stage: Stage, contact: UUID) -> None:
    """Preview the move of the run by a job, and let it go on."""
    engine = stage.engine
    run = await stage.stands(contact, "pause")
    key = run["journey"]
    await engine.activate(
        f"journey: {key}\nentry: {{event: Started}}\nsteps:\n"
        "  - {id: pause, wait: {event: Go On, up_to: 2d}}\n"
    )
    async with engine.pool.connection() as conn:
        job = await begin_preview(conn, key, 2, plan={"paused": False}, planned=None, total=1)
        await start_job(conn, engine.client, job)
    await ended(engine.pool, job)
    await engine.event(contact, "Go On")


async def resumed_after_a_pause(stage: Stage, contact: UUID) -> None:
    await let_go_on(stage, contact, SEND)


async def resumed_with_a_spread(stage: Stage, contact: UUID) -> None:
    await let_go_on(stage, contact, spread(2))


async def let_go_on(stage: Stage, contact: UUID, overdue: Overdue) -> None:
    """Pause the journey until a send is held, and resume it."""
    engine = stage.engine
    key = (await stage.stands(contact, "pause"))["journey"]
    await paused(engine.pool, key)
    await engine.event(contact, "Go On")
    await engine.standing_at(contact, "hello")
    await ended(engine.pool, await resumed(engine.pool, engine.client, key, overdue))


async def retried(stage: Stage, contact: UUID) -> None:
    stage.sink.answer = lambda _envelope: "451 4.7.1 try again later"
    run = await stage.engine.standing_at(contact, "hello")

    async def look() -> bool:
        async with stage.engine.pool.connection() as conn:
            cursor = await conn.execute(
                "select true from message where run_id = %s and state = 'released'", (run["id"],)
            )
            return await cursor.fetchone() is not None

    await eventually(look)
    stage.sink.answer = lambda _envelope: "250 OK"


async def outage(stage: Stage, contact: UUID) -> None:
    workflow = stage.engine.workflow(await stage.stands(contact, "pause"))
    await stage.stop_postgres()

    async def look() -> bool:
        pending = (await workflow.describe()).raw_description.pending_activities
        return any(each.attempt > 1 for each in pending)

    await eventually(look, timeout=60)
    await stage.start_postgres()


async def wakes(stage: Stage, contact: UUID) -> None:
    run = await stage.stands(contact, "pause")
    workflow = stage.engine.workflow(run)

    async def look() -> bool:
        for _ in range(10):
            await workflow.signal("wake", {"visit": 2})
        query = f"WorkflowId = '{workflow.id}' AND ExecutionStatus = 'ContinuedAsNew'"
        return len([each async for each in stage.engine.client.list_workflows(query)]) >= 2

    await eventually(look, timeout=60)
    await stage.engine.event(contact, "Go On")


HELLO = "{id: hello, email: {subject: Hello, text: Hello, transactional: true}}"
IN_HOURS = HELLO.replace("}}", ", window: {from: '06:00', to: '23:00'}}}")
IN_A_SECOND = HELLO.replace("}}", ", up_to: 1s}}")
PAUSE_A_SECOND = "{id: second, wait: 1s}"
PAUSE = "{id: pause, wait: {event: Go On, up_to: 1d}}"

# Almost no contact takes the other arm.
ARMS = "{{id: fork, split: [{{name: a, weight: 0.000001, then: [{hello}]}}, {arm}]}}\n{lead}"


def split(arm: str) -> str:
    """A split whose every contact takes one arm."""
    lead = "{id: lead, update: {add: {score: 5}}}"
    return ARMS.format(hello=HELLO, arm=f"{{name: b, weight: 1000000, {arm}}}", lead=lead)


CONDITIONS = {
    "by-attribute": "{attribute: plan, is: pro}",
    "by-event": "{event: Go On, count: {gte: 1}, within: 1d}",
    "by-sum": "{event: Go On, sum: {level: {gte: 9}}}",
    "by-message": "{message: hello, is: clicked}",
    "by-outcome": "{step: pause, is: happened}",
    "by-property": "{step: pause, property: event.level, gte: 9}",
    "by-entry": "{entry: total, gte: 50}",
    "by-group": "{group: vip}",
    "by-segment": "{segment: pros}",
    "by-topic": "{topic: offers, is: subscribed}",
    "by-place": "{near: {places: shops, km: 1}}",
    "by-all": "{all: [{topic: offers, is: subscribed}, {event: Go On}]}",
    "by-any": "{any: [{group: vip}, {event: Go On}]}",
    "by-none": "{not: {group: vip}}",
}
"""One of each kind, by the id of the step that asks it."""

SCENARIOS = [
    Scenario("email", HELLO, nothing),
    Scenario("email-retried", HELLO, retried),
    Scenario("email-then-wait", f"{HELLO}\n{PAUSE}", event("pause", "Go On")),
    Scenario("sms", "{id: text, sms: {text: Hello, transactional: true}}", nothing),
    Scenario("webhook", '{id: crm, webhook: {url: "{webhook}"}}', nothing),
    Scenario("wait-for", "{id: pause, wait: 1s}", nothing),
    Scenario("wait-event", PAUSE, event("pause", "Go On")),
    Scenario("wait-timed-out", "{id: pause, wait: {event: Go On, up_to: 1s}}", nothing),
    Scenario(
        "wait-message",
        f"{HELLO}\n{{id: opened, wait: {{message: hello, is: opened, up_to: 1d}}}}",
        event("opened", "Message Opened", step="hello"),
    ),
    Scenario(
        "wait-any",
        "{id: either, wait: {any: [{name: a, event: A}, {name: b, event: B}], up_to: 1d}}",
        event("either", "B"),
    ),
    Scenario("wait-if", "{id: pro, wait: {if: {attribute: plan, is: pro}, up_to: 1d}}", upgraded),
    Scenario(
        "branch",
        "{id: fork, branch: [{name: a, if: {attribute: plan, is: pro}, then: ["
        "{id: in-a, update: {set: {seen: a}}}]},"
        " {else: [{id: in-else, update: {set: {seen: b}}}]}]}",
        nothing,
    ),
    Scenario("split", split("then: [{id: in-b, update: {set: {seen: b}}}]"), nothing),
    Scenario("split-holdout", split("holdout: true"), nothing),
    Scenario("split-winner", split("winner: {by: clicked, after: 1s}"), nothing),
    Scenario("update", "{id: lead, update: {add: {score: 5}, set: {seen: yes-sir}}}", nothing),
    Scenario("coupon", "{id: code, coupon: {pool: spring}}", nothing),
    Scenario("emit", "{id: tell, emit: {event: Scored, properties: {points: 5}}}", nothing),
    Scenario("enter", "{id: go, enter: {journey: email}}", nothing),
    Scenario("group", "{id: club, group: {add: [members]}}", nothing),
    Scenario(
        "goto",
        "{id: pause, wait: 1s}\n{id: again, goto: pause, max_visits: 2}\n"
        "{id: lead, update: {add: {score: 5}}}",
        nothing,
    ),
    Scenario("exit", f"{{id: over, exit: enough}}\n{HELLO}", nothing),
    Scenario("exit-rule", PAUSE, event("pause", "Left"), before="exit: [{event: Left}]"),
    Scenario(
        "exit-rule-then",
        PAUSE,
        event("pause", "Left"),
        before="exit: [{event: Left, then: ["
        "{id: sorry, email: {subject: Sorry, text: Sorry, transactional: true}}]}]",
    ),
    Scenario(
        "exit-goal",
        PAUSE,
        event("pause", "Bought", total=20),
        before="goal: {event: Bought, where: {total: {gte: 10}}, within: 7d, value: total}\n"
        "exit: [{event: Left}, goal]",
    ),
    Scenario(
        "wait-segment",
        "{id: loyal, wait: {if: {segment: loyal}, up_to: 1d}}",
        event("loyal", "Bought", total=20),
        beside="segment: loyal\nif: {event: Bought, sum: {total: {gte: 20}}, since: -1d}",
    ),
    Scenario(
        "wait-near",
        "{id: close, wait: {if: {near: {places: shops, km: 1}}, up_to: 1d}}\n"
        "{id: fork, branch: [{name: here, if: {near: {lat: 0, lon: 0, km: 2}}, then: []}]}",
        event("close", "Location Updated", lat=0, lon=0.001),
        beside="places: shops\nlist: [{name: Null Island, lat: 0, lon: 0}]",
    ),
    Scenario(
        "conditions",
        f"{HELLO}\n{PAUSE}\n"
        + "\n".join(
            f"{{id: {name}, if: {condition}, update: {{add: {{score: 1}}}}}}"
            for name, condition in CONDITIONS.items()
        ),
        event("pause", "Go On", level=9),
        beside="segment: pros\nif: {attribute: plan, is: pro}\n---\n"
        "places: shops\nlist: [{name: Null Island, lat: 0, lon: 0}]\n---\n"
        "topic: offers\nname: Offers\ndefault: opt_out",
    ),
    Scenario("cancelled", PAUSE, cancelled),
    Scenario("cancelled-sending", f"{PAUSE_A_SECOND}\n{HELLO}", cancelled_while_it_sends),
    Scenario("reset", f"{HELLO}\n{PAUSE}", after_a_reset),
    Scenario("held", f"{PAUSE}\n{HELLO}", held),
    Scenario("held-by-window", f"{PAUSE}\n{IN_HOURS}", closed_window),
    Scenario("held-too-long", f"{PAUSE}\n{IN_A_SECOND}", held_too_long),
    Scenario("moved", PAUSE, moved),
    Scenario("moved-by-map", PAUSE, moved_by_a_map),
    Scenario("job-move", PAUSE, moved, job="Move"),
    Scenario("job-preview", PAUSE, previewed, job="Preview"),
    Scenario("job-resume", f"{PAUSE}\n{HELLO}", resumed_after_a_pause, job="Resume"),
    Scenario("job-resume-spread", f"{PAUSE}\n{HELLO}", resumed_with_a_spread, job="Resume"),
    Scenario("outage", "{id: pause, wait: 2s}\n{id: lead, update: {add: {score: 5}}}", outage),
    Scenario("continued", f"{HELLO}\n{PAUSE}\n{{id: over, exit: enough}}", wakes, events=30),
]
