"""`parcours event`, against a real API."""

import json
from typing import Any

import httpx
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from typer.testing import CliRunner, Result

from cli.main import app
from store.operations.faults import record_fault


def event(server: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(app, ["event", *arguments], env={"COLUMNS": "240", **server})


def test_events_and_rejections_are_listed_and_replayed(server: dict[str, str]) -> None:
    assert event(server, "list").stdout == "no events\n"
    assert event(server, "rejected").stdout == "nothing was rejected in the last 14 days\n"
    headers = {"Authorization": f"Bearer {server['PARCOURS_API_KEY']}"}
    bad = {"userId": "ada", "event": "Topic Subscribed", "properties": {"topic": "news"}}
    with httpx.Client(base_url=server["PARCOURS_API_URL"], headers=headers) as client:
        assert client.post("/v1/track", json={"userId": "ada", "event": "Seen"}).is_success
        assert client.post("/v1/track", json=bad).status_code == 400
        listed = event(server, "list", "--contact", "ada", "--name", "Seen").stdout
        assert "nothing: it is still to be dispatched" in listed
        page = json.loads(event(server, "list", "--limit", "1", "--json").stdout)
        assert [each["name"] for each in page["items"]] == ["Seen"]
        rejected = event(server, "rejected", "--contact", "ada").stdout
        assert "unknown_topic: properties.topic: there is no topic 'news'" in rejected
        refused = event(server, "replay", "item.1")
        assert (refused.exit_code, "once more" in refused.stderr) == (4, True)
        client.put("/v1/topics/news", json={"topic": "news", "name": "News", "default": "opt_in"})
        done = event(server, "replay", "item.1")
        assert (done.exit_code, done.stdout) == (0, "item.1: replayed\n")
        assert "(replayed " in event(server, "rejected").stdout
    assert event(server, "replay", "item.9").exit_code == 3


async def test_dead_events_and_refused_entries_are_tried_again(
    server: dict[str, str], pool: AsyncConnectionPool[AsyncConnection[Any]]
) -> None:
    assert event(server, "dead").stdout == "no dead events\n"
    async with pool.connection() as conn:
        await conn.execute(
            "with c as (insert into contact (id, external_id) values (gen_random_uuid(), 'ada')"
            " returning id), e as (insert into event (contact_id, name, properties, message_id)"
            " select id, 'Joined', '{}', n::text from c, generate_series(1, 4) n"
            " returning id, contact_id) insert into dead_event (event_id, contact_id, code, detail)"
            " select id, contact_id, 'too_big', 'the start' from e"
        )
        [[first]] = await (await conn.execute("select min(id) from event")).fetchall()
    shown = event(server, "dead", "--contact", "ada").stdout
    assert all(part in shown for part in (f"dead.{first}", "Joined", "too_big: the start"))
    assert event(server, "replay", f"dead.{first}").stdout == "1 dead event dispatched again\n"
    preview = event(server, "replay", "--dead", "--code", "too_big", "--preview")
    assert preview.stdout == "3 dead events would be dispatched again\n"
    unasked = event(server, "replay", "--dead")
    assert (unasked.exit_code, "repeat it with --yes" in unasked.stderr) == (2, True)
    left = event(server, "dismiss", f"dead.{first + 1}", "--reason", "of a test")
    assert left.stdout == "1 dead event dismissed\n"
    done = event(server, "replay", "--dead", "--yes", "--json", "--reason", "it is right now")
    assert json.loads(done.stdout)["events"] == [first + 2, first + 3]
    nothing = event(server, "replay", "--dead", "--yes").stdout
    assert nothing == "0 dead events would be dispatched again\n"
    for wrong in (
        ("replay",),
        ("replay", "--dead", "--journey", "a"),
        ("replay", "--journey", "a"),
        ("dismiss", "--reason", "r"),
        ("dismiss", "item.1", "--reason", "r"),
    ):
        assert event(server, *wrong).exit_code == 2, wrong
    unknown = event(server, "replay", "--journey", "none", "--code", "paused", "--yes")
    assert unknown.exit_code == 3


async def test_faults_are_listed(
    server: dict[str, str], pool: AsyncConnectionPool[AsyncConnection[object]]
) -> None:
    def listed(*arguments: str) -> Result:
        return CliRunner().invoke(
            app, ["fault", "list", *arguments], env={"COLUMNS": "240", **server}
        )

    assert listed().stdout == "no faults\n"
    async with pool.connection() as conn:
        await record_fault(
            conn, activity="catalog", code="broken_document", detail="steps: 7", subject="journey a"
        )
    shown = listed("--code", "broken_document").stdout
    assert all(part in shown for part in ("journey a", "catalog", "broken_document", "steps: 7"))
    assert json.loads(listed("--json").stdout)["items"][0]["subject"] == "journey a"
    assert listed("--code", "internal").stdout == "no faults\n"
    assert listed("--contact", "unheard-of").exit_code == 3
