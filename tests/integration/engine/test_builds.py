"""Which builds are at work, whether one replays the open runs, and how runs are found in the UI."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from doctor.replays import Broken, ReplayCheck, sample_of_open_workflows
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import UnsandboxedWorkflowRunner

from infra.build import build_of_code
from infra.sandbox import sandbox
from infra.settings import Settings
from journeys.protocol.payloads import JourneyInput, JourneyResult
from journeys.protocol.program import Node
from store.operations.api_keys import create_key
from tests.integration.engine.test_operator_view import SEEN, stands
from tests.integration.test_part_commands import parcours
from tests.replay.record import HISTORIES
from tests.support.api import serving
from tests.support.conditions import eventually
from tests.support.engine import Engine
from tests.support.moves import begin_move
from tests.support.temporal import closed_as, current_details
from worker import WORKFLOWS

Pool = AsyncConnectionPool[AsyncConnection[Any]]
PUBLIC = {
    "public_url": "https://journeys.example",
    "temporal_ui": "https://temporal.example/ui",
    "link_keys": ("0123456789abcdef0123456789abcdef",),
}
LONGER = SEEN.replace("up_to: 2d", "up_to: 3d")


@workflow.defn(name="Journey")
class AnotherJourney:
    """What no build may do: it sleeps before everything else."""

    @workflow.run
    async def run(self, request: JourneyInput) -> JourneyResult:
        """Sleep where the histories have an activity."""
        await workflow.sleep(timedelta(hours=1))
        return JourneyResult(outcome="completed")


@pytest.fixture
def engine_settings(engine_settings: Settings, tmp_path: Path) -> Settings:
    """With the addresses that operators use."""
    text = {"PARCOURS_SPOOL": tmp_path / "spool"}
    return Settings(
        **{**dict(engine_settings), **PUBLIC, "spool": text["PARCOURS_SPOOL"]},
    )


@pytest.fixture
async def api(engine_settings: Settings, pool: Pool) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API, with a key that may only read."""
    async with pool.connection() as conn:
        key = await create_key(conn, "read")
    with serving(engine_settings) as url:
        async with httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, trust_env=False
        ) as client:
            yield client


def with_another_step(path: Path) -> str:
    """A saved history whose program has a wait where its run sent an e-mail."""
    history = WorkflowHistory.from_json(path.stem, path.read_text())
    first = history.events[0].workflow_execution_started_event_attributes.input
    converter = pydantic_data_converter.payload_converter
    [request] = converter.from_payloads(first.payloads, [JourneyInput])
    request.program.nodes = [Node(id="hello", kind="wait", summary="wait")]
    first.payloads[0].CopyFrom(converter.to_payloads([request])[0])
    return history.to_json()


async def standing(engine: Engine, name: str = "Ada") -> dict[str, Any]:
    contact = await engine.contact(
        email="ada@example.com", external_id=name.lower(), attributes={"name": name}
    )
    await engine.event(contact, "Started")
    run = await engine.standing_at(contact, "decide")
    await eventually(lambda: stands(engine.workflow(run), "decide"))
    return run


async def test_a_moved_run_is_found_once_and_leads_to_its_page(
    engine: Engine, api: httpx.AsyncClient
) -> None:
    await engine.activate(SEEN.replace("journey: seen", "journey: seen\nname: Seen by us"))
    run = await standing(engine)
    await engine.activate(LONGER)
    await begin_move(engine.pool, engine.client, "seen")

    async def moved() -> bool:
        described = await engine.workflow(run).describe()
        [version] = described.search_attributes["JourneyVersion"]
        return version == "2" and described.run_id != described.raw_info.first_run_id

    await eventually(moved, 30)
    first = engine.client.get_workflow_handle(
        engine.workflow(run).id,
        run_id=(await engine.workflow(run).describe()).raw_info.first_run_id,
    )
    described = await first.describe()
    summary = await described.static_summary()
    assert summary == "Seen by us (seen): begun in version 1 with email hello"
    contact = run["contact_id"]
    page = f"[Run](https://journeys.example/console/runs/{run['id']})"
    assert await described.static_details() == (
        f"{page} of [its contact](https://journeys.example/console/contacts/{contact})\n\n"
        f"`parcours run show {run['id']}`\n\n`parcours contact show {contact}`"
    )
    # Temporal forgets these words when a run goes on in another execution; the run says the page.

    async def at_decide() -> str | None:
        details = await current_details(engine.client, engine.workflow(run))
        return details if details.startswith("Stands at **decide** (visit ") else None

    details = await eventually(at_decide, 30)
    assert details is not None
    assert details.endswith(f" UTC.\n\n{page}")
    # Both executions are there, and each query finds the run once.
    own = f"WorkflowId = '{engine.workflow(run).id}'"
    for parameters in (
        {"contact": "ada"},
        {"contact": "ada", "ended": "true"},
        {"journey": "seen", "version": "2", "step": "decide"},
        {"run": str(run["id"]), "ended": "true"},
    ):
        found = (await api.get("/v1/temporal", params=parameters)).json()
        parts = urlsplit(found["url"])
        assert (parts.netloc, parts.path) == (
            "temporal.example",
            f"/ui/namespaces/{engine.client.namespace}/workflows",
        )
        assert parse_qs(parts.query) == {"query": [found["query"]]}

        async def listed(query: str) -> list[str]:
            return [each.id async for each in engine.client.list_workflows(query)]

        async def both() -> bool:
            return len(await listed(own)) == 2

        await eventually(both)
        assert await eventually(partial(listed, found["query"])) == [engine.workflow(run).id]
    assert (await api.get("/v1/temporal", params={"contact": "unknown"})).status_code == 404
    # The moved run goes on in a history that this build replays, too.
    subjects = await sample_of_open_workflows(engine.pool, 10)
    assert engine.workflow(run).id in {each.workflow for each in subjects}
    check = ReplayCheck("now", WORKFLOWS, sandbox(), seconds=30)
    await check.replay_open(engine.client, subjects)
    assert (check.report.replayed, check.report.broken) == (len(subjects), [])


async def test_a_build_that_does_not_replay_open_runs_is_found_before_it_takes_over(
    engine: Engine, api: httpx.AsyncClient, engine_settings: Settings, tmp_path: Path
) -> None:
    await engine.activate(SEEN)
    runs = [await standing(engine, name) for name in ("Ada", "Bea", "Cleo")]
    subjects = await sample_of_open_workflows(engine.pool, 10)
    assert {each.workflow for each in subjects} == {engine.workflow(run).id for run in runs}
    other = [AnotherJourney if each.__name__ == "Journey" else each for each in WORKFLOWS]
    check = ReplayCheck("other", other, UnsandboxedWorkflowRunner(), seconds=30)
    await check.replay_open(engine.client, subjects)
    [broken] = check.report.broken
    assert broken.example in {each.workflow for each in subjects}
    assert broken == Broken("seen", 1, "decide", "nondeterminism", 3, broken.example)
    # Out of time, nothing is replayed, and that is said.
    late = ReplayCheck("other", other, UnsandboxedWorkflowRunner(), seconds=0)
    await late.replay_open(engine.client, subjects)
    assert (late.report.replayed, late.report.unread) == (0, 3)

    # The same by the command, with the code as it is: open ones, saved ones, one that breaks.
    environment = {
        "DATABASE_URL": engine_settings.database_url, **engine_settings.temporal,
        "PARCOURS_BUILD": "",
    }  # fmt: skip
    kept = tmp_path / "kept"
    code, out, err = await parcours("worker", "check", "--save", str(kept), "--json", **environment)
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "build": build_of_code(), "replayed": 3, "unread": 0, "broken": [],
    }  # fmt: skip
    saved = sorted(kept.glob("journey.seen.*.json"))
    assert len(saved) == 3
    (kept / "wrong.json").write_text(with_another_step(HISTORIES / "email.json"))
    code, out, err = await parcours("worker", "check", "--offline", "--saved", str(kept), "--json")
    assert (code, err) == (1, "")
    assert json.loads(out)["replayed"] == 4
    [broken_file] = json.loads(out)["broken"]
    assert (broken_file["journey"], broken_file["code"]) == ("wrong.json", "nondeterminism")

    # What operators see of it: this build is at work, and safe.
    shown = (await api.get("/v1/workers")).json()
    [process] = shown["processes"]
    assert process["build"] == build_of_code()
    assert process["lag_seconds"] < 5
    [build] = shown["builds"]
    assert (build["build"], build["processes"], build["check"]["safe"]) == (
        build_of_code(), 1, True,
    )  # fmt: skip

    async def taken_up() -> bool:
        found = (await api.get("/v1/workers")).json()
        return (found["open"], found["builds"][0]["not_taken_up"]) == (3, 0)

    await eventually(taken_up)


async def test_what_an_older_build_began_is_not_taken_up_until_it_is_woken(
    pool: Pool,
    temporal_client: Any,
    engine_settings: Settings,
    api: httpx.AsyncClient,
) -> None:
    from tests.support.engine import engine_at_work

    old = engine_settings.model_copy(update={"build": "old"})
    async with engine_at_work(old, pool, temporal_client) as engine:
        await engine.activate(SEEN)
        run = await standing(engine)
        assert [each["build"] for each in (await api.get("/v1/workers")).json()["builds"]] == [
            "old"
        ]
    # The process said that it leaves.
    assert (await api.get("/v1/workers")).json()["processes"] == []
    new = engine_settings.model_copy(update={"build": "new"})
    async with engine_at_work(new, pool, temporal_client) as engine:

        async def left() -> list[Any]:
            found = (await api.get("/v1/workers")).json()
            return [found["open"], *((b["build"], b["not_taken_up"]) for b in found["builds"])]

        async def one_left() -> bool:
            return await left() == [1, ("new", 1)]

        async def none_left() -> bool:
            return await left() == [1, ("new", 0)]

        await eventually(one_left)
        # A wake that finds nothing to do is enough.
        await engine.workflow(run).signal("wake", {"visit": 0})
        await eventually(none_left)
        await engine.event(run["contact_id"], "Go On")
        assert (await engine.ended(run["contact_id"]))["outcome"] == "exited"
        assert await closed_as(engine.workflow(run)) == "COMPLETED"
