"""Runs that are started by the API and receive events by it."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import httpx
import pytest
from temporalio.client import Client

from devstack.ports import free_port
from infra.settings import Settings
from tests.integration.api.conftest import Keys, Rows
from tests.support.api import serving

JOURNEY = """\
journey: hello
entry: {api: true}
goal: {event: Ordered, where: {cart: {entry: cart}}, value: total}
steps:
  - {id: long, wait: {event: Answered, up_to: 30d}}
---
topic: news
default: opt_in
"""


@pytest.fixture
async def journey(operate: httpx.AsyncClient) -> str:
    """An active journey, and a contact `u`."""
    applied = await operate.post(
        "/v1/apply", json={"documents": [{"filename": "j.yaml", "source": JOURNEY}]}
    )
    assert applied.status_code == 200, applied.text
    await operate.put("/v1/contacts/u", json={})
    return "/v1/journeys/hello/runs"


async def test_a_start_is_answered_with_its_run_and_workflow(
    operate: httpx.AsyncClient, journey: str, rows: Rows, temporal_client: Client
) -> None:
    answer = await operate.post(journey, json={"contact": "u", "properties": {"n": 1}})
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["workflow_id"] == f"journey.hello.{body['id']}"
    assert await rows("select id, entry from run") == [(UUID(body["id"]), {"n": 1})]
    described = await temporal_client.get_workflow_handle(body["workflow_id"]).describe()
    assert described.workflow_type == "Journey"
    refused = await operate.post(journey, json={"contact": "u"})
    assert (refused.status_code, refused.json()["code"]) == (409, "active")


async def test_a_repeated_key_gives_the_first_answer(
    operate: httpx.AsyncClient, journey: str, rows: Rows
) -> None:
    start = {"contact": "u", "idempotency_key": "k1"}
    answers = await asyncio.gather(*(operate.post(journey, json=start) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert await rows("select count(*) from run") == [(1,)]


async def test_a_start_that_cannot_be_is_a_problem(
    operate: httpx.AsyncClient, ingest: httpx.AsyncClient, journey: str
) -> None:
    for path, body, status, code in (
        (journey, {"contact": "unknown"}, 404, "not_found"),
        ("/v1/journeys/nope/runs", {"contact": "u"}, 404, "not_found"),
        (journey, {}, 422, "invalid_request"),
        (journey, {"contact": "u", "properties": []}, 422, "invalid_request"),
        (journey, {"contact": 7}, 422, "invalid_request"),
    ):
        answer = await operate.post(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), body
    assert (await ingest.post(journey, json={"contact": "u"})).status_code == 403
    await operate.post("/v1/journeys/hello/pause")
    paused = await operate.post(journey, json={"contact": "u"})
    assert (paused.status_code, paused.json()["code"]) == (409, "paused")


async def test_while_temporal_is_away_starts_are_503_and_events_are_taken(
    settings: Settings, keys: Keys, journey: str, rows: Rows
) -> None:
    away = settings.temporal | {"TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}"}
    lonely = settings.model_copy(update={"temporal": away})
    headers = {"Authorization": f"Bearer {keys.operate}"}
    with serving(Settings(**lonely.model_dump())) as url:
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
            start = {"contact": "u", "idempotency_key": "k1"}
            answer = await client.post(journey, json=start)
            assert (answer.status_code, answer.json()["code"]) == (503, "temporal_away")
            assert int(answer.headers["retry-after"]) > 0
            call = {"userId": "u", "event": "E"}
            assert (await client.post("/v1/track", json=call)).status_code == 200
            assert (await client.get("/readyz")).status_code == 200
    assert await rows("select count(*) from run") == [(0,)]
    # The log only grows: the start stands in it, and that it was taken back.
    starts = "select action, count(distinct subject) from audit where journey = 'hello'"
    starts += " and subject_kind = 'run' group by action order by action"
    assert await rows(starts) == [("run.forget", 1), ("run.start", 1)]
    with serving(settings) as url:
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
            assert (await client.post(journey, json=start)).status_code == 201


async def test_an_event_of_a_run_is_stored_for_it_alone(
    operate: httpx.AsyncClient, journey: str, rows: Rows
) -> None:
    run = (await operate.post(journey, json={"contact": "u"})).json()["id"]
    item = {"event": "Answered", "properties": {"score": 9}, "messageId": "m1"}
    for _ in range(2):
        answer = await operate.post(f"/v1/runs/{run}/events", json=item)
        assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert await rows(
        "select name, properties, message_id, run_id from event where name <> 'Contact Created'"
    ) == [("Answered", {"score": 9}, "m1", UUID(run))]
    assert await rows("select count(*) from outbox") == [(2,)]
    unknown = await operate.post(f"/v1/runs/{uuid4()}/events", json=item)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_run")
    assert (await operate.post("/v1/runs/nope/events", json=item)).status_code == 404
    topic = {"event": "Topic Subscribed", "properties": {"topic": "nope"}}
    assert (await operate.post(f"/v1/runs/{run}/events", json=topic)).status_code == 404
    await rows("update run set state = 'ended', outcome = 'completed' returning 1")
    ended = await operate.post(f"/v1/runs/{run}/events", json={"event": "Late"})
    assert (ended.status_code, ended.json()["code"]) == (409, "run_ended")


async def test_a_run_is_listed_shown_and_counted(
    operate: httpx.AsyncClient, journey: str, rows: Rows
) -> None:
    start = {"contact": "u", "properties": {"cart": "c"}}
    run = (await operate.post(journey, json=start)).json()
    await rows(
        "insert into visit (run_id, visit, step, kind, outcome, ended_at, facts)"
        " select id, 1, 'long', 'wait', 'timed_out', now(), '{\"because\": 1}' from run returning 1"
    )
    for filters, found in (
        ({}, 1),
        ({"contact": "u", "journey": "hello", "state": "active"}, 1),
        ({"contact": "unknown"}, 0),
        ({"state": "ended"}, 0),
    ):
        page = (await operate.get("/v1/runs", params=filters)).json()
        assert len(page["items"]) == found, filters
        assert page["next"] is None
    (listed,) = (await operate.get("/v1/runs")).json()["items"]
    assert {name: listed[name] for name in ("id", "workflow_id")} == run
    assert (listed["journey"], listed["version"], listed["contact"]) == ("hello", 1, "u")
    shown = (await operate.get(f"/v1/runs/{run['id']}")).json()
    (visit,) = shown["visits"]
    assert (visit["step"], visit["outcome"], visit["facts"]) == (
        "long",
        "timed_out",
        {"because": 1},
    )
    assert shown["started_at"].endswith("Z")
    assert shown["goal"] == {"met_at": None, "value": None}
    of_goal = {"journey": "hello", "goal": "met"}
    assert (await operate.get("/v1/runs", params=of_goal)).json()["items"] == []
    # A goal is noted with the step at which its run stands.
    await rows("update run set step = 'long' returning 1")
    await rows(
        "update goal set met_event_id = 1, met_at = '2026-01-02T03:04:05+00', value = 19.9"
        " returning 1"
    )
    for filters, found in (
        ({}, 1),
        ({"step": "long"}, 1),
        ({"step": "other"}, 0),
        ({"state": "ended"}, 0),
        ({"contact": "u"}, 1),
        ({"held": "retry"}, 0),
    ):
        page = (await operate.get("/v1/runs", params=of_goal | filters)).json()
        assert len(page["items"]) == found, filters
    shown = (await operate.get(f"/v1/runs/{run['id']}")).json()
    assert shown["goal"] == {"met_at": "2026-01-02T03:04:05Z", "value": 19.9}
    counted = (await operate.get("/v1/journeys/hello/stats")).json()
    assert (counted["entered"], counted["active"]) == (1, 1)
    assert counted["steps"][0]["id"] == "long"
    assert counted["goal"] == {"met": 1, "value": 19.9}
    for path, status in (
        ("/v1/runs?cursor=x", 400),
        ("/v1/runs?state=odd", 422),
        ("/v1/runs?goal=met", 422),
        (f"/v1/runs/{uuid4()}", 404),
        ("/v1/runs/nope", 404),
        ("/v1/journeys/nope/stats", 404),
        ("/v1/journeys/hello/stats?version=9", 404),
    ):
        assert (await operate.get(path)).status_code == status, path
