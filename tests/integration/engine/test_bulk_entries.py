"""Entries of many contacts by a job: who enters, who is refused, and what the preview said."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from psycopg_pool import AsyncConnectionPool

from infra.settings import Settings
from store.operations.api_keys import create_key
from tests.support.api import serving
from tests.support.conditions import eventually
from tests.support.engine import Engine, activate, make_contact

Pool = AsyncConnectionPool[Any]

JOURNEY = """
journey: greet
entry: {api: true}
RULES
steps:
  - {id: stand, wait: {event: Never}}
"""


class Office:
    """The calls of an operator, and their results."""

    def __init__(self, client: httpx.AsyncClient, pool: Pool) -> None:
        self.client = client
        self.pool = pool

    async def start(self, preview: bool = False, journey: str = "greet", **body: Any) -> Any:
        """Ask for runs of many contacts; the answer's body."""
        if "if_" in body:
            body["if"] = body.pop("if_")
        answer = await self.client.post(
            f"/v1/journeys/{journey}/runs/bulk", params={"preview": preview}, json=body
        )
        assert answer.status_code in ((200, 202) if preview else (202,)), answer.text
        found = answer.json()
        if preview and answer.status_code == 202:
            found = (await self.done(found["id"]))["result"]
        if preview:
            found["sample"].sort()
        return found

    async def job(self, job_id: str) -> dict[str, Any]:
        """A job as the API shows it."""
        shown: dict[str, Any] = (await self.client.get(f"/v1/jobs/{job_id}")).json()
        return shown

    async def done(self, job_id: str) -> dict[str, Any]:
        """A job, once it is done."""

        async def ended() -> Any:
            job = await self.job(job_id)
            return job if job["state"] != "running" else None

        job: dict[str, Any] = await eventually(ended, 120)
        assert job["state"] == "done", job
        return job

    async def rows(self, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """The rows of a statement."""
        async with self.pool.connection() as conn:
            cursor = await conn.execute(statement.encode(), arguments)
            return list(await cursor.fetchall()) if cursor.description else []

    async def runs_of(self) -> list[str]:
        """The external ids of the contacts that have a run, in order."""
        rows = await self.rows(
            "select c.external_id from run r join contact c on c.id = r.contact_id order by 1"
        )
        return [row[0] for row in rows]


@pytest.fixture
async def office(settings: Settings, pool: Pool) -> AsyncIterator[Office]:
    """An API, without a worker."""
    async with pool.connection() as conn:
        key = await create_key(conn, "operate")
    with serving(settings) as url:
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
            yield Office(client, pool)


async def people(pool: Pool, *names: str, **columns: Any) -> list[UUID]:
    """Contacts of these external ids."""
    return [await make_contact(pool, external_id=name, **columns) for name in names]


def journey(rules: str = "") -> str:
    return JOURNEY.replace("RULES", rules)


async def test_a_list_enters_once_and_names_those_it_does_not_know(
    office: Office, engine: Engine
) -> None:
    await activate(office.pool, journey())
    [first, *_] = await people(office.pool, "a", "b", "c", "other")
    wanted = ["a", "b", "c", str(first), "missing", "a"]
    preview = await office.start(True, contacts=wanted, properties={"n": 1})
    assert preview == {
        "enter": 3, "refused": {}, "reasons": {}, "unknown": 1, "sample": ["a", "b", "c"]
    }  # fmt: skip
    started = await office.start(contacts=wanted, properties={"n": 1})
    assert (started["kind"], started["total"]) == ("enter", 3)
    assert started["workflow_id"] == f"job.enter.{started['id']}"
    job = await office.done(started["id"])
    assert (job["done"], job["failed"]) == (3, 0)
    assert job["result"] == {
        "entered": 3, "refused": {}, "unknown": 1, "unknown_contacts": ["missing"]
    }  # fmt: skip
    assert await office.runs_of() == ["a", "b", "c"]
    assert await office.rows("select distinct entry, entry_event_id from run") == [({"n": 1}, None)]
    # Their workflows are at work.
    for contact in await office.rows("select contact_id from run"):
        await engine.standing_at(contact[0], "stand")


async def test_refusals_are_counted_by_code_as_the_preview_said(
    office: Office, engine: Engine
) -> None:
    await activate(
        office.pool,
        journey("re_entry: {after: 7d}").replace(
            "{api: true}", "{api: true, if: {attribute: country, is: FR}}"
        ),
    )
    french = await people(office.pool, "f1", "f2", "f3", "f4", country="FR")
    await people(office.pool, "g1", country="DE")
    [restricted] = await people(office.pool, "r1", country="FR")
    async with office.pool.connection() as conn:
        await conn.execute("update contact set restricted = true where id = %s", (restricted,))
        for contact, state, ago in (
            (french[0], "active", 1), (french[1], "ended", 1), (french[2], "ended", 8)
        ):  # fmt: skip
            await conn.execute(
                "insert into run (id, journey, version, contact_id, state, entry_ref, ref,"
                " started_at, workflow_started_at) values (gen_random_uuid(), 'greet', 1, %s, %s,"
                " 0, 0, now() - make_interval(days => %s), now())",
                (contact, state, ago),
            )
    everyone = {"exists": True, "attribute": "country"}
    preview = await office.start(True, if_=everyone)
    assert (preview["enter"], preview["sample"]) == (2, ["f3", "f4"])
    assert preview["refused"] == {"active": 1, "re_entry": 1, "if": 1, "restricted": 1}
    assert preview["reasons"].keys() == preview["refused"].keys()
    assert "if a condition holds, and it does not" in preview["reasons"]["if"]
    job = await office.done((await office.start(if_=everyone))["id"])
    assert job["result"]["entered"] == preview["enter"]
    assert job["result"]["refused"] == preview["refused"]
    codes = await office.rows("select code, count(*) from refusal group by 1")
    assert dict(codes) == preview["refused"]


async def test_a_group_a_segment_and_a_condition_choose_their_contacts(
    office: Office, engine: Engine
) -> None:
    await activate(office.pool, journey("re_entry: always"))
    await activate(office.pool, "segment: loyal\nif: {attribute: orders, gte: 3}\n")
    ids = await people(office.pool, "a", "b", "c")
    async with office.pool.connection() as conn:
        await conn.execute("update contact set attributes = '{\"orders\": 3}' where id = %s",
                           (ids[0],))  # fmt: skip
        await conn.execute("insert into group_member (contact_id, group_key) values (%s, 'vip')",
                           (ids[1],))  # fmt: skip
    for chosen, names in (
        ({"segment": "loyal"}, ["a"]),
        ({"group": "vip"}, ["b"]),
        ({"if_": {"all": [{"not": {"segment": "loyal"}}, {"not": {"group": "vip"}}]}}, ["c"]),
        ({"group": "empty"}, []),
    ):
        preview = await office.start(True, **chosen)
        assert preview["sample"] == names
        job = await office.done((await office.start(**chosen))["id"])
        assert job["result"]["entered"] == len(names)
        assert await office.runs_of() == names
        async with office.pool.connection() as conn:
            await conn.execute("delete from listener")
            await conn.execute("delete from job_entry")
            await conn.execute("delete from run")


async def test_a_start_that_cannot_be_is_refused_as_a_whole(office: Office) -> None:
    await activate(office.pool, journey())

    async def refused(body: dict[str, Any], journey: str = "greet") -> tuple[int, str]:
        answer = await office.client.post(f"/v1/journeys/{journey}/runs/bulk", json=body)
        return answer.status_code, answer.json()["code"]

    assert await refused({}) == (422, "invalid_request")
    assert await refused({"contacts": ["a"], "group": "g"}) == (422, "invalid_request")
    assert await refused({"contacts": [str(n) for n in range(10_001)]}) == (422, "invalid_request")
    assert await refused({"segment": "none"}) == (404, "unknown_segment")
    assert await refused({"if": {"attribute": "n"}}) == (422, "invalid_document")
    assert await refused({"if": {"segment": "none"}}) == (422, "invalid_document")
    assert await refused({"if": {"step": "stand", "is": "done"}}) == (422, "invalid_document")
    assert await refused({"group": "g"}, "none") == (404, "unknown_journey")
    async with office.pool.connection() as conn:
        await conn.execute("update journey set state = 'paused'")
    assert await refused({"group": "g"}) == (409, "paused")
    keyed = journey().replace("greet", "keyed").replace("{api: true}", "{event: E, key: id}")
    await activate(office.pool, keyed)
    assert await refused({"group": "g"}, "keyed") == (409, "no_key")
    assert await office.rows("select count(*) from job") == [(0,)]


async def test_a_job_rests_while_the_journey_is_paused_and_keeps_its_rate(
    office: Office, engine: Engine
) -> None:
    await activate(office.pool, journey())
    await people(office.pool, *(f"c{number}" for number in range(6)))
    started = await office.start(if_={"not": {"attribute": "x", "exists": True}}, rate=1)

    async def entered() -> int:
        return len(await office.runs_of())

    async def some() -> bool:
        return await entered() >= 1

    await eventually(some)
    await office.client.post(f"/v1/jobs/{started['id']}/pause")
    assert await entered() < 6
    paused = await office.job(started["id"])
    assert paused["paused_at"] is not None
    await office.client.post(f"/v1/jobs/{started['id']}/cancel")
    left = await entered()
    assert left < 6
    assert (await office.job(started["id"]))["state"] == "stopped"
    again = await office.start(if_={"not": {"attribute": "x", "exists": True}})
    job = await office.done(again["id"])
    assert job["result"] == {
        "entered": 6 - left, "refused": {"active": left}, "unknown": 0, "unknown_contacts": []
    }  # fmt: skip


async def test_a_contact_that_fails_is_set_aside_alone(office: Office, engine: Engine) -> None:
    await activate(office.pool, journey())
    ids = await people(office.pool, "a", "b", "c")
    async with office.pool.connection() as conn:
        await conn.execute(
            "create function break() returns trigger language plpgsql as $$ begin"
            f" if new.contact_id = '{ids[1]}' then raise 'broken'; end if; return new; end $$"
        )
        await conn.execute(
            "create trigger break before insert on run for each row execute function break()"
        )
    job = await office.done((await office.start(contacts=["a", "b", "c"]))["id"])
    assert (job["done"], job["failed"], job["result"]["entered"]) == (3, 1, 2)
    assert await office.runs_of() == ["a", "c"]
    [fault] = await office.rows("select contact_id, activity from fault")
    assert fault == (ids[1], "enter")


async def test_if_active_restart_begins_the_runs_again(office: Office, engine: Engine) -> None:
    await activate(office.pool, journey("if_active: restart"))
    [contact] = await people(office.pool, "a")
    for number in (1, 2):
        started = await office.start(contacts=["a"], properties={"n": number})
        await office.done(started["id"])
        run = await engine.standing_at(contact, "stand")
        assert run["entry"] == {"n": number}
    ended = await office.rows("select outcome from run where state = 'ended'")
    assert ended == [("restarted",)]
