"""Plays the scenarios on real servers and saves the histories of their workflows.

    python -m tests.replay.record [NAME…]

Without names it records the scenarios that have no history yet. Runs in flight may have a history
like the saved ones, so a changed engine must replay them; they are not recorded again.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from devstack.ports import free_port
from devstack.postgres import Postgres
from infra.clients import connect_temporal, open_pool
from infra.settings import Settings
from store.migrations.upgrade import upgrade
from tests.integration.channels.http_server import running_http
from tests.replay.scenarios import SCENARIOS, Scenario, Stage
from tests.support.engine import engine_at_work
from tests.support.smtp import running_sink
from tests.support.temporal import closed_as
from tests.support.tight import tight_server

HISTORIES = Path(__file__).parent / "histories"
NEVER = 10_000
"""No scenario has so many events."""
# What names the machine, and is no part of what is replayed.
LOCAL = {"identity", "stackTrace"}
STICKY = re.compile(r"^\d+@.*")


async def record(scenarios: list[Scenario]) -> None:
    """Play them one by one, and write their histories."""
    for events in {scenario.events for scenario in scenarios}:
        async with stage(events or NEVER) as playing:
            for scenario in scenarios:
                if scenario.events == events:
                    await save(scenario, playing)


async def save(scenario: Scenario, stage: Stage) -> None:
    """Play one, and write the history of each execution of its workflow, in their order."""
    engine = stage.engine
    await engine.activate(scenario.journey(stage.webhook))
    contact = await engine.contact(email="ada@example.com", phone="+33612345678")
    await engine.event(contact, "Started")
    await scenario.play(stage, contact)
    workflow = engine.workflow(await engine.ended(contact))
    await closed_as(workflow)
    # One run at a time has this entry.
    async with engine.pool.connection() as conn:
        await conn.execute("update journey set state = 'archived'")
        await conn.execute("update catalog set revision = revision + 1")
    query = f"WorkflowId = '{workflow.id}'"
    if scenario.job is not None:
        query = f"JourneyKey = '{scenario.name}' AND WorkflowType = '{scenario.job}'"
    executions = [each async for each in engine.client.list_workflows(query)]
    executions.sort(key=lambda each: (each.start_time, each.close_time))
    for number, execution in enumerate(executions, 1):
        handle = engine.client.get_workflow_handle(execution.id, run_id=execution.run_id)
        history = without_local(json.loads((await handle.fetch_history()).to_json()))
        name = scenario.name if len(executions) == 1 else f"{scenario.name}-{number}"
        text = json.dumps(history, indent=1, ensure_ascii=False)
        (HISTORIES / f"{name}.json").write_text(f"{text}\n")
        print(f"{name}: {len(history['events'])} events")  # noqa: T201 - it is a command


def without_local(value: Any) -> Any:
    """A history without what tells where it was made."""
    if isinstance(value, dict):
        return {name: without_local(part) for name, part in value.items() if name not in LOCAL}
    if isinstance(value, list):
        return [without_local(part) for part in value]
    return STICKY.sub("sticky", value) if isinstance(value, str) else value


@asynccontextmanager
async def stage(events: int) -> AsyncIterator[Stage]:
    """Servers of its own, and an engine on them."""
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = Postgres(directory / "data", free_port(), directory / "log", fleeting=True)
        await postgres.prepare()
        running = [await postgres.start()]
        stack.push_async_callback(lambda: running[-1].stop())
        await postgres.create_database()
        upgrade(postgres.url())
        temporal = await stack.enter_async_context(tight_server(directory, events=events))
        sink = await stack.enter_async_context(running_sink())
        http = await stack.enter_async_context(running_http())
        settings = Settings(
            database_url=postgres.url(),
            temporal={"TEMPORAL_ADDRESS": temporal, "TEMPORAL_NAMESPACE": "default"},
            from_address="Parcours <parcours@example.com>",
            smtp_url=sink.url,
            sms="inbox",
            dev_inbox=directory / "inbox.jsonl",
            webhook_secret=SecretStr("a secret of the recording"),
            webhook_allow=(ip_network("127.0.0.0/8"),),
        )
        pool = await open_pool(settings)
        stack.push_async_callback(pool.close)
        client = await connect_temporal(settings)
        engine = await stack.enter_async_context(engine_at_work(settings, pool, client))

        async def stop() -> None:
            await running[-1].stop()

        async def start() -> None:
            await postgres.prepare()
            running.append(await postgres.start())
            await pool.check()

        yield Stage(engine, sink, http.url, stop, start)


def main(names: list[str]) -> None:
    """Record the named scenarios, or those that have no history."""
    known = {scenario.name: scenario for scenario in SCENARIOS}
    unknown = set(names) - set(known)
    if unknown:
        sys.exit(f"no scenario {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    saved = {path.stem for path in HISTORIES.glob("*.json")}
    missing = [name for name in known if not saved & {name, f"{name}-1"}]
    asyncio.run(record([known[name] for name in names or missing]))


if __name__ == "__main__":
    main(sys.argv[1:])
