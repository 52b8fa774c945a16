"""Many faults at once, each of one client, contact, event, run or receiver: all others go on.

The effects of the others have to come within seconds, each fault has to be seen by the API and the
metrics, and what had it goes on once the cause is gone.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import string
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client
from temporalio.service import RPCStatusCode

from channels.adapter import Adapter
from channels.registry import build
from channels.webhook.send import WebhookAdapter
from devstack.ports import free_port
from infra.settings import Settings
from store.events.outbox import release_contacts
from store.operations.api_keys import create_key
from tests.integration.channels.http_server import Exchange, ok, running_http
from tests.support.api import serving
from tests.support.bystanders import Bystanders, FaultyTemporal, accept_of_each
from tests.support.conditions import eventually
from tests.support.crowds import write_crowd
from tests.support.engine import Engine, engine_at_work

Pool = AsyncConnectionPool[AsyncConnection[Any]]

MANY = 40
"""Journeys that one event enters."""
TIMES = 2_400
"""Events of one contact at once."""
RUNS = 120
"""Runs of one contact that one event ends."""
STOOD = 15.0
"""Seconds in which what had a fault goes on once the cause is gone; delays have grown meanwhile."""


@dataclass
class Place:
    """An engine, an API in front of it, and the others."""

    pool: Pool
    engine: Engine
    url: str
    ingest: httpx.AsyncClient
    operate: httpx.AsyncClient
    worker: httpx.AsyncClient
    others: Bystanders

    async def rows(self, statement: str, *values: Any) -> list[Any]:
        async with self.pool.connection() as conn:
            cursor = await conn.execute(statement.encode(), values)
            return await cursor.fetchall() if cursor.description else []

    async def nothing_noticed(self) -> None:
        """The others act by the API, and all of theirs takes effect."""
        await self.others.act_through(self.ingest)
        await self.others.unaffected()

    async def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric over the labels that are not given, as the worker serves it."""
        text = (await self.worker.get("/metrics")).text
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    async def faults(self, **filters: str) -> list[dict[str, Any]]:
        """Faults, as the API lists them."""
        answer = await self.operate.get("/v1/faults", params=filters)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    async def event(self, contact: UUID) -> dict[str, Any]:
        """The newest event of a contact, as the API lists it."""
        answer = await self.operate.get("/v1/events", params={"contact": str(contact), "limit": 1})
        [found] = answer.json()["items"]
        shown: dict[str, Any] = found
        return shown


@asynccontextmanager
async def at_work(
    settings: Settings, pool: Pool, client: Client, **options: Any
) -> AsyncIterator[Place]:
    port = free_port()
    settings = settings.model_copy(update={"metrics_port": port, "http_body_seconds": 2.0})
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(
            engine_at_work(settings, pool, client, reconcile_every=1.0, **options)
        )
        url = stack.enter_context(serving(settings))
        async with pool.connection() as conn:
            keys = [await create_key(conn, "ingest"), await create_key(conn, "operate")]
        ingest, operate, worker = [
            await stack.enter_async_context(
                httpx.AsyncClient(base_url=base, headers=headers, timeout=30, trust_env=False)
            )
            for base, headers in (
                *((url, {"Authorization": f"Bearer {key}"}) for key in keys),
                (f"http://127.0.0.1:{port}", {}),
            )
        ]
        others = Bystanders(pool, engine.dispatcher)
        await others.gather()
        yield Place(pool, engine, url, ingest, operate, worker, others)


def waiting(key: str, entry: str, more: str = "re_entry: always") -> str:
    return (
        f"journey: {key}\nentry: {entry}\n{more}\nsteps:\n  - {{id: stand, wait: {{event: Go}}}}\n"
    )


# ------------------------------------------------------------------------------------- clients

REFUSING = """
create function refuse() returns trigger language plpgsql as $$
declare state text := (select attributes->>'refused' from contact where id = new.contact_id);
begin
    if state is not null then raise exception 'refused for a test' using errcode = state; end if;
    return new;
end $$;
create trigger refuse before insert on event for each row execute function refuse();
"""


async def unfinished(url: str, key: str) -> bytes:
    """The answer to a body that never ends."""
    address = httpx.URL(url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    head = f"POST /v1/track HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\n"
    writer.write(f"{head}Content-Length: 400000\r\n\r\n".encode() + b"{" + b" " * 20_000)
    try:
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def long_document(steps: int) -> str:
    """About 400 KB of YAML."""
    lines = [f"  - {{id: s{n}, wait: {{event: Go, where: {{n: {n}}}}}}}" for n in range(steps)]
    return "journey: long\nentry: {event: Never}\nsteps:\n" + "\n".join(lines)


async def test_what_clients_send_wrongly_stops_no_other_client(
    engine_settings: Settings, pool: Pool, temporal_client: Client
) -> None:
    nowhere = {**engine_settings.temporal, "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}"}
    away = engine_settings.model_copy(update={"temporal": nowhere})
    async with at_work(engine_settings, pool, temporal_client) as place:
        engine, operate = place.engine, place.operate
        await engine.activate(waiting("keyed", "{event: Keyed, key: k}"))
        await engine.activate(waiting("read", "{event: Read, key: n}"))
        await engine.activate(waiting("asked", "{api: true}", "if_active: restart"))
        await engine.activate("journey: often\nentry: {event: Often}\nre_entry: always\nsteps:\n"
                              "  - {id: note, update: {add: {times: 1}}}\n")  # fmt: skip
        for number in range(MANY):
            await engine.activate(waiting(f"one-{number}", "{event: All}"))
        previewed = waiting("crowd", "{event: Never}").replace("Go}", "Go, up_to: 30d}")
        await engine.activate(previewed)
        await write_crowd(pool, "crowd", "stand", 600)
        await engine.activate(previewed.replace("30d", "1d"))
        keyed, unreadable, often, everywhere, asked, refused = [
            await engine.contact(external_id=name)
            for name in ("keyed", "unreadable", "often", "everywhere", "asked", "refused")
        ]
        begun = await operate.post("/v1/journeys/asked/runs", json={"contact": "asked"})
        assert begun.status_code == 201, begun.text
        await engine.standing_at(asked, "stand")
        await place.rows(REFUSING)
        await place.rows(
            'update contact set attributes = \'{"refused": "40P01"}\' where id = %s', refused
        )

        # Everything at once: bodies that never end, bombs, long documents, a preview of many runs…
        bomb = gzip.compress(b'{"a": "\\ud800", "b": [' + b"0," * 2_500_000 + b"0]}")
        zipped = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
        long = {"documents": [{"filename": "a.yaml", "source": long_document(6_500)}]}
        slow = [
            asyncio.create_task(unfinished(place.url, place.ingest.headers["Authorization"]))
            for _ in range(100)
        ]
        bombs = [
            asyncio.create_task(operate.post("/v1/apply", content=bomb, headers=zipped))
            for _ in range(5)
        ]
        documents = [asyncio.create_task(operate.post("/v1/plan", json=long)) for _ in range(2)]
        # … and events: a key of 2,800 characters, one with more digits than Python reads, 2,400 of
        # one contact, one that enters many journeys, one of a contact that has a deadlock.
        longest = "".join(Random(1).choices(string.ascii_letters, k=2_800))
        call = {"userId": "keyed", "event": "Keyed", "properties": {"k": longest}}
        assert (await place.ingest.post("/v1/track", json=call)).status_code == 200
        async with pool.connection() as conn:
            await accept_of_each(conn, [unreadable], "Read", '{"n": 1e5000}')
            await accept_of_each(conn, [often] * TIMES, "Often")
            await accept_of_each(conn, [everywhere], "All")
        preview = {"version": 2, "in_flight": "follow"}
        job = await operate.post("/v1/journeys/crowd/activate/preview", json=preview)
        assert job.status_code == 202, job.text
        of_refused = {"userId": "refused", "event": "Keyed", "properties": {"k": "a"}}
        busy = await place.ingest.post("/v1/track", json=of_refused)
        assert (busy.status_code, busy.json()["code"]) == (503, "database_busy")
        nul = {"userId": "keyed", "event": "Keyed", "properties": {"k": "a\x00"}}
        assert (await place.ingest.post("/v1/track", json=nul)).status_code == 400
        with serving(away) as without_temporal:
            kept = await operate.post(
                f"{without_temporal}/v1/journeys/asked/runs", json={"contact": "asked"}
            )
        assert kept.status_code == 503, kept.text
        await place.nothing_noticed()

        # What had to be refused was refused, and is listed.
        assert {answer.status_code for answer in await asyncio.gather(*bombs)} == {413}
        closed = await asyncio.gather(*slow)
        assert {answer[9:12] for answer in closed} <= {b"408", b"503"}
        assert {answer.status_code for answer in await asyncio.gather(*documents)} <= {200, 422}
        rejected = (await operate.get("/v1/events/rejected", params={"contact": "keyed"})).json()[
            "items"
        ]
        assert [each["contact"] for each in rejected] == ["keyed"]
        # A start that could not be made has changed nothing.
        assert (await engine.run_of(asked))["id"] == UUID(begun.json()["id"])
        assert await engine.standing_at(asked, "stand")
        await engine.standing_at(keyed, "stand")

        # The one event that cannot be read is set aside, counted and tried again.
        async def set_aside() -> bool:
            assert await place.metric("parcours_set_aside_events") == 1
            shown = await place.event(unreadable)
            assert "is tried again" in shown["why_nothing"], shown["why_nothing"]
            return True

        await eventually(set_aside, 15, every=0.2)
        [fault] = await place.faults(contact="unreadable")
        assert (fault["part"], fault["code"]) == ("dispatch", "internal")
        assert await place.metric("parcours_faults_total", activity="dispatch") >= 1
        assert await place.metric("parcours_dead_events") == 0
        await place.nothing_noticed()

        # The causes are gone.
        await place.rows("update event set properties = '{\"n\": 1}' where contact_id = %s",
                         unreadable)  # fmt: skip
        await place.rows("update contact set attributes = '{}' where id = %s", refused)
        assert (await place.ingest.post("/v1/track", json=of_refused)).status_code == 200
        again = await operate.post("/v1/journeys/asked/runs", json={"contact": "asked"})
        assert again.status_code == 201, again.text
        for contact in (unreadable, refused):
            await engine.standing_at(contact, "stand", STOOD)

        async def caught_up() -> bool:
            entered = await place.rows("select count(*) from run where contact_id = %s", everywhere)
            assert entered == [(MANY,)]
            shown = (await operate.get(f"/v1/jobs/{job.json()['job']}")).json()
            assert (shown["state"], shown["failed"]) == ("done", 0)
            ended = await place.rows("select state from run where contact_id = %s and state ="
                                     " 'ended'", asked)  # fmt: skip
            assert ended == [("ended",)]
            return True

        await eventually(caught_up, 30, every=0.2)
        assert await place.metric("parcours_dead_events") == 0


# ------------------------------------------------------------------- runs, receivers and contacts

SENDING = """
journey: silent
entry: {{event: Ring}}
steps:
  - {{id: call, webhook: {{url: "{url}"}}}}
  - {{id: stand, wait: {{event: Never}}}}
---
journey: failing
entry: {{event: Knock}}
steps:
  - {{id: call, webhook: {{url: "{failing}"}}}}
---
journey: endless
entry: {{event: Write}}
re_entry: always
steps:
  - {{id: text, sms: {{text: "{text}", transactional: true}}}}
"""


async def silence(exchange: Exchange) -> None:
    await exchange.hang()
    exchange.drop()


async def failure(exchange: Exchange) -> None:
    await exchange.answer(503)


@pytest.mark.long
async def test_what_fails_for_one_run_stops_no_other_run(
    engine_settings: Settings, pool: Pool, temporal_client: Client
) -> None:
    temporal = FaultyTemporal()
    hook = WebhookAdapter(secret="s", allow=["127.0.0.0/8"], timeout=1.0)
    built = build(engine_settings, inbox=lambda _: None)
    adapters: dict[str, Adapter] = {**built.by_channel, "webhook": hook}
    async with (
        running_http() as receiver,
        running_http() as failing,
        at_work(
            engine_settings, pool, temporal.around(temporal_client), adapters=adapters
        ) as place,
    ):
        engine = place.engine
        receiver.behaviour, failing.behaviour = silence, failure
        loops = "{% for i in (1..9999) %}{{ contact.story }}{% endfor %}"
        urls = {"url": receiver.url, "failing": failing.url}
        await engine.activate(SENDING.format(**urls, text=loops))
        await engine.activate(waiting("many", "{event: Begun, key: n}", "exit: [{event: Stop}]"))
        await engine.activate(waiting("closed", "{event: Opened}"))
        await engine.activate(waiting("leased", "{event: Leased}"))
        ending, lasting, closing, leased, writer, knocking = [
            await engine.contact(phone="+33612345678", attributes={"story": "x" * 28_000})
            for _ in range(6)
        ]
        callers = [await engine.contact() for _ in range(40)]
        async with pool.connection() as conn:
            for number in range(RUNS):
                await accept_of_each(conn, [ending], "Begun", json.dumps({"n": number}))
            await accept_of_each(conn, [closing, lasting], "Opened")
        closed, last = [await engine.standing_at(each, "stand") for each in (closing, lasting)]

        async def all_begun() -> bool:
            return await standing(place, ending) == RUNS

        await eventually(all_begun, 60, every=0.2)

        # A process has taken a contact for itself and died; Temporal has no answer for one run of
        # two that were terminated; a receiver is silent, a template never ends, and an event ends
        # 120 runs.
        dead = uuid4()
        await place.rows("update contact set leased_until = now() + interval '1 hour',"
                         " lease_owner = %s where id = %s", dead, leased)  # fmt: skip
        temporal.answer = lambda workflow: (
            RPCStatusCode.INTERNAL if workflow.endswith(str(closed["id"])) else None
        )
        for run in (closed, last):
            await temporal_client.get_workflow_handle(engine.workflow(run).id).terminate()
        async with pool.connection() as conn:
            await accept_of_each(conn, [leased], "Leased")
            await accept_of_each(conn, callers, "Ring")
            await accept_of_each(conn, [writer], "Write")
            await accept_of_each(conn, [knocking], "Knock")
            await accept_of_each(conn, [ending], "Stop")
        engine.dispatcher.nudge()
        await place.nothing_noticed()

        async def recorded() -> bool:
            # The contact that is taken waits, to be seen.
            assert (await place.event(leased))["why_nothing"] == "it is still to be dispatched"
            assert await place.metric("parcours_oldest_undispatched_event_seconds") > 0
            # The other terminated run has ended, and the one has a fault.
            assert (await engine.run_of(lasting))["state"] == "ended"
            [fault] = await place.faults(contact=str(closing))
            assert (fault["part"], fault["code"]) == ("closed", "temporal_internal")
            assert (fault["run"], fault["journey"]) == (str(closed["id"]), "closed")
            assert await place.metric("parcours_faults_total", activity="closed") >= 2
            # A receiver that is silent may have taken its calls; to one that fails they are made
            # again, and say so.
            unclear = {"channel": "webhook", "state": "unknown"}
            assert await place.metric("parcours_unsettled_messages", **unclear) >= 1
            assert await place.metric("parcours_deferred_sends", reason="retry") >= 1
            run = (await engine.run_of(knocking))["id"]
            shown = (await place.operate.get(f"/v1/runs/{run}")).json()
            # Between two attempts nothing is retried for a moment.
            assert (shown["visits"][-1]["retry"] or {"attempts": 0})["attempts"] >= 3
            # A template that never ends fails its own message.
            written = await engine.visits((await engine.run_of(writer))["id"])
            assert [(visit["outcome"], visit["facts"].get("reason")) for visit in written] == [
                ("failed", "template_limit")
            ]
            return True

        await eventually(recorded, 60, every=0.5)
        await place.nothing_noticed()

        # The causes are gone.
        receiver.behaviour = failing.behaviour = ok
        receiver.forever.set()
        temporal.answer = lambda _: None
        async with pool.connection() as conn:
            await release_contacts(conn, dead, [leased])
        await engine.activate(SENDING.format(**urls, text="Hi"))
        await engine.event(writer, "Write")
        await engine.standing_at(leased, "stand", STOOD)

        async def recovered() -> bool:
            assert (await engine.run_of(closing))["state"] == "ended"
            assert (await engine.run_of(writer))["outcome"] == "completed"
            assert await standing(place, ending) == 0
            assert (await engine.run_of(knocking))["outcome"] == "completed"
            open_calls = "select 1 from visit where step = 'call' and outcome is null"
            assert await place.rows(open_calls) == []
            return True

        await eventually(recovered, 90, every=0.5)
        await place.nothing_noticed()


async def standing(place: Place, contact: UUID) -> int:
    """Runs of a contact that stand at their wait."""
    [[count]] = await place.rows(
        "select count(*) from visit v join run r on r.id = v.run_id"
        " where r.contact_id = %s and v.step = 'stand' and v.outcome is null",
        contact,
    )
    return int(count)
