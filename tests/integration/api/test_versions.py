"""Versions over HTTP: what a plan tells, what an activation does to runs in flight, jobs."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from store.tables.identifiers import new_id
from tests.integration.api.conftest import Pool, Rows
from tests.support.engine import make_contact

TOPIC = "topic: news\ndefault: opt_in\n"
FIRST = """\
journey: hello
entry: {event: Signed Up}
steps:
  - {id: quiet, wait: {event: Go, up_to: 30d}}
  - {id: mail, email: {subject: Hello, text: Welcome, topic: news}}
  - {id: after, wait: 30d}
"""
SECOND = FIRST.replace("up_to: 30d", "up_to: 1h").replace("Welcome", "Be welcome")


def folder(*sources: str, **more: Any) -> dict[str, Any]:
    documents = [{"filename": f"{n}.yaml", "source": each} for n, each in enumerate(sources)]
    return {"documents": documents, **more}


async def standing_run(pool: Pool, step: str = "quiet", age: str = "2 hours") -> UUID:
    """A contact with a run of version 1 that stands at a wait; the contact."""
    contact = await make_contact(pool)
    run = new_id()
    async with pool.connection() as conn:
        await conn.execute(
            "insert into run (id, journey, version, contact_id, entry_ref, ref, step, visit,"
            " workflow_started_at) values (%s, 'hello', 1, %s, 0, 0, %s, 1, now())",
            (run, contact, step),
        )
        await conn.execute(
            "insert into visit (run_id, visit, step, kind, started_at, due_at, ref)"
            " values (%s, 1, %s, 'wait', now() - %s::interval, now() + interval '30 days', 0)",
            (run, step, age),
        )
    return contact


@pytest.fixture
async def live(operate: httpx.AsyncClient) -> None:
    """The journey `hello` is live."""
    applied = await operate.post("/v1/apply", json=folder(TOPIC, FIRST))
    assert applied.status_code == 200, applied.text


async def test_a_plan_tells_in_words_what_applying_would_change(
    operate: httpx.AsyncClient, live: None, rows: Rows
) -> None:
    new = FIRST.replace("hello", "second")
    planned = await operate.post("/v1/plan", json=folder(TOPIC, SECOND, new))
    topic, hello, second = planned.json()["documents"]
    assert (topic["change"], topic["changes"], topic["version"]) == ("unchanged", [], 1)
    assert (hello["change"], hello["version"], hello["in_flight"]) == ("updated", 2, None)
    assert hello["changes"] == [
        {"sentence": "step quiet: wait up_to 30d → 1h", "lines": None},
        {
            "sentence": "step mail: email text changed",
            "lines": "@@ -1 +1 @@\n-Welcome\n+Be welcome",
        },
    ]
    assert (second["change"], second["version"]) == ("created", 1)
    assert await rows("select count(*) from journey_version") == [(1,)]


async def test_a_plan_refuses_what_applying_would_refuse(
    operate: httpx.AsyncClient, live: None
) -> None:
    broken = await operate.post("/v1/plan", json=folder(FIRST.replace("wait: 30d", "wiat: 30d")))
    assert (broken.status_code, broken.json()["code"]) == (422, "invalid_document")


async def test_a_plan_tells_where_runs_stand_and_what_would_become_of_them(
    operate: httpx.AsyncClient, live: None, pool: Pool
) -> None:
    old = [await standing_run(pool) for _ in range(3)]
    young = await standing_run(pool, age="1 minute")
    await standing_run(pool, "after")
    source = SECOND.replace("id: after", "id: later")

    async def seen(**more: Any) -> dict[str, Any]:
        answer = await operate.post("/v1/plan", json=folder(source, **more))
        assert answer.status_code == 200, answer.text
        [planned] = answer.json()["documents"]
        assert planned["runs"] == [
            {"version": 1, "step": "after", "runs": 1},
            {"version": 1, "step": "quiet", "runs": 4},
        ]
        found: dict[str, Any] = planned["in_flight"]
        assert found["total"] == 5
        return found

    pinned = await seen()
    assert (pinned["moves"], pinned["sent_at_once"]["count"]) == ([], 0)
    assert pinned["stays"] == [
        {"version": 1, "step": "after", "reason": "pinned", "runs": 1},
        {"version": 1, "step": "quiet", "reason": "pinned", "runs": 4},
    ]
    follow = await seen(in_flight="follow")
    assert follow["moves"] == [{"version": 1, "step": "quiet", "to": "quiet", "runs": 4}]
    assert follow["stays"] == [{"version": 1, "step": "after", "reason": "step_gone", "runs": 1}]
    assert (follow["ends_at_once"], follow["sent_at_once"]["count"]) == (3, 3)
    names = {contact.hex for contact in old}
    assert set(follow["sent_at_once"]["contacts"]) == names
    assert young.hex not in names
    mapped = await seen(in_flight={"map": {"quiet": "mail", "after": "later"}})
    assert mapped["moves"] == [
        {"version": 1, "step": "after", "to": "later", "runs": 1},
        {"version": 1, "step": "quiet", "to": "mail", "runs": 4},
    ]
    assert (mapped["stays"], mapped["sent_at_once"]["count"]) == ([], 4)
    skip = await seen(in_flight="follow", overdue="skip")
    assert (skip["ends_at_once"], skip["sent_at_once"]["count"]) == (3, 0)
    spread = await seen(in_flight="follow", overdue={"spread": "1y"})
    assert (spread["ends_at_once"], spread["sent_at_once"]["count"]) == (0, 0)
    await operate.post("/v1/journeys/hello/pause")
    assert (await seen(in_flight="follow"))["sent_at_once"]["count"] == 0


async def test_the_preview_counts_events_and_exits_that_have_happened(
    operate: httpx.AsyncClient, live: None, pool: Pool, rows: Rows
) -> None:
    bought = await standing_run(pool, age="1 minute")
    came = await standing_run(pool, age="1 minute")
    await standing_run(pool, age="1 minute")
    async with pool.connection() as conn:
        for contact, name in ((bought, "Bought"), (came, "Come")):
            await conn.execute(
                "insert into event (contact_id, name, message_id) values (%s, %s, %s)",
                (contact, name, str(uuid4())),
            )
    source = SECOND.replace("event: Go", "event: Come").replace(
        "steps:", "exit: [{event: Bought}]\nsteps:"
    )
    answer = await operate.post("/v1/plan", json=folder(source, in_flight="follow"))
    found = answer.json()["documents"][0]["in_flight"]
    assert (found["leaves_at_once"], found["ends_at_once"]) == (1, 1)
    assert found["sent_at_once"] == {"count": 1, "contacts": [came.hex]}
    # Nothing of it is left.
    assert await rows("select count(*) from listener") == [(0,)]


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"quite": "after"}, "no version before has a step `quite`; did you mean `quiet`?"),
        ({"quiet": "aftr"}, "the new version has no step `aftr`; did you mean `after`?"),
        ({"quiet": "sorry"}, "`sorry` belongs to an exit's `then`"),
    ],
)
async def test_a_wrong_map_is_refused_everywhere_and_changes_nothing(
    operate: httpx.AsyncClient,
    live: None,
    pool: Pool,
    rows: Rows,
    mapping: dict[str, str],
    words: str,
) -> None:
    source = SECOND.replace(
        "steps:", "exit: [{event: Bought, then: [{id: sorry, update: {set: {a: 1}}}]}]\nsteps:"
    )
    in_flight = {"map": mapping}
    await standing_run(pool)
    for path in ("/v1/plan", "/v1/apply"):
        refused = await operate.post(path, json=folder(source, in_flight=in_flight))
        assert (refused.status_code, refused.json()["code"]) == (422, "unknown_step"), refused.text
        assert words in refused.json()["message"]
    await operate.put(
        "/v1/journeys/hello", content=source, headers={"Content-Type": "application/yaml"}
    )
    for path in ("activate", "activate/preview"):
        refused = await operate.post(f"/v1/journeys/hello/{path}", json={"in_flight": in_flight})
        assert (refused.status_code, refused.json()["code"]) == (422, "unknown_step")
        assert words in refused.json()["message"]
    assert await rows("select active_version from journey") == [(1,)]
    assert await rows("select count(*) from job") == [(0,)]


async def test_a_map_is_for_one_journey(operate: httpx.AsyncClient, live: None) -> None:
    body = folder(SECOND, FIRST.replace("hello", "other"), in_flight={"map": {"quiet": "after"}})
    for path in ("/v1/plan", "/v1/apply"):
        refused = await operate.post(path, json=body)
        assert refused.status_code == 422
        assert "the files hold 2" in refused.json()["message"]


async def test_an_activation_answers_with_its_job_which_can_be_read(
    operate: httpx.AsyncClient, live: None, pool: Pool
) -> None:
    await standing_run(pool)
    pinned = await operate.post("/v1/apply", json=folder(SECOND))
    assert pinned.json()["documents"][0]["job"] is None
    followed = await operate.post("/v1/journeys/hello/activate", json={"in_flight": "follow"})
    job = followed.json()["job"]
    read = (await operate.get(f"/v1/jobs/{job}")).json()
    assert {key: read[key] for key in ("kind", "workflow_id", "journey", "version", "total")} == {
        "kind": "move", "workflow_id": f"job.move.{job}", "journey": "hello", "version": 2,
        "total": 1,
    }  # fmt: skip
    back = await operate.post(
        "/v1/journeys/hello/activate", json={"version": 1, "in_flight": "follow"}
    )
    # No run has another version yet, because no worker runs in this test.
    assert back.json()["job"] is None
    assert (await operate.get(f"/v1/jobs/{job}")).json()["state"] == "superseded"
    page = (await operate.get("/v1/jobs", params={"journey": "hello"})).json()
    assert ([each["id"] for each in page["items"]], page["next"]) == ([job], None)
    assert (await operate.get("/v1/jobs", params={"journey": "other"})).json()["items"] == []
    assert (await operate.get(f"/v1/jobs/{uuid4()}")).status_code == 404


async def test_a_folder_may_be_applied_with_runs_following(
    operate: httpx.AsyncClient, live: None, pool: Pool
) -> None:
    await standing_run(pool)
    applied = await operate.post("/v1/apply", json=folder(SECOND, in_flight="follow"))
    [document] = applied.json()["documents"]
    read = (await operate.get(f"/v1/jobs/{document['job']}")).json()
    assert (read["version"], read["total"]) == (2, 1)


async def test_resuming_begins_a_job_for_what_is_held_and_none_for_nothing(
    operate: httpx.AsyncClient, live: None, pool: Pool, rows: Rows
) -> None:
    await operate.post("/v1/journeys/hello/pause")
    assert (await operate.post("/v1/journeys/hello/resume")).json()["job"] is None
    await operate.post("/v1/journeys/hello/pause")
    assert await rows("select overdue, resumed_at from journey") == [(None, None)]
    await standing_run(pool)
    async with pool.connection() as conn:
        await conn.execute("update visit set held = 'paused'")
    resumed = await operate.post(
        "/v1/journeys/hello/resume", json={"overdue": {"spread": "1d 30m"}}
    )
    job = (await operate.get(f"/v1/jobs/{resumed.json()['job']}")).json()
    assert (job["kind"], job["state"], job["version"], job["total"]) == (
        "resume", "running", None, 1,
    )  # fmt: skip
    [(overdue,)] = await rows("select overdue from journey")
    assert overdue == {"policy": "spread", "seconds": 88_200.0}
    # A pause ends it, and holds the rest again.
    assert (await operate.post("/v1/journeys/hello/pause")).status_code == 200
    again = (await operate.get(f"/v1/jobs/{job['id']}")).json()
    assert again["state"] == "superseded"
