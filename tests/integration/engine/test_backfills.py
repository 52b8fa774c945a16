"""Backfills: those who are members already enter when a journey goes live."""

import json
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from store.events.attribute_changes import put_contact
from store.events.group_changes import add_to_group
from tests.integration.engine.test_bulk_entries import Office, office, people
from tests.support.conditions import eventually
from tests.support.engine import Engine

__all__ = ["office"]

SEGMENT = "segment: loyal\nif: {attribute: orders, gte: 3}\n"


def journey(entry: str, rules: str = "", key: str = "greet") -> str:
    return f"""
journey: {key}
entry: {entry}
{rules}
steps:
  - {{id: stand, wait: {{event: Never}}}}
"""


async def apply(office: Office, *texts: str) -> list[dict[str, Any]]:
    """Apply documents once all events are dispatched; the answers.

    An event that is dispatched after the activation enters its contact by itself.
    """
    await eventually(partial(nothing_to_dispatch, office))
    body = {
        "documents": [{"filename": f"{n}.yaml", "source": text} for n, text in enumerate(texts)]
    }
    answer = await office.client.post("/v1/apply", json=body)
    assert answer.status_code == 200, answer.text
    documents: list[dict[str, Any]] = answer.json()["documents"]
    return documents


async def nothing_to_dispatch(office: Office) -> bool:
    return await office.rows("select count(*) from outbox") == [(0,)]


async def plan(office: Office, *texts: str) -> list[dict[str, Any]]:
    """What applying would begin: the backfills of the last document."""
    body = {
        "documents": [{"filename": f"{n}.yaml", "source": text} for n, text in enumerate(texts)]
    }
    answer = await office.client.post("/v1/plan", json=body)
    assert answer.status_code == 200, answer.text
    backfills: list[dict[str, Any]] = answer.json()["documents"][-1]["backfills"]
    return backfills


async def set_attributes(office: Office, name: str, **values: Any) -> None:
    async with office.pool.connection() as conn, conn.transaction():
        await put_contact(conn, name, values)


async def add_members(office: Office, *contacts: UUID) -> None:
    async with office.pool.connection() as conn, conn.transaction():
        await add_to_group(conn, "vip", contacts)


async def dispatched(office: Office, engine: Engine) -> None:
    """Wait until all events are dispatched."""
    engine.dispatcher.nudge()
    await eventually(partial(nothing_to_dispatch, office))


async def backfilled(office: Office, applied: list[dict[str, Any]]) -> dict[str, Any]:
    """The result of the one backfill, once it is done."""
    [job] = applied[-1]["backfills"]
    done = await office.done(job)
    assert done["kind"] == "backfill"
    result: dict[str, Any] = done["result"]
    return result


async def test_members_of_a_group_enter_as_the_plan_said(office: Office, engine: Engine) -> None:
    ids = await people(office.pool, "a", "b", "c", "d")
    await add_members(office, *ids[:3])
    text = journey("{group: vip, backfill: true, if: {not: {attribute: skip, is: true}}}")
    await set_attributes(office, "c", skip=True)
    expected = [{"of": "group vip", "enter": 2, "refused": {"if": 1}, "complete": True}]
    assert await plan(office, text) == expected
    applied = await apply(office, text)
    assert await backfilled(office, applied) == {"entered": 2, "refused": {"if": 1}}
    assert await office.runs_of() == ["a", "b"]
    assert await office.rows("select distinct entry from run") == [({"group": "vip"},)]
    # From now on they enter by the event alone.
    await add_members(office, ids[3])
    engine.dispatcher.nudge()
    await engine.standing_at(ids[3], "stand")
    assert await office.runs_of() == ["a", "b", "d"]


async def test_what_was_backfilled_is_not_backfilled_by_the_next_version(
    office: Office, engine: Engine
) -> None:
    [first, second] = await people(office.pool, "a", "b")
    await add_members(office, first)
    rules = "re_entry: always\nif_active: restart"
    await backfilled(office, await apply(office, journey("{group: vip, backfill: true}", rules)))
    changed = journey("{group: vip, backfill: true}", f"{rules}\nname: Other")
    assert (await apply(office, changed))[0]["backfills"] == []
    more = journey("[{group: vip, backfill: true}, {attribute: n, to: 1, backfill: true}]", rules)
    await set_attributes(office, "b", n=1)
    await dispatched(office, engine)
    assert [each["of"] for each in await plan(office, more)] == ["n 1"]
    assert await backfilled(office, await apply(office, more)) == {"entered": 1, "refused": {}}
    assert await office.runs_of() == ["a", "b"]
    # A journey that was archived goes live again.
    assert (await office.client.post("/v1/journeys/greet/archive")).status_code == 200
    activated = (await office.client.post("/v1/journeys/greet/activate", json={})).json()
    assert len(activated["backfills"]) == 2
    for job in activated["backfills"]:
        await office.done(job)
    assert len(await office.runs_of()) == 4
    assert second is not None


async def test_a_new_segment_is_filled_first(office: Office, engine: Engine) -> None:
    for number in range(30):
        await set_attributes(office, f"c{number:02}", orders=number % 5)
    text = journey("{segment: loyal, backfill: true}")
    # 3 and 4 of each five.
    expected = [{"of": "segment loyal", "enter": 12, "refused": {}, "complete": True}]
    assert await plan(office, SEGMENT, text) == expected
    assert await backfilled(office, await apply(office, SEGMENT, text)) == {
        "entered": 12, "refused": {}
    }  # fmt: skip
    members = [f"c{number:02}" for number in range(30) if number % 5 >= 3]
    assert await office.runs_of() == members
    assert await office.rows("select distinct entry from run") == [
        ({"segment": "loyal", "by": "fill"},)
    ]


async def test_a_fill_begins_no_runs_without_a_backfill(office: Office, engine: Engine) -> None:
    await set_attributes(office, "a", orders=3)
    await set_attributes(office, "b", orders=1)
    await apply(office, SEGMENT, journey("{segment: loyal}"))

    async def filled() -> bool:
        rows = await office.rows("select state from segment where key = 'loyal'")
        return rows == [("ready",)]

    await eventually(filled)
    await set_attributes(office, "b", orders=5)
    await dispatched(office, engine)
    names = await office.rows(
        "select c.external_id, e.properties ->> 'by' from event e join contact c"
        " on c.id = e.contact_id where e.name = 'Segment Entered' order by 1"
    )
    assert names == [("a", "fill"), ("b", "event")]
    assert await office.runs_of() == ["b"]
    await set_attributes(office, "b", orders=1)
    await dispatched(office, engine)
    assert await office.runs_of() == ["b"]


async def test_who_enters_by_an_event_is_not_backfilled_as_well(
    office: Office, engine: Engine
) -> None:
    """What a backfill takes is what held before the journey went live."""
    [before, after] = await people(office.pool, "a", "b")
    await add_members(office, before)
    rules = "re_entry: always\nif_active: restart"
    text = journey("{group: vip, backfill: true}", rules)
    # The job waits until the other has come and gone.
    await office.rows("create function hold() returns trigger language plpgsql as $$ begin"
                      " new.paused_at := now(); return new; end $$")  # fmt: skip
    await office.rows("create trigger hold before insert on job for each row"
                      " execute function hold()")  # fmt: skip
    applied = await apply(office, text)
    await add_members(office, after)
    engine.dispatcher.nudge()
    await engine.standing_at(after, "stand")
    [job] = applied[0]["backfills"]
    await office.client.post(f"/v1/jobs/{job}/resume")
    assert await backfilled(office, applied) == {"entered": 1, "refused": {}}
    assert await office.runs_of() == ["a", "b"]


@pytest.mark.parametrize("entry", ["{group: vip, on: leave, backfill: true}",
                                   "{attribute: plan, backfill: true}"])  # fmt: skip
async def test_a_backfill_of_what_is_not_now_is_refused(office: Office, entry: str) -> None:
    body = {"documents": [{"filename": "j.yaml", "source": journey(entry)}]}
    answer = await office.client.post("/v1/apply", json=body)
    assert answer.status_code == 422
    assert "backfill" in json.dumps(answer.json())
